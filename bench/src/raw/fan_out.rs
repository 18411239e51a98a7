//! The bare fan-out: one line, encoded once, to every socket that is open; small buffers, nothing stored, nothing asked.
//!
//! It speaks just enough graphql-transport-ws for the followers that are also let loose on the server.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use chrono::DateTime;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::broadcast;

use crate::{Result, follow};

/// Lines a slow socket may be behind.
const KEPT: usize = 64;

/// The running service; its tasks end with the runtime they were started on.
pub(crate) struct FanOut {
    address: SocketAddr,
    lines: broadcast::Sender<Utf8Bytes>,
}

impl FanOut {
    /// Starts it on a free port, on the given runtime.
    pub(crate) async fn start(runtime: &Handle) -> Result<Self> {
        let (lines, _) = broadcast::channel(KEPT);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = lines.clone();
        let open = move |upgrade: WebSocketUpgrade| {
            let lines = shared.subscribe();
            let small = upgrade.protocols(["graphql-transport-ws"]).read_buffer_size(4096).write_buffer_size(0);
            async move { small.on_upgrade(move |socket| serve(socket, lines)) }
        };
        let router = Router::new().route("/graphql", get(open));
        let listener = listener.into_std()?;
        runtime.spawn(async move { axum::serve(TcpListener::from_std(listener)?, router).await });
        Ok(Self { address, lines })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Publishes so many lines, one after each pause.
    pub(crate) async fn publish(&self, lines: u32, pause: Duration) -> Result<()> {
        for _ in 0..lines {
            tokio::time::sleep(pause).await;
            // Cut to whole milliseconds, as the server's times are.
            let now = DateTime::from_timestamp_millis(follow::now_us()?.div_euclid(1000)).ok_or("the clock is out of range")?;
            self.lines.send(batch("0", &json!([{ "loggedAt": now.to_rfc3339() }])))?;
        }
        Ok(())
    }
}

/// One socket: answers what must be answered and passes lines on, one frame for each stream.
async fn serve(mut socket: WebSocket, mut lines: broadcast::Receiver<Utf8Bytes>) {
    let mut streams = 0;
    loop {
        let (frame, times) = tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => match answer(&text) {
                    Some((frame, begun)) => { streams += begun; (frame, 1) }
                    None => continue,
                },
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
            line = lines.recv() => match line {
                Ok(line) => (line, streams),
                Err(_) => return,
            },
        };
        for _ in 0..times {
            if socket.send(Message::Text(frame.clone())).await.is_err() {
                return;
            }
        }
    }
}

/// What a message is answered with, and how many streams it begins.
fn answer(text: &str) -> Option<(Utf8Bytes, u32)> {
    let message = serde_json::from_str::<Value>(text).ok()?;
    match message.get("type")?.as_str()? {
        "connection_init" => Some((json!({ "type": "connection_ack" }).to_string().into(), 0)),
        "subscribe" => Some((batch(message.get("id")?.as_str()?, &json!([])), 1)),
        _ => None,
    }
}

fn batch(id: &str, entries: &Value) -> Utf8Bytes {
    let payload = json!({ "data": { "executionLogs": { "entries": entries, "caughtUp": true } } });
    json!({ "id": id, "type": "next", "payload": payload }).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::follow::Followers;

    #[tokio::test]
    async fn every_follower_gets_every_line() {
        let bare = FanOut::start(&Handle::current()).await.unwrap();
        let runs = vec![String::from("exe_1"); 5];
        for per_socket in [1, 2] {
            let followers = Followers::open(bare.address(), "", &runs, per_socket).await.unwrap();
            let lines = followers.listen(bare.publish(3, Duration::ZERO)).await.unwrap();
            assert_eq!(lines.count(), 15, "{per_socket} streams on a socket");
        }
    }
}
