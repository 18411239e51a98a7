//! A GraphQL client over one WebSocket, speaking `graphql-transport-ws`: commands do everything as any client would.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, anyhow, bail};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::task::TaskTracker;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Messages of one operation: `next` payloads, then the end.
type Operations = Arc<Mutex<HashMap<String, mpsc::UnboundedSender<Value>>>>;

/// One signed-in socket; clones share it.
#[derive(Clone)]
pub(super) struct Client {
    outgoing: mpsc::UnboundedSender<Message>,
    operations: Operations,
    counter: Arc<AtomicU64>,
}

impl Client {
    /// Opens a socket and signs in. Its two tasks run on `tasks` and end with the socket.
    pub(super) async fn connect(address: &str, token: &str, tasks: &TaskTracker) -> anyhow::Result<Self> {
        let mut request = format!("ws://{address}/graphql").into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse()?);
        let (socket, _) = tokio_tungstenite::connect_async(request).await.context("the server's socket does not open")?;
        let (mut sink, mut stream) = socket.split();
        let init = json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } });
        sink.send(Message::text(init.to_string())).await?;
        let ack = stream.next().await.context("the server closed the socket")??;
        if !ack.to_text().is_ok_and(|text| text.contains("connection_ack")) {
            bail!("the server did not accept the token: {ack}");
        }
        let (outgoing, queue) = mpsc::unbounded_channel();
        let operations = Operations::default();
        tasks.spawn(write(sink, queue));
        tasks.spawn(read(stream, Arc::clone(&operations), outgoing.clone()));
        Ok(Self { outgoing, operations, counter: Arc::default() })
    }

    /// Starts an operation; its payloads arrive on the receiver, which ends when the operation does.
    pub(super) fn subscribe(&self, document: &str, variables: &Value) -> anyhow::Result<mpsc::UnboundedReceiver<Value>> {
        let id = self.counter.fetch_add(1, Ordering::Relaxed).to_string();
        let (sender, receiver) = mpsc::unbounded_channel();
        self.operations.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), sender);
        let message = json!({ "id": id, "type": "subscribe", "payload": { "query": document, "variables": variables } });
        self.outgoing.send(Message::text(message.to_string())).map_err(|_| anyhow!("the socket is closed"))?;
        Ok(receiver)
    }

    /// Runs a query or mutation and gives its `data`; errors of either kind become an error here.
    pub(super) async fn request(&self, document: &str, variables: Value) -> anyhow::Result<Value> {
        let mut answers = self.subscribe(document, &variables)?;
        let answer = answers.recv().await.context("the socket closed before the answer")?;
        if let Some(errors) = answer.get("errors") {
            bail!("the server answered: {}", sentences(errors));
        }
        let data = answer.get("data").cloned().unwrap_or(Value::Null);
        for payload in data.as_object().into_iter().flat_map(|fields| fields.values()) {
            if let Some(errors) = payload.get("userErrors").and_then(Value::as_array).filter(|errors| !errors.is_empty()) {
                bail!("refused: {}", errors.iter().map(sentences).collect::<Vec<_>>().join(" "));
            }
        }
        Ok(data)
    }
}

/// The messages of an error, of a list of them, and of a definition's problems within.
fn sentences(error: &Value) -> String {
    if let Some(list) = error.as_array() {
        return list.iter().map(sentences).collect::<Vec<_>>().join(" ");
    }
    let message = error.get("message").and_then(Value::as_str).map_or_else(|| error.to_string(), str::to_owned);
    match error.get("problems") {
        Some(problems) => format!("{message} {}", sentences(problems)),
        None => message,
    }
}

async fn write(mut sink: SplitSink<Socket, Message>, mut queue: mpsc::UnboundedReceiver<Message>) {
    while let Some(message) = queue.recv().await {
        let last = message.is_close();
        if sink.send(message).await.is_err() || last {
            break;
        }
    }
}

async fn read(mut stream: SplitStream<Socket>, operations: Operations, outgoing: mpsc::UnboundedSender<Message>) {
    while let Some(Ok(message)) = stream.next().await {
        let Message::Text(text) = message else { continue };
        let Ok(mut message) = serde_json::from_str::<Value>(&text) else { continue };
        let id = message.get("id").and_then(Value::as_str).map(str::to_owned);
        let payload = message.get_mut("payload").map(Value::take).unwrap_or_default();
        match (message.get("type").and_then(Value::as_str), id) {
            (Some("ping"), _) => drop(outgoing.send(Message::text(json!({ "type": "pong" }).to_string()))),
            (Some("next"), Some(id)) => {
                if let Some(operation) = operations.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
                    drop(operation.send(payload));
                }
            }
            (Some("error"), Some(id)) => {
                if let Some(operation) = operations.lock().unwrap_or_else(PoisonError::into_inner).remove(&id) {
                    drop(operation.send(json!({ "errors": payload })));
                }
            }
            (Some("complete"), Some(id)) => {
                operations.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            }
            _ => {}
        }
    }
    operations.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
