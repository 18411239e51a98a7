//! Requests over real HTTP and what comes back.

use serde_json::{Value, json};
use std::net::SocketAddr;

/// A client of one server.
#[derive(Clone)]
pub(crate) struct Http {
    address: SocketAddr,
    client: reqwest::Client,
    token: Option<String>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    /// Null when the body is not JSON.
    pub(crate) body: Value,
}

impl Http {
    /// A client that shows `token`, if there is one.
    #[expect(clippy::disallowed_methods, reason = "this client stands for a caller from outside")]
    pub(crate) fn new(address: SocketAddr, token: Option<&str>) -> Self {
        // The first caller of the process installs it; the others find it there.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { address, client, token: token.map(str::to_owned) }
    }

    /// Sends a request with these headers; the body is sent as it is.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = self.client.request(method.parse().unwrap(), format!("http://{}{path}", self.address));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() {
            request = request.body(body.to_owned());
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null);
        Reply { status, headers, body }
    }

    /// Runs an operation and expects a well-formed answer.
    pub(crate) async fn graphql(&self, query: &str, variables: Value) -> Reply {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let headers = [("content-type", "application/json"), ("accept", "application/graphql-response+json")];
        self.send("POST", "/graphql", &headers, &body).await
    }
}

impl Reply {
    /// A header as text, empty when it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The code of the first error, empty when there is none.
    pub(crate) fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
    }
}
