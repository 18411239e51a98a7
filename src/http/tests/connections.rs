//! What a connection may take before a request begins, how many there may be, and how they end.

use super::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Far longer than anything here takes; a test that waits for so long has failed.
const LONG: Duration = Duration::from_secs(15);
const ALIVE: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

async fn connect(edge: &Edge, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(edge.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// The first line of the next answer; empty when the connection has ended.
async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4_096];
    let length = tokio::time::timeout(LONG, stream.read(&mut bytes)).await.expect("neither an answer nor an end").unwrap_or(0);
    String::from_utf8_lossy(&bytes[..length]).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn web_4_a_client_that_does_not_finish_its_head_is_let_go() {
    let edge = Edge::with(|state| state.options.header_timeout = Duration::from_millis(100)).await;
    let beginnings: [&[u8]; 5] =
        [b"", b"G", b"GET /healthz HTTP/1.1\r\nhost: x\r\n", b"PRI * HTTP/2.0\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"];
    for beginning in beginnings {
        let mut stream = connect(&edge, beginning).await;
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(LONG, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{:?} is held for ever", String::from_utf8_lossy(beginning));
    }
    let mut patient = connect(&edge, ALIVE).await;
    assert_eq!(answer(&mut patient).await, "HTTP/1.1 200 OK");
    patient.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    while !answer(&mut patient).await.is_empty() {}
}

#[tokio::test]
async fn web_4_a_client_that_does_not_read_its_answer_is_let_go() {
    let edge = Edge::with(|state| {
        state.options.header_timeout = Duration::from_millis(100);
        state.options.max_connections = 1;
    })
    .await;
    let _stalled = connect(&edge, b"GET /graphql?query={large} HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut next = connect(&edge, ALIVE).await;
    assert_eq!(answer(&mut next).await, "HTTP/1.1 200 OK", "the only place is free again");
}

#[tokio::test]
async fn a_request_and_a_socket_outlive_the_deadline_of_heads() {
    let edge = Edge::with(|state| {
        state.options.header_timeout = Duration::from_millis(50);
        state.limits.timeout = Duration::from_millis(300);
    })
    .await;
    let mut socket = edge.socket().await;
    let reply = edge.http().graphql("{ never }", serde_json::Value::Null).await;
    assert_eq!((reply.status, reply.code()), (504, "TIMEOUT"), "six deadlines long");
    socket.subscribe("1", "{ hello }", serde_json::Value::Null).await;
    assert_eq!(socket.expect("next", "1").await["data"]["hello"], "world");
}

#[tokio::test]
async fn web_4_connections_over_the_cap_wait_for_a_place() {
    let edge = Edge::with(|state| {
        state.options.max_connections = 2;
        state.options.header_timeout = LONG;
    })
    .await;
    let mut first = connect(&edge, ALIVE).await;
    assert_eq!(answer(&mut first).await, "HTTP/1.1 200 OK");
    let socket = edge.socket().await;
    let mut third = connect(&edge, ALIVE).await;
    // Whoever holds a place is served as before, and the third by nobody.
    for _ in 0..20 {
        first.write_all(ALIVE).await.unwrap();
        assert_eq!(answer(&mut first).await, "HTTP/1.1 200 OK");
    }
    assert!(third.try_read(&mut [0; 16]).is_err(), "a socket holds its place too");
    drop(socket);
    assert_eq!(answer(&mut third).await, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_stop_ends_idle_connections_at_once_and_lets_requests_end() {
    let (edge, mut seen) = Edge::watched().await;
    let mut idle = connect(&edge, ALIVE).await;
    assert_eq!(answer(&mut idle).await, "HTTP/1.1 200 OK");
    let mut silent = connect(&edge, b"").await;
    let body = "{\"query\":\"{ watched }\"}";
    let head = format!("POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    let busy = connect(&edge, format!("{head}{body}").as_bytes()).await;
    assert_eq!(seen.recv().await, Some("began"));
    edge.listening.cancel();
    assert_eq!((answer(&mut idle).await, answer(&mut silent).await), (String::new(), String::new()));
    assert!(seen.try_recv().is_err() && !edge.server.is_finished(), "the request goes on");
    drop(busy);
    tokio::time::timeout(GRACE / 2, edge.server).await.expect("nothing is left to wait for").unwrap();
}
