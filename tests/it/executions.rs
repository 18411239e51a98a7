//! Runs: steps, retries that wait without a worker, conditions, stops, cancelling, idempotency.

use std::sync::Arc;
use std::time::Duration;

use connectors::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::support::client::Client;
use crate::support::upstream::{Reply, Upstream};
use crate::support::{TestApp, one_step};

fn messages(execution: &Value) -> Vec<String> {
    let nodes = execution["logs"]["nodes"].as_array().unwrap();
    nodes.iter().map(|line| line["message"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_step_is_called_extracted_and_recorded() {
    let upstream = Upstream::start(|call| Reply::Json(200, json!({ "value": call.query("q") }))).await;
    let app = TestApp::start().await;
    let connector = app.connector(one_step(&upstream.base_url(), |_| {})).await;
    let execution = app.run_to_end(&connector, json!({ "q": "a b&c=d" })).await;
    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    assert_eq!(execution["output"], json!({ "value": "a b&c=d" }));
    assert_eq!(execution["number"], 1);
    let step = &execution["steps"][0];
    assert_eq!((&step["path"], &step["status"]), (&json!("call"), &json!("SUCCEEDED")));
    assert_eq!(step["attempts"][0]["exchanges"][0]["status"], 200);
    let sequences: Vec<_> = execution["logs"]["nodes"].as_array().unwrap().iter().map(|line| line["sequence"].as_i64().unwrap()).collect();
    assert_eq!(sequences, (1..=execution["lastLogSequence"].as_i64().unwrap()).collect::<Vec<_>>());
    assert_eq!(upstream.calls().len(), 1);
}

#[tokio::test]
async fn a_failed_attempt_is_tried_again_and_every_attempt_is_kept() {
    let upstream = Upstream::start(|call| match call.nth {
        1 => Reply::Json(503, json!({})),
        2 => Reply::Json(500, json!({})),
        _ => Reply::Json(200, json!({ "value": 7 })),
    })
    .await;
    let app = TestApp::start().await;
    let connector = app.connector(one_step(&upstream.base_url(), |_| {})).await;
    let execution = app.run_to_end(&connector, json!({ "q": "x" })).await;
    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    let attempts = execution["steps"][0]["attempts"].as_array().unwrap();
    let statuses: Vec<_> = attempts.iter().map(|attempt| attempt["exchanges"][0]["status"].as_i64().unwrap()).collect();
    assert_eq!(statuses, [503, 500, 200]);
    assert_eq!(execution["warningCount"].as_i64().unwrap(), 4, "two bad answers and two waits: {:?}", messages(&execution));
}

#[tokio::test]
async fn after_the_last_attempt_the_run_fails_with_the_reason() {
    let upstream = Upstream::start(|_| Reply::Json(503, json!({}))).await;
    let app = TestApp::start().await;
    let connector = app.connector(one_step(&upstream.base_url(), |_| {})).await;
    let execution = app.run_to_end(&connector, json!({ "q": "x" })).await;
    assert_eq!(execution["status"], "FAILED");
    let error = &execution["error"];
    assert_eq!((&error["stepPath"], &error["httpStatus"], &error["attempt"]), (&json!("call"), &json!(503), &json!(3)), "{error}");
    assert_eq!(upstream.calls().len(), 3);
}

#[tokio::test]
async fn a_wait_longer_than_the_rule_allows_fails_and_a_shorter_one_is_kept_to() {
    let upstream = Upstream::start(|call| match (call.query("q").as_deref(), call.nth) {
        (Some("long"), _) => Reply::Raw(429, "application/json", vec![("retry-after", "3600".to_owned())], "{}".into()),
        (_, 1) => Reply::Raw(429, "application/json", vec![("retry-after", "1".to_owned())], "{}".into()),
        _ => Reply::Json(200, json!({ "value": 1 })),
    })
    .await;
    let app = TestApp::start().await;
    let definition = one_step(&upstream.base_url(), |definition| {
        definition["steps"][0]["rules"] =
            json!([{ "if": { "status": [429] }, "then": "rate_limited", "wait": { "header": "Retry-After", "max": "PT10S" } }]);
    });
    let connector = app.connector(definition).await;
    let (long, short) =
        tokio::join!(app.run_to_end(&connector, json!({ "q": "long" })), app.run_to_end(&connector, json!({ "q": "short" })));
    assert_eq!(long["error"]["code"], "UPSTREAM_RATE_LIMIT", "{long}");
    assert_eq!(long["steps"][0]["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(short["status"], "SUCCEEDED");
    assert_eq!(short["steps"][0]["attempts"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_run_that_waits_holds_no_worker() {
    let upstream = Upstream::start(|call| match call.query("q").as_deref() {
        Some("waits") => Reply::Raw(429, "application/json", vec![("retry-after", "3600".to_owned())], "{}".into()),
        _ => Reply::Json(200, json!({ "value": 1 })),
    })
    .await;
    let app = TestApp::start_with(|config| config.worker.concurrency = 1).await;
    let definition = one_step(&upstream.base_url(), |definition| {
        definition["steps"][0]["rules"] =
            json!([{ "if": { "status": [429] }, "then": "rate_limited", "wait": { "header": "Retry-After", "max": "PT2H" } }]);
        definition["steps"][0]["retry"]["max_elapsed"] = json!("PT3H");
    });
    let connector = app.connector(definition).await;
    let waiting = app.run(&connector, json!({ "q": "waits" })).await;
    let execution = app.run_to_end(&connector, json!({ "q": "runs" })).await;
    assert_eq!(execution["status"], "SUCCEEDED", "the only worker was free");
    let mut log = app.follow(&waiting, 0).await;
    log.until(|line| line["message"].as_str().is_some_and(|text| text.contains("next attempt in"))).await;
    assert_eq!(app.execution(&waiting).await["status"], "WAITING");

    let cancel = "mutation($input: ExecutionCancelInput!) { executionCancel(input: $input) { execution { status } userErrors { code } } }";
    app.ok("ann", cancel, json!({ "input": { "id": waiting } })).await;
    assert_eq!(app.await_end(&waiting).await["status"], "CANCELLED");
    let again = app.graphql("ann", cancel, json!({ "input": { "id": waiting } })).await;
    assert_eq!(again["data"]["executionCancel"]["userErrors"][0]["code"], "INVALID_STATE", "{again}");
}

#[tokio::test]
async fn cancelling_breaks_off_the_call_under_way() {
    let upstream = Upstream::start(|_| Reply::Hang).await;
    let app = TestApp::start().await;
    let connector = app.connector(one_step(&upstream.base_url(), |definition| definition["defaults"]["timeout"] = json!("PT1M"))).await;
    let id = app.run(&connector, json!({ "q": "x" })).await;
    let mut log = app.follow(&id, 0).await;
    log.until(|line| line["kind"] == "HTTP").await;
    let cancel = "mutation($input: ExecutionCancelInput!) { executionCancel(input: $input) { userErrors { code } } }";
    app.ok("ann", cancel, json!({ "input": { "id": id } })).await;
    let execution = app.await_end(&id).await;
    assert_eq!((&execution["status"], &execution["error"]["code"]), (&json!("CANCELLED"), &json!("CANCELLED")));
}

#[tokio::test]
async fn conditions_set_stop_and_on_error_do_what_they_say() {
    let upstream =
        Upstream::start(
            |call| if call.uri.path() == "/bad" { Reply::Json(400, json!({})) } else { Reply::Json(200, json!({ "value": 3 })) },
        )
        .await;
    let app = TestApp::start().await;
    let definition = one_step(&upstream.base_url(), |definition| {
        definition["steps"] = json!([
            { "id": "first", "kind": "set", "values": { "double": "{{ 21 * 2 }}", "list": ["{{ inputs.q }}", 1] } },
            { "id": "left_out", "kind": "http", "when": "{{ steps.first.double == 1 }}", "request": { "path": "/never" } },
            { "id": "breaks", "kind": "http", "on_error": "continue", "request": { "path": "/bad" }, "extract": { "v": { "path": "$.v" } } },
            { "id": "end", "kind": "stop", "when": "{{ steps.breaks.v == null }}", "result": "no_match" },
            { "id": "after", "kind": "http", "request": { "path": "/never" } },
        ]);
        definition["outputs"] = json!({ "double": { "value": "{{ steps.first.double }}" }, "list": { "value": "{{ steps.first.list }}" } });
    });
    let connector = app.connector(definition).await;
    let execution = app.run_to_end(&connector, json!({ "q": "z" })).await;
    assert_eq!((&execution["status"], &execution["result"]), (&json!("SUCCEEDED"), &json!("no_match")), "{execution}");
    assert_eq!(execution["output"], json!({ "double": 42, "list": ["z", 1] }));
    let states: Vec<_> = execution["steps"].as_array().unwrap().iter().map(|step| step["status"].as_str().unwrap()).collect();
    assert_eq!(
        states,
        ["SUCCEEDED", "SKIPPED", "FAILED", "SUCCEEDED", "PENDING"].map(|state| if state == "PENDING" { "SKIPPED" } else { state })
    );
    assert!(upstream.calls().iter().all(|call| call.uri.path() != "/never"));
}

#[tokio::test]
async fn the_same_idempotency_key_gives_the_same_execution() {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "value": 1 }))).await;
    let app = TestApp::start().await;
    let connector = app.connector(one_step(&upstream.base_url(), |_| {})).await;
    let document =
        "mutation($input: ExecutionStartInput!) { executionStart(input: $input) { repeated execution { id } userErrors { code } } }";
    let start = |q: &str| json!({ "input": { "connectorId": connector, "input": { "q": q }, "idempotencyKey": "k1", "waitMs": 10_000 } });
    let first = app.ok("ann", document, start("x")).await["executionStart"].clone();
    let second = app.ok("ann", document, start("x")).await["executionStart"].clone();
    assert_eq!((&first["repeated"], &second["repeated"]), (&json!(false), &json!(true)));
    assert_eq!(first["execution"]["id"], second["execution"]["id"]);
    let other = app.graphql("ann", document, start("y")).await;
    assert_eq!(other["data"]["executionStart"]["userErrors"][0]["code"], "IDEMPOTENCY_MISMATCH", "{other}");
    assert_eq!(upstream.calls().len(), 1);
}

#[tokio::test]
async fn input_that_does_not_fit_is_refused_before_anything_is_stored() {
    let app = TestApp::start().await;
    let definition = one_step("http://127.0.0.1:1", |definition| definition["inputs"]["required"] = json!(["q"]));
    let connector = app.connector(definition).await;
    let document =
        "mutation($input: ExecutionStartInput!) { executionStart(input: $input) { execution { id } userErrors { code path message } } }";
    for input in [json!({}), json!({ "q": 5 })] {
        let answer = app.graphql("ann", document, json!({ "input": { "connectorId": connector, "input": input } })).await;
        let error = &answer["data"]["executionStart"]["userErrors"][0];
        assert_eq!(error["path"][0], "input", "{answer}");
    }
    let list = app.ok("ann", "{ workspace(by: { key: \"a\" }) { executions { totalCount } } }", json!({})).await;
    assert_eq!(list["workspace"]["executions"]["totalCount"], 0);
}

#[tokio::test]
async fn counters_equal_the_rows() {
    let upstream = Upstream::start(|call| {
        if call.query("q").as_deref() == Some("bad") { Reply::Json(400, json!({})) } else { Reply::Json(200, json!({ "value": 1 })) }
    })
    .await;
    let app = TestApp::start().await;
    let connector = app.connector(one_step(&upstream.base_url(), |_| {})).await;
    for q in ["a", "bad", "b"] {
        app.run_to_end(&connector, json!({ "q": q })).await;
    }
    let database = app.stop().await;
    let sql = "SELECT id, CAST(run_count AS TEXT), CAST(success_count AS TEXT), CAST(failure_count AS TEXT) FROM connectors";
    assert_eq!(database.row(sql).await, [connector.as_str(), "3", "2", "1"]);
}

/// Sets how many executions of workspace `a` may be worked on at one time.
async fn allow_at_one_time(app: &TestApp, executions: u32) {
    let id = app.ok("ann", "{ workspace(by: { key: \"a\" }) { id } }", json!({})).await["workspace"]["id"].clone();
    let document = "mutation($input: WorkspaceUpdateInput!) { workspaceUpdate(input: $input) { userErrors { code message } } }";
    app.ok("ann", document, json!({ "input": { "id": id, "maxConcurrentExecutions": executions } })).await;
}

#[tokio::test]
async fn a_workspace_has_no_more_runs_worked_on_than_it_set_and_the_others_follow() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let upstream = Upstream::start(move |_| Reply::Gated(Arc::clone(&held), json!({ "value": 1 }))).await;
    // Nothing is found again by chance: who ends lets the next one in.
    let app = TestApp::start_with(|config| config.worker.sweep = Duration::from_hours(1)).await;
    allow_at_one_time(&app, 1).await;
    let connector = app.connector(one_step(&upstream.base_url(), |_| {})).await;
    let document =
        "mutation($input: ExecutionStartInput!) { executionStart(input: $input) { execution { id status } userErrors { code } } }";
    let mut started = Vec::new();
    for _ in 0..3 {
        let answer = app.ok("ann", document, json!({ "input": { "connectorId": connector, "input": {} } })).await;
        started.push(answer["executionStart"]["execution"].clone());
    }
    let states: Vec<_> = started.iter().map(|execution| execution["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["RUNNING", "QUEUED", "QUEUED"]);
    for execution in &started {
        let id = execution["id"].as_str().unwrap();
        app.follow(id, 0).await.until(|line| line["kind"] == "HTTP").await;
        assert_eq!(app.execution(id).await["status"], "RUNNING");
        gate.add_permits(1);
        assert_eq!(app.await_end(id).await["status"], "SUCCEEDED");
    }
}

#[tokio::test]
async fn a_run_told_to_stop_while_it_stands_in_line_takes_nobodys_turn() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let upstream = Upstream::start(move |_| Reply::Gated(Arc::clone(&held), json!({ "value": 1 }))).await;
    // Nothing is found again by chance: who ends lets the next one in.
    let app = TestApp::start_with(|config| config.worker.sweep = Duration::from_hours(1)).await;
    allow_at_one_time(&app, 1).await;
    let connector = app.connector(one_step(&upstream.base_url(), |_| {})).await;
    let [first, second, third] =
        [app.run(&connector, json!({})).await, app.run(&connector, json!({})).await, app.run(&connector, json!({})).await];
    app.follow(&first, 0).await.until(|line| line["kind"] == "HTTP").await;
    app.ok("ann", "mutation($id: ID!) { executionCancel(input: { id: $id }) { userErrors { code } } }", json!({ "id": third })).await;
    assert_eq!(app.await_end(&third).await["status"], "CANCELLED");
    gate.add_permits(2);
    assert_eq!(app.await_end(&first).await["status"], "SUCCEEDED");
    assert_eq!(app.await_end(&second).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn whoever_watches_a_queued_run_sees_it_begin_and_told_to_stop() {
    let (first, second) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let gates = [Arc::clone(&first), Arc::clone(&second)];
    let upstream = Upstream::start(move |call| Reply::Gated(Arc::clone(&gates[call.nth - 1]), json!({ "value": 1 }))).await;
    // No step of a run under way is shown: only the changes of the run itself are news.
    let app = TestApp::start_with(|config| config.worker.show_call_after = Duration::from_hours(1)).await;
    allow_at_one_time(&app, 1).await;
    let connector = app.connector(one_step(&upstream.base_url(), |_| {})).await;
    app.run(&connector, json!({})).await;
    let queued = app.run(&connector, json!({})).await;
    let mut client = Client::connect(app.address, &app.token("ann")).await;
    let document = "subscription($id: ID!) { executionUpdated(executionId: $id) { execution { status } } }";
    let operation = client.subscribe(document, json!({ "id": queued })).await;
    let mut next = async || client.next(&operation).await.map(|message| message["data"]["executionUpdated"]["execution"]["status"].clone());
    assert_eq!(next().await, Some(json!("QUEUED")));
    first.add_permits(1);
    assert_eq!(next().await, Some(json!("RUNNING")));
    app.ok("ann", "mutation($id: ID!) { executionCancel(input: { id: $id }) { userErrors { code } } }", json!({ "id": queued })).await;
    let mut last = next().await;
    assert!([Some(json!("CANCELLING")), Some(json!("CANCELLED"))].contains(&last), "{last:?}");
    while let Some(status) = next().await {
        last = Some(status);
    }
    assert_eq!(last, Some(json!("CANCELLED")));
}

#[tokio::test]
async fn inp_1_a_run_ends_when_its_time_is_over_in_the_middle_of_a_call() {
    let upstream = Upstream::start(|_| Reply::Hang).await;
    let app = TestApp::start_with(|config| config.worker.max_run = Duration::from_millis(300)).await;
    let connector = app.connector(one_step(&upstream.base_url(), |definition| definition["defaults"]["timeout"] = json!("PT1M"))).await;
    let execution = app.run_to_end(&connector, json!({ "q": "x" })).await;
    assert_eq!((&execution["status"], &execution["error"]["code"]), (&json!("TIMED_OUT"), &json!("LIMIT")), "{execution}");
    let step = &execution["steps"][0];
    assert_eq!((&step["status"], &step["attempts"][0]["error"]["code"]), (&json!("CANCELLED"), &json!("LIMIT")), "{step}");
}

/// Panics where a run draws lots, and nowhere else.
#[derive(Debug)]
struct Unlucky;

impl Clock for Unlucky {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        SystemClock.now()
    }

    fn fresh_id(&self) -> uuid::Uuid {
        SystemClock.fresh_id()
    }

    fn chance(&self) -> f64 {
        panic!("meant: a fault in a step")
    }
}

#[tokio::test]
async fn flt_29_a_panic_ends_its_run_and_frees_its_place() {
    let upstream = Upstream::start(|call| match call.query("q").as_deref() {
        Some("bad") => Reply::Json(503, json!({})),
        _ => Reply::Json(200, json!({ "value": 1 })),
    })
    .await;
    let app = TestApp::start_by(Arc::new(Unlucky)).await;
    allow_at_one_time(&app, 1).await;
    let connector = app.connector(one_step(&upstream.base_url(), |_| {})).await;
    let broken = app.run_to_end(&connector, json!({ "q": "bad" })).await;
    assert_eq!((&broken["status"], &broken["error"]["code"]), (&json!("FAILED"), &json!("INTERNAL")), "{broken}");
    assert!(!broken.to_string().contains("meant"), "the panic's text stays inside");
    assert_eq!(app.run_to_end(&connector, json!({ "q": "good" })).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn sec_1_a_redacted_input_stays_hidden_when_its_connector_is_gone() {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "value": 1 }))).await;
    let app = TestApp::start().await;
    let connector = app.connector(one_step(&upstream.base_url(), |definition| definition["redact"] = json!(["$.q"]))).await;
    let id = app.run_to_end(&connector, json!({ "q": "canary-7f1e" })).await["id"].clone();
    let read = "query($id: ID!) { execution(id: $id) { input output } }";
    assert_eq!(app.ok("ann", read, json!({ "id": id })).await["execution"]["input"], json!({ "q": "***" }));
    let delete = "mutation($id: ID!) { connectorDelete(input: { id: $id }) { userErrors { code } } }";
    app.ok("ann", delete, json!({ "id": connector })).await;
    // With the process its compiled plans are gone too.
    let app = app.restart().await;
    let execution = app.ok("ann", read, json!({ "id": id })).await["execution"].clone();
    assert_eq!(execution["input"], Value::Null, "{execution}");
}
