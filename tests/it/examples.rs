//! The examples are the language at work: every field is used, and each recorded run comes out the same on a real server.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex};

use connectors::domain::definition::fields::table::{
    BRANCH_STEP, CALL_STEP, DEFINITION, FOREACH_STEP, HTTP_STEP, PARALLEL_STEP, POLL_STEP, SET_STEP, STOP_STEP, WAIT_STEP, WATERFALL_STEP,
};
use connectors::domain::definition::fields::{Field, Object, Shape};
use serde_json::{Map, Value, json};

use crate::support::upstream::{Call, Reply, Upstream};
use crate::support::{EXECUTION, TestApp, process};

/// Fields that no example uses yet, of one object or of all that have them.
const GAPS: [&str; 6] = ["auth_url", "cache", "pkce", "scopes", "slot.fields", "token_url"];

const STEPS: [&Object; 10] =
    [&BRANCH_STEP, &CALL_STEP, &FOREACH_STEP, &HTTP_STEP, &PARALLEL_STEP, &POLL_STEP, &SET_STEP, &STOP_STEP, &WAIT_STEP, &WATERFALL_STEP];

fn is_gap(object: &Object, field: &Field) -> bool {
    GAPS.contains(&field.name) || GAPS.contains(&&*format!("{}.{}", object.name, field.name))
}

/// Path and document of every example.
fn examples() -> Vec<(String, Value)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let json = paths.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    let mut found: Vec<_> =
        json.map(|path| (path.to_str().unwrap().to_owned(), serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap())).collect();
    found.sort_by(|left: &(String, Value), right| left.0.cmp(&right.0));
    found
}

/// Every field of the language from a shape on, with the object it is of.
fn all_fields(shape: Shape, seen: &mut HashSet<&'static str>, found: &mut Vec<(&'static str, &'static Field)>) {
    match shape {
        Shape::List { of, .. } | Shape::Map { of, .. } => all_fields(*of, seen, found),
        Shape::Step => STEPS.into_iter().for_each(|step| all_fields(Shape::Object(step), seen, found)),
        Shape::Object(object) if seen.insert(object.name) => {
            for field in object.all().filter(|field| !is_gap(object, field)) {
                found.push((object.name, field));
                all_fields(field.shape, seen, found);
            }
        }
        _ => {}
    }
}

/// Notes the fields a value uses.
fn use_fields(shape: Shape, value: &Value, used: &mut HashSet<*const Field>) {
    match (shape, value) {
        (Shape::List { of, .. }, Value::Array(items)) => items.iter().for_each(|item| use_fields(*of, item, used)),
        (Shape::Map { of, .. }, Value::Object(members)) => members.values().for_each(|member| use_fields(*of, member, used)),
        (Shape::Step, step) => {
            let name = format!("{}_step", step["kind"].as_str().unwrap());
            let object = STEPS.into_iter().find(|object| object.name == name).unwrap();
            use_fields(Shape::Object(object), step, used);
        }
        (Shape::Object(object), Value::Object(members)) => {
            for (name, member) in members.iter().filter(|(name, _)| !name.starts_with("x-")) {
                let field = object.find(name).unwrap_or_else(|| panic!("{}.{name}", object.name));
                assert!(!is_gap(object, field), "`{name}` is used: take it from the gaps");
                used.insert(std::ptr::from_ref(field));
                use_fields(field.shape, member, used);
            }
        }
        _ => {}
    }
}

#[test]
fn every_field_of_the_language_is_used_by_an_example() {
    let (mut used, mut all) = (HashSet::new(), Vec::new());
    for (_, document) in examples() {
        use_fields(Shape::Object(&DEFINITION), &document, &mut used);
    }
    all_fields(Shape::Object(&DEFINITION), &mut HashSet::new(), &mut all);
    assert!(all.len() > 100, "the table was not walked");
    let unused: BTreeSet<String> = all
        .iter()
        .filter(|(_, field)| !used.contains(&std::ptr::from_ref(*field)))
        .map(|(object, field)| format!("{object}.{}", field.name))
        .collect();
    assert!(unused.is_empty(), "no example uses {unused:?}");
}

