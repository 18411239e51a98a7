//! Makes a recorded test of a run: the calls it made with their answers, and what came of it.
//!
//! Everything comes from what the server keeps of a run, where secrets and private values are masked already.
//! What was recorded is run once before it is written: a test that does not lead to the same end is of no use.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};

use crate::auth::{SystemScope, WorkspaceScope};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::definition::{Definition, InjectPlace};
use crate::domain::exchange::{Exchange, PayloadPreview};
use crate::domain::execution::{Execution, ExecutionStatus, StepRun};
use crate::domain::id::{ExecutionId, WorkspaceId};
use crate::pipeline::{self, Redactor};
use crate::store::Store;

/// Id of the run in recorded tests.
const RECORDED_RUN: &str = "exe_recorded";

/// What stands in place of a masked value.
const MASK: &str = "***";

/// Header lines of an answer that no definition looks at, or that are no longer true of the body as it is kept.
const PASSING: [&str; 5] = ["date", "content-length", "content-encoding", "etag", "x-request-id"];

/// A run as the server keeps it.
pub(super) struct Made {
    execution: Execution,
    steps: Vec<StepRun>,
}

impl Made {
    /// Reads a run that has ended.
    pub(super) async fn read(store: &Store, workspace: WorkspaceId, id: ExecutionId) -> anyhow::Result<Self> {
        let tx = store.read(&WorkspaceScope::for_run(&SystemScope::for_server(), workspace)).await?;
        let execution = tx.find_execution(id).await?.context("the run is not there any more")?;
        Ok(Self { execution, steps: tx.list_steps(id).await? })
    }
}

/// What a run was given.
pub(super) struct Given<'a> {
    pub(super) inputs: &'a Value,
    pub(super) config: &'a Value,
    /// Secrets of its credentials.
    pub(super) secrets: &'a [String],
}

/// The document with the run as one more test, which passes; and the test's name.
pub(super) fn with_test(source: &Value, made: &Made, given: &Given<'_>, name: Option<&str>) -> anyhow::Result<(Value, String)> {
    let compiled = pipeline::compile(source);
    let plan = compiled.plan.context("the definition has errors")?;
    let secrets: Vec<&str> = given.secrets.iter().map(String::as_str).collect();
    let redactor = plan.redactor().with_secrets(&secrets);
    let mut document = source.clone();
    let tests = document.as_object_mut().context("the definition is no object")?.entry("tests").or_insert_with(|| json!([]));
    let tests = tests.as_array_mut().context("`tests` is no list")?;
    let name = name.map_or_else(|| free_name(tests), str::to_owned);
    tests.push(test_of(&plan.definition, made, (given, &redactor), &name)?);
    check(&document)?;
    Ok((document, name))
}

/// The first `recorded N` that no test has.
fn free_name(tests: &[Value]) -> String {
    let taken: BTreeSet<&str> = tests.iter().filter_map(|test| test.get("name")?.as_str()).collect();
    (1..=tests.len() + 1).map(|number| format!("recorded {number}")).find(|name| !taken.contains(name.as_str())).unwrap_or_default()
}

/// Writes a document in place of another, or not at all.
pub(super) fn write(file: &Path, document: &Value) -> anyhow::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let text = serde_json::to_string_pretty(document)? + "\n";
    fs::write(&beside, text).and_then(|()| fs::rename(&beside, file)).with_context(|| format!("{} cannot be written", file.display()))
}

