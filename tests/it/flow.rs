//! Steps within steps: branches, loops, lists side by side, waterfalls, waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::support::upstream::{Reply, Upstream};
use crate::support::{TestApp, one_step};

/// A definition with these steps and this output.
fn definition(base_url: &str, steps: Value, output: &str) -> Value {
    one_step(base_url, |definition| {
        definition["inputs"]["properties"]["list"] = json!({ "type": "array" });
        definition["steps"] = steps;
        definition["outputs"] = json!({ "value": { "value": output } });
    })
}

/// A step that asks `/x?q=…` once and takes `value`.
fn call(id: &str, q: &str) -> Value {
    json!({ "id": id, "kind": "http", "retry": { "attempts": 1 },
        "request": { "path": "/x", "query": { "q": q } }, "extract": { "value": { "path": "$.value" } } })
}

/// The steps within a step: path and status of each, in the order they began.
async fn within(app: &TestApp, execution: &Value, path: &str) -> Vec<(String, String)> {
    let document = "query($id: ID!, $path: String!) { execution(id: $id) { step(path: $path) { children(first: 100) { totalCount nodes { path key status } } } } }";
    let read = app.ok("ann", document, json!({ "id": execution["id"], "path": path })).await;
    let children = &read["execution"]["step"]["children"];
    let nodes = children["nodes"].as_array().unwrap();
    assert_eq!(children["totalCount"], nodes.len());
    nodes.iter().map(|node| (node["path"].as_str().unwrap().to_owned(), node["status"].as_str().unwrap().to_owned())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(path, status)| ((*path).to_owned(), (*status).to_owned())).collect()
}

#[tokio::test]
async fn a_branch_runs_the_first_case_that_fits_and_its_steps_can_be_used_after_it() {
    let upstream = Upstream::start(|call| Reply::Json(200, json!({ "value": call.query("q") }))).await;
    let app = TestApp::start().await;
    let steps = json!([
        { "id": "which", "kind": "branch",
          "cases": [
            { "when": "{{ inputs.q == 'one' }}", "do": [call("first", "1")] },
            { "when": "{{ inputs.q == 'two' }}", "do": [call("second", "2"), { "id": "inner", "kind": "branch", "cases": [{ "when": "{{ true }}", "do": [call("deep", "3")] }] }] }],
          "default": [{ "id": "none", "kind": "stop", "result": "neither" }] }]);
    let output = "{{ [steps.which.taken, steps.first.value, steps.second.value, steps.deep.value] }}";
    let connector = app.connector(definition(&upstream.base_url(), steps, output)).await;
    let one = app.run_to_end(&connector, json!({ "q": "one" })).await;
    assert_eq!(one["output"]["value"], json!([0, "1", null, null]), "{one}");
    let two = app.run_to_end(&connector, json!({ "q": "two" })).await;
    assert_eq!(two["output"]["value"], json!([1, null, "2", "3"]), "{two}");
    let expected = [("which/1/second", "SUCCEEDED"), ("which/1/inner", "SUCCEEDED")];
    assert_eq!(within(&app, &two, "which").await, pairs(&expected));
    assert_eq!(within(&app, &two, "which/1/inner").await, pairs(&[("which/1/inner/0/deep", "SUCCEEDED")]));
    let none = app.run_to_end(&connector, json!({ "q": "three" })).await;
    assert_eq!((&none["status"], &none["result"]), (&json!("SUCCEEDED"), &json!("neither")), "{none}");
    assert_eq!(none["steps"][0]["status"], "SUCCEEDED", "a branch that ended the run has done its part");
    assert_eq!(none["steps"].as_array().unwrap().len(), 1, "top steps only");
}

#[tokio::test]
async fn a_loop_keeps_the_order_and_its_bound() {
    let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (now, top, held, told) = (Arc::clone(&busy), Arc::clone(&most), Arc::clone(&gate), Arc::clone(&begun));
    let upstream = Upstream::start(move |call| {
        top.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        told.add_permits(1);
        Reply::Gated(Arc::clone(&held), json!({ "value": call.query("q") }))
    })
    .await;
    let app = TestApp::start().await;
    let steps = json!([{ "id": "each", "kind": "foreach", "items": "{{ inputs.list }}", "as": "person", "concurrency": 3,
        "do": [call("post", "{{ person.name }}"), { "id": "id", "kind": "set", "values": { "key": "{{ uuid() }}", "name": "{{ steps.post.value }}" } }] }]);
    let connector = app.connector(definition(&upstream.base_url(), steps, "{{ steps.each.items }}")).await;
    let people: Vec<Value> = (0..7).map(|number| json!({ "name": format!("n{number}") })).collect();
    let id = app.run(&connector, json!({ "list": people })).await;
    for _ in 0..7 {
        // Three at a time: the next begins only when one has ended.
        begun.acquire().await.unwrap().forget();
        busy.fetch_sub(1, Ordering::SeqCst);
        gate.add_permits(1);
    }
    let execution = app.await_end(&id).await;
    let items = execution["output"]["value"].as_array().unwrap_or_else(|| panic!("{execution}"));
    let names: Vec<&str> = items.iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["n0", "n1", "n2", "n3", "n4", "n5", "n6"]);
    let keys: std::collections::HashSet<&str> = items.iter().map(|item| item["key"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), 7, "each turn draws its own");
    assert!(most.load(Ordering::SeqCst) <= 3, "{most:?}");
    let children = within(&app, &execution, "each").await;
    assert_eq!(children.len(), 14);
    assert!(children.contains(&("each[3]/post".to_owned(), "SUCCEEDED".to_owned())), "{children:?}");
}

