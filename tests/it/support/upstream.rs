//! A scripted API on loopback: a real HTTP server whose answers a test decides, and which remembers every call.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// One call as it arrived.
#[derive(Debug, Clone)]
pub struct Call {
    /// Method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// Header lines.
    pub headers: HeaderMap,
    /// Body as it came.
    pub body: Bytes,
    /// 1 for the first call of this path and query, 2 for the next …
    pub nth: usize,
}

impl Call {
    /// A value of the query string, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(&format!("http://x{}", self.uri)).unwrap();
        url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What a call is answered with.
pub enum Reply {
    /// JSON with a status.
    Json(u16, Value),
    /// Anything with a status, a media type and further header lines.
    Raw(u16, &'static str, Vec<(&'static str, String)>, Bytes),
    /// Nothing, for as long as the client waits.
    Hang,
    /// JSON once the gate opens.
    Gated(Arc<tokio::sync::Semaphore>, Value),
}

type Handler = Arc<dyn Fn(&Call) -> Reply + Send + Sync>;

struct Shared {
    handler: Handler,
    calls: Mutex<Vec<Call>>,
    counts: Mutex<HashMap<String, usize>>,
}

/// The running API; it ends with the test's runtime.
#[derive(Clone)]
pub struct Upstream {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Upstream {
    /// Starts one that answers as the function says.
    pub async fn start(handler: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { handler: Arc::new(handler), calls: Mutex::default(), counts: Mutex::default() });
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&shared));
        #[expect(clippy::disallowed_methods, reason = "the scripted API lives as long as the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    // Read to its end, so that the connection can be used again.
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let nth = {
        let mut counts = shared.counts.lock().unwrap();
        let count = counts.entry(head.uri.to_string()).or_default();
        *count += 1;
        *count
    };
    let call = Call { method: head.method, uri: head.uri, headers: head.headers, body, nth };
    shared.calls.lock().unwrap().push(call.clone());
    match (shared.handler)(&call) {
        Reply::Json(status, body) => (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response(),
        Reply::Raw(status, media, headers, body) => {
            let mut response = (StatusCode::from_u16(status).unwrap(), [("content-type", media)], body).into_response();
            for (name, value) in headers {
                response.headers_mut().append(name, value.parse().unwrap());
            }
            response
        }
        Reply::Hang => std::future::pending().await,
        Reply::Gated(gate, body) => {
            gate.acquire().await.unwrap().forget();
            axum::Json(body).into_response()
        }
    }
}
