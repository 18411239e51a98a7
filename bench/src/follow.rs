//! Followers of live logs: real WebSocket connections that speak graphql-transport-ws.
//!
//! Each frame is stamped the moment it is read and looked into only when the measure is over, so that reading one
//! does not delay the stamp of the next.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::DateTime;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::stats::Latencies;
use crate::{Failure, Result};

/// Sockets being opened at one time.
const OPENING: usize = 64;

/// Longest time for all to be open and caught up.
const OPEN_AT_MOST: Duration = Duration::from_secs(90);

/// Time for the last lines to arrive: the late ones must not be missing from the figures.
const LINGER: Duration = Duration::from_millis(500);

const FOLLOW: &str = "subscription($id: ID!) { executionLogs(executionId: $id) { entries { loggedAt } caughtUp } }";

/// A frame and when it came, in microseconds since 1970.
type Arrival = (i64, Utf8Bytes);

type Socket = WebSocketStream<TcpStream>;

/// Open streams that have caught up.
pub(crate) struct Followers {
    sockets: JoinSet<Result<Vec<Arrival>>>,
    stop: watch::Sender<bool>,
}

impl Followers {
    /// Opens one stream for each execution, so many on a socket, and waits until all have everything stored so far.
    pub(crate) async fn open(address: SocketAddr, token: &str, executions: &[String], per_socket: usize) -> Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let (ready, mut readies) = mpsc::channel(executions.len().max(1));
        let doors = Arc::new(Semaphore::new(OPENING));
        let mut sockets = JoinSet::new();
        for group in executions.chunks(per_socket.max(1)) {
            let (group, token) = (group.to_vec(), token.to_owned());
            let (doors, ready, stopped) = (Arc::clone(&doors), ready.clone(), stopped.clone());
            sockets.spawn(async move {
                let door = doors.acquire_owned().await?;
                let mut socket = connect(address, &token).await?;
                subscribe(&mut socket, &group).await?;
                drop(door);
                ready.send(()).await?;
                drop(ready);
                listen(&mut socket, stopped).await
            });
        }
        drop(ready);
        let open = tokio::time::timeout(OPEN_AT_MOST, count(&mut readies)).await.map_err(|_| "the followers did not catch up in time")?;
        if open < sockets.len() {
            return Err(first_failure(sockets).await);
        }
        Ok(Self { sockets, stop })
    }

    /// Listens until `writing` is over; gives what every line made meanwhile took from its `loggedAt` to the arrival of its frame.
    pub(crate) async fn listen(mut self, writing: impl Future<Output = Result<()>>) -> Result<Latencies> {
        // Times of lines are cut to milliseconds.
        let from = now_us()?.div_euclid(1000) * 1000;
        writing.await?;
        let made = from..=now_us()?;
        tokio::time::sleep(LINGER).await;
        self.stop.send(true)?;
        let mut latencies = Vec::new();
        while let Some(ended) = self.sockets.join_next().await {
            for (at, frame) in ended?? {
                for logged in logged_times(&serde_json::from_str(&frame)?)?.into_iter().filter(|logged| made.contains(logged)) {
                    latencies.push(Duration::from_micros(u64::try_from(at - logged).unwrap_or_default()));
                }
            }
        }
        Ok(Latencies::of(latencies))
    }
}

/// Microseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "arrival is compared with the time in the log line, on one machine")]
pub(crate) fn now_us() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_micros())?)
}

/// Counts messages until nobody is left to send one.
async fn count(messages: &mut mpsc::Receiver<()>) -> usize {
    let mut count = 0;
    while messages.recv().await.is_some() {
        count += 1;
    }
    count
}

/// Why a socket ended; to be asked only when one has.
async fn first_failure(mut sockets: JoinSet<Result<Vec<Arrival>>>) -> Failure {
    match sockets.join_next().await {
        Some(Ok(Err(error))) => error,
        Some(Err(error)) => error.into(),
        Some(Ok(Ok(_))) | None => "a socket ended by itself".into(),
    }
}

async fn connect(address: SocketAddr, token: &str) -> Result<Socket> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut request = format!("ws://{address}/graphql").into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
    let small = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
    let (mut socket, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(small)).await?;
    let bearer = format!("Bearer {token}");
    send(&mut socket, &json!({ "type": "connection_init", "payload": { "authorization": bearer } })).await?;
    loop {
        let frame = next_value(&mut socket).await?;
        match kind_of(&frame) {
            "connection_ack" => return Ok(socket),
            "ping" => send(&mut socket, &json!({ "type": "pong" })).await?,
            _ => return Err(format!("expected connection_ack, got {frame}").into()),
        }
    }
}

