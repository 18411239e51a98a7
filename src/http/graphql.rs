//! GraphQL over HTTP: POST for everything but subscriptions, GET for queries alone.

use super::{
    RequestId, State, StatusProfile, bearer,
    error::{Code, Failure},
    negotiate::{MediaType, require_json},
    operation::{self, Operation},
    params::Params,
    ws,
};
use async_graphql::{Executor, ServerError, Value, parser::types::OperationType};
use axum::{
    body::{Body, Bytes},
    extract::{self, FromRequest, Request},
    http::{HeaderValue, Method, StatusCode, header},
    response::Response,
};
use futures_util::FutureExt;
use serde::Serialize;
use std::{panic::AssertUnwindSafe, sync::Arc};

/// Answers whatever arrives at `/graphql`.
pub(super) async fn serve<E: Executor>(extract::State(state): extract::State<Arc<State<E>>>, request: Request) -> Response {
    let id = request.extensions().get::<RequestId>().cloned().unwrap_or_else(|| RequestId::fresh(&*state.clock));
    if request.method() == Method::GET && request.headers().contains_key(header::UPGRADE) {
        return ws::upgrade(state, request, id).await;
    }
    let media = match MediaType::accepted(request.headers()) {
        Ok(media) => media,
        Err(failure) => return refuse(failure, MediaType::Json, &id),
    };
    match run(&state, request, &id).await {
        Ok(response) => respond(response, media, state.options.status_profile),
        Err(failure) => refuse_as(failure, media, state.options.status_profile, &id),
    }
}

/// Reads, judges and runs one request.
async fn run<E: Executor>(state: &State<E>, request: Request, id: &RequestId) -> Result<async_graphql::Response, Failure> {
    let method = request.method().clone();
    let principal;
    let params = match method {
        Method::POST => {
            require_json(request.headers())?;
            principal = bearer::of_headers(&state.verifier, request.headers())?;
            Params::from_json(&read(state, request).await?)?
        }
        Method::GET => {
            principal = bearer::of_headers(&state.verifier, request.headers())?;
            Params::from_query(request.uri().query().unwrap_or_default())?
        }
        _ => return Err(Failure::method("GET, POST", "Send GraphQL requests by POST, or queries by GET.")),
    };
    let operation = Operation::parse(params, &state.check)?;
    match operation.kind {
        OperationType::Query => {}
        OperationType::Mutation if method == Method::POST => {}
        OperationType::Mutation => return Err(Failure::method("POST", "Mutations are sent by POST.")),
        OperationType::Subscription => {
            return Err(Failure::new(Code::BAD_REQUEST, "Subscriptions need a WebSocket with the protocol graphql-transport-ws."));
        }
    }
    let request = (state.prepare)(operation.request, principal, id.clone());
    let execution = AssertUnwindSafe(state.executor.execute(request)).catch_unwind();
    if let Ok(mut response) = operation::within(state.limits.timeout, &operation.patience, execution).await? {
        operation::complete(&mut response, id, operation.has_variables);
        Ok(response)
    } else {
        tracing::error!(request_id = id.as_str(), "a resolver panicked");
        Err(Failure::internal())
    }
}

/// Takes the body in, within its size and time; the bytes of a body in one piece are not copied.
async fn read<E>(state: &State<E>, request: Request) -> Result<Bytes, Failure> {
    let body = tokio::time::timeout(state.limits.timeout, Bytes::from_request(request, &()));
    match body.await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let maximum = u64::try_from(state.limits.body_bytes).unwrap_or(u64::MAX);
            let extensions = vec![("limit", Value::from("body_bytes")), ("maximum", Value::from(maximum))];
            Err(Failure { extensions, ..Failure::new(Code::PAYLOAD_TOO_LARGE, "The body is too large.") })
        }
        Ok(Err(_)) => Err(Failure::new(Code::BAD_REQUEST, "The body ended early.")),
        Err(_) => Err(Failure::new(Code::TIMEOUT, "The body came too slowly.")),
    }
}

/// An answer without `data`: nothing was executed.
#[derive(Serialize)]
struct RequestError<'a> {
    errors: &'a [ServerError],
}

fn respond(mut response: async_graphql::Response, media: MediaType, profile: StatusProfile) -> Response {
    let headers = std::mem::take(&mut response.http_headers);
    let mut answer = if operation::is_request_error(&response) {
        let code = response.errors.iter().find_map(Code::of).unwrap_or(Code::INTERNAL);
        let mut answer = write(&RequestError { errors: &response.errors }, status(code, media, profile), media);
        if let Some(seconds) = response.errors.first().and_then(retry_after) {
            answer.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        answer
    } else {
        let partial = !response.errors.is_empty() && profile == StatusProfile::Draft && media == MediaType::GraphQl;
        let status = if partial { StatusCode::from_u16(294).unwrap_or(StatusCode::OK) } else { StatusCode::OK };
        write(&response, status, media)
    };
    answer.headers_mut().extend(headers);
    answer
}

/// Answers a request that is refused as a whole.
pub(super) fn refuse(failure: Failure, media: MediaType, id: &RequestId) -> Response {
    refuse_as(failure, media, StatusProfile::Current, id)
}

fn refuse_as(failure: Failure, media: MediaType, profile: StatusProfile, id: &RequestId) -> Response {
    let header = failure.header();
    let status = status(failure.code, media, profile);
    let mut response = write(&RequestError { errors: &[failure.into_error(id)] }, status, media);
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, value);
    }
    response
}

fn status(code: Code, media: MediaType, profile: StatusProfile) -> StatusCode {
    match (media, profile) {
        (MediaType::Json, _) if code.well_formed => StatusCode::OK,
        (MediaType::GraphQl, StatusProfile::Draft) if code.well_formed && code != Code::PARSE_FAILED => StatusCode::UNPROCESSABLE_ENTITY,
        _ => code.status,
    }
}

/// `retryAfterMs` of an error as the header's whole seconds.
fn retry_after(error: &ServerError) -> Option<HeaderValue> {
    match error.extensions.as_ref()?.get("retryAfterMs")? {
        Value::Number(millis) => Some(HeaderValue::from(millis.as_u64()?.div_ceil(1000))),
        _ => None,
    }
}

fn write(value: &impl Serialize, status: StatusCode, media: MediaType) -> Response {
    let mut body = Vec::with_capacity(1024);
    let (status, body) = match serde_json::to_writer(&mut body, value) {
        Ok(()) => (status, body),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, media.header());
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn a_refusal_with_a_delay_says_when_to_come_back() {
        let id = RequestId::fresh(&SystemClock);
        for (code, status) in [(Code::RATE_LIMITED, 429), (Code::UNAVAILABLE, 503)] {
            let extensions = vec![("retryAfterMs", Value::from(1_200))];
            let error = Failure { extensions, ..Failure::new(code, "Later.") }.into_error(&id);
            let response = respond(async_graphql::Response::from_errors(vec![error]), MediaType::Json, StatusProfile::Current);
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        }
    }
}