fn test_of(definition: &Definition, made: &Made, (given, redactor): (&Given<'_>, &Redactor), name: &str) -> anyhow::Result<Value> {
    let mut test = json!({ "name": name, "inputs": redactor.json(given.inputs) });
    let mut put = |member: &str, value: Value| test.as_object_mut().map(|members| members.insert(member.to_owned(), value));
    let config = redactor.json(given.config);
    if config.as_object().is_some_and(|config| !config.is_empty()) {
        put("config", config);
    }
    put("exchanges", json!(exchanges(definition, &made.steps)?));
    put("expect", expectation(&made.execution)?);
    // A recorded run has a name of its own.
    let written = test.to_string().replace(&made.execution.id.to_string(), RECORDED_RUN);
    Ok(serde_json::from_str(&written)?)
}

/// Every answered call of the run, in the order they began.
fn exchanges(definition: &Definition, steps: &[StepRun]) -> anyhow::Result<Vec<Value>> {
    let members = secret_members(definition);
    let of_step = |step: &StepRun| step.attempts.iter().flat_map(|attempt| attempt.exchanges.clone()).collect::<Vec<_>>();
    let mut made: Vec<Exchange> = steps.iter().flat_map(of_step).collect();
    made.sort_by_key(|exchange| exchange.started_at);
    made.iter().filter_map(|exchange| recorded(exchange, &members).transpose()).collect()
}

/// Names under which secrets enter bodies.
fn secret_members(definition: &Definition) -> BTreeSet<&str> {
    let injects = definition.credentials.values().filter_map(|slot| slot.inject.as_ref());
    injects.filter(|inject| inject.place == InjectPlace::Body).map(|inject| inject.name.as_str()).collect()
}

/// A call as tests have it; `None` when no answer came.
fn recorded(exchange: &Exchange, members: &BTreeSet<&str>) -> anyhow::Result<Option<Value>> {
    let Some(status) = exchange.status else { return Ok(None) };
    let mut request = json!({ "method": exchange.method.as_str(), "url": exchange.url });
    if let Some(preview) = &exchange.request_body {
        let body = without(whole(preview, &exchange.url)?, preview, members);
        request.as_object_mut().map(|request| request.insert("body".to_owned(), body));
    }
    let mut response = json!({ "status": status });
    let body = exchange.response_body.as_ref().map(|preview| whole(preview, &exchange.url)).transpose()?;
    let is_json = body.as_ref().is_some_and(|body| !body.is_string());
    let mut put = |member: &str, value: Value| response.as_object_mut().map(|members| members.insert(member.to_owned(), value));
    let headers: Map<String, Value> = exchange
        .response_headers
        .iter()
        .filter(|(name, value)| !is_passing(name, is_json) && !value.contains(MASK))
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    if !headers.is_empty() {
        put("headers", Value::Object(headers));
    }
    body.map(|body| put("body", body));
    Ok(Some(json!({ "request": request, "response": response })))
}

/// Is it a header line that tests do without?
fn is_passing(name: &str, is_json: bool) -> bool {
    PASSING.contains(&name) || (is_json && name == "content-type")
}

/// A body as tests have it: JSON as it is, anything else as text.
fn whole(preview: &PayloadPreview, url: &str) -> anyhow::Result<Value> {
    if preview.truncated {
        bail!("the call to {url} has a body of {} bytes, which is more than a definition can hold", preview.size_bytes);
    }
    let text = preview.text.as_deref().with_context(|| format!("the call to {url} has a body that is no text"))?;
    // A text and null would be read back as something else.
    let json = serde_json::from_str::<Value>(text).ok().filter(|value| !value.is_string() && !value.is_null());
    Ok(json.unwrap_or_else(|| Value::String(text.to_owned())))
}

/// The body without the members that a credential filled.
fn without(body: Value, preview: &PayloadPreview, members: &BTreeSet<&str>) -> Value {
    match body {
        Value::Object(all) => {
            let filled = |name: &str, value: &Value| members.contains(name) && value.as_str().is_some_and(|text| text.contains(MASK));
            Value::Object(all.into_iter().filter(|(name, value)| !filled(name, value)).collect())
        }
        Value::String(text)
            if preview.content_type.as_deref().is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) =>
        {
            let filled = |pair: &&str| pair.split_once('=').is_some_and(|(name, value)| members.contains(name) && value.contains(MASK));
            json!(text.split('&').filter(|pair| !filled(pair)).collect::<Vec<_>>().join("&"))
        }
        other => other,
    }
}

fn expectation(execution: &Execution) -> anyhow::Result<Value> {
    let mut expect = match execution.status {
        ExecutionStatus::Succeeded => json!({ "status": "succeeded" }),
        ExecutionStatus::Failed => json!({ "status": "failed" }),
        other => bail!("a run that ended as {} cannot be recorded", other.as_str()),
    };
    let mut put = |member: &str, value: Value| expect.as_object_mut().map(|members| members.insert(member.to_owned(), value));
    if let Some(result) = &execution.result {
        put("result", json!(result));
    }
    if let Some(outputs) = execution.output.as_ref().filter(|outputs| outputs.as_object().is_some_and(|outputs| !outputs.is_empty())) {
        put("outputs", outputs.clone());
    }
    if let Some(error) = &execution.error {
        put("error", json!(error.code.as_str()));
    }
    Ok(expect)
}

/// Is the document valid, and does its last test pass?
fn check(document: &Value) -> anyhow::Result<()> {
    let compiled = pipeline::compile(document);
    let Some(plan) = compiled.plan else {
        let told: Vec<String> = compiled.problems.iter().map(|problem| format!("{}: {}", problem.pointer, problem.message)).collect();
        bail!("the definition would not be valid with this run as a test: {}", told.join("; "));
    };
    let Some(test) = plan.definition.tests.last() else { return Ok(()) };
    let outcome = pipeline::run_recorded(&plan, test, SystemClock.now());
    if !outcome.passed {
        let why = "values that change, such as `now` and `uuid()`, cannot be recorded in an address or a body";
        bail!("the run is not recorded, as it does not come out the same from its recording ({why}): {}", outcome.differences.join("; "));
    }
    Ok(())
}
