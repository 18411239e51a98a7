//! Operations over one real socket: what a client library would do on top of the protocol.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::ws::Socket;

/// A signed-in socket and the operations on it.
pub struct Client {
    socket: Socket,
    counter: usize,
    inbox: HashMap<String, VecDeque<Value>>,
    ended: HashSet<String>,
}

impl Client {
    /// Opens and signs in.
    pub async fn connect(address: SocketAddr, token: &str) -> Self {
        Self { socket: Socket::connect(address, token).await, counter: 0, inbox: HashMap::new(), ended: HashSet::new() }
    }

    /// Starts an operation; its id.
    pub async fn subscribe(&mut self, document: &str, variables: Value) -> String {
        self.counter += 1;
        let id = self.counter.to_string();
        self.socket.subscribe(&id, document, variables).await;
        id
    }

    /// The next payload of an operation; `None` once it is over. Errors come as `{"errors": …}`.
    pub async fn next(&mut self, operation: &str) -> Option<Value> {
        loop {
            if let Some(payload) = self.inbox.get_mut(operation).and_then(VecDeque::pop_front) {
                return Some(payload);
            }
            if self.ended.contains(operation) {
                return None;
            }
            let mut message = self.socket.message().await;
            let kind = message["type"].as_str().unwrap().to_owned();
            if kind == "ping" {
                self.socket.send(&json!({ "type": "pong" })).await;
                continue;
            }
            let id = message["id"].as_str().unwrap().to_owned();
            let payload = message["payload"].take();
            match kind.as_str() {
                "next" => self.inbox.entry(id).or_default().push_back(payload),
                "error" => {
                    self.inbox.entry(id.clone()).or_default().push_back(json!({ "errors": payload }));
                    self.ended.insert(id);
                }
                "complete" => drop(self.ended.insert(id)),
                other => panic!("unexpected message {other}"),
            }
        }
    }

    /// Runs a query or mutation; the whole answer.
    pub async fn request(&mut self, document: &str, variables: Value) -> Value {
        let operation = self.subscribe(document, variables).await;
        self.next(&operation).await.unwrap()
    }
}

/// One `executionLogs` subscription on a socket of its own.
pub struct Stream {
    client: Client,
    operation: String,
}

impl Stream {
    /// The operation as started on the client.
    pub fn new(client: Client, operation: String) -> Self {
        Self { client, operation }
    }

    /// The next batch; `None` when the stream is over.
    pub async fn next(&mut self) -> Option<Value> {
        let message = self.client.next(&self.operation).await?;
        assert!(message.get("errors").is_none(), "{message}");
        Some(message["data"]["executionLogs"].clone())
    }

    /// Reads on until a line fits.
    pub async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        while let Some(batch) = self.next().await {
            if let Some(line) = batch["entries"].as_array().unwrap().iter().find(|line| fits(line)) {
                return line.clone();
            }
        }
        panic!("the stream ended before such a line came");
    }
}
