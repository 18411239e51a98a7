//! Statuses, media types and headers of GraphQL over HTTP.

use super::*;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const GRAPHQL: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

fn body(query: &str) -> String {
    json!({ "query": query }).to_string()
}

#[tokio::test]
async fn each_request_gets_its_status_under_both_media_types() {
    let edge = Edge::with(|state| state.limits.timeout = Duration::from_millis(50)).await;
    let http = edge.http();
    let several = json!({ "query": "query a { hello } query b { hello }" });
    let chosen = |name: &str| json!({ "query": several["query"], "operationName": name }).to_string();
    let table = [
        (body("{ hello }"), 200, 200, ""),
        (body("{ refused }"), 200, 200, "FORBIDDEN"),
        (body("{ caller }"), 200, 200, "UNAUTHENTICATED"),
        (body("{ leaky }"), 200, 200, "INTERNAL"),
        (body("mutation { bump }"), 200, 200, ""),
        (body("{ hello"), 400, 200, "GRAPHQL_PARSE_FAILED"),
        (body("{ absent }"), 400, 200, "GRAPHQL_VALIDATION_FAILED"),
        (json!({ "query": "query($n: Int!) { echo(n: $n) }", "variables": { "n": "x" } }).to_string(), 400, 200, "BAD_USER_INPUT"),
        (several.to_string(), 400, 200, "OPERATION_RESOLUTION_FAILED"),
        (chosen("c"), 400, 200, "OPERATION_RESOLUTION_FAILED"),
        (chosen("b"), 200, 200, ""),
        (json!({ "query": "{ hello }", "operationName": "a" }).to_string(), 400, 200, "OPERATION_RESOLUTION_FAILED"),
        (json!({ "query": "{ hello }", "operationName": "" }).to_string(), 200, 200, ""),
        (body(&format!("{{ hello {} }}", "#".repeat(2_000))), 400, 200, "QUERY_TOO_COMPLEX"),
        (json!({ "documentId": "sha256:00" }).to_string(), 400, 200, "PERSISTED_QUERY_NOT_FOUND"),
        (body("subscription { ticks(count: 1) }"), 400, 400, "BAD_REQUEST"),
        ("{}".to_owned(), 400, 400, "BAD_REQUEST"),
        (format!("[{}]", body("{ hello }")), 400, 400, "BAD_REQUEST"),
        ("not json".to_owned(), 400, 400, "BAD_REQUEST"),
        (json!({ "query": "{ hello }", "variables": [1] }).to_string(), 400, 400, "BAD_REQUEST"),
        (body("{ never }"), 504, 504, "TIMEOUT"),
        (body("{ broken }"), 500, 500, "INTERNAL"),
    ];
    for (body, graphql, json, code) in &table {
        for (accept, status) in [(GRAPHQL, *graphql), (JSON, *json)] {
            let reply = http.send("POST", "/graphql", &[("content-type", JSON), ("accept", accept)], body).await;
            assert_eq!((reply.status, reply.code()), (status, *code), "{body} {accept} {}", reply.body);
            assert_eq!(reply.header("content-type"), format!("{accept}; charset=utf-8"), "{body}");
            let executed = *graphql == 200;
            assert_eq!(reply.body.get("data").is_some(), executed, "{body} {}", reply.body);
            if !code.is_empty() {
                assert_eq!(reply.body["errors"][0]["extensions"]["requestId"], reply.header("x-request-id"), "{body}");
            }
        }
    }
}

#[tokio::test]
async fn the_draft_profile_has_its_own_statuses() {
    let edge = Edge::with(|state| state.options.status_profile = StatusProfile::Draft).await;
    for (query, status) in [("{ hello }", 200), ("{ absent }", 422), ("{ hello", 400), ("{ hello refused }", 294)] {
        assert_eq!(edge.http().graphql(query, Value::Null).await.status, status, "{query}");
    }
}