#[test]
fn every_example_passes_its_own_tests_from_the_command_line() {
    let examples = examples();
    assert!(examples.len() >= 13);
    let mut arguments = vec!["test", "--format", "json"];
    arguments.extend(examples.iter().map(|(path, _)| path.as_str()));
    let output = process::run(&arguments);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success() && report["passed"] == true, "{report:#}");
    let files = report["files"].as_array().unwrap();
    assert!(files.iter().all(|file| file["tests"].as_array().is_some_and(|tests| !tests.is_empty())), "{report:#}");
}

/// What the stand-in still has to answer, and what went wrong.
#[derive(Default)]
struct Script {
    left: Vec<Value>,
    faults: Vec<String>,
    /// Where a secret must be found in each call; nothing when none is sent.
    secret: Option<&'static str>,
}

const SECRET: &str = "canary-52f1";

impl Script {
    /// The recorded answer to a call.
    fn answer(&mut self, call: &Call) -> Reply {
        let Some(place) = self.left.iter().position(|exchange| fits(&exchange["request"], call)) else {
            self.faults.push(format!("not recorded: {} {} {}", call.method, call.uri, String::from_utf8_lossy(&call.body)));
            return Reply::Json(599, Value::Null);
        };
        let exchange = self.left.remove(place);
        if self.secret.is_some_and(|secret| !everything(call).contains(secret)) {
            self.faults.push(format!("without its credential: {} {}", call.method, call.uri));
        }
        let response = &exchange["response"];
        let headers = response["headers"].as_object().cloned().unwrap_or_default();
        let (mut kind, mut lines) = ("application/json", Vec::new());
        for (name, value) in headers {
            let text = value.as_str().unwrap().to_owned();
            match name.as_str() {
                "Content-Type" => kind = if text.contains("csv") { "text/csv" } else { "text/plain" },
                "Link" => lines.push(("link", text)),
                "Retry-After" => lines.push(("retry-after", text)),
                "X-Waiting" => lines.push(("x-waiting", text)),
                other => panic!("{other}: teach the stand-in this header"),
            }
        }
        let body = match &response["body"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            json => json.to_string(),
        };
        Reply::Raw(u16::try_from(response["status"].as_u64().unwrap()).unwrap(), kind, lines, body.into())
    }
}

/// A call as one text.
fn everything(call: &Call) -> String {
    format!("{} {:?} {}", call.uri, call.headers, String::from_utf8_lossy(&call.body))
}

/// Is it the recorded call, apart from the credential in it?
fn fits(recorded: &Value, call: &Call) -> bool {
    let url = url::Url::parse(recorded["url"].as_str().unwrap()).unwrap();
    let made = url::Url::parse(&format!("http://x{}", call.uri)).unwrap();
    let pairs = |url: &url::Url| {
        let all = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned()));
        all.filter(|(_, value)| !value.contains(SECRET)).collect::<BTreeSet<_>>()
    };
    let body = String::from_utf8_lossy(&call.body).into_owned();
    let same_body = match &recorded["body"] {
        Value::Null => true,
        Value::String(text) => body.split('&').filter(|pair| !pair.contains(SECRET)).collect::<Vec<_>>().join("&") == *text,
        json => serde_json::from_str::<Value>(&body).is_ok_and(|made| made == *json),
    };
    recorded["method"] == call.method.as_str() && url.path() == made.path() && pairs(&url) == pairs(&made) && same_body
}

/// The document with its hosts turned to the stand-in, and its waits made short.
fn at_home(document: &Value, base_url: &str) -> Value {
    let tests = document["tests"].as_array().unwrap().iter();
    let calls =
        tests.filter_map(|test| test["exchanges"].as_array()).flatten().map(|exchange| exchange["request"]["url"].as_str().unwrap());
    let origins: BTreeSet<String> = calls.map(|url| url::Url::parse(url).unwrap().origin().ascii_serialization()).collect();
    let text = origins.iter().fold(document.to_string(), |text, origin| text.replace(origin, base_url));
    let mut document: Value = serde_json::from_str(&text).unwrap();
    if let Some(slots) = document.get_mut("credentials").and_then(Value::as_object_mut) {
        slots.values_mut().for_each(|slot| slot["hosts"] = json!(["127.0.0.1"]));
    }
    quicken(&mut document);
    document
}

