//! Credentials go in and never out: not through the API, not into logs, not to a host of someone's choosing.

use serde_json::{Value, json};

use crate::support::upstream::{Reply, Upstream};
use crate::support::{TestApp, one_step};

const CANARY: &str = "canary-7f3a9e51c2d84b60";
const CREATE: &str = "mutation($input: CredentialCreateInput!) { credentialCreate(input: $input) { credential { id kind fields { key secret preview } allowedHosts } userErrors { code path } } }";
const BIND: &str = "mutation($input: ConnectorCredentialsBindInput!) { connectorCredentialsBind(input: $input) { connector { status credentialBindings { slot { key } credential { name } } } userErrors { code message ... on CredentialError { slot host } } } }";

async fn credential(app: &TestApp, name: &str, secret: Value, hosts: &[&str]) -> String {
    let input = json!({ "workspace": { "key": "a" }, "name": name, "secret": secret, "allowedHosts": hosts });
    let made = app.ok("ann", CREATE, json!({ "input": input })).await;
    made["credentialCreate"]["credential"]["id"].as_str().unwrap().to_owned()
}

fn with_slot(base_url: &str, slot: Value) -> Value {
    one_step(base_url, |definition| {
        definition["credentials"] = json!({ "api": slot });
        definition["defaults"]["auth"] = json!("api");
    })
}

/// A connector with a slot and a credential in it.
async fn bound(app: &TestApp, base_url: &str, slot: Value, secret: Value) -> String {
    let connector = app.connector(with_slot(base_url, slot)).await;
    let credential = credential(app, &format!("for {connector}"), secret, &["127.0.0.1"]).await;
    app.ok("ann", BIND, json!({ "input": { "id": connector, "bind": [{ "slot": "api", "credential": { "id": credential } }] } })).await;
    connector
}

#[tokio::test]
async fn each_kind_enters_the_request_where_its_slot_says() {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "value": 1 }))).await;
    let app = TestApp::start().await;
    let slot = |kind: &str, inject: Value| {
        let mut slot = json!({ "kind": kind, "hosts": ["127.0.0.1"] });
        if !inject.is_null() {
            slot["inject"] = inject;
        }
        slot
    };
    let cases = [
        (slot("api_key", json!({ "in": "header", "name": "X-Key", "format": "Token {}" })), json!({ "apiKey": { "value": CANARY } })),
        (slot("api_key", json!({ "in": "query", "name": "key" })), json!({ "apiKey": { "value": CANARY } })),
        (slot("bearer", Value::Null), json!({ "bearer": { "token": CANARY } })),
        (slot("basic", Value::Null), json!({ "basic": { "username": "u", "password": "p" } })),
    ];
    for (slot, secret) in cases {
        let connector = bound(&app, &upstream.base_url(), slot, secret).await;
        let execution = app.run_to_end(&connector, json!({ "q": "x" })).await;
        assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    }
    let calls = upstream.calls();
    assert_eq!(calls[0].header("x-key"), Some(&*format!("Token {CANARY}")));
    assert_eq!(calls[1].query("key").as_deref(), Some(CANARY));
    assert_eq!(calls[2].header("authorization"), Some(&*format!("Bearer {CANARY}")));
    assert_eq!(calls[3].header("authorization"), Some("Basic dTpw"));
}

#[tokio::test]
async fn sec_1_sec_3_sec_5_a_secret_is_in_no_answer_no_log_and_no_file() {
    // The service echoes what it was sent, in a header, in the body, and encoded.
    let upstream = Upstream::start(|call| {
        let key = call.query("key").unwrap_or_default();
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &key);
        Reply::Raw(
            200,
            "application/json",
            vec![("x-request-id", key.clone())],
            json!({ "value": key, "again": format!("<{encoded}>") }).to_string().into(),
        )
    })
    .await;
    let app = TestApp::start().await;
    let slot = json!({ "kind": "api_key", "hosts": ["127.0.0.1"], "inject": { "in": "query", "name": "key" } });
    let connector = bound(&app, &upstream.base_url(), slot.clone(), json!({ "apiKey": { "value": CANARY } })).await;
    let execution = app.run_to_end(&connector, json!({ "q": "x" })).await;
    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    assert_eq!(execution["output"]["value"], "***");
    let everything = app
        .ok(
            "ann",
            "{ workspace(by: { key: \"a\" }) { credentials { nodes { name fields { key secret preview } connectors: health } } } }",
            json!({}),
        )
        .await;
    let contents = app.stop().await.contents().await;
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, CANARY);
    for form in [CANARY, &encoded, &hex(CANARY)] {
        assert!(!execution.to_string().contains(form) && !everything.to_string().contains(form), "{form} in an answer");
        for (name, bytes) in &contents {
            assert!(!bytes.windows(form.len()).any(|window| window == form.as_bytes()), "{form} in {name}");
        }
    }
}

#[tokio::test]
async fn sec_2_a_failed_call_with_a_secret_in_its_query_tells_nothing() {
    let app = TestApp::start().await;
    let slot = json!({ "kind": "api_key", "hosts": ["127.0.0.1"], "inject": { "in": "query", "name": "key" } });
    let connector = bound(&app, "http://127.0.0.1:9", slot, json!({ "apiKey": { "value": CANARY } })).await;
    let execution = app.run_to_end(&connector, json!({ "q": "x" })).await;
    assert_eq!(execution["status"], "FAILED");
    assert!(!execution.to_string().contains(CANARY), "{execution}");
}

