//! Recorded tests from the command line: `connectors run --record` makes one of a real run, `connectors test` runs it.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::one_step;
use crate::support::process::run;
use crate::support::upstream::{Call, Reply, Upstream};

const SECRET: &str = "canary-90b7";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// The binary beside the test's own runtime, which serves the scripted API.
async fn go(arguments: &[&str]) -> Output {
    let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
    tokio::task::spawn_blocking(move || run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())).await.unwrap()
}

/// A folder with `definition.json` and the file of a secret.
fn folder(definition: &Value) -> (TempDir, String, String) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("definition.json");
    std::fs::write(&file, definition.to_string()).unwrap();
    std::fs::write(folder.path().join("secret"), SECRET).unwrap();
    let secret = format!("api={}", folder.path().join("secret").display());
    let file = file.to_str().unwrap().to_owned();
    (folder, file, secret)
}

fn answer(call: &Call) -> Reply {
    match (call.method.as_str(), call.nth) {
        ("POST", 1) => Reply::Raw(429, "application/json", vec![("retry-after", "0".to_owned()), ("date", "x".to_owned())], "{}".into()),
        ("POST", _) => Reply::Json(201, json!({ "id": 7, "echo": call.body.iter().map(|byte| char::from(*byte)).collect::<String>() })),
        _ => Reply::Json(200, json!({ "value": 5, "ssn": "123-45-6789", "seen": call.header("x-run") })),
    }
}

/// Two calls, one of which carries the secret in its body and is tried twice.
fn definition(base_url: &str) -> Value {
    one_step(base_url, |definition| {
        definition["credentials"] =
            json!({ "api": { "kind": "api_key", "hosts": ["127.0.0.1"], "inject": { "in": "body", "name": "key" } } });
        definition["redact"] = json!(["$..ssn"]);
        let make = json!({ "id": "make", "kind": "http", "auth": "api", "idempotency": {}, "retry": { "attempts": 2, "backoff": { "base": "PT0.01S" } },
            "request": { "method": "POST", "path": "/things", "body": { "value": { "q": "{{ inputs.q }}", "run": "{{ run.id }}" } } },
            "extract": { "id": { "path": "$.id" } } });
        definition["steps"].as_array_mut().unwrap().insert(0, make);
        definition["outputs"]["id"] = json!({ "value": "{{ steps.make.id }}" });
    })
}

#[tokio::test]
async fn sec_3_a_run_is_recorded_without_its_secrets_and_passes_as_a_test() {
    let upstream = Upstream::start(answer).await;
    let (folder, file, secret) = folder(&definition(&upstream.base_url()));
    let input = json!({ "q": "x y" }).to_string();
    let arguments =
        ["run", &file, "--input", &input, "--allow", "127.0.0.0/8", "--secret", &secret, "--record", "--record-as", "makes a thing"];
    let output = go(&arguments).await;
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stderr).contains("`makes a thing`"), "{}", text(&output.stderr));

    let written = read(Path::new(&file));
    let whole = written.to_string();
    assert!(!whole.contains(SECRET) && !whole.contains("123-45-6789"), "{whole}");
    let test = &written["tests"][0];
    assert_eq!((&test["name"], &test["inputs"]), (&json!("makes a thing"), &json!({ "q": "x y" })));
    let exchanges = test["exchanges"].as_array().unwrap();
    assert_eq!(exchanges.len(), 3, "{test}");
    let base_url = upstream.base_url();
    let made = json!({ "method": "POST", "url": format!("{base_url}/things"), "body": { "q": "x y", "run": "exe_recorded" } });
    assert_eq!(exchanges[0], json!({ "request": made, "response": { "status": 429, "headers": { "retry-after": "0" }, "body": {} } }));
    assert_eq!(exchanges[2]["request"]["url"], format!("{base_url}/x?q=x+y"));
    assert_eq!(exchanges[2]["response"]["body"]["ssn"], "***");
    assert_eq!(test["expect"], json!({ "status": "succeeded", "outputs": { "value": 5, "id": 7 } }));

    drop(upstream);
    let output = go(&["test", &file]).await;
    assert!(output.status.success() && text(&output.stdout).contains("ok     makes a thing"), "{}", text(&output.stdout));
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing else is left behind: {names:?}");
}

#[tokio::test]
async fn a_failed_run_is_recorded_into_a_copy_and_the_file_stays_as_it_is() {
    let upstream = Upstream::start(|_| Reply::Raw(400, "text/html", vec![], "<h1>no</h1>".into())).await;
    let (folder, file, _) = folder(&one_step(&upstream.base_url(), |_| {}));
    let before = std::fs::read(&file).unwrap();
    let copy = folder.path().join("copy.json");
    let output = go(&["run", &file, "--allow", "127.0.0.0/8", "--record-to", copy.to_str().unwrap(), "--format", "json"]).await;
    assert_eq!(output.status.code(), Some(1), "the run failed: {}", text(&output.stderr));
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let test = &read(&copy)["tests"][0];
    assert_eq!((&test["name"], &test["expect"]), (&json!("recorded 1"), &json!({ "status": "failed", "error": "http_status" })));
    assert_eq!(
        test["exchanges"][0]["response"],
        json!({ "status": 400, "headers": { "content-type": "text/html" }, "body": "<h1>no</h1>" })
    );
    assert!(go(&["test", copy.to_str().unwrap()]).await.status.success());
}

#[tokio::test]
async fn a_run_that_cannot_be_repeated_is_not_recorded_and_says_why() {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "value": 1 }))).await;
    let (_folder, file, _) = folder(&one_step(&upstream.base_url(), |definition| {
        definition["steps"][0]["request"]["query"]["q"] = json!("{{ uuid() }}");
    }));
    let before = std::fs::read(&file).unwrap();
    let output = go(&["run", &file, "--allow", "127.0.0.0/8", "--record"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("exchange 1 (step `call`): address is"), "{}", text(&output.stderr));
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn test_tells_every_difference_and_exits_by_what_it_found() {
    let call =
        json!({ "request": { "method": "GET", "url": "http://127.0.0.1:9/x?q=a" }, "response": { "status": 200, "body": { "value": 5 } } });
    let with = |expect: Value| {
        one_step("http://127.0.0.1:9", |definition| {
            definition["tests"] = json!([{ "name": "one", "inputs": { "q": "a" }, "exchanges": [call], "expect": expect },
                { "name": "two", "inputs": { "q": "b" }, "exchanges": [call], "expect": {} }]);
        })
    };
    let (_folder, file, _) = folder(&with(json!({ "outputs": { "value": 6 }, "result": "done" })));
    let output = run(&["test", &file]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    for part in ["FAILED one", "FAILED two", "result is none", "output `value` is 5, expected is 6", "address is", "2 tests, 2 failed"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let output = run(&["test", &file, "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["passed"]), (Some(1), &json!(false)));
    assert_eq!(report["files"][0]["tests"][0]["differences"].as_array().unwrap().len(), 2, "{report}");

    let (_folder, file, _) = folder(&one_step("http://127.0.0.1:9", |definition| definition["stepz"] = json!(1)));
    let output = run(&["test", &file]);
    assert!(output.status.code() == Some(5) && text(&output.stdout).contains("1 of 1 files not valid"), "{}", text(&output.stdout));
    let (_folder, file, _) = folder(&one_step("http://127.0.0.1:9", |_| {}));
    let output = run(&["test", &file]);
    assert!(output.status.success() && text(&output.stderr).contains("--record"), "{}", text(&output.stderr));
}
