//! A client of graphql-transport-ws over a real socket, which can also misbehave. Every wait is bounded; what does not come is a failure.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{future::Future, net::SocketAddr, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, error::ProtocolError, http::HeaderValue},
};

/// Far longer than anything on loopback takes.
const PATIENCE: Duration = Duration::from_secs(15);

/// An open socket.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// Bounds a wait.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} did not come within {PATIENCE:?}"))
}

impl Socket {
    /// Asks for an upgrade with these headers; gives the status when there is no socket in the end.
    pub(crate) async fn handshake(address: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let mut request = format!("ws://{address}/graphql").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
        }
        match soon("the handshake", connect_async(request)).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            // The server upgraded without choosing a protocol that was asked for, which ends the handshake on this side.
            Err(Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(_))) => Err(101),
            Err(error) => panic!("the handshake failed: {error}"),
        }
    }

    /// An upgraded socket, before `connection_init`.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::handshake(address, &[("sec-websocket-protocol", "graphql-transport-ws")]).await.unwrap()
    }

    /// A socket that is signed in.
    pub(crate) async fn connect(address: SocketAddr, token: &str) -> Self {
        let mut socket = Self::open(address).await;
        socket.init(token).await;
        assert_eq!(socket.message().await, json!({ "type": "connection_ack" }));
        socket
    }

    /// Sends `connection_init` with the token.
    pub(crate) async fn init(&mut self, token: &str) {
        self.send(&json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } })).await;
    }

    /// Starts an operation.
    pub(crate) async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        self.send(&json!({ "type": "subscribe", "id": id, "payload": { "query": query, "variables": variables } })).await;
    }

    /// Sends a message.
    pub(crate) async fn send(&mut self, message: &Value) {
        self.frame(Message::text(message.to_string())).await;
    }

    /// Sends any frame.
    pub(crate) async fn frame(&mut self, frame: Message) {
        soon("room to write", self.0.send(frame)).await.unwrap();
    }

    /// The next message; pings are answered on the way.
    pub(crate) async fn message(&mut self) -> Value {
        loop {
            match soon("a message", self.0.next()).await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("expected a message, got {other:?}"),
            }
        }
    }

    /// The next message, which must be of this type and operation; gives its payload.
    pub(crate) async fn expect(&mut self, kind: &str, id: &str) -> Value {
        let mut message = self.message().await;
        assert_eq!((message["type"].as_str(), message["id"].as_str()), (Some(kind), Some(id)), "{message}");
        message["payload"].take()
    }

    /// Waits for the server's close and gives its code; messages on the way are dropped.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            match soon("a close", self.0.next()).await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    assert!(frame.reason.len() <= 123, "{}", frame.reason);
                    return frame.code.into();
                }
                Some(Ok(Message::Close(None))) => return 1005,
                Some(Ok(_)) => {}
                other => panic!("the socket ended without a close frame: {other:?}"),
            }
        }
    }
}
