//! GraphQL over WebSocket, protocol
//! [graphql-transport-ws](https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md) and no other.
//!
//! One task a socket reads, writes and keeps time; one task an operation runs it and hands its messages over through a small channel
//! that is made with the first operation, so that an idle socket costs little.

mod close;
mod message;
mod operations;
mod socket;
mod sockets;
mod timers;

pub use sockets::Sockets;

use super::{
    RequestId, State,
    error::{Code, Failure},
    graphql::refuse,
    negotiate::MediaType,
    origin,
};
use async_graphql::Executor;
use axum::{
    extract::{FromRequest, Request, WebSocketUpgrade},
    response::Response,
};
use std::sync::Arc;

const PROTOCOL: &str = "graphql-transport-ws";

/// Memory a socket's reader starts with; the library's own 128 KiB would be most of what an idle socket costs.
const READ_BUFFER: usize = 4 << 10;

/// Turns a request into a socket, unless the page that asks is not allowed to or the server is stopping.
pub(super) async fn upgrade<E: Executor>(state: Arc<State<E>>, request: Request, id: RequestId) -> Response {
    if !origin::is_allowed(&state.options, request.headers()) {
        return refuse(Failure::new(Code::FORBIDDEN, "This origin may not open a socket."), MediaType::Json, &id);
    }
    if state.stop.is_cancelled() {
        return refuse(Failure::new(Code::UNAVAILABLE, "The server is stopping."), MediaType::Json, &id);
    }
    let Ok(upgrade) = WebSocketUpgrade::from_request(request, &()).await else {
        return refuse(Failure::new(Code::BAD_REQUEST, "The WebSocket handshake is broken."), MediaType::Json, &id);
    };
    let tracker = state.tasks.clone();
    upgrade
        .protocols([PROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(READ_BUFFER)
        .max_message_size(state.limits.body_bytes)
        .max_frame_size(state.limits.body_bytes)
        .on_upgrade(move |socket| tracker.track_future(socket::serve(socket, state, id)))
}