fn quicken(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match (name.as_str(), &mut *member) {
                    ("retry", Value::Object(retry)) => drop(retry.insert("backoff".to_owned(), json!({ "base": "PT0.01S" }))),
                    ("every", Value::String(text)) => "PT1S".clone_into(text),
                    ("for", Value::String(text)) => "PT0.01S".clone_into(text),
                    _ => quicken(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(quicken),
        _ => {}
    }
}

/// A server that knows a credential for every slot of the examples.
struct Stage {
    app: TestApp,
    upstream: Upstream,
    script: Arc<Mutex<Script>>,
}

impl Stage {
    async fn set() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let shared = Arc::clone(&script);
        let upstream = Upstream::start(move |call| shared.lock().unwrap().answer(call)).await;
        Self { app: TestApp::start().await, upstream, script }
    }

    /// A credential for each slot.
    async fn credentials(&self, name: &str, document: &Value) -> Vec<Value> {
        let mut bound = Vec::new();
        for (slot, about) in document["credentials"].as_object().into_iter().flatten() {
            let secret = match about["kind"].as_str().unwrap() {
                "api_key" => json!({ "apiKey": { "value": SECRET } }),
                "bearer" => json!({ "bearer": { "token": SECRET } }),
                "basic" => json!({ "basic": { "username": "stand-in", "password": SECRET } }),
                other => panic!("{other}: teach the stage this kind"),
            };
            let document =
                "mutation($input: CredentialCreateInput!) { credentialCreate(input: $input) { credential { id } userErrors { message } } }";
            let input =
                json!({ "workspace": { "key": "a" }, "name": format!("{name} {slot}"), "secret": secret, "allowedHosts": ["127.0.0.1"] });
            let made = self.app.ok("ann", document, json!({ "input": input })).await;
            bound.push(json!({ "slot": slot, "credential": { "id": made["credentialCreate"]["credential"]["id"] } }));
        }
        bound
    }

    async fn contact(&self, fields: &Value) -> Option<String> {
        let name = |name: &str| match name {
            "first_name" => "firstName".to_owned(),
            "last_name" => "lastName".to_owned(),
            other => other.to_owned(),
        };
        let fields: Map<String, Value> = fields.as_object()?.iter().map(|(field, value)| (name(field), value.clone())).collect();
        let document = "mutation($input: ContactUpsertInput!) { contactUpsert(input: $input) { contact { id } userErrors { message } } }";
        let mut contact = json!({ "key": format!("c{}", self.upstream.calls().len()) });
        contact.as_object_mut().unwrap().extend(fields);
        let made = self.app.ok("ann", document, json!({ "input": { "workspace": { "key": "a" }, "contact": contact } })).await;
        Some(made["contactUpsert"]["contact"]["id"].as_str().unwrap().to_owned())
    }

    /// Runs the definition once for what a test gives.
    async fn run(&self, document: &Value, credentials: &[Value], test: &Value, contact: Option<&str>) -> Value {
        let mutation = format!(
            "mutation($input: ConnectorTestInput!) {{ connectorTest(input: $input) {{ finished execution {{ {EXECUTION} }} userErrors {{ message path }} }} }}"
        );
        let input = json!({
            "workspace": { "key": "a" }, "target": { "definition": document }, "credentials": credentials,
            "input": test.get("inputs").cloned().unwrap_or_else(|| json!({})), "config": test.get("config").cloned().unwrap_or_else(|| json!({})),
            "contact": contact.map(|id| json!({ "id": id })), "writeContact": true, "waitMs": 20_000,
        });
        let ran = self.app.ok("ann", &mutation, json!({ "input": input })).await;
        assert_eq!(ran["connectorTest"]["finished"], true, "{ran}");
        ran["connectorTest"]["execution"].clone()
    }
}

