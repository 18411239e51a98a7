//! Nothing acknowledged is lost: kill -9 in the middle, an orderly stop, and what runs again afterwards.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::process::{Process, token};
use crate::support::upstream::{Reply, Upstream};
use crate::support::{TestApp, one_step, two_steps};

async fn ask(client: &mut Client, document: &str, variables: Value) -> Value {
    let answer = client.request(document, variables).await;
    assert!(answer.get("errors").is_none(), "{document}: {answer}");
    answer["data"].clone()
}

/// A published connector in a workspace of its own; its id.
async fn publish(client: &mut Client, definition: Value) -> Value {
    ask(client, "mutation { workspaceCreate(input: { key: \"a\", name: \"a\" }) { userErrors { message } } }", json!({})).await;
    let create = "mutation($input: ConnectorCreateInput!) { connectorCreate(input: $input) { connector { id } userErrors { message } } }";
    let input = json!({ "workspace": { "key": "a" }, "name": "Two", "source": { "definition": definition } });
    let connector = ask(client, create, json!({ "input": input })).await["connectorCreate"]["connector"]["id"].clone();
    let publish = "mutation($id: ID!) { connectorPublish(input: { id: $id }) { userErrors { message } } }";
    ask(client, publish, json!({ "id": connector })).await;
    connector
}

#[tokio::test]
async fn flt_1_after_kill_9_a_loop_goes_on_at_the_turn_where_it_was() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let upstream = Upstream::start(move |call| {
        let value = json!({ "value": call.query("q") });
        if call.query("q").as_deref() == Some("2b") && call.nth == 1 {
            Reply::Gated(Arc::clone(&held), value)
        } else {
            Reply::Json(200, value)
        }
    })
    .await;
    let definition = one_step(&upstream.base_url(), |definition| {
        let call = |id: &str, letter: &str| json!({ "id": id, "kind": "http", "request": { "path": "/x", "query": { "q": format!("{{{{ item }}}}{letter}") } }, "extract": { "value": { "path": "$.value" } } });
        definition["steps"] = json!([{ "id": "each", "kind": "foreach", "items": "{{ [0, 1, 2, 3] }}", "do": [
                { "id": "way", "kind": "branch", "cases": [{ "when": "{{ true }}", "do": [call("first", "a")] }] },
                call("second", "b"),
                { "id": "both", "kind": "set", "values": { "value": "{{ steps.first.value ~ steps.second.value }}" } }] }]);
        definition["outputs"] = json!({ "value": { "value": "{{ steps.each.items }}" } });
    });
    let (folder, database) = (TempDir::new().unwrap(), Database::fresh().await);
    let url = database.url();
    let server = Process::serve(folder.path(), &url);
    let mut client = Client::connect(server.address, &token(folder.path(), &url, "ann")).await;
    let connector = publish(&mut client, definition).await;
    let start = "mutation($id: ID!) { executionStart(input: { connectorId: $id }) { execution { id } userErrors { message } } }";
    let id = ask(&mut client, start, json!({ "id": connector })).await["executionStart"]["execution"]["id"].clone();
    while upstream.calls().len() < 6 {
        tokio::task::yield_now().await;
    }
    server.kill();
    gate.add_permits(100);

    let server = Process::serve(folder.path(), &url);
    let mut client = Client::connect(server.address, &token(folder.path(), &url, "ann")).await;
    let follow = client.subscribe("subscription($id: ID!) { executionLogs(executionId: $id) { complete } }", json!({ "id": id })).await;
    while client.next(&follow).await.is_some() {}
    let read =
        "query($id: ID!) { execution(id: $id) { status output step(path: \"each[2]/second\") { status attempts { error { code } } } } }";
    let execution = ask(&mut client, read, json!({ "id": id })).await["execution"].clone();
    let made = |number: u32| json!({ "value": format!("{number}a{number}b") });
    assert_eq!(execution["output"]["value"], json!([made(0), made(1), made(2), made(3)]), "{execution}");
    assert_eq!(execution["step"]["attempts"], json!([{ "error": { "code": "INTERRUPTED" } }, { "error": null }]));
    let mut asked: Vec<String> = upstream.calls().iter().filter_map(|call| call.query("q")).collect();
    asked.sort();
    assert_eq!(asked, ["0a", "0b", "1a", "1b", "2a", "2b", "2b", "3a", "3b"], "only the call that was cut off is made again");
}