#[tokio::test]
async fn a_turn_that_waits_goes_on_while_others_are_under_way() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let upstream = Upstream::start(move |call| match (call.query("q").as_deref(), call.nth) {
        (Some("slow"), _) => Reply::Gated(Arc::clone(&held), json!({ "value": "slow" })),
        (_, 1) => Reply::Json(503, json!({})),
        _ => {
            // The slow one ends only once this one was tried again.
            held.add_permits(1);
            Reply::Json(200, json!({ "value": "quick" }))
        }
    })
    .await;
    let app = TestApp::start().await;
    let retried = |id: &str, q: &str| {
        let mut step = call(id, q);
        step["retry"] = json!({ "attempts": 2, "backoff": { "kind": "constant", "base": "PT0.01S", "jitter": 0 } });
        step
    };
    let steps =
        json!([{ "id": "both", "kind": "parallel", "branches": { "a": [call("slow", "slow")], "b": [retried("quick", "quick")] } }]);
    let connector = app.connector(definition(&upstream.base_url(), steps, "{{ steps.both.a.value ~ steps.both.b.value }}")).await;
    let execution = app.run_to_end(&connector, json!({})).await;
    assert_eq!(execution["output"]["value"], "slowquick", "{execution}");
}

#[tokio::test]
async fn a_waterfall_passes_over_who_fails_and_who_is_too_dear() {
    let upstream = Upstream::start(|call| match call.query("q").as_deref() {
        Some("down") => Reply::Json(500, json!({})),
        Some("poor") => Reply::Json(200, json!({ "value": 0.2 })),
        _ => Reply::Json(200, json!({ "value": 0.9 })),
    })
    .await;
    let app = TestApp::start().await;
    let provider = |id: &str, cost: f64| json!({ "id": id, "cost": cost, "steps": [call(&format!("ask_{id}"), id)] });
    let steps = json!([{ "id": "best", "kind": "waterfall", "budget": "{{ 6 }}", "accept": "{{ item.value >= 0.8 }}",
        "providers": [provider("down", 1.0), provider("dear", 7.0), provider("poor", 2.0), provider("good", 3.0), provider("never", 0.0)] }]);
    let connector = app.connector(definition(&upstream.base_url(), steps, "{{ steps.best }}")).await;
    let execution = app.run_to_end(&connector, json!({})).await;
    assert_eq!(execution["output"]["value"], json!({ "value": 0.9, "provider": "good", "cost": 6.0 }), "{execution}");
    assert_eq!((&execution["cost"], &execution["steps"][0]["cost"]), (&json!(6.0), &json!(6.0)));
    let expected = [("best/down/ask_down", "FAILED"), ("best/poor/ask_poor", "SUCCEEDED"), ("best/good/ask_good", "SUCCEEDED")];
    assert_eq!(within(&app, &execution, "best").await, pairs(&expected));
    let lines: Vec<&str> = execution["logs"]["nodes"].as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap()).collect();
    for told in ["Left out dear: it costs 7, and 1 of 6 is spent", "poor: not accepted", "good: accepted"] {
        assert_eq!(lines.iter().filter(|line| **line == told).count(), 1, "{told}: {lines:?}");
    }
}

#[tokio::test]
async fn a_waterfall_that_nobody_answers_fails_and_one_without_a_match_is_null() {
    let upstream = Upstream::start(|call| match call.query("q").as_deref() {
        Some("down") => Reply::Json(500, json!({})),
        _ => Reply::Json(200, json!({ "value": null })),
    })
    .await;
    let app = TestApp::start().await;
    let waterfall = |first: &str| {
        json!([{ "id": "best", "kind": "waterfall", "providers": [
            { "id": "a", "steps": [call("ask_a", first)] }, { "id": "b", "steps": [call("ask_b", "down")] }] }])
    };
    let down = app.connector(definition(&upstream.base_url(), waterfall("down"), "{{ steps.best == null }}")).await;
    let execution = app.run_to_end(&down, json!({})).await;
    assert_eq!((&execution["status"], &execution["error"]["stepPath"]), (&json!("FAILED"), &json!("best/b/ask_b")), "{execution}");
    let nothing = app.connector(definition(&upstream.base_url(), waterfall("nobody"), "{{ steps.best == null }}")).await;
    let execution = app.run_to_end(&nothing, json!({})).await;
    assert_eq!((&execution["status"], &execution["output"]["value"]), (&json!("SUCCEEDED"), &json!(true)), "{execution}");
}