#[tokio::test]
async fn sec_8_a_credential_goes_only_to_its_own_hosts() {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "value": 1 }))).await;
    let app = TestApp::start().await;
    let connector = app.connector(with_slot(&upstream.base_url(), json!({ "kind": "bearer", "hosts": ["127.0.0.1"] }))).await;
    let elsewhere = credential(&app, "elsewhere", json!({ "bearer": { "token": CANARY } }), &["api.other.example"]).await;
    let wrong_kind = credential(&app, "kind", json!({ "apiKey": { "value": CANARY } }), &["127.0.0.1"]).await;
    for (id, code) in [(elsewhere, "HOST_NOT_ALLOWED"), (wrong_kind, "CREDENTIAL_MISMATCH")] {
        let answer = app
            .graphql("ann", BIND, json!({ "input": { "id": connector, "bind": [{ "slot": "api", "credential": { "id": id } }] } }))
            .await;
        assert_eq!(answer["data"]["connectorCredentialsBind"]["userErrors"][0]["code"], code, "{answer}");
    }
    assert!(upstream.calls().is_empty());
}

#[tokio::test]
async fn a_slot_without_a_credential_refuses_the_start_and_says_which() {
    let app = TestApp::start().await;
    let connector = app.connector(with_slot("http://127.0.0.1:9", json!({ "kind": "bearer", "hosts": ["127.0.0.1"] }))).await;
    let document =
        "mutation($input: ExecutionStartInput!) { executionStart(input: $input) { execution { id } userErrors { code message } } }";
    let answer = app.graphql("ann", document, json!({ "input": { "connectorId": connector, "input": {} } })).await;
    let error = &answer["data"]["executionStart"]["userErrors"][0];
    assert!(matches!(error["code"].as_str(), Some("CREDENTIAL_MISSING" | "INVALID_STATE")), "{answer}");
}

#[tokio::test]
async fn a_secret_written_into_the_document_is_refused() {
    let app = TestApp::start().await;
    let document = format!(
        "mutation {{ credentialCreate(input: {{ workspace: {{ key: \"a\" }}, name: \"x\", allowedHosts: [\"h.example\"], secret: {{ apiKey: {{ value: \"{CANARY}\" }} }} }}) {{ credential {{ id }} }} }}"
    );
    let answer = app.graphql("ann", &document, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "SECRET_IN_DOCUMENT", "{answer}");
    assert!(!answer.to_string().contains(CANARY), "{answer}");
}

#[tokio::test]
async fn a_credential_in_use_is_deleted_only_when_unbound() {
    let app = TestApp::start().await;
    let connector =
        bound(&app, "http://127.0.0.1:9", json!({ "kind": "bearer", "hosts": ["127.0.0.1"] }), json!({ "bearer": { "token": CANARY } }))
            .await;
    let list = app.ok("ann", "{ workspace(by: { key: \"a\" }) { credentials { nodes { id } } } }", json!({})).await;
    let id = list["workspace"]["credentials"]["nodes"][0]["id"].clone();
    let document = "mutation($input: CredentialDeleteInput!) { credentialDelete(input: $input) { deletedId userErrors { code ... on InUseError { count connectors { id } } } } }";
    let refused = app.graphql("ann", document, json!({ "input": { "id": id } })).await;
    let error = &refused["data"]["credentialDelete"]["userErrors"][0];
    assert_eq!((&error["code"], &error["connectors"][0]["id"]), (&json!("IN_USE"), &json!(connector)), "{refused}");
    app.ok("ann", document, json!({ "input": { "id": id, "unbind": true } })).await;
    let after = app.ok("ann", "query($id: ID!) { connector(id: $id) { status } }", json!({ "id": connector })).await;
    assert_eq!(after["connector"]["status"], "BLOCKED");
}

fn hex(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

#[tokio::test]
async fn a_repeated_start_gives_the_first_one_whatever_became_of_the_connector() {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "value": 1 }))).await;
    let app = TestApp::start().await;
    let slot = json!({ "kind": "bearer", "hosts": ["127.0.0.1"] });
    let connector = bound(&app, &upstream.base_url(), slot, json!({ "bearer": { "token": CANARY } })).await;
    let start =
        "mutation($input: ExecutionStartInput!) { executionStart(input: $input) { repeated execution { id } userErrors { code } } }";
    let input =
        |key: &str| json!({ "input": { "connectorId": connector, "input": { "q": "x" }, "idempotencyKey": key, "waitMs": 20_000 } });
    let first = app.ok("ann", start, input("k")).await["executionStart"].clone();
    app.ok("ann", BIND, json!({ "input": { "id": connector, "unbind": ["api"] } })).await;
    let again = app.ok("ann", start, input("k")).await["executionStart"].clone();
    assert_eq!((&again["repeated"], &again["execution"]), (&json!(true), &first["execution"]), "{again}");
    let new = app.graphql("ann", start, input("another")).await;
    assert_eq!(new["data"]["executionStart"]["userErrors"][0]["code"], "CREDENTIAL_MISSING", "{new}");
    assert_eq!(upstream.calls().len(), 1);
}
