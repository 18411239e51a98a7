//! `connectors self-test isolation` as an operator runs it: a process of its own on a database that is in use.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::TestApp;

const ISOLATION: [&str; 2] = ["self-test", "isolation"];

/// Owners of the throw-away workspaces.
const GUARDED: &str = "connectors-self-test-guarded";
const OUTSIDE: &str = "connectors-self-test-outside";

const ADD: &str = "mutation($w: WorkspaceLookup!, $s: String!, $r: WorkspaceRole!) { workspaceMemberAdd(input: { workspace: $w, subject: $s, role: $r }) { userErrors { message } } }";

async fn finish(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// Starts it and waits until both workspaces are there and the questions begin.
async fn begun(mut command: Command) -> Child {
    let begun = tokio::task::spawn_blocking(move || {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut told = Vec::new();
        for line in BufReader::new(child.stderr.as_mut().unwrap()).lines().map(Result::unwrap) {
            told.push(line);
            if told.iter().any(|line| line.contains("are furnished")) {
                break;
            }
        }
        assert!(told.iter().any(|line| line.contains("are furnished")), "it ended before: {told:?}");
        child
    });
    begun.await.unwrap()
}

/// Waits for its end: the exit status, and what it wrote from here on.
async fn ended(mut child: Child) -> (Option<i32>, String) {
    let ended = tokio::task::spawn_blocking(move || {
        let (mut said, mut told) = (String::new(), String::new());
        child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        (child.wait().unwrap().code(), format!("{told}{said}"))
    });
    ended.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_1_ten_5_ten_7_a_self_test_beside_a_running_server_finds_nothing_and_leaves_nothing() {
    let app = TestApp::start().await;
    // Not a throw-away workspace, whatever its key: its owner is somebody else.
    app.workspace("selftest-mine", "ann").await;
    app.ok("ann", ADD, json!({ "w": { "key": "selftest-mine" }, "s": GUARDED, "r": "ADMIN" })).await;
    let before = app.rows().await;
    app.workspace("selftest-left-behind", GUARDED).await;
    let output = finish(app.command(&[&ISOLATION[..], &["--format", "json"]].concat())).await;
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    println!("{} probes in {} ms", report["probes"]["total"], report["durationMs"]);
    assert_eq!((&report["isolated"], &report["findings"], &report["changedTables"]), (&json!(true), &json!([]), &json!([])), "{report}");
    assert!(report["probes"]["total"].as_u64().unwrap() >= 10_000, "{report}");
    for kind in ["query", "mutation", "node", "nested", "text", "cursor", "order", "own", "control"] {
        assert!(report["probes"]["byKind"][kind].as_u64().unwrap() > 0, "{kind}: {report}");
    }
    assert_eq!(report["probes"]["byCaller"].as_object().unwrap().len(), 10, "{report}");
    assert!(report["rules"]["rootFields"].as_u64().unwrap() >= 40 && report["leftOut"].as_array().unwrap().len() == 5, "{report}");
    assert!(report["database"]["engine"].as_str().unwrap().contains(char::is_numeric), "{report}");
    assert!(app.rows().await == before, "no row is left behind, and what an earlier one left is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_1_a_self_test_tells_of_a_leak_and_still_leaves_nothing() {
    let app = TestApp::start().await;
    let before = app.rows().await;
    let child = begun(app.command(&ISOLATION)).await;
    // The leak: the outsider becomes a member of the guarded workspace while the questions are asked.
    let found = app.ok(GUARDED, "{ viewer { workspaces { nodes { id } } } }", json!({})).await;
    let workspace = &found["viewer"]["workspaces"]["nodes"][0]["id"];
    app.ok(GUARDED, ADD, json!({ "w": { "id": workspace }, "s": OUTSIDE, "r": "VIEWER" })).await;
    let (code, said) = ended(child).await;
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("LEAK  owner of the other workspace") && said.contains("leaks found"), "{said}");
    assert!(said.contains("LEAK  rows were changed") && said.contains("workspace_members"), "{said}");
    assert!(!said.contains("-secret-57c1"), "{said}");
    assert!(app.rows().await == before, "no row is left behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_ends_a_self_test_without_a_server_and_it_leaves_nothing() {
    let app = TestApp::start().await;
    let command = app.command(&ISOLATION);
    let database = app.stop().await;
    let child = begun(command).await;
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    let (code, said) = ended(child).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("interrupted; there is no verdict") && said.contains("are removed"), "{said}");
    for sql in ["SELECT CAST(count(*) AS TEXT) FROM workspaces", "SELECT CAST(count(*) + 1 AS TEXT) FROM connector_executions"] {
        assert_eq!(database.row(sql).await, ["1"], "{sql}");
    }
}