/// Begins a stream for each execution and reads until all have caught up.
async fn subscribe(socket: &mut Socket, executions: &[String]) -> Result<()> {
    for (index, id) in executions.iter().enumerate() {
        let payload = json!({ "query": FOLLOW, "variables": { "id": id } });
        send(socket, &json!({ "id": index.to_string(), "type": "subscribe", "payload": payload })).await?;
    }
    let mut behind = vec![true; executions.len()];
    while behind.contains(&true) {
        let frame = next_value(socket).await?;
        match (kind_of(&frame), frame.pointer("/payload/data/executionLogs/caughtUp")) {
            ("next", Some(caught_up)) => {
                let index = frame.get("id").and_then(Value::as_str).and_then(|id| id.parse::<usize>().ok());
                if let Some(place) = index.and_then(|index| behind.get_mut(index)) {
                    *place &= caught_up != &Value::Bool(true);
                }
            }
            ("ping", _) => send(socket, &json!({ "type": "pong" })).await?,
            _ => return Err(format!("expected log lines, got {frame}").into()),
        }
    }
    Ok(())
}

/// Keeps every text frame with its time until told to stop.
async fn listen(socket: &mut Socket, mut stopped: watch::Receiver<bool>) -> Result<Vec<Arrival>> {
    let mut arrivals = Vec::new();
    loop {
        let message = tokio::select! {
            message = socket.next() => message.ok_or("the server closed a socket")??,
            _ = stopped.changed() => return Ok(arrivals),
        };
        match message {
            Message::Text(text) if text.len() < 64 && text.contains("\"ping\"") => send(socket, &json!({ "type": "pong" })).await?,
            Message::Text(text) => arrivals.push((now_us()?, text)),
            Message::Close(frame) => return Err(format!("the server closed a socket: {frame:?}").into()),
            _ => {}
        }
    }
}

async fn send(socket: &mut Socket, value: &Value) -> Result<()> {
    Ok(socket.send(Message::text(value.to_string())).await?)
}

/// The next text frame as JSON.
async fn next_value(socket: &mut Socket) -> Result<Value> {
    loop {
        match socket.next().await.ok_or("the server closed a socket")?? {
            Message::Text(text) => return Ok(serde_json::from_str(&text)?),
            Message::Close(frame) => return Err(format!("the server closed a socket: {frame:?}").into()),
            _ => {}
        }
    }
}

fn kind_of(frame: &Value) -> &str {
    frame.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// When the lines in a frame were made, in microseconds since 1970. A stream that ends gives none; an error is one.
fn logged_times(frame: &Value) -> Result<Vec<i64>> {
    match (kind_of(frame), frame.pointer("/payload/data/executionLogs/entries")) {
        ("next", Some(Value::Array(entries))) => entries.iter().map(logged_time).collect(),
        ("complete" | "pong" | "ping", _) => Ok(Vec::new()),
        _ => Err(format!("expected log lines, got {frame}").into()),
    }
}

fn logged_time(entry: &Value) -> Result<i64> {
    let text = entry.get("loggedAt").and_then(Value::as_str).ok_or("a log line without a time")?;
    Ok(DateTime::parse_from_rfc3339(text)?.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_lines_are_read_to_the_millisecond() {
        let entries = json!([{ "loggedAt": "1970-01-01T00:00:01.250Z" }, { "loggedAt": "1970-01-01T00:00:02+00:00" }]);
        let frame =
            json!({ "id": "0", "type": "next", "payload": { "data": { "executionLogs": { "entries": entries, "caughtUp": true } } } });
        assert_eq!(logged_times(&frame).unwrap(), [1_250_000, 2_000_000]);
    }

    #[test]
    fn an_end_is_no_line_and_an_error_is_an_error() {
        assert_eq!(logged_times(&json!({ "id": "0", "type": "complete" })).unwrap(), Vec::<i64>::new());
        assert!(logged_times(&json!({ "id": "0", "type": "error", "payload": [] })).is_err());
        assert!(logged_times(&json!({ "id": "0", "type": "next", "payload": { "errors": [] } })).is_err());
    }
}