#[tokio::test]
async fn web_1_get_runs_queries_only() {
    let edge = Edge::start().await;
    let get = |query: &str| {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        format!("/graphql?query={query}")
    };
    let accept = [("accept", GRAPHQL)];
    let reply = edge.http().send("GET", &get("mutation { bump }"), &accept, "").await;
    assert_eq!((reply.status, reply.header("allow"), reply.code()), (405, "POST", "METHOD_NOT_ALLOWED"));
    let two = format!("{}&operationName=b", get("query a { hello } mutation b { bump }"));
    assert_eq!(edge.http().send("GET", &two, &accept, "").await.status, 405);
    let overridden = [("accept", GRAPHQL), ("x-http-method-override", "POST")];
    assert_eq!(edge.http().send("GET", &get("mutation { bump }"), &overridden, "").await.status, 405);
    let reply = edge.http().send("GET", &get("{ hello }"), &accept, "").await;
    assert_eq!((reply.status, &reply.body), (200, &json!({ "data": { "hello": "world" } })));
    let with_variables = format!("{}&variables=%7B%22n%22%3A3%7D", get("query($n: Int!) { echo(n: $n) }"));
    assert_eq!(edge.http().send("GET", &with_variables, &accept, "").await.body["data"]["echo"], 3);
    assert_eq!(edge.http().send("GET", "/graphql", &accept, "").await.status, 400);
    for method in ["PUT", "DELETE", "PATCH"] {
        let reply = edge.http().send(method, "/graphql", &[("content-type", JSON)], &body("{ hello }")).await;
        assert_eq!((reply.status, reply.header("allow")), (405, "GET, POST"), "{method}");
    }
}

#[tokio::test]
async fn web_2_only_json_and_only_the_header_counts() {
    let edge = Edge::start().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/graphql"] {
        let reply = edge.http().send("POST", "/graphql", &[("content-type", kind)], &body("mutation { bump }")).await;
        assert_eq!((reply.status, reply.code()), (415, "UNSUPPORTED_MEDIA_TYPE"), "{kind}");
    }
    let reply = edge.http().send("POST", "/graphql", &[], &body("{ hello }")).await;
    assert_eq!(reply.status, 415, "no type at all");
    let reply = edge.http().send("POST", "/graphql", &[("content-type", JSON), ("accept", "text/html")], &body("{ hello }")).await;
    assert_eq!((reply.status, reply.code()), (406, "NOT_ACCEPTABLE"));
    let path = format!("/graphql?access_token={}", edge.token("ann"));
    let reply = edge.http().send("POST", &path, &[("content-type", JSON)], &body("{ caller }")).await;
    assert_eq!(reply.code(), "UNAUTHENTICATED", "a token in the address is not read");
}

#[tokio::test]
async fn a_large_body_is_refused_before_it_is_read() {
    let edge = Edge::with(|state| state.limits.body_bytes = 1_000).await;
    let reply = edge.http().graphql(&format!("{{ hello }} #{}", "x".repeat(1_000)), Value::Null).await;
    assert_eq!((reply.status, reply.code()), (413, "PAYLOAD_TOO_LARGE"));
    assert_eq!(reply.body["errors"][0]["extensions"]["maximum"], 1_000);
}

