//! The edge: GraphQL over HTTP and WebSocket, health, and nothing else.
//!
//! The stock transport of the GraphQL library runs mutations sent by GET, has no deadline for a silent socket and answers with the wrong
//! statuses, so the handlers here are our own: [`graphql`](https://graphql.github.io/graphql-over-http/draft/) for POST and GET, and
//! [graphql-transport-ws](https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md) for sockets.
//!
//! The layer does not know the schema: it drives any [`Executor`] and takes what it needs of the schema's layer as three functions in
//! [`State`]. It does not open the listener either; `server` does, and hands it to [`serve`].

mod bearer;
mod connection;
mod error;
mod graphql;
mod health;
mod layers;
mod listen;
mod local;
mod negotiate;
mod operation;
mod origin;
mod params;
mod request_id;
mod ws;

#[cfg(test)]
mod tests;

pub use axum::Router;
pub use listen::serve;
pub use local::post;
pub use request_id::RequestId;
pub use ws::Sockets;

use crate::{
    auth::{self, Principal, Verifier},
    clock::Clock,
    graphql::Refusal,
};
use async_graphql::Executor;
use axum::{
    extract::DefaultBodyLimit,
    routing::{any, get},
};
use futures_util::future::BoxFuture;
use std::{sync::Arc, time::Duration};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Puts what resolvers need to know of the caller into a request: who asks, and the id under which the log knows the request.
pub type Prepare = Arc<dyn Fn(async_graphql::Request, Result<Principal, auth::Error>, RequestId) -> async_graphql::Request + Send + Sync>;

/// Judges the text of a document before it is parsed.
pub type Check = Arc<dyn Fn(&str) -> Result<(), Refusal> + Send + Sync>;

/// Names the checks that fail now; an empty list means that the server can take work.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, Vec<&'static str>> + Send + Sync>;

/// How the edge behaves; the section `http` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Origins of browsers that may call, each as `https://host` or `https://host:port`. Empty: none.
    pub allowed_origins: Vec<String>,
    /// Refuses a socket whose client names no origin at all, as programs other than browsers do.
    pub require_origin: bool,
    /// Which statuses request errors get.
    pub status_profile: StatusProfile,
    /// Connections open at a time, sockets included; more wait until one ends.
    pub max_connections: usize,
    /// How long the head of a request may take, a connection may wait for its next request, or an answer may wait to be read. It is
    /// looked at once in this time, so that it may take up to twice as long.
    pub header_timeout: Duration,
    /// How long a new socket may stay without `connection_init`.
    pub init_timeout: Duration,
    /// Time between two pings of an open socket.
    pub ping_interval: Duration,
    /// How long a client may stay silent after a ping.
    pub pong_timeout: Duration,
    /// How long a write to a socket may make no progress.
    pub stall_timeout: Duration,
    /// How long a socket outlives its token; the same leeway as the verifier grants.
    pub token_leeway: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            require_origin: false,
            status_profile: StatusProfile::Current,
            max_connections: 20_000,
            header_timeout: Duration::from_secs(10),
            init_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_mins(1),
            token_leeway: auth::LEEWAY.to_std().unwrap_or_default(),
        }
    }
}

/// Which statuses request errors get under `application/graphql-response+json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StatusProfile {
    /// 400 for a request error and 200 for partial data.
    #[default]
    Current,
    /// 422 for a well-formed request that cannot run and 294 for partial data, as the 2026 draft has it.
    Draft,
}

/// What one caller may take of the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest run of one query or mutation, not counting what it was asked to wait.
    pub timeout: Duration,
    /// Largest body, and largest message of a socket, in bytes.
    pub body_bytes: usize,
    /// Operations one socket may run at a time.
    pub streams_per_socket: usize,
    /// Sockets one subject may hold open.
    pub sockets_per_subject: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(20), body_bytes: 1 << 20, streams_per_socket: 50, sockets_per_subject: 20 }
    }
}

/// Everything the handlers work with.
pub struct State<E> {
    /// The schema.
    pub executor: E,
    /// Judges bearer tokens.
    pub verifier: Verifier,
    /// Puts the caller into a request.
    pub prepare: Prepare,
    /// Judges a document's text.
    pub check: Check,
    /// Answers `/readyz`.
    pub readiness: Readiness,
    /// Time and fresh ids.
    pub clock: Arc<dyn Clock>,
    /// Holds every socket and every operation on one, so that drain can wait for them.
    pub tasks: TaskTracker,
    /// Cancelled when the server stops: sockets close with 1012 and `/readyz` turns 503.
    pub stop: CancellationToken,
    /// The sockets each subject holds.
    pub sockets: Sockets,
    /// Behaviour.
    pub options: Options,
    /// Bounds.
    pub limits: Limits,
}

impl<E> std::fmt::Debug for State<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("options", &self.options).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Routes `/graphql`, `/healthz` and `/readyz`.
pub fn router<E: Executor>(state: State<E>) -> Router {
    let cors = layers::cors(&state.options.allowed_origins);
    let clock = Arc::clone(&state.clock);
    let limit = DefaultBodyLimit::max(state.limits.body_bytes);
    Router::new()
        .route("/graphql", any(graphql::serve::<E>))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready::<E>))
        .fallback(health::absent)
        .with_state(Arc::new(state))
        .layer(limit)
        .layer(cors)
        .layer(axum::middleware::from_fn_with_state(clock, layers::edge))
}
