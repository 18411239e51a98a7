//! The protocol graphql-transport-ws, spoken rightly and wrongly.

use super::{socket::Socket, *};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

const PROTOCOL: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");

#[tokio::test]
async fn operations_run_side_by_side_and_end_by_themselves() {
    let edge = Edge::start().await;
    let mut socket = edge.socket().await;
    socket.subscribe("s", "subscription($n: Int!) { ticks(count: $n) }", json!({ "n": 2 })).await;
    for tick in 0..2 {
        assert_eq!(socket.expect("next", "s").await, json!({ "data": { "ticks": tick } }));
    }
    assert_eq!(socket.expect("complete", "s").await, Value::Null);
    for (query, field, value) in [("{ caller }", "caller", json!("ann")), ("mutation { bump }", "bump", json!(1))] {
        socket.subscribe("s", query, Value::Null).await;
        assert_eq!(socket.expect("next", "s").await["data"][field], value);
        socket.expect("complete", "s").await;
    }
    socket.send(&json!({ "type": "ping" })).await;
    assert_eq!(socket.message().await, json!({ "type": "pong" }));
}

#[tokio::test]
async fn what_cannot_begin_is_an_error_and_what_fails_later_is_a_result() {
    let edge = Edge::with(|state| state.limits.timeout = Duration::from_millis(50)).await;
    let mut socket = edge.socket().await;
    for (query, code) in [
        ("{ hello", "GRAPHQL_PARSE_FAILED"),
        ("{ absent }", "GRAPHQL_VALIDATION_FAILED"),
        ("query a { hello } query b { hello }", "OPERATION_RESOLUTION_FAILED"),
        ("subscription { closed }", "FORBIDDEN"),
        ("{ never }", "TIMEOUT"),
        ("{ broken }", "INTERNAL"),
        ("subscription { breaks(after: 0) }", "INTERNAL"),
    ] {
        socket.subscribe("1", query, Value::Null).await;
        let payload = socket.expect("error", "1").await;
        assert_eq!(payload[0]["extensions"]["code"], code, "{query} {payload}");
        assert!(payload[0]["extensions"]["requestId"].is_string(), "{query} {payload}");
    }
    for (query, code) in [("subscription { breaks(after: 1) }", "INTERNAL"), ("subscription { falters }", "SLOW_CONSUMER")] {
        socket.subscribe("2", query, Value::Null).await;
        assert!(socket.expect("next", "2").await.get("errors").is_none(), "{query}");
        assert_eq!(socket.expect("next", "2").await["errors"][0]["extensions"]["code"], code, "{query}");
        socket.expect("complete", "2").await;
    }
    socket.subscribe("3", "{ hello }", Value::Null).await;
    assert_eq!(socket.expect("next", "3").await["data"]["hello"], "world", "the socket survives all of it");
}

#[tokio::test]
async fn wss_1_a_foreign_page_gets_no_socket() {
    let edge = Edge::with(|state| {
        state.options.allowed_origins = vec!["https://app.example.com".to_owned()];
        state.options.require_origin = true;
    })
    .await;
    for origin in ["null", "https://evil.net", "https://app.example.com.evil.net", "https://evil-app.example.com"] {
        assert_eq!(Socket::handshake(edge.address, &[PROTOCOL, ("origin", origin)]).await.err(), Some(403), "{origin}");
    }
    assert_eq!(Socket::handshake(edge.address, &[PROTOCOL]).await.err(), Some(403), "no origin");
    assert!(Socket::handshake(edge.address, &[PROTOCOL, ("origin", "https://app.example.com")]).await.is_ok());
}

#[tokio::test]
async fn wss_2_the_order_of_the_handshake_is_kept() {
    let edge = Edge::with(|state| state.options.init_timeout = Duration::from_millis(50)).await;
    assert_eq!(Socket::open(edge.address).await.close_code().await, 4408);

    let edge = Edge::start().await;
    let mut twice = edge.socket().await;
    twice.init(&edge.token("ann")).await;
    assert_eq!(twice.close_code().await, 4429);

    let mut early = Socket::open(edge.address).await;
    early.subscribe("1", "{ hello }", Value::Null).await;
    assert_eq!(early.close_code().await, 4401);

    for payload in [json!({}), json!({ "authorization": "Bearer nonsense" }), json!({ "authorization": edge.token("ann") })] {
        let mut stranger = Socket::open(edge.address).await;
        stranger.send(&json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(stranger.close_code().await, 4403, "{payload}");
    }
}

#[tokio::test]
async fn wss_3_ids_streams_and_sockets_are_bounded() {
    let edge = Edge::with(|state| {
        state.limits.streams_per_socket = 2;
        state.limits.sockets_per_subject = 2;
    })
    .await;
    let mut socket = edge.socket().await;
    for id in ["1", "2"] {
        socket.subscribe(id, "subscription { silence }", Value::Null).await;
        socket.expect("next", id).await;
    }
    socket.subscribe("3", "{ hello }", Value::Null).await;
    assert_eq!(socket.expect("error", "3").await[0]["extensions"]["code"], "RATE_LIMITED");
    socket.send(&json!({ "type": "complete", "id": "1" })).await;
    socket.subscribe("1", "{ hello }", Value::Null).await;
    assert_eq!(socket.expect("next", "1").await["data"]["hello"], "world", "an id that was given back is free");
    socket.expect("complete", "1").await;
    socket.subscribe("2", "{ hello }", Value::Null).await;
    assert_eq!(socket.close_code().await, 4409);

    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(Socket::connect(edge.address, &edge.token("bob")).await);
    }
    let mut third = Socket::open(edge.address).await;
    third.init(&edge.token("bob")).await;
    assert_eq!(third.close_code().await, 1013);
    let _other = Socket::connect(edge.address, &edge.token("eve")).await;
}