#[tokio::test]
async fn flt_1_flt_4_after_kill_9_every_acknowledged_run_ends_and_no_recorded_step_runs_again() {
    const RUNS: usize = 40;
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let upstream = Upstream::start(move |call| {
        let value = json!({ "value": call.query("q") });
        // Half of the runs are caught in their second step.
        let caught = call.query("q").is_some_and(|q| q.parse::<usize>().unwrap() % 2 == 0);
        if call.uri.path() == "/two" && caught { Reply::Gated(Arc::clone(&held), value) } else { Reply::Json(200, value) }
    })
    .await;
    let folder = TempDir::new().unwrap();
    let database = Database::fresh().await;
    let url = database.url();

    let server = Process::serve(folder.path(), &url);
    let mut client = Client::connect(server.address, &token(folder.path(), &url, "ann")).await;
    let connector = publish(&mut client, two_steps(&upstream.base_url())).await;
    let start = "mutation($input: ExecutionStartInput!) { executionStart(input: $input) { execution { id } userErrors { message } } }";
    let mut ids = Vec::new();
    for q in 0..RUNS {
        let started = ask(&mut client, start, json!({ "input": { "connectorId": connector, "input": { "q": q.to_string() } } })).await;
        ids.push(started["executionStart"]["execution"]["id"].clone());
    }
    // Killed while some runs are in their second step: the first has been called for those at least.
    while upstream.calls().iter().filter(|call| call.uri.path() == "/two").count() < RUNS / 4 {
        tokio::task::yield_now().await;
    }
    let read =
        "query($id: ID!) { execution(id: $id) { status output steps { path status } logs(first: 100) { nodes { sequence message } } } }";
    let mut recorded = Vec::new();
    for id in &ids {
        let execution = ask(&mut client, read, json!({ "id": id })).await["execution"].clone();
        if execution["steps"][0]["status"] == "SUCCEEDED" {
            recorded.push(id.clone());
        }
    }
    server.kill();
    gate.add_permits(10_000);
    let called_before: HashMap<String, usize> = count_first_steps(&upstream);

    let server = Process::serve(folder.path(), &url);
    let mut client = Client::connect(server.address, &token(folder.path(), &url, "ann")).await;
    for (q, id) in ids.iter().enumerate() {
        let operation =
            client.subscribe("subscription($id: ID!) { executionLogs(executionId: $id) { complete } }", json!({ "id": id })).await;
        while client.next(&operation).await.is_some() {}
        let execution = ask(&mut client, read, json!({ "id": id })).await["execution"].clone();
        assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
        assert_eq!(execution["output"]["value"], q.to_string());
        let sequences: Vec<_> =
            execution["logs"]["nodes"].as_array().unwrap().iter().map(|line| line["sequence"].as_i64().unwrap()).collect();
        assert_eq!(sequences, (1..=i64::try_from(sequences.len()).unwrap()).collect::<Vec<_>>(), "gapless");
    }
    let called_after = count_first_steps(&upstream);
    assert!(!recorded.is_empty(), "the kill came after some steps were recorded");
    for (q, id) in ids.iter().enumerate() {
        if recorded.contains(id) {
            assert_eq!(called_after.get(&q.to_string()), called_before.get(&q.to_string()), "a recorded step ran again");
        }
    }
}

fn count_first_steps(upstream: &Upstream) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for call in upstream.calls().iter().filter(|call| call.uri.path() == "/one") {
        *counts.entry(call.query("q").unwrap()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn an_idle_server_ends_at_once_and_leaves_one_file_for_its_rows() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite:{}", folder.path().join("idle.db").display());
    let server = Process::serve(folder.path(), &url);
    let mut client = Client::connect(server.address, &token(folder.path(), &url, "ann")).await;
    ask(&mut client, "mutation { workspaceCreate(input: { key: \"a\", name: \"a\" }) { userErrors { message } } }", json!({})).await;
    drop(client);
    // An idle connection, one that never asked, and a socket whose client is asleep and will not answer the close.
    let upgrade = "GET /graphql HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n";
    let asleep = ["GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n", "", upgrade].map(|request| {
        let mut stream = std::net::TcpStream::connect(server.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        assert!(request.is_empty() || stream.read(&mut [0; 1024]).unwrap() > 0);
        stream
    });
    let (status, took) = server.terminate();
    drop(asleep);
    assert!(status.success(), "{status}");
    // A tenth of it, but the machine may be busy with other tests.
    assert!(took < Duration::from_secs(1), "{took:?}");
    let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["idle.db", "idle.db.lock", "idle.key"]);
}

#[tokio::test]
async fn an_orderly_stop_hands_runs_back_and_the_next_server_ends_them() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let upstream = Upstream::start(move |call| match call.uri.path() {
        "/one" => Reply::Gated(Arc::clone(&held), json!({ "value": 1 })),
        _ => Reply::Json(200, json!({ "value": 2 })),
    })
    .await;
    let app = TestApp::start().await;
    let connector = app.connector(two_steps(&upstream.base_url())).await;
    let id = app.run(&connector, json!({ "q": "1" })).await;
    app.follow(&id, 0).await.until(|line| line["kind"] == "HTTP").await;
    let (app, ()) = tokio::join!(app.restart(), async { gate.add_permits(1) });
    let execution = app.await_end(&id).await;
    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    assert_eq!(upstream.calls().iter().filter(|call| call.uri.path() == "/one").count(), 1, "the first step was recorded before the stop");
}

