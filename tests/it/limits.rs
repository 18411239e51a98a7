//! Documents too large, too deep or too broken are refused before they cost anything, and the server lives on.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::support::TestApp;

async fn refused_with(app: &TestApp, document: &str, code: &str) -> Value {
    let (status, answer) = app.post(Some(&app.token("ann")), document, json!({})).await;
    let shown: String = document.chars().take(60).collect();
    assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{shown}: {status} {answer}");
    assert!(answer.to_string().len() < 4096, "the answer stays small");
    app.ok("ann", "{ viewer { actor { subject } } }", json!({})).await;
    answer
}

#[tokio::test]
async fn gql_1_nesting_is_bounded_before_the_parser() {
    let app = TestApp::start().await;
    refused_with(&app, &format!("{{ a(b: {}{}) }}", "[".repeat(1600), "]".repeat(1600)), "QUERY_TOO_COMPLEX").await;
    refused_with(&app, &format!("query($v: X = {}1{}) {{ a }}", "{a:".repeat(1600), "}".repeat(1600)), "QUERY_TOO_COMPLEX").await;
    refused_with(&app, &"{a".repeat(1600), "QUERY_TOO_COMPLEX").await;
}

#[tokio::test]
async fn gql_2_fragments_cannot_multiply_or_turn_in_circles() {
    let app = TestApp::start().await;
    let mut bomb = String::from("{ viewer { ...f0 } }");
    for n in 0..30 {
        write!(bomb, " fragment f{n} on Viewer {{ a{n}: email ...f{0} ...f{0} }}", n + 1).unwrap();
    }
    bomb.push_str(" fragment f30 on Viewer { email }");
    refused_with(&app, &bomb, "QUERY_TOO_COMPLEX").await;
    let (_, answer) = app
        .post(Some(&app.token("ann")), "{ viewer { ...a } } fragment a on Viewer { ...b } fragment b on Viewer { ...a }", json!({}))
        .await;
    assert!(answer["errors"][0]["extensions"]["code"].is_string(), "{answer}");
}

#[tokio::test]
async fn gql_3_gql_4_depth_tokens_and_size_are_bounded() {
    let app = TestApp::start().await;
    let deep = (0..16).fold("id".to_owned(), |inner, _| format!("workspace {{ connectors {{ nodes {{ {inner} }} }} }}"));
    refused_with(&app, &format!("{{ workspace(by: {{ key: \"a\" }}) {{ connectors {{ nodes {{ {deep} }} }} }} }}"), "QUERY_TOO_COMPLEX")
        .await;
    let aliases = (0..1500).map(|n| format!("a{n}: viewer {{ email }}")).collect::<Vec<_>>().join(" ");
    refused_with(&app, &format!("{{ {aliases} }}"), "QUERY_TOO_COMPLEX").await;
    refused_with(&app, &format!("{{ viewer {{ email }} }} #{}", "x".repeat(40_000)), "QUERY_TOO_COMPLEX").await;
}

#[tokio::test]
async fn gql_9_what_is_no_document_is_told_so() {
    let app = TestApp::start().await;
    refused_with(&app, "{ viewer { ", "GRAPHQL_PARSE_FAILED").await;
    refused_with(&app, "{ viewer { nonsense } }", "GRAPHQL_VALIDATION_FAILED").await;
    refused_with(&app, "{ connector(id: \"nonsense\") { id } }", "BAD_USER_INPUT").await;
    refused_with(&app, "{ connector(id: \"exe_06f9m3v8q0xk7d2hj5s1wz4ncg\") { id } }", "BAD_USER_INPUT").await;
    refused_with(&app, "{ workspace(by: { key: \"a\" }) { connectors(first: 101) { nodes { id } } } }", "BAD_USER_INPUT").await;
    refused_with(&app, "{ workspace(by: { key: \"a\" }) { connectors(first: 1, last: 1) { nodes { id } } } }", "BAD_USER_INPUT").await;
}

#[tokio::test]
async fn a_definition_too_large_or_too_deep_is_a_problem_not_a_crash() {
    let app = TestApp::start().await;
    let validate = "query($d: ConnectorDefinition!) { definitionValidation(input: { workspace: { key: \"a\" }, definition: $d }) { valid problems { code pointer } } }";
    let mut deep = json!(1);
    for _ in 0..120 {
        deep = json!([deep]);
    }
    let mut definition = crate::support::one_step("http://127.0.0.1:9", |_| {});
    definition["steps"][0]["request"]["body"] = json!({ "value": deep });
    let answer = app.ok("ann", validate, json!({ "d": definition })).await;
    assert_eq!(answer["definitionValidation"]["valid"], false, "{answer}");
    let answer = app.ok("ann", validate, json!({ "d": "not an object" })).await;
    assert_eq!(answer["definitionValidation"]["problems"][0]["pointer"], "", "{answer}");
}

#[tokio::test]
async fn inp_2_nul_never_reaches_the_database() {
    let app = TestApp::start().await;
    let upsert = "mutation($contact: ContactDraftInput!) { contactUpsert(input: { workspace: { key: \"a\" }, contact: $contact }) { userErrors { code } } }";
    let search = "query($text: String) { workspace(by: { key: \"a\" }) { contacts(filter: { search: $text }) { totalCount } } }";
    let cursor = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, "contacts\u{1f}\u{1f}con_\0");
    let page = "query($text: String) { workspace(by: { key: \"a\" }) { contacts(first: 1, after: $text) { totalCount } } }";
    let literal = "{ workspace(by: { key: \"a\\u0000\" }) { id } }";
    for (document, variables) in [
        (upsert, json!({ "contact": { "key": "x\0" } })),
        (upsert, json!({ "contact": { "key": "x", "attributes": { "deep": [{ "na\0me": 1 }] } } })),
        (search, json!({ "text": "\0" })),
        (page, json!({ "text": cursor })),
        (literal, json!({})),
    ] {
        let answer = app.graphql("ann", document, variables).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{document}: {answer}");
    }
}