/// A field of a contact as the API shows it.
fn field<'a>(contact: &'a Value, name: &str) -> &'a Value {
    match name {
        "first_name" => &contact["firstName"],
        "last_name" => &contact["lastName"],
        path => contact.pointer(&format!("/{}", path.replace('.', "/"))).unwrap_or(&Value::Null),
    }
}

fn same(left: &Value, right: &Value) -> bool {
    left == right || (left.is_number() && left.as_f64() == right.as_f64())
}

fn compare(expect: &Value, execution: &Value, contact: &Value) {
    let usual = if expect["error"].is_null() { "succeeded" } else { "failed" };
    let status = expect["status"].as_str().unwrap_or(usual);
    assert!(execution["status"].as_str().unwrap().eq_ignore_ascii_case(status), "{execution}");
    for (name, value) in expect["outputs"].as_object().into_iter().flatten() {
        assert!(same(&execution["output"][name], value), "output {name}: {execution}");
    }
    for (name, value) in expect["contact"].as_object().into_iter().flatten() {
        assert!(same(field(contact, name), value), "contact {name}: {contact} {execution}");
    }
    if let Some(result) = expect["result"].as_str() {
        assert_eq!(execution["result"], result, "{execution}");
    }
    if let Some(error) = expect["error"].as_str() {
        assert!(execution["error"]["code"].as_str().unwrap().eq_ignore_ascii_case(error), "{execution}");
    }
}

#[tokio::test]
async fn every_recorded_run_comes_out_the_same_on_a_real_server() {
    let stage = Stage::set().await;
    for (path, document) in examples() {
        let document = at_home(&document, &stage.upstream.base_url());
        let credentials = stage.credentials(&path, &document).await;
        let basic = document.to_string().contains("\"kind\":\"basic\"");
        for test in document["tests"].as_array().unwrap() {
            let secret = (!credentials.is_empty()).then_some(if basic { "Basic " } else { SECRET });
            let left = test["exchanges"].as_array().cloned().unwrap_or_default();
            *stage.script.lock().unwrap() = Script { left, secret, ..Script::default() };
            let contact = stage.contact(&test["contact"]).await;
            let execution = stage.run(&document, &credentials, test, contact.as_deref()).await;
            let read = "query($id: ID!) { contact(id: $id) { key email phone firstName lastName company attributes } }";
            let contact = match contact {
                Some(id) => stage.app.ok("ann", read, json!({ "id": id })).await["contact"].clone(),
                None => Value::Null,
            };
            let script = stage.script.lock().unwrap();
            assert!(script.faults.is_empty() && script.left.is_empty(), "{path}, {}: {:?} {:?}", test["name"], script.faults, script.left);
            compare(&test["expect"], &execution, &contact);
        }
    }
}

#[tokio::test]
async fn one_example_calls_another() {
    let stage = Stage::set().await;
    let found = |slug: &str| examples().into_iter().find(|(_, document)| document["meta"]["slug"] == slug).unwrap().1;
    let (score, mut intake) = (found("lead-score"), found("lead-intake"));
    quicken(&mut intake);
    let create = "mutation($input: ConnectorCreateInput!) { connectorCreate(input: $input) { connector { id } userErrors { message } } }";
    let input = json!({ "workspace": { "key": "a" }, "name": "Lead score", "key": "lead-score", "source": { "definition": score } });
    let id = stage.app.ok("ann", create, json!({ "input": input })).await["connectorCreate"]["connector"]["id"].clone();
    let publish = "mutation($id: ID!) { connectorPublish(input: { id: $id }) { userErrors { message } } }";
    stage.app.ok("ann", publish, json!({ "id": id })).await;
    let execution = stage.run(&intake, &[], &json!({ "inputs": { "company": " Gulf Line Supply ", "employees": 450 } }), None).await;
    assert_eq!(execution["output"], json!({ "good": true }), "{execution}");
}
