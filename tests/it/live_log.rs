//! The live log: in order, no hole, no line twice, whoever is slow and however often a client comes back.

use serde_json::{Value, json};

use crate::support::upstream::{Reply, Upstream};
use crate::support::{TestApp, one_step};

/// A definition of many steps, so that a run writes many lines.
fn chatty(base_url: &str, steps: usize) -> Value {
    one_step(base_url, |definition| {
        let steps: Vec<Value> = (0..steps)
            .map(|n| json!({ "id": format!("s{n}"), "kind": "http", "request": { "path": format!("/{n}") }, "extract": { "value": { "path": "$.value" } } }))
            .collect();
        definition["steps"] = json!(steps);
        definition["outputs"] = json!({});
    })
}

#[tokio::test]
async fn reconnecting_at_random_points_loses_and_repeats_nothing() {
    const RUNS: usize = 8;
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "value": 1 }))).await;
    let app = TestApp::start().await;
    let connector = app.connector(chatty(&upstream.base_url(), 150)).await;
    let mut total = 0;
    let mut followers = Vec::new();
    for run in 0..RUNS {
        let id = app.run(&connector, json!({})).await;
        followers.push(follow_with_breaks(&app, id, run));
    }
    for (id, lines) in futures_util::future::join_all(followers).await {
        let last = app.execution(&id).await["lastLogSequence"].as_i64().unwrap();
        assert_eq!(lines, (1..=last).collect::<Vec<_>>(), "{id}");
        total += lines.len();
    }
    assert!(total >= 3_000, "{total} lines");
}

/// Follows a run, leaving after a varying number of batches and coming back with the last number seen.
async fn follow_with_breaks(app: &TestApp, id: String, seed: usize) -> (String, Vec<i64>) {
    let mut lines: Vec<i64> = Vec::new();
    let mut visit = 0;
    loop {
        let mut stream = app.follow(&id, lines.last().copied().unwrap_or(0)).await;
        let stay = 1 + (seed * 7 + visit * 3) % 5;
        visit += 1;
        for _ in 0..stay {
            let Some(batch) = stream.next().await else { return (id, lines) };
            lines.extend(batch["entries"].as_array().unwrap().iter().map(|line| line["sequence"].as_i64().unwrap()));
            assert!(batch["throughSequence"].as_i64().unwrap() >= lines.last().copied().unwrap_or(0));
            if batch["complete"] == true {
                return (id, lines);
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_for_a_while_gets_everything_all_the_same() {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "value": 1 }))).await;
    let app = TestApp::start().await;
    let connector = app.connector(chatty(&upstream.base_url(), 190)).await;
    let id = app.run(&connector, json!({})).await;
    let mut lazy = app.follow(&id, 0).await;
    let execution = app.await_end(&id).await;
    let mut lines = Vec::new();
    while let Some(batch) = lazy.next().await {
        lines.extend(batch["entries"].as_array().unwrap().iter().map(|line| line["sequence"].as_i64().unwrap()));
    }
    assert_eq!(lines, (1..=execution["lastLogSequence"].as_i64().unwrap()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_line_is_sent_only_when_it_can_be_read_back() {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "value": 1 }))).await;
    let app = TestApp::start().await;
    let connector = app.connector(chatty(&upstream.base_url(), 20)).await;
    let id = app.run(&connector, json!({})).await;
    let mut stream = app.follow(&id, 0).await;
    while let Some(batch) = stream.next().await {
        let through = batch["throughSequence"].as_i64().unwrap();
        let stored = app.execution(&id).await["lastLogSequence"].as_i64().unwrap();
        assert!(stored >= through, "{stored} stored, {through} sent");
    }
}

#[tokio::test]
async fn a_filter_leaves_lines_out_but_says_how_far_it_is() {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "value": 1 }))).await;
    let app = TestApp::start().await;
    let connector = app.connector(chatty(&upstream.base_url(), 3)).await;
    let id = app.run(&connector, json!({})).await;
    let last = app.await_end(&id).await["lastLogSequence"].clone();
    let mut client = crate::support::client::Client::connect(app.address, &app.token("ann")).await;
    let document = "subscription($id: ID!) { executionLogs(executionId: $id, filter: { kinds: [HTTP], stepPaths: [\"s1\"] }) { entries { stepPath kind } throughSequence complete } }";
    let operation = client.subscribe(document, json!({ "id": id })).await;
    let (mut entries, mut through) = (Vec::new(), Value::Null);
    while let Some(message) = client.next(&operation).await {
        let batch = &message["data"]["executionLogs"];
        entries.extend(batch["entries"].as_array().unwrap().clone());
        through = batch["throughSequence"].clone();
    }
    assert!(!entries.is_empty() && entries.iter().all(|line| line["stepPath"] == "s1" && line["kind"] == "HTTP"), "{entries:?}");
    assert_eq!(through, last);
}

#[tokio::test]
async fn state_updates_begin_with_a_snapshot_and_end_with_the_final_state() {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "value": 1 }))).await;
    let app = TestApp::start().await;
    let connector = app.connector(chatty(&upstream.base_url(), 10)).await;
    let id = app.run(&connector, json!({})).await;
    let mut client = crate::support::client::Client::connect(app.address, &app.token("ann")).await;
    let document = "subscription($id: ID!) { executionUpdated(executionId: $id) { execution { status revision finished } changedSteps { path status } complete } }";
    let operation = client.subscribe(document, json!({ "id": id })).await;
    let mut updates = Vec::new();
    while let Some(message) = client.next(&operation).await {
        updates.push(message["data"]["executionUpdated"].clone());
    }
    let revisions: Vec<_> = updates.iter().map(|update| update["execution"]["revision"].as_i64().unwrap()).collect();
    assert!(revisions.is_sorted(), "{revisions:?}");
    let last = updates.last().unwrap();
    assert_eq!((&last["complete"], &last["execution"]["status"]), (&json!(true), &json!("SUCCEEDED")), "{last}");
    assert!(updates.iter().rev().skip(1).all(|update| update["complete"] == false));
}
