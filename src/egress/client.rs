//! Sends one call: judged before, bounded in time and size, its answer read in full.
//!
//! Dropping the future of [`Client::send`] closes the connection; whether the other side acted is then unknown.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use super::policy::{Policy, Reach};
use super::resolver::Resolver;
use super::{Error, Options};
use crate::domain::exchange::{Method, Request, Response};

/// Idle connections kept for each host: as many as executions run at one time, or those under load connect anew for each call.
const IDLE_PER_HOST: usize = 256;
/// Largest first reservation for a body: a length that was only announced takes no memory.
const FIRST_RESERVATION: u64 = 64 * 1024;

/// Most bytes of all header names and values of an answer together; HTTP/1 also stops at a hundred lines.
const LONGEST_HEADERS: u32 = 64 * 1024;

/// Headers that frame a message or steer a proxy: the client alone sets them (RFC 9110 section 7.6.1).
const TRANSPORT_HEADERS: [&str; 9] =
    ["host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"];

/// The guarded client. A cheap clone over one pool of connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    policy: Arc<Policy>,
    public: reqwest::Client,
    /// For names and ports only allowed networks may answer on; absent while none is allowed.
    inside: Option<reqwest::Client>,
    connect_timeout: Duration,
    max_response_bytes: u64,
}

/// Bounds of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For everything: name, connection, request and the whole body.
    pub timeout: Duration,
    /// Most decoded bytes of the body; never more than the client's own limit.
    pub max_bytes: Option<u64>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Client").field("policy", &self.0.policy).finish_non_exhaustive()
    }
}

impl Client {
    /// A client under this policy.
    ///
    /// # Errors
    /// [`Error::Setup`] when the machine has no CA certificates.
    pub fn new(options: &Options) -> Result<Self, Error> {
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let policy = Arc::new(Policy::new(&options.allow));
        let inside = policy.allows_any().then(|| pool(options, &policy, Reach::Allowed)).transpose()?;
        Ok(Self(Arc::new(Inner {
            public: pool(options, &policy, Reach::Public)?,
            inside,
            policy,
            connect_timeout: options.connect_timeout,
            max_response_bytes: options.max_response_bytes,
        })))
    }

    /// Sends a request and reads the whole answer. Any status is an answer, also 3xx and 5xx.
    ///
    /// # Errors
    /// [`Error::Denied`] and [`Error::InvalidHeader`] before anything is sent; [`Error::Timeout`], [`Error::TooLarge`],
    /// [`Error::Transport`] and [`Error::Untrusted`] after.
    pub async fn send(&self, request: &Request, limits: Limits) -> Result<Response, Error> {
        let reach = self.0.policy.judge_url(&request.url)?;
        let pool = match reach {
            Reach::Public => &self.0.public,
            Reach::Allowed => self.0.inside.as_ref().unwrap_or(&self.0.public),
        };
        let call = self.0.exchange(pool, outgoing(request)?, limits);
        tokio::time::timeout(limits.timeout, call).await.unwrap_or(Err(Error::Timeout { after: limits.timeout }))
    }
}

impl Inner {
    async fn exchange(&self, pool: &reqwest::Client, request: reqwest::Request, limits: Limits) -> Result<Response, Error> {
        let host = request.url().host_str().unwrap_or_default().to_owned();
        let failed = |error| Error::from_client(error, &host, self.connect_timeout);
        let limit = limits.max_bytes.map_or(self.max_response_bytes, |asked| asked.min(self.max_response_bytes));
        let started = Instant::now();
        let mut answer = pool.execute(request).await.map_err(failed)?;
        let first_byte_ms = milliseconds(started);
        let headers = incoming(answer.headers())?;
        let announced = answer.content_length().unwrap_or(0);
        if announced > limit {
            return Err(Error::TooLarge { limit });
        }
        let mut body = Vec::with_capacity(usize::try_from(announced.min(FIRST_RESERVATION)).unwrap_or(0));
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if (body.len() + chunk.len()) as u64 > limit {
                return Err(Error::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        if !body.is_empty() && is_still_encoded(answer.headers()) {
            return Err(Error::Transport { what: "the answer is compressed in a way that was not asked for" });
        }
        Ok(Response { status: answer.status().as_u16(), headers, body, first_byte_ms, duration_ms: milliseconds(started) })
    }
}

/// Header lines of an answer, within their limit.
fn incoming(headers: &HeaderMap) -> Result<Vec<(String, String)>, Error> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > usize::try_from(LONGEST_HEADERS).unwrap_or(usize::MAX) {
        return Err(Error::Transport { what: "the answer has too many or too long headers" });
    }
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect())
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that builds a client")]
fn pool(options: &Options, policy: &Arc<Policy>, reach: Reach) -> Result<reqwest::Client, Error> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .user_agent(concat!("connectors/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(options.connect_timeout)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .http2_max_header_list_size(LONGEST_HEADERS)
        .tcp_nodelay(true)
        .dns_resolver(Resolver::new(Arc::clone(policy), reach))
        .build()
        .map_err(|_| Error::Setup)
}

/// The request as the client wants it.
fn outgoing(request: &Request) -> Result<reqwest::Request, Error> {
    let method = match request.method {
        Method::Get => reqwest::Method::GET,
        Method::Head => reqwest::Method::HEAD,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    };
    let mut outgoing = reqwest::Request::new(method, request.url.clone());
    let headers = outgoing.headers_mut();
    for (name, value) in &request.headers {
        let (name, value) = header(name, value)?;
        headers.append(name, value);
    }
    if let Some(body) = &request.body {
        if !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, header("content-type", &body.content_type)?.1);
        }
        *outgoing.body_mut() = Some(body.bytes.clone().into());
    }
    Ok(outgoing)
}

/// One header line (RFC 9110 section 5): no control characters or line separators, plain or percent-encoded.
fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Error> {
    let shown = || name.chars().take(64).map(|letter| if letter.is_ascii_graphic() { letter } else { '?' }).collect();
    let refused = |reason| Error::InvalidHeader { name: shown(), reason };
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused("has a name that cannot be sent"))?;
    if TRANSPORT_HEADERS.contains(&parsed.as_str()) || parsed.as_str().starts_with("proxy-") {
        return Err(refused("is set by the server itself"));
    }
    let lower = value.to_ascii_lowercase();
    let breaks = value.chars().any(|letter| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}'));
    if breaks || ["%0d", "%0a", "%00"].iter().any(|escape| lower.contains(escape)) {
        return Err(refused("has a value with control characters"));
    }
    let mut value = HeaderValue::from_str(value)
        .or_else(|_| HeaderValue::from_bytes(value.as_bytes()))
        .map_err(|_| refused("has a value that cannot be sent"))?;
    // Keeps it out of compression tables and debug output; any of them may hold a secret.
    value.set_sensitive(true);
    Ok((parsed, value))
}

/// Was the body compressed in a form that was not undone?
fn is_still_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn milliseconds(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
