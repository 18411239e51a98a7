//! Closed-loop load: so many callers, each beginning the next call when the last one has ended.
//!
//! The HTTP caller is written straight on the socket: driver, upstream and server share the cores, so what the
//! driver burns is taken from what it measures.

use std::future::Future;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::stats::{Latencies, number};
use crate::{Failure, Result};

/// One caller.
pub(crate) trait Caller: Send + 'static {
    /// Makes one call and waits for its end; an answer that is not the one hoped for is an error.
    fn call(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// What a time of load gave.
#[derive(Debug)]
pub(crate) struct Run {
    /// From the first call to the end of the last.
    pub(crate) elapsed: Duration,
    /// Of each call.
    pub(crate) latencies: Vec<Duration>,
}

impl Run {
    /// Calls a second.
    pub(crate) fn rate(&self) -> f64 {
        number(self.latencies.len()) / self.elapsed.as_secs_f64()
    }

    /// The latencies of several runs together.
    pub(crate) fn pooled(runs: &[Self]) -> Latencies {
        Latencies::of(runs.iter().flat_map(|run| run.latencies.iter().copied()).collect())
    }
}

/// Lets all callers call, once at least, until the time is over; gives them back for the next round. The first error ends it.
pub(crate) async fn drive<C: Caller>(callers: Vec<C>, time: Duration) -> Result<(Run, Vec<C>)> {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for mut caller in callers {
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let called = Instant::now();
                caller.call().await?;
                latencies.push(called.elapsed());
                if begun.elapsed() >= time {
                    break;
                }
            }
            Ok::<_, Failure>((caller, latencies))
        });
    }
    let mut run = Run { elapsed: Duration::ZERO, latencies: Vec::new() };
    let mut callers = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        let (caller, latencies) = ended??;
        callers.push(caller);
        run.latencies.extend(latencies);
    }
    run.elapsed = begun.elapsed();
    Ok((run, callers))
}

/// Sends one prepared POST over one keep-alive connection, again and again.
pub(crate) struct HttpCaller {
    stream: TcpStream,
    request: Arc<[u8]>,
    expected: &'static str,
    buffer: Vec<u8>,
}

impl HttpCaller {
    /// Opens so many connections; an answer must hold `expected`.
    pub(crate) async fn open(count: u32, address: SocketAddr, request: Arc<[u8]>, expected: &'static str) -> Result<Vec<Self>> {
        let mut callers = Vec::new();
        for _ in 0..count {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            callers.push(Self { stream, request: Arc::clone(&request), expected, buffer: Vec::with_capacity(4096) });
        }
        Ok(callers)
    }

    /// Asks something else from now on.
    pub(crate) fn ask(&mut self, request: Arc<[u8]>) {
        self.request = request;
    }

    /// The bytes of a POST with a JSON body.
    pub(crate) fn request(address: SocketAddr, token: &str, body: &str) -> Arc<[u8]> {
        let length = body.len();
        let text = format!(
            "POST /graphql HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Accept: application/graphql-response+json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        Arc::from(text.into_bytes())
    }

    /// Reads until a whole answer is in the buffer; gives the place of its body.
    async fn read_answer(&mut self) -> Result<Range<usize>> {
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
            if let Some(body) = body_of(&self.buffer)? {
                return Ok(body);
            }
        }
    }
}

impl Caller for HttpCaller {
    async fn call(&mut self) -> Result<()> {
        self.stream.write_all(&self.request).await?;
        let place = self.read_answer().await?;
        let body = self.buffer.get(place).unwrap_or_default();
        let wanted = self.expected.as_bytes();
        if body.windows(wanted.len()).any(|part| part == wanted) {
            return Ok(());
        }
        let shown = String::from_utf8_lossy(body).chars().take(400).collect::<String>();
        Err(format!("an answer without {wanted}: {shown}", wanted = self.expected).into())
    }
}

/// Where the body of the answer stands, once it is all there. Only answers that tell their length are understood.
fn body_of(answer: &[u8]) -> Result<Option<Range<usize>>> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(end) = answer.windows(END.len()).position(|part| part == END) else { return Ok(None) };
    let head = std::str::from_utf8(answer.get(..end).unwrap_or_default())?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim())
    });
    let length = length.ok_or_else(|| format!("an answer that does not tell its length: {head}"))?.parse::<usize>()?;
    let body = end + END.len()..end.saturating_add(END.len()).saturating_add(length);
    Ok((answer.len() >= body.end).then_some(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str, expected: Option<&str>) {
        let found = body_of(answer.as_bytes()).unwrap().map(|place| &answer[place]);
        assert_eq!(found, expected, "{answer:?}");
    }

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        check("", None);
        check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n", None);
        check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{", None);
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Some("{}"));
        check("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Some(""));
    }

    #[test]
    fn an_answer_without_length_is_refused() {
        assert!(body_of(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
