//! The command line as a person or a script uses it.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::database::Database;
use crate::support::one_step;
use crate::support::process::{Process, command, run};
use crate::support::upstream::{Reply, Upstream};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a folder holds, in order.
fn names(folder: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn the_demo_does_the_main_job_in_an_empty_folder() {
    let folder = TempDir::new().unwrap();
    let output = command().current_dir(folder.path()).args(["demo", "--once", "--format", "json"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("not one JSON object: {}", text(&output.stdout)));
    assert_eq!((&report["executions"], &report["succeeded"], &report["failed"]), (&json!(25), &json!(25), &json!(0)), "{report}");
    for (member, least) in [("contactsChanged", 15), ("logEntries", 100), ("retries", 4), ("wallMs", 1)] {
        assert!(report[member].as_i64().unwrap() >= least, "{member}: {report}");
    }
    assert!(folder.path().join("connectors-demo/demo.db").is_file());
    let again = command().current_dir(folder.path()).args(["demo", "--once"]).output().unwrap();
    assert!(again.status.success(), "{}", text(&again.stderr));
    assert!(text(&again.stdout).contains("25 executions: 25 succeeded, 0 failed"), "{}", text(&again.stdout));
}

#[tokio::test]
async fn run_shows_the_log_and_ends_with_the_runs_outcome() {
    let upstream = Upstream::start(|call| {
        if call.query("q").as_deref() == Some("bad") { Reply::Json(400, json!({})) } else { Reply::Json(200, json!({ "value": 5 })) }
    })
    .await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("definition.json");
    std::fs::write(&file, one_step(&upstream.base_url(), |_| {}).to_string()).unwrap();
    let file = file.to_str().unwrap().to_owned();
    let go = |arguments: Vec<String>| tokio::task::spawn_blocking(move || run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()));
    let arguments = |q: &str, more: &[&str]| {
        let mut list = vec![
            "run".to_owned(),
            file.clone(),
            "--input".to_owned(),
            json!({ "q": q }).to_string(),
            "--allow".to_owned(),
            "127.0.0.0/8".to_owned(),
        ];
        list.extend(more.iter().map(|word| (*word).to_owned()));
        list
    };
    let output = go(arguments("good", &[])).await.unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("Succeeded") && text(&output.stdout).contains("\"value\": 5"), "{}", text(&output.stdout));
    assert!(!text(&output.stdout).contains("    "), "no column stands empty: {}", text(&output.stdout));
    let output = go(arguments("good", &["--format", "json"])).await.unwrap();
    let execution: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stdout)));
    assert_eq!(execution["output"], json!({ "value": 5 }));
    let output = go(arguments("bad", &[])).await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
}

#[tokio::test]
async fn run_takes_a_secret_from_a_file_and_shows_it_nowhere() {
    let upstream =
        Upstream::start(|call| Reply::Json(200, json!({ "value": call.header("authorization") == Some("Bearer canary-41c7") }))).await;
    let folder = TempDir::new().unwrap();
    let (file, secret) = (folder.path().join("definition.json"), folder.path().join("secret"));
    let definition = one_step(&upstream.base_url(), |definition| {
        definition["credentials"] = json!({ "api": { "kind": "bearer", "hosts": ["127.0.0.1"] } });
        definition["defaults"]["auth"] = json!("api");
    });
    std::fs::write(&file, definition.to_string()).unwrap();
    std::fs::write(&secret, "canary-41c7\n").unwrap();
    let go = |arguments: Vec<String>| tokio::task::spawn_blocking(move || run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()));
    let mut arguments = ["run", file.to_str().unwrap(), "--allow", "127.0.0.0/8"].map(str::to_owned).to_vec();
    let output = go(arguments.clone()).await.unwrap();
    assert!(!output.status.success() && text(&output.stderr).contains("--secret api=FILE"), "{}", text(&output.stderr));
    arguments.extend(["--secret".to_owned(), format!("api={}", secret.display())]);
    let output = go(arguments).await.unwrap();
    assert!(output.status.success() && text(&output.stdout).contains("\"value\": true"), "{}", text(&output.stdout));
    assert!(!text(&output.stdout).contains("canary") && !text(&output.stderr).contains("canary"));
}