#[tokio::test]
async fn a_token_is_verified_before_anything_runs() {
    let edge = Edge::start().await;
    let reply = Http::new(edge.address, Some(&edge.token("ann"))).graphql("{ caller }", Value::Null).await;
    assert_eq!((reply.status, &reply.body["data"]["caller"]), (200, &json!("ann")));
    for bad in ["Bearer nonsense", "Bearer", "Basic YTpi", ""] {
        let headers = [("content-type", JSON), ("authorization", bad)];
        let reply = edge.http().send("POST", "/graphql", &headers, &body("{ hello }")).await;
        assert_eq!((reply.status, reply.code()), (401, "UNAUTHENTICATED"), "{bad}");
        assert_eq!(reply.header("www-authenticate"), "Bearer error=\"invalid_token\"", "{bad}");
    }
    let late = Verifier::new(
        &auth::Options { jwt_secret: "tLq8Zr3vX0mB7nKd5WfHs1GyPc9JaEuT".to_owned(), ..auth::Options::default() },
        Arc::new(Ahead(TimeDelta::hours(-1))),
    );
    let grant = Grant { subject: "ann".to_owned(), email: None, service: false, lifetime: Duration::from_mins(1) };
    let expired = late.unwrap().mint(&grant).unwrap();
    let reply = Http::new(edge.address, Some(&expired)).graphql("{ hello }", Value::Null).await;
    assert_eq!((reply.status, reply.code()), (401, "TOKEN_EXPIRED"));
}

#[tokio::test]
async fn every_answer_is_named_and_not_to_be_stored() {
    let edge = Edge::start().await;
    for (given, path, kept) in
        [("given-by-caller-1", "/graphql?query={hello}", true), ("short", "/healthz", false), ("given-by-caller-2", "/absent", true)]
    {
        let reply = edge.http().send("GET", path, &[("x-request-id", given)], "").await;
        assert_eq!(reply.header("x-request-id") == given, kept, "{path}");
        assert!(reply.header("x-request-id").len() >= 8, "{path}");
        assert_eq!((reply.header("cache-control"), reply.header("x-content-type-options")), ("no-store", "nosniff"), "{path}");
    }
}

#[tokio::test]
async fn only_listed_origins_are_told_that_they_may_call() {
    let edge = Edge::with(|state| state.options.allowed_origins = vec!["https://app.example.com".to_owned(), "*".to_owned()]).await;
    for (origin, expected) in [("https://app.example.com", "https://app.example.com"), ("https://evil.net", ""), ("null", "")] {
        let headers = [("origin", origin), ("access-control-request-method", "POST"), ("access-control-request-headers", "authorization")];
        let reply = edge.http().send("OPTIONS", "/graphql", &headers, "").await;
        assert_eq!(reply.header("access-control-allow-origin"), expected, "{origin}");
        assert_eq!(reply.header("access-control-allow-credentials"), "", "{origin}");
    }
}

#[tokio::test]
async fn many_request_errors_are_cut_short() {
    let edge = Edge::start().await;
    let fields = (0..100).map(|n| format!("absent{n}")).collect::<Vec<_>>().join(" ");
    let reply = edge.http().graphql(&format!("{{ {fields} }}"), Value::Null).await;
    assert_eq!((reply.status, reply.body["errors"].as_array().unwrap().len()), (400, 20));
}

#[tokio::test]
async fn gql_8_a_query_stops_when_its_client_leaves() {
    let (edge, mut seen) = Edge::watched().await;
    let body = body("{ watched }");
    let request = format!("POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: {JSON}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut stream = TcpStream::connect(edge.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(seen.recv().await, Some("began"));
    drop(stream);
    assert_eq!(seen.recv().await, Some("dropped"));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let edge = Edge::with(|state| state.limits.timeout = Duration::from_millis(50)).await;
    let request = format!("POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: {JSON}\r\ncontent-length: 9\r\n\r\n{{");
    let mut stream = TcpStream::connect(edge.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 504");
}

#[tokio::test]
async fn headers_of_resolvers_reach_the_client() {
    let edge = Edge::start().await;
    assert_eq!(edge.http().graphql("{ metered }", Value::Null).await.header("ratelimit"), "cost;r=9");
}

#[tokio::test]
async fn a_broken_handshake_is_refused() {
    let edge = Edge::start().await;
    let reply = edge.http().send("GET", "/graphql", &[("upgrade", "websocket"), ("connection", "upgrade")], "").await;
    assert_eq!((reply.status, reply.code()), (400, "BAD_REQUEST"));
}