#[tokio::test]
async fn wss_5_what_breaks_the_protocol_closes_with_a_valid_frame() {
    let edge = Edge::with(|state| state.limits.body_bytes = 4_000).await;
    assert_eq!(Socket::handshake(edge.address, &[]).await.unwrap().close_code().await, 4406);
    assert_eq!(Socket::handshake(edge.address, &[("sec-websocket-protocol", "graphql-ws")]).await.err(), Some(101), "the legacy protocol");
    for frame in [
        Message::binary(vec![0, 1, 2]),
        Message::text("{"),
        Message::text("[]"),
        Message::text("{\"type\":\"start\",\"id\":\"1\"}"),
        Message::text("{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":1}}"),
        Message::text(format!("{{\"type\":\"{}\"}}", "é".repeat(300))),
        Message::text(format!("{{\"type\":\"ping\",\"payload\":\"{}\"}}", "x".repeat(5_000))),
    ] {
        let mut socket = edge.socket().await;
        socket.frame(frame.clone()).await;
        assert_eq!(socket.close_code().await, 4400, "{frame:?}");
    }
    let mut socket = edge.socket().await;
    let id = "é".repeat(64);
    for _ in 0..2 {
        socket.subscribe(&id, "subscription { silence }", Value::Null).await;
    }
    assert_eq!(socket.close_code().await, 4409, "with a reason that had to be cut");
}

#[tokio::test]
async fn what_an_ended_operation_left_behind_is_not_delivered() {
    let edge = Edge::start().await;
    let mut socket = edge.socket().await;
    socket.subscribe("1", "subscription { ticks(count: 1000000) }", Value::Null).await;
    socket.expect("next", "1").await;
    for message in [json!({ "type": "complete", "id": "1" }), json!({ "type": "ping" })] {
        socket.send(&message).await;
    }
    socket.subscribe("1", "{ hello }", Value::Null).await;
    while socket.message().await["type"] != "pong" {}
    assert_eq!(socket.expect("next", "1").await, json!({ "data": { "hello": "world" } }), "ticks that were waiting are dropped");
}

#[tokio::test]
async fn gql_8_an_operation_stops_when_its_client_ends_it_or_leaves() {
    let (edge, mut seen) = Edge::watched().await;
    let mut socket = edge.socket().await;
    socket.subscribe("1", "{ watched }", Value::Null).await;
    assert_eq!(seen.recv().await, Some("began"));
    socket.send(&json!({ "type": "complete", "id": "1" })).await;
    assert_eq!(seen.recv().await, Some("dropped"));
    socket.subscribe("2", "{ watched }", Value::Null).await;
    assert_eq!(seen.recv().await, Some("began"));
    drop(socket);
    assert_eq!(seen.recv().await, Some("dropped"));
}

#[tokio::test]
async fn jwt_6_a_socket_ends_with_its_token() {
    let edge = Edge::with(|state| {
        state.clock = Arc::new(Ahead(TimeDelta::minutes(1)));
        state.options.token_leeway = Duration::from_millis(50);
    })
    .await;
    let mut socket = edge.socket().await;
    socket.subscribe("1", "subscription { silence }", Value::Null).await;
    assert_eq!(socket.close_code().await, 4403);
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_closed() {
    let edge = Edge::with(|state| {
        state.options.ping_interval = Duration::from_millis(20);
        state.options.pong_timeout = Duration::ZERO;
    })
    .await;
    assert_eq!(edge.socket().await.close_code().await, 4499);
}

#[tokio::test]
async fn drain_closes_every_socket_and_waits_for_its_tasks() {
    let edge = Edge::start().await;
    let (mut idle, mut busy) = (edge.socket().await, edge.socket().await);
    busy.subscribe("1", "subscription { silence }", Value::Null).await;
    busy.expect("next", "1").await;
    edge.stop.cancel();
    assert_eq!((idle.close_code().await, busy.close_code().await), (1012, 1012));
    drop((idle, busy));
    edge.tasks.close();
    edge.tasks.wait().await;
    assert_eq!(Socket::handshake(edge.address, &[PROTOCOL]).await.err(), Some(503));
}

#[tokio::test]
async fn a_client_that_reads_nothing_holds_up_nobody_and_is_given_up() {
    let edge = Edge::with(|state| state.options.stall_timeout = Duration::from_millis(200)).await;
    let mut socket = edge.socket().await;
    socket.subscribe("1", "subscription { ticks(count: 2000000000) }", Value::Null).await;
    edge.tasks.close();
    tokio::time::timeout(Duration::from_secs(15), edge.tasks.wait()).await.expect("the socket is given up");
}
