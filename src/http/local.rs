//! One request to a router of this process, without a socket, for whoever asks the API and is no client.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, header},
};
use tower::ServiceExt as _;

use super::request_id::HEADER;

/// The id under which the log knows these requests.
const REQUEST_ID: &str = "self-test-probe";

/// Posts a body to `/graphql`; gives status and headers as text, and the body. Both are empty when the token cannot
/// stand in a header.
pub async fn post(router: Router, token: Option<String>, body: String) -> (String, String) {
    let mut request = Request::post("/graphql").header(header::CONTENT_TYPE, "application/json").header(HEADER, REQUEST_ID);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let Ok(request) = request.body(Body::from(body)) else { return Default::default() };
    let Ok(response) = router.oneshot(request).await;
    let (parts, body) = response.into_parts();
    let headers = parts.headers.iter().map(|(name, value)| format!("\n{name}: {}", value.to_str().unwrap_or_default()));
    let head = std::iter::once(parts.status.to_string()).chain(headers).collect();
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    (head, String::from_utf8_lossy(&bytes).into_owned())
}