#[test]
fn validate_lists_every_problem_and_exits_with_5() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("definition.json");
    let broken = one_step("http://127.0.0.1:9", |definition| {
        definition["outputs"]["value"]["value"] = json!("{{ step.call.value }}");
        definition["mete"] = json!({});
    });
    std::fs::write(&file, broken.to_string()).unwrap();
    let output = run(&["validate", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(5));
    let said = text(&output.stdout);
    assert!(said.contains("/outputs/value/value") && said.contains("/mete") && said.contains("help:"), "{said}");
    let output = run(&["validate", file.to_str().unwrap(), "--format", "json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["valid"], false);
    std::fs::write(&file, "{ not json").unwrap();
    let output = run(&["validate", file.to_str().unwrap()]);
    assert!(output.status.code() == Some(1) && text(&output.stderr).contains("line 1"), "{}", text(&output.stderr));
}

#[test]
fn the_example_is_valid_and_so_are_the_templates() {
    for folder in ["examples", "templates"] {
        for file in std::fs::read_dir(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let output = run(&["validate", path.to_str().unwrap()]);
                assert!(output.status.success(), "{}: {}", path.display(), text(&output.stdout));
            }
        }
    }
}

#[test]
fn serve_without_keys_is_refused_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    let output = command().current_dir(folder.path()).args(["serve", "--bind", "127.0.0.1:0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("key generate"), "{}", text(&output.stderr));
    let output = command().current_dir(folder.path()).args(["serve", "--dev", "--bind", "0.0.0.0:0"]).output().unwrap();
    assert!(!output.status.success() && text(&output.stderr).contains("loopback"), "{}", text(&output.stderr));
}

#[test]
fn migrate_says_where_the_schema_stands() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("m.db");
    let database = database.to_str().unwrap();
    let output = run(&["migrate", "status", "--database", database]);
    assert!(output.status.code() == Some(4) && text(&output.stderr).contains("m.db"), "{}", text(&output.stderr));
    assert!(!folder.path().join("m.db").exists(), "looking makes no file");
    assert!(run(&["migrate", "up", "--database", database]).status.success());
    let output = run(&["migrate", "status", "--database", database, "--format", "json"]);
    assert!(output.status.success(), "{}", text(&output.stdout));
    assert!(run(&["admin", "add", "root", "--database", database]).status.success());
    let output = run(&["admin", "add", "root", "--database", database]);
    assert!(output.status.code() == Some(1) && text(&output.stderr).contains("already"), "{}", text(&output.stderr));
}

#[test]
fn a_taken_port_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = command().current_dir(folder.path()).args(["serve", "--dev", "--bind", &address]).output().unwrap();
    assert!(!output.status.success() && text(&output.stderr).contains(&address), "{}", text(&output.stderr));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_start_that_fails_leaves_nothing_behind() {
    for database in ["notes.txt", "folder", "absent.db"] {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("notes.txt"), "not a database at all, but notes").unwrap();
        std::fs::create_dir(folder.path().join("folder")).unwrap();
        let before = names(folder.path());
        let mut arguments = vec!["serve", "--dev", "--bind", "127.0.0.1:0", "--database", database];
        if database == "absent.db" {
            arguments.push("--no-migrate");
        }
        let output = command().current_dir(folder.path()).args(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{database}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(database), "{}", text(&output.stderr));
        assert_eq!(names(folder.path()), before, "{database}");
    }
}

#[test]
fn no_command_takes_a_flag_it_would_ignore() {
    for command in [&["demo"][..], &["run", "x.json"], &["validate", "x.json"], &["key", "generate"], &["export-schema"]] {
        for flag in ["--database", "--config"] {
            let output = run(&[command, &[flag, "x"]].concat());
            assert_eq!(output.status.code(), Some(2), "{command:?} {flag}");
            let said = text(&output.stderr);
            assert!(said.contains("unexpected argument") && said.contains(flag), "{command:?}: {said}");
        }
    }
    for command in [&["serve"][..], &["migrate", "up"], &["migrate", "status"], &["admin", "add", "ann"], &["token", "mint", "ann"]] {
        let output = run(&[command, &["--config", "/absent/connectors.toml"]].concat());
        assert_eq!(output.status.code(), Some(3), "{command:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("/absent/connectors.toml"), "{command:?}");
    }
}

#[test]
fn a_token_is_signed_with_the_key_file_named_or_told_why_not() {
    let folder = TempDir::new().unwrap();
    let mint = |file: &str| command().current_dir(folder.path()).args(["token", "mint", "ann", "--key-file", file]).output().unwrap();
    let output = mint("absent.key");
    assert!(output.status.code() == Some(1) && text(&output.stderr).contains("absent.key"), "{}", text(&output.stderr));
    std::fs::write(folder.path().join("odd.key"), "one line").unwrap();
    assert!(text(&mint("odd.key").stderr).contains("not a key file"));
    let secret = text(&run(&["key", "generate", "--token"]).stdout);
    std::fs::write(folder.path().join("connectors.key"), format!("first line\n{secret}")).unwrap();
    assert!(mint("connectors.key").status.success());
    let output = command().current_dir(folder.path()).args(["token", "mint", "ann"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn keys_are_never_the_same() {
    let key = || text(&run(&["key", "generate"]).stdout);
    assert_ne!(key(), key());
}

#[tokio::test]
async fn adm_5_the_first_admin_is_named_once_however_often_and_at_once_it_is_tried() {
    let folder = TempDir::new().unwrap();
    let database = Database::fresh().await;
    let url = database.url();
    let server = Process::serve(folder.path(), &url);
    let add = || command().args(["admin", "add", "root", "--database", &url]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let outputs: Vec<_> = (0..4).map(|_| add()).collect::<Vec<_>>().into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    assert_eq!(outputs.iter().filter(|output| output.status.success()).count(), 1, "{outputs:?}");
    let again = add().wait_with_output().unwrap();
    for output in outputs.iter().filter(|output| !output.status.success()).chain([&again]) {
        assert!(text(&output.stderr).contains("root is an admin of the catalogue already; nothing was changed"), "{output:?}");
    }
    drop(server);
    assert_eq!(database.row("SELECT CAST(count(*) AS text), max(role) FROM saas_admin_users").await, ["1", "owner"]);
}
