//! Steps that are several calls: jobs at a provider, and other connectors of the workspace.

use serde_json::{Value, json};

use crate::support::upstream::{Call, Reply, Upstream};
use crate::support::{TestApp, one_step};

fn job(base_url: &str, change: impl FnOnce(&mut Value)) -> Value {
    one_step(base_url, |definition| {
        definition["steps"] = json!([{ "id": "job", "kind": "poll", "every": "PT1S", "timeout": "PT1M", "retry": { "attempts": 2, "backoff": { "base": "PT0.01S" } },
            "create": { "method": "POST", "path": "/jobs", "body": { "value": { "q": "{{ inputs.q }}" } } },
            "status": { "path": "/jobs/{{ steps.job.created.id }}", "state": "$.state",
                "states": { "done": ["finished"], "failed": ["error"], "running": ["queued", "working"] } },
            "extract": { "value": { "path": "$.result.value" } } }]);
        definition["outputs"] = json!({ "value": { "value": "{{ steps.job.value }}" } });
        change(&mut definition["steps"][0]);
    })
}

fn made(calls: &[Call]) -> Vec<String> {
    calls.iter().map(|call| format!("{} {}", call.method, call.uri)).collect()
}

fn state(word: &str) -> Reply {
    Reply::Json(200, json!({ "state": word, "result": { "value": 42 } }))
}

