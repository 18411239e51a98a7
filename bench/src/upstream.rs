//! The service that is called: a keep-alive HTTP server on loopback that answers 1 KB of JSON.
//!
//! It lives on a runtime of its own whose threads carry [`THREAD`] as name, so that its CPU time can be taken off.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use bytes::Bytes;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::{Handle, Runtime};

use crate::Result;

/// Name of the threads it runs on.
pub(crate) const THREAD: &str = "upstream";

/// Size of its answer.
const ANSWER_BYTES: usize = 1024;

/// The running service; it ends when dropped, which must not happen inside another runtime.
pub(crate) struct Upstream {
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
    runtime: Runtime,
}

impl Upstream {
    /// Starts it on a free port.
    pub(crate) fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name(THREAD).enable_all().build()?;
        let calls = Arc::new(AtomicUsize::new(0));
        let listener = runtime.block_on(TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let router = router(&calls);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, calls, runtime })
    }

    /// Address of the answer with one person in it.
    pub(crate) fn people(&self) -> String {
        format!("http://{}/people", self.address)
    }

    /// Address that always answers 503.
    pub(crate) fn unavailable(&self) -> String {
        format!("http://{}/unavailable", self.address)
    }

    /// Its runtime, for other bare services.
    pub(crate) fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Calls answered so far.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

fn router(calls: &Arc<AtomicUsize>) -> Router {
    let body = answer();
    let (answered, refused) = (Arc::clone(calls), Arc::clone(calls));
    let people = move || {
        answered.fetch_add(1, Ordering::Relaxed);
        let body = body.clone();
        async move { ([(CONTENT_TYPE, "application/json")], body) }
    };
    let unavailable = move || {
        refused.fetch_add(1, Ordering::Relaxed);
        async { (StatusCode::SERVICE_UNAVAILABLE, "try again later") }
    };
    Router::new().route("/people", get(people)).route("/unavailable", get(unavailable))
}

/// One person, filled up with a note to the size wanted.
fn answer() -> Bytes {
    let of = |note: &str| {
        json!({"people": [{
            "first_name": "Ada", "last_name": "Lovelace", "phone": "+14155550123", "match_score": 0.97,
            "address": {"street": "12 St James's Square", "city": "London", "country": "GB"},
            "emails": ["ada@example.com", "countess@example.org"], "note": note
        }]})
        .to_string()
    };
    let note = "n".repeat(ANSWER_BYTES.saturating_sub(of("").len()));
    Bytes::from(of(&note))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_one_kilobyte_of_json() {
        let body = answer();
        assert_eq!(body.len(), ANSWER_BYTES);
        let value = serde_json::from_slice::<serde_json::Value>(&body).unwrap();
        assert_eq!(value["people"][0]["first_name"], "Ada");
    }
}