#[tokio::test]
async fn a_step_that_fails_fails_those_around_it_until_one_goes_on() {
    let upstream = Upstream::start(|_| Reply::Json(400, json!({}))).await;
    let app = TestApp::start().await;
    let steps = json!([
        { "id": "all", "kind": "foreach", "items": "{{ inputs.list }}", "on_error": "continue", "do": [call("post", "x")] },
        { "id": "after", "kind": "set", "values": { "was_null": "{{ steps.all == null }}" } }]);
    let connector = app.connector(definition(&upstream.base_url(), steps, "{{ steps.after.was_null }}")).await;
    let execution = app.run_to_end(&connector, json!({ "list": [1, 2, 3] })).await;
    assert_eq!((&execution["status"], &execution["output"]["value"]), (&json!("SUCCEEDED"), &json!(true)), "{execution}");
    assert_eq!(execution["steps"][0]["status"], "FAILED");
    assert_eq!(within(&app, &execution, "all").await, pairs(&[("all[0]/post", "FAILED")]), "none begins after a failure");
    assert_eq!(upstream.calls().len(), 1);
}

#[tokio::test]
async fn a_wait_holds_no_worker_and_a_past_instant_is_none() {
    let app = TestApp::start_with(|config| config.worker.concurrency = 1).await;
    let steps = json!([
        { "id": "past", "kind": "wait", "until": "{{ '2020-02-29' }}" },
        { "id": "pause", "kind": "wait", "for": "PT1H", "when": "{{ inputs.q == 'long' }}" }]);
    let connector = app.connector(definition("http://127.0.0.1:9", steps, "{{ 'done' }}")).await;
    let waiting = app.run(&connector, json!({ "q": "long" })).await;
    let execution = app.run_to_end(&connector, json!({ "q": "short" })).await;
    assert_eq!(execution["output"]["value"], "done", "the only worker was free: {execution}");
    let mut log = app.follow(&waiting, 0).await;
    log.until(|line| line["message"].as_str().is_some_and(|text| text.starts_with("Waits until"))).await;
    assert_eq!(app.execution(&waiting).await["status"], "WAITING");
    let cancel = "mutation($id: ID!) { executionCancel(input: { id: $id }) { userErrors { code } } }";
    app.ok("ann", cancel, json!({ "id": waiting })).await;
    let ended = app.await_end(&waiting).await;
    assert_eq!((&ended["status"], &ended["steps"][1]["status"]), (&json!("CANCELLED"), &json!("CANCELLED")), "{ended}");
}

#[tokio::test]
async fn the_builder_sees_steps_within_steps() {
    let app = TestApp::start().await;
    let steps = json!([{ "id": "each", "kind": "foreach", "items": "{{ inputs.list }}", "do": [
        { "id": "best", "kind": "waterfall", "providers": [{ "id": "a", "steps": [call("ask", "{{ item }}")] }] }] }]);
    let connector = app.connector(definition("http://127.0.0.1:9", steps, "{{ steps.each.items }}")).await;
    let document = "query($id: ID!) { connector(id: $id) { publishedVersion { definition {
        steps { path parentPath key settings credentialSlot }
        graph { nodes { key parentKey type sourceHandles } edges { source target sourceHandle label } } } } } }";
    let read = app.ok("ann", document, json!({ "id": connector })).await;
    let view = &read["connector"]["publishedVersion"]["definition"];
    let paths: Vec<_> = view["steps"].as_array().unwrap().iter().map(|step| (&step["path"], &step["parentPath"])).collect();
    let (each, best, ask) = (json!("each"), json!("each/best"), json!("each/best/a/ask"));
    assert_eq!(paths, [(&each, &Value::Null), (&best, &each), (&ask, &best)]);
    assert_eq!(view["steps"][1]["settings"]["providers"], json!([{ "id": "a", "cost": 0.0 }]), "without the steps inside");
    let nodes: Vec<_> = view["graph"]["nodes"].as_array().unwrap().iter().map(|node| (&node["key"], &node["parentKey"])).collect();
    assert_eq!(
        nodes,
        [(&json!("start"), &Value::Null), (&each, &Value::Null), (&best, &each), (&ask, &best), (&json!("end"), &Value::Null)]
    );
    let edges = view["graph"]["edges"].as_array().unwrap();
    assert!(edges.contains(&json!({ "source": "each/best", "target": "each/best/a/ask", "sourceHandle": "a", "label": "a" })), "{edges:?}");
    assert!(edges.contains(&json!({ "source": "each", "target": "end", "sourceHandle": "success", "label": null })), "{edges:?}");
}
