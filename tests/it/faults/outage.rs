//! A server of the database that goes away while runs are under way.

use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::Executor as _;
use tokio::sync::Semaphore;

use crate::support::database::Database;
use crate::support::upstream::{Reply, Upstream};
use crate::support::{TestApp, two_steps};

const START: &str = "mutation($input: ExecutionStartInput!) { executionStart(input: $input) { execution { id } userErrors { message } } }";

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn flt_8_a_server_that_was_lost_and_came_back_cost_no_run_and_no_step() {
    const RUNS: usize = 12;
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let upstream = Upstream::start(move |call| {
        let value = json!({ "value": call.query("q") });
        // Half of the runs are caught in their first step, the others in their second.
        let even = call.query("q").is_some_and(|q| q.parse::<usize>().unwrap() % 2 == 0);
        if even == (call.uri.path() == "/two") { Reply::Gated(Arc::clone(&held), value) } else { Reply::Json(200, value) }
    })
    .await;
    let (database, cluster) = Database::on_own_server().await;
    let app = TestApp::start_on(database, |_| {}).await;
    let connector = app.connector(two_steps(&upstream.base_url())).await;
    let mut ids = Vec::new();
    for q in 0..RUNS {
        ids.push(app.run(&connector, json!({ "q": q.to_string() })).await);
    }
    while upstream.calls().len() < RUNS + RUNS / 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(app.ready().await, (200, json!({ "status": "ready" })));

    cluster.stop();
    gate.add_permits(10_000);
    let read = app.graphql("ann", "query($id: ID!) { execution(id: $id) { status } }", json!({ "id": ids[0] })).await;
    assert_eq!(code(&read), "UNAVAILABLE", "{read}");
    let started = app.graphql("ann", START, json!({ "input": { "connectorId": connector, "input": { "q": "99" } } })).await;
    assert_eq!(code(&started), "UNAVAILABLE", "{started}");
    assert_eq!(app.ready().await, (503, json!({ "status": "unready", "failing": ["database"] })));
    cluster.start_again();

    for (q, id) in ids.iter().enumerate() {
        let execution = app.await_end(id).await;
        assert_eq!((&execution["status"], &execution["output"]["value"]), (&json!("SUCCEEDED"), &json!(q.to_string())), "{execution}");
        let sequences: Vec<_> =
            execution["logs"]["nodes"].as_array().unwrap().iter().map(|line| line["sequence"].as_u64().unwrap()).collect();
        assert_eq!(sequences, (1..=sequences.len() as u64).collect::<Vec<_>>(), "gapless");
    }
    let mut calls: Vec<_> = upstream.calls().iter().map(|call| (call.uri.path().to_owned(), call.query("q"))).collect();
    assert_eq!(calls.len(), 2 * RUNS, "each step once");
    calls.sort();
    calls.dedup();
    assert_eq!(calls.len(), 2 * RUNS, "each step once");
    assert_eq!(app.ready().await, (200, json!({ "status": "ready" })));
}

#[tokio::test]
async fn connections_that_broke_while_they_rested_fail_no_request() {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "value": "v" }))).await;
    let Database::Server(database) = Database::on_server().await else { panic!("no server") };
    let mut raw = database.raw().await;
    let app = TestApp::start_on(Database::Server(database), |config| config.database.max_connections = 4).await;
    let connector = app.connector(two_steps(&upstream.base_url())).await;
    let id = app.run_to_end(&connector, json!({ "q": "0" })).await["id"].as_str().unwrap().to_owned();
    let read = "query($id: ID!) { execution(id: $id) { status } }";
    for _ in 0..5 {
        // Several at once, so that several connections rest afterwards, none for long enough to be asked before its next use.
        let several = (0..4).map(|_| app.ok("ann", read, json!({ "id": id })));
        futures_util::future::join_all(several).await;
        raw.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await
        .unwrap();
        assert_eq!(app.ready().await.0, 200);
        app.ok("ann", read, json!({ "id": id })).await;
        raw.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await
        .unwrap();
        assert_eq!(app.run_to_end(&connector, json!({ "q": "1" })).await["status"], "SUCCEEDED");
    }
}
