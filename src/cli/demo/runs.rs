//! Starts one execution a contact, shows their lines live, and sums up what came of them.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};

use super::{Contact, text};
use crate::cli::client::Client;
use crate::cli::output::Output;

const START: &str =
    "mutation($input: ExecutionStartInput!) { executionStart(input: $input) { execution { id } userErrors { code message path } } }";
const FOLLOW: &str =
    "subscription($id: ID!) { executionLogs(executionId: $id) { entries { sequence loggedAt level message stepPath } complete } }";
const READ: &str = "query($id: ID!) { execution(id: $id) { status result output durationMs lastLogSequence error { message } fieldChanges { contactField outcome } steps { attempts { number } } } }";

/// What came of one contact's run.
struct Outcome {
    label: String,
    status: String,
    found: bool,
    written: Vec<String>,
    attempts: usize,
    retries: usize,
    duration_ms: i64,
    log_entries: i64,
    error: String,
}

/// What came of all runs.
pub(super) struct Report {
    outcomes: Vec<Outcome>,
    contacts: usize,
    wall: Duration,
}

/// Runs the connector once for each contact, all at the same time.
pub(super) async fn run(client: &Client, connector: &str, contacts: &[Contact], out: Output) -> anyhow::Result<Report> {
    out.say("");
    let begun = Instant::now();
    let mut runs: FuturesUnordered<_> = contacts.iter().map(|contact| one(client, connector, contact, out)).collect();
    let mut outcomes = Vec::new();
    while let Some(outcome) = runs.next().await {
        outcomes.push(outcome?);
    }
    outcomes.sort_by(|a, b| a.label.cmp(&b.label));
    Ok(Report { outcomes, contacts: contacts.len(), wall: begun.elapsed() })
}

async fn one(client: &Client, connector: &str, contact: &Contact, out: Output) -> anyhow::Result<Outcome> {
    let started = client
        .request(START, json!({ "input": { "connectorId": connector, "contact": { "id": contact.id } } }))
        .await
        .with_context(|| format!("the run for {} did not start", contact.label))?;
    let id = text(&started.pointer("/executionStart/execution").cloned().unwrap_or_default(), "id");
    let mut lines = client.subscribe(FOLLOW, &json!({ "id": id }))?;
    while let Some(message) = lines.recv().await {
        if let Some(errors) = message.get("errors") {
            anyhow::bail!("the live log of {id} broke off: {errors}");
        }
        let batch = message.pointer("/data/executionLogs").cloned().unwrap_or_default();
        for entry in batch.get("entries").and_then(Value::as_array).into_iter().flatten() {
            out.log_line(&contact.label, entry);
        }
        if batch.get("complete") == Some(&Value::Bool(true)) {
            break;
        }
    }
    let read = client.request(READ, json!({ "id": id })).await?;
    Ok(outcome(&contact.label, read.get("execution").unwrap_or(&Value::Null)))
}

fn outcome(label: &str, execution: &Value) -> Outcome {
    let list = |value: &Value, member: &str| value.get(member).and_then(Value::as_array).cloned().unwrap_or_default();
    let attempts: Vec<usize> = list(execution, "steps").iter().map(|step| list(step, "attempts").len()).collect();
    Outcome {
        label: label.to_owned(),
        status: text(execution, "status"),
        found: execution.pointer("/output/found") == Some(&Value::Bool(true)),
        written: list(execution, "fieldChanges")
            .iter()
            .filter(|change| text(change, "outcome") == "WRITTEN")
            .map(|change| text(change, "contactField"))
            .collect(),
        attempts: attempts.iter().sum(),
        retries: attempts.iter().map(|count| count.saturating_sub(1)).sum(),
        duration_ms: execution.get("durationMs").and_then(Value::as_i64).unwrap_or(0),
        log_entries: execution.get("lastLogSequence").and_then(Value::as_i64).unwrap_or(0),
        error: execution.get("error").map(|error| text(error, "message")).unwrap_or_default(),
    }
}

impl Report {
    /// Did every run reach its end?
    pub(super) fn all_ended(&self) -> bool {
        self.outcomes.len() == self.contacts
            && self.outcomes.iter().all(|outcome| matches!(outcome.status.as_str(), "SUCCEEDED" | "FAILED"))
    }

    /// Prints the closing table, or one JSON object.
    pub(super) fn print(&self, out: Output, since_start: Duration) {
        let count = |status: &str| self.outcomes.iter().filter(|outcome| outcome.status == status).count();
        let changed = self.outcomes.iter().filter(|outcome| !outcome.written.is_empty()).count();
        let log_entries: i64 = self.outcomes.iter().map(|outcome| outcome.log_entries).sum();
        let retries: usize = self.outcomes.iter().map(|outcome| outcome.retries).sum();
        let wall_ms = u64::try_from(self.wall.as_millis()).unwrap_or(u64::MAX);
        let rows = self.outcomes.iter().map(|outcome| {
            [
                outcome.label.clone(),
                if outcome.found { "yes" } else { "no" }.to_owned(),
                if outcome.error.is_empty() { outcome.written.join(", ") } else { outcome.error.clone() },
                outcome.attempts.to_string(),
                outcome.duration_ms.to_string(),
            ]
        });
        out.table(["contact", "found", "fields written", "attempts", "ms"], rows);
        out.say(&format!(
            "\n{} executions: {} succeeded, {} failed; {changed} contacts changed; {log_entries} log lines; {retries} retries; {wall_ms} ms",
            self.outcomes.len(),
            count("SUCCEEDED"),
            count("FAILED"),
        ));
        out.json(&json!({
            "executions": self.outcomes.len(),
            "succeeded": count("SUCCEEDED"),
            "failed": count("FAILED"),
            "contactsChanged": changed,
            "fieldsWritten": self.outcomes.iter().map(|outcome| outcome.written.len()).sum::<usize>(),
            "logEntries": log_entries,
            "retries": retries,
            "wallMs": wall_ms,
            "totalMs": u64::try_from(since_start.as_millis()).unwrap_or(u64::MAX),
        }));
    }
}