#[tokio::test]
async fn a_run_that_waits_for_its_next_attempt_goes_on_after_a_restart() {
    let upstream =
        Upstream::start(|call| if call.nth == 1 { Reply::Json(503, json!({})) } else { Reply::Json(200, json!({ "value": 1 })) }).await;
    let app = TestApp::start().await;
    let definition = one_step(&upstream.base_url(), |definition| definition["steps"][0]["retry"]["backoff"]["base"] = json!("PT1S"));
    let connector = app.connector(definition).await;
    let id = app.run(&connector, json!({ "q": "x" })).await;
    app.follow(&id, 0).await.until(|line| line["message"].as_str().is_some_and(|text| text.contains("next attempt"))).await;
    let app = app.restart().await;
    let execution = app.await_end(&id).await;
    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    assert_eq!(execution["steps"][0]["attempts"].as_array().unwrap().len(), 2);
}

/// A server in a process of its own with a workspace and a published connector, and a client of it.
struct Killable {
    folder: TempDir,
    database: Database,
    server: Process,
    client: Client,
    connector: Value,
}

impl Killable {
    async fn start(definition: Value) -> Self {
        let (folder, database) = (TempDir::new().unwrap(), Database::fresh().await);
        let server = Process::serve(folder.path(), &database.url());
        let mut client = Client::connect(server.address, &token(folder.path(), &database.url(), "ann")).await;
        ask(&mut client, "mutation { workspaceCreate(input: { key: \"a\", name: \"a\" }) { userErrors { message } } }", json!({})).await;
        let create =
            "mutation($input: ConnectorCreateInput!) { connectorCreate(input: $input) { connector { id } userErrors { message } } }";
        let input = json!({ "workspace": { "key": "a" }, "name": "Killed", "source": { "definition": definition } });
        let made = ask(&mut client, create, json!({ "input": input })).await;
        let connector = made["connectorCreate"]["connector"]["id"].clone();
        let publish = "mutation($id: ID!) { connectorPublish(input: { id: $id }) { userErrors { message } } }";
        ask(&mut client, publish, json!({ "id": connector })).await;
        Self { folder, database, server, client, connector }
    }

    async fn start_run(&mut self) -> Value {
        let start = "mutation($input: ExecutionStartInput!) { executionStart(input: $input) { execution { id } userErrors { message } } }";
        let started = ask(&mut self.client, start, json!({ "input": { "connectorId": self.connector, "input": { "q": "x" } } })).await;
        started["executionStart"]["execution"]["id"].clone()
    }

    /// kill -9, and another one on the same database.
    async fn kill_and_restart(self) -> Self {
        let Self { folder, database, server, connector, .. } = self;
        server.kill();
        let server = Process::serve(folder.path(), &database.url());
        let client = Client::connect(server.address, &token(folder.path(), &database.url(), "ann")).await;
        Self { folder, database, server, client, connector }
    }

    async fn await_end(&mut self, id: &Value) -> Value {
        let document = "subscription($id: ID!) { executionLogs(executionId: $id) { complete } }";
        let operation = self.client.subscribe(document, json!({ "id": id })).await;
        while self.client.next(&operation).await.is_some() {}
        let read = "query($id: ID!) { execution(id: $id) { status error { code } steps { attempts { number error { code } } } logs(first: 100) { nodes { message } } } }";
        ask(&mut self.client, read, json!({ "id": id })).await["execution"].clone()
    }
}

async fn called(upstream: &Upstream, times: usize) {
    while upstream.calls().len() < times {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn flt_1_a_first_attempt_cut_off_is_marked_and_made_again_without_using_up_a_retry() {
    let upstream = Upstream::start(|call| if call.nth == 1 { Reply::Hang } else { Reply::Json(200, json!({ "value": 1 })) }).await;
    let definition = one_step(&upstream.base_url(), |definition| definition["steps"][0]["retry"] = json!({ "attempts": 1 }));
    let mut server = Killable::start(definition).await;
    let id = server.start_run().await;
    called(&upstream, 1).await;
    let mut server = server.kill_and_restart().await;
    let execution = server.await_end(&id).await;
    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    let attempts = &execution["steps"][0]["attempts"];
    assert_eq!(attempts, &json!([{ "number": 1, "error": { "code": "INTERRUPTED" } }, { "number": 2, "error": null }]));
    assert_eq!(upstream.calls().len(), 2);
}

#[tokio::test]
async fn flt_29_a_run_that_loses_its_worker_again_and_again_is_given_up() {
    let upstream = Upstream::start(|_| Reply::Hang).await;
    let mut server = Killable::start(one_step(&upstream.base_url(), |_| {})).await;
    let id = server.start_run().await;
    for kills in 1..=6 {
        called(&upstream, kills).await;
        server = server.kill_and_restart().await;
    }
    let execution = server.await_end(&id).await;
    assert_eq!((&execution["status"], &execution["error"]["code"]), (&json!("FAILED"), &json!("INTERRUPTED")), "{execution}");
    assert_eq!(upstream.calls().len(), 6, "the seventh worker did not try");
}
