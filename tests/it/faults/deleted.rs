//! A workspace that is deleted while it is in use: what is under way ends, and nothing of it comes back.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Semaphore;

use crate::support::client::Client;
use crate::support::upstream::{Reply, Upstream};
use crate::support::{TestApp, two_steps};

const FOLLOW: &str = "subscription($id: ID!) { executionLogs(executionId: $id) { complete } }";

#[tokio::test]
async fn ten_10_a_deleted_workspace_ends_its_runs_and_streams_and_stays_gone() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let upstream = Upstream::start(move |call| {
        let value = json!({ "value": "v" });
        if call.uri.path() == "/two" { Reply::Gated(Arc::clone(&held), value) } else { Reply::Json(200, value) }
    })
    .await;
    let app = TestApp::start().await;
    let connector = app.connector(two_steps(&upstream.base_url())).await;
    let id = app.run(&connector, json!({ "q": "1" })).await;
    app.follow(&id, 0).await.until(|line| line["stepPath"] == "two").await;
    let mut client = Client::connect(app.address, &app.token("ann")).await;
    let stream = client.subscribe(FOLLOW, json!({ "id": id })).await;
    client.next(&stream).await;

    app.database().execute("DELETE FROM workspaces WHERE key = 'a'").await;
    gate.add_permits(1);
    // The stream ends by itself, with or without a word.
    while client.next(&stream).await.is_some() {}

    for (kind, id) in [("execution", &id), ("connector", &connector), ("node", &id)] {
        let read = app.ok("ann", &format!("query($id: ID!) {{ {kind}(id: $id) {{ id }} }}"), json!({ "id": id })).await;
        assert_eq!(read[kind], json!(null));
    }
    // A workspace of the same key is another one, and the server goes on.
    app.workspace("a", "ann").await;
    let connector = app.connector(two_steps(&upstream.base_url())).await;
    gate.add_permits(10);
    assert_eq!(app.run_to_end(&connector, json!({ "q": "2" })).await["number"], 1);
    let read = app.ok("ann", "query($id: ID!) { execution(id: $id) { id } }", json!({ "id": id })).await;
    assert_eq!(read["execution"], json!(null));
    let count = "SELECT CAST(count(*) AS text), CAST(count(DISTINCT workspace_id) AS text) FROM connector_executions";
    assert_eq!(app.stop().await.row(count).await, ["1", "1"], "nothing was written anew for the one that is gone");
}
