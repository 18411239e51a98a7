//! What wraps every route: the request's id, its span, the catch for panics, and CORS.

use super::{RequestId, error::Failure, graphql, negotiate::MediaType, request_id};
use crate::clock::Clock;
use axum::{
    extract::{self, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Names the request, opens its span, turns a panic into an answer, and marks every answer as not to be stored.
pub(super) async fn edge(extract::State(clock): extract::State<Arc<dyn Clock>>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers(), &*clock);
    let span = tracing::info_span!("request", request_id = id.as_str(), trace_id = trace_id(request.headers()));
    request.extensions_mut().insert(id.clone());
    let outcome = AssertUnwindSafe(next.run(request).instrument(span)).catch_unwind().await;
    let mut response = outcome.unwrap_or_else(|_| {
        tracing::error!(request_id = id.as_str(), "a handler panicked");
        graphql::refuse(Failure::internal(), MediaType::Json, &id)
    });
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(value) = id.header() {
        headers.insert(request_id::HEADER, value);
    }
    response
}

/// The trace a `traceparent` header names (W3C Trace Context), so that our log can be joined with the caller's.
fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(TRACEPARENT)?.to_str().ok()?;
    let trace = text.split('-').nth(1)?;
    let valid = trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    valid.then_some(trace)
}

/// Lets pages of the listed origins call. An empty list lets none, and `*` is never understood.
pub(super) fn cors(origins: &[String]) -> CorsLayer {
    let listed: Vec<HeaderValue> = origins.iter().filter(|origin| *origin != "*").filter_map(|origin| origin.parse().ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(listed))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, request_id::HEADER, TRACEPARENT])
        .expose_headers([request_id::HEADER, header::RETRY_AFTER])
        .max_age(Duration::from_hours(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_joined_only_if_it_is_one() {
        for (given, expected) in [
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Some("0af7651916cd43dd8448eb211c80319c")),
            ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", None),
            ("00-0af7-b7ad6b7169203331-01", None),
            ("nonsense", None),
        ] {
            let headers = HeaderMap::from_iter([(TRACEPARENT, HeaderValue::from_static(given))]);
            assert_eq!(trace_id(&headers), expected, "{given}");
        }
    }
}
