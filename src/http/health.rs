//! `/healthz` for the supervisor that restarts, `/readyz` for the balancer that routes.

use super::State;
use axum::{
    Json, extract,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::sync::Arc;

/// The process runs and answers.
pub(super) async fn alive() -> Response {
    Json(json!({ "status": "alive" })).into_response()
}

/// 200 when work can be taken; else 503 with the names of the failing checks.
pub(super) async fn ready<E>(extract::State(state): extract::State<Arc<State<E>>>) -> Response {
    let mut failing = (state.readiness)().await;
    if state.stop.is_cancelled() {
        failing.push("stopping");
    }
    if failing.is_empty() {
        Json(json!({ "status": "ready" })).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "unready", "failing": failing }))).into_response()
    }
}

/// Every other path.
pub(super) async fn absent() -> Response {
    (StatusCode::NOT_FOUND, "There is nothing here. The API is at /graphql.\n").into_response()
}