#[tokio::test]
async fn a_job_is_started_once_and_asked_for_until_it_is_done() {
    let upstream = Upstream::start(|call| match (call.uri.path(), call.nth) {
        ("/jobs", _) => Reply::Json(202, json!({ "id": 7 })),
        (_, 1) => state("queued"),
        // An asking that fails is tried again and is no end of the job.
        (_, 2) => Reply::Json(503, json!({})),
        _ => state("finished"),
    })
    .await;
    let app = TestApp::start().await;
    let connector = app.connector(job(&upstream.base_url(), |step| step["cost"] = json!(3))).await;
    let execution = app.run_to_end(&connector, json!({ "q": "x" })).await;
    assert_eq!((&execution["output"]["value"], &execution["cost"]), (&json!(42), &json!(3.0)), "{execution}");
    assert_eq!(made(&upstream.calls()), ["POST /jobs", "GET /jobs/7", "GET /jobs/7", "GET /jobs/7"]);
    let document = "query($id: ID!) { execution(id: $id) { steps { path } step(path: \"job\") { children(first: 10) { nodes { path status attempts { number error { code } } } } } } }";
    let read = app.ok("ann", document, json!({ "id": execution["id"] })).await;
    let nodes = &read["execution"]["step"]["children"]["nodes"];
    let paths: Vec<_> = nodes.as_array().unwrap().iter().map(|node| node["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["job/create", "job/status"]);
    let attempts =
        json!([{ "number": 1, "error": null }, { "number": 2, "error": { "code": "HTTP_STATUS" } }, { "number": 3, "error": null }]);
    assert_eq!(nodes[1]["attempts"], attempts);
}

#[tokio::test]
async fn the_result_of_a_job_may_lie_elsewhere() {
    let upstream = Upstream::start(|call| match call.uri.path() {
        "/jobs" => Reply::Json(202, json!({ "id": 7, "at": "r9" })),
        "/jobs/7" => Reply::Json(200, json!({ "state": "finished" })),
        _ => Reply::Json(200, json!({ "result": { "value": "there" } })),
    })
    .await;
    let app = TestApp::start().await;
    let definition = job(&upstream.base_url(), |step| step["result"] = json!({ "path": "/results/{{ steps.job.created.at }}" }));
    let connector = app.connector(definition).await;
    let execution = app.run_to_end(&connector, json!({ "q": "x" })).await;
    assert_eq!(execution["output"]["value"], "there", "{execution}");
    assert_eq!(made(&upstream.calls()), ["POST /jobs", "GET /jobs/7", "GET /results/r9"]);
}

#[tokio::test]
async fn a_job_that_fails_or_takes_too_long_fails_the_step() {
    let upstream = Upstream::start(|call| match (call.uri.path(), call.query("q")) {
        ("/jobs", _) => Reply::Json(202, json!({ "id": String::from_utf8_lossy(&call.body).contains("slow") })),
        ("/jobs/true", _) => state("working"),
        _ => state(if call.nth == 1 { "error" } else { "odd" }),
    })
    .await;
    let app = TestApp::start().await;
    let abort = json!({ "method": "DELETE", "path": "/jobs/{{ steps.job.created.id }}" });
    let definition = job(&upstream.base_url(), |step| {
        step["abort"] = abort;
        step["timeout"] = json!("PT0.5S");
    });
    let connector = app.connector(definition).await;
    let failed = app.run_to_end(&connector, json!({ "q": "x" })).await;
    assert!(failed["error"]["message"].as_str().unwrap().contains("`error`"), "{failed}");
    let unknown = app.run_to_end(&connector, json!({ "q": "x" })).await;
    assert_eq!((&unknown["error"]["code"], &unknown["error"]["stepPath"]), (&json!("EXTRACTION"), &json!("job/status")), "{unknown}");
    let slow = app.run_to_end(&connector, json!({ "q": "slow" })).await;
    assert_eq!(slow["error"]["code"], "TIMEOUT", "{slow}");
    assert_eq!(made(&upstream.calls())[4..], ["POST /jobs", "GET /jobs/true", "DELETE /jobs/true"], "given up");
}

/// Publishes a connector under a key.
async fn keyed(app: &TestApp, key: &str, definition: Value) -> String {
    let document =
        "mutation($input: ConnectorCreateInput!) { connectorCreate(input: $input) { connector { id } userErrors { message path } } }";
    let input = json!({ "workspace": { "key": "a" }, "name": key, "key": key, "source": { "definition": definition } });
    let id = app.ok("ann", document, json!({ "input": input })).await["connectorCreate"]["connector"]["id"].as_str().unwrap().to_owned();
    app.ok("ann", "mutation($id: ID!) { connectorPublish(input: { id: $id }) { userErrors { message } } }", json!({ "id": id })).await;
    id
}

fn caller(key: &str, inputs: Value) -> Value {
    one_step("http://127.0.0.1:9", |definition| {
        definition["steps"] = json!([
            { "id": "other", "kind": "call", "connector": key, "inputs": inputs },
            { "id": "after", "kind": "set", "values": { "value": "{{ steps.other.value ~ '!' }}" } }]);
        definition["outputs"] = json!({ "value": { "value": "{{ steps.after.value }}" } });
    })
}

#[tokio::test]
async fn a_connector_calls_another_and_goes_on_with_what_comes_out() {
    let upstream = Upstream::start(|call| Reply::Json(200, json!({ "value": call.query("q") }))).await;
    let app = TestApp::start().await;
    let inner = one_step(&upstream.base_url(), |definition| {
        definition["config"] = json!({ "type": "object", "properties": { "suffix": { "type": "string", "default": "-c" } } });
        definition["steps"][0]["request"]["query"]["q"] = json!("{{ inputs.q ~ config.suffix }}");
        definition["steps"].as_array_mut().unwrap().push(json!({ "id": "stop", "kind": "stop", "result": "inner" }));
    });
    keyed(&app, "inner", inner).await;
    let outer = app.connector(caller("inner", json!({ "q": "{{ inputs.q | upper }}" }))).await;
    let execution = app.run_to_end(&outer, json!({ "q": "x" })).await;
    assert_eq!((&execution["output"]["value"], &execution["result"]), (&json!("X-c!"), &Value::Null), "{execution}");
    let step = "query($id: ID!) { execution(id: $id) { step(path: \"other/call\") { status } } }";
    assert_eq!(app.ok("ann", step, json!({ "id": execution["id"] })).await["execution"]["step"]["status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_call_that_cannot_be_made_says_why() {
    let app = TestApp::start().await;
    let last = keyed(&app, "c0", one_step("http://127.0.0.1:9", |_| {})).await;
    let mut deepest = String::new();
    for number in 1..=7 {
        deepest = keyed(&app, &format!("c{number}"), caller(&format!("c{}", number - 1), json!({}))).await;
    }
    let message =
        async |connector: &str| app.run_to_end(connector, json!({ "q": "x" })).await["error"]["message"].as_str().unwrap().to_owned();
    assert!(message(&deepest).await.contains("more than 5 deep"));
    let wrong = app.connector(caller("c1", json!({ "q": 5 }))).await;
    assert!(message(&wrong).await.contains("/q"), "the input of the other is checked");
    let orphan = app.connector(caller("c0", json!({ "q": "x" }))).await;
    app.ok("ann", "mutation($id: ID!) { connectorDelete(input: { id: $id }) { userErrors { message } } }", json!({ "id": last })).await;
    assert!(message(&orphan).await.contains("There is no connector `c0`"));
}

/// Why a draft cannot be published: codes and places.
async fn refused(app: &TestApp, id: &str, definition: Value) -> Vec<(String, String)> {
    let update = "mutation($input: ConnectorUpdateInput!) { connectorUpdate(input: $input) { userErrors { message } } }";
    app.ok("ann", update, json!({ "input": { "id": id, "definition": definition } })).await;
    let publish = "mutation($id: ID!) { connectorPublish(input: { id: $id }) { userErrors { ... on DefinitionError { problems { code pointer } } } } }";
    let answer = app.graphql("ann", publish, json!({ "id": id })).await;
    let problems = answer["data"]["connectorPublish"]["userErrors"][0]["problems"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
    problems.iter().map(|problem| (problem["code"].as_str().unwrap().to_owned(), problem["pointer"].as_str().unwrap().to_owned())).collect()
}

#[tokio::test]
async fn calls_that_lead_back_or_nowhere_are_refused_when_they_are_published() {
    let app = TestApp::start().await;
    let one = keyed(&app, "one", one_step("http://127.0.0.1:9", |_| {})).await;
    keyed(&app, "two", caller("one", json!({}))).await;
    keyed(&app, "three", caller("two", json!({}))).await;
    let place = "/steps/0/connector".to_owned();
    for (key, code) in [("three", "call-cycle"), ("one", "call-cycle"), ("nobody", "unknown-connector")] {
        assert_eq!(refused(&app, &one, caller(key, json!({}))).await, [(code.to_owned(), place.clone())], "{key}");
    }
}

#[tokio::test]
async fn ten_4_a_key_that_only_another_workspace_has_is_not_found() {
    let app = TestApp::start().await;
    app.workspace("b", "bob").await;
    let document = "mutation($input: ConnectorCreateInput!) { connectorCreate(input: $input) { connector { id } userErrors { message } } }";
    let definition = one_step("http://127.0.0.1:9", |_| {});
    let input = json!({ "workspace": { "key": "b" }, "name": "Theirs", "key": "theirs", "source": { "definition": definition } });
    let theirs = app.ok("bob", document, json!({ "input": input })).await["connectorCreate"]["connector"]["id"].clone();
    app.ok("bob", "mutation($id: ID!) { connectorPublish(input: { id: $id }) { userErrors { message } } }", json!({ "id": theirs })).await;
    let ours = keyed(&app, "ours", one_step("http://127.0.0.1:9", |_| {})).await;
    let found = refused(&app, &ours, caller("theirs", json!({}))).await;
    assert_eq!(found, [("unknown-connector".to_owned(), "/steps/0/connector".to_owned())]);
    // Nor in a run: a test runs a draft as it is.
    let test =
        "mutation($input: ConnectorTestInput!) { connectorTest(input: $input) { execution { error { message } } userErrors { message } } }";
    let input = json!({ "workspace": { "key": "a" }, "target": { "definition": caller("theirs", json!({})) }, "waitMs": 30_000 });
    let tested = app.ok("ann", test, json!({ "input": input })).await;
    let message = &tested["connectorTest"]["execution"]["error"]["message"];
    assert_eq!(message, "There is no connector `theirs` in this workspace", "{tested}");
}
