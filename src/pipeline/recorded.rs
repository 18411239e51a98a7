//! Runs a definition's recorded tests: no network, no clock, no waiting.
//!
//! The walk is that of a real run: conditions, requests, rules, retries, outputs and mapping. Each request is compared with
//! the next recorded one and gets its recorded answer.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::backoff::next_delay;
use super::context::{Context, RunFacts};
use super::map::{Decision, decide};
use super::plan::{Plan, PlannedAction, PlannedStep};
use super::request::PlannedHttp;
use super::rules::Verdict;
use crate::domain::contact::{Contact, ContactDraft};
use crate::domain::definition::{MissingContact, OnError, RecordedExchange, RecordedRequest, RecordedResponse, RecordedTest};
use crate::domain::exchange::{Request, Response};
use crate::domain::execution::{ErrorClass, ExecutionError, ExecutionErrorCode};
use crate::domain::id::{ContactId, WorkspaceId};

/// What came of a recorded test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedOutcome {
    /// Did everything come out as expected?
    pub passed: bool,
    /// What did not, one sentence each.
    pub differences: Vec<String>,
}

/// Runs one recorded test of a plan.
pub fn run_recorded(plan: &Plan, test: &RecordedTest, now: DateTime<Utc>) -> RecordedOutcome {
    let mut replay = Replay { plan, exchanges: test.exchanges.iter(), made: 0, differences: Vec::new(), now };
    let mut contact = test.contact.as_ref().map(|fields| contact_of(fields, now, &mut replay.differences));
    let end = replay.run(test, &mut contact);
    let left = replay.exchanges.len();
    let mut differences = replay.differences;
    if left > 0 {
        differences.push(format!("{left} recorded exchanges were not used"));
    }
    compare_end(test, &end, contact.as_ref(), &mut differences);
    RecordedOutcome { passed: differences.is_empty(), differences }
}

/// How a run ended.
struct End {
    result: Option<String>,
    outputs: Value,
    error: Option<ExecutionError>,
}

impl End {
    fn failed(error: ExecutionError) -> Self {
        Self { result: None, outputs: Value::Null, error: Some(error) }
    }
}

/// What follows a step.
enum Next {
    Go,
    Stop(Option<String>),
}

struct Replay<'a> {
    plan: &'a Plan,
    exchanges: std::slice::Iter<'a, RecordedExchange>,
    made: usize,
    differences: Vec<String>,
    now: DateTime<Utc>,
}

impl Replay<'_> {
    fn run(&mut self, test: &RecordedTest, contact: &mut Option<Contact>) -> End {
        let settled = self
            .plan
            .resolve_config(&test.config)
            .and_then(|config| Ok((config, self.plan.resolve_input(&test.inputs, contact.as_ref())?)));
        let (config, inputs) = match settled {
            Ok(settled) => settled,
            Err(problems) => {
                let sentences: Vec<String> = problems.into_iter().map(|(pointer, sentence)| format!("{pointer}: {sentence}")).collect();
                return End::failed(ExecutionError::new(ExecutionErrorCode::Input, ErrorClass::Data, sentences.join("; ")));
            }
        };
        let run = RunFacts { id: "exe_recorded".to_owned(), attempt: 1, cost: 0.0 };
        let mut context = Context::new(inputs, config, contact.as_ref(), run, self.now);
        let mut result = None;
        for step in &self.plan.steps {
            match self.step(step, &mut context) {
                Ok(Next::Go) => {}
                Ok(Next::Stop(word)) => {
                    result = word;
                    break;
                }
                Err(error) => return End::failed(error),
            }
        }
        self.end(&context, contact, result).unwrap_or_else(End::failed)
    }

    fn end(&mut self, context: &Context, contact: &mut Option<Contact>, result: Option<String>) -> Result<End, ExecutionError> {
        let outputs = self.plan.outputs(context).map_err(super::Error::into_execution_error)?;
        self.map(context, contact)?;
        Ok(End { result, outputs, error: None })
    }

    fn step(&mut self, step: &PlannedStep, context: &mut Context) -> Result<Next, ExecutionError> {
        let runs = step.when.as_ref().map_or(Ok(true), |when| when.truth(context));
        let outcome = match runs.map_err(super::Error::into_execution_error) {
            Ok(false) => return Ok(Next::Go),
            Ok(true) => match &step.action {
                PlannedAction::Stop { result } => return Ok(Next::Stop(Some(result.clone()))),
                PlannedAction::Set(set) => set.values(context).map_err(super::Error::into_execution_error),
                PlannedAction::Http(http) => {
                    context.add_cost(step.cost);
                    self.attempts(step, http, context)
                }
            },
            Err(error) => Err(error),
        };
        match (outcome, step.on_error) {
            (Ok(output), _) => {
                context.set_step(&step.id, output);
                Ok(Next::Go)
            }
            (Err(error), OnError::Fail) => Err(error),
            (Err(_), OnError::Continue) => Ok(Next::Go),
            (Err(_), OnError::Stop) => Ok(Next::Stop(None)),
        }
    }

    fn attempts(&mut self, step: &PlannedStep, http: &PlannedHttp, context: &mut Context) -> Result<Value, ExecutionError> {
        let mut elapsed = Duration::ZERO;
        let mut attempt = 1;
        loop {
            context.set_attempt(attempt, self.now);
            let request = http.build(context).map_err(super::Error::into_execution_error)?;
            let response = self.exchange(&step.id, &request)?;
            let (error, wait) = match http.judge(context, &response, self.now) {
                Verdict::Success { output, .. } => return Ok(output),
                Verdict::Fail { error } => return Err(error),
                Verdict::Retry { error, wait, .. } => (error, wait),
            };
            if !step.retry.covers(error.class) {
                return Err(error);
            }
            match next_delay(&step.retry, attempt, elapsed, wait, 0.0) {
                Some(delay) => elapsed = elapsed.saturating_add(delay),
                None => return Err(error),
            }
            attempt += 1;
        }
    }

    /// The recorded answer to the next request.
    fn exchange(&mut self, step: &str, request: &Request) -> Result<Response, ExecutionError> {
        self.made += 1;
        let place = format!("exchange {} (step `{step}`)", self.made);
        let Some(recorded) = self.exchanges.next() else {
            self.differences.push(format!("{place}: {} {} is not recorded", request.method.as_str(), request.url));
            return Err(ExecutionError::new(ExecutionErrorCode::Network, ErrorClass::Upstream, "The call is not recorded"));
        };
        compare_request(&place, &recorded.request, request, &mut self.differences);
        Ok(response_of(&recorded.response))
    }

    fn map(&mut self, context: &Context, contact: &mut Option<Contact>) -> Result<(), ExecutionError> {
        let Some(mapping) = &self.plan.definition.mapping else { return Ok(()) };
        let values = self.plan.mapped_values(context).map_err(super::Error::into_execution_error)?;
        if contact.is_none() {
            match mapping.on_missing {
                MissingContact::Skip => return Ok(()),
                MissingContact::Fail => {
                    return Err(ExecutionError::new(ExecutionErrorCode::Mapping, ErrorClass::Data, "There is no contact to write to"));
                }
                MissingContact::Create => *contact = Some(contact_of(&Map::new(), self.now, &mut self.differences)),
            }
        }
        for value in values {
            let Some(contact) = contact.as_mut() else { continue };
            let decision = decide(value.policy, &contact.field(&value.to), None, &value, self.now);
            if let Decision::Write(written) = decision
                && let Err(reason) = contact.set_field(&value.to, written)
            {
                self.differences.push(format!("mapping to `{}`: {reason}", value.to));
            }
        }
        Ok(())
    }
}

fn contact_of(fields: &Map<String, Value>, now: DateTime<Utc>, differences: &mut Vec<String>) -> Contact {
    let mut contact = Contact {
        id: ContactId::from_uuid(uuid::Uuid::nil()),
        workspace_id: WorkspaceId::from_uuid(uuid::Uuid::nil()),
        key: None,
        email: None,
        phone: None,
        first_name: None,
        last_name: None,
        company: None,
        attributes: Map::new(),
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    let attributes = fields.get("attributes").and_then(Value::as_object).cloned().map(Some);
    ContactDraft { attributes, ..ContactDraft::default() }.apply(&mut contact);
    for (name, value) in fields.iter().filter(|(name, _)| !matches!(name.as_str(), "attributes" | "id")) {
        if let Err(reason) = contact.set_field(name, value.clone()) {
            differences.push(format!("the test's contact: {reason}"));
        }
    }
    contact
}

fn response_of(recorded: &RecordedResponse) -> Response {
    let mut headers: Vec<(String, String)> =
        recorded.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
    let body = match &recorded.body {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        json => {
            if !headers.iter().any(|(name, _)| name == "content-type") {
                headers.push(("content-type".to_owned(), "application/json".to_owned()));
            }
            json.to_string().into_bytes()
        }
    };
    Response { status: recorded.status, headers, body, first_byte_ms: 0, duration_ms: 0 }
}

fn compare_request(place: &str, recorded: &RecordedRequest, made: &Request, differences: &mut Vec<String>) {
    if recorded.method != made.method {
        differences.push(format!("{place}: method is {}, recorded is {}", made.method.as_str(), recorded.method.as_str()));
    }
    if !same_address(&recorded.url, &made.url) {
        differences.push(format!("{place}: address is {}, recorded is {}", made.url, recorded.url));
    }
    let Some(expected) = &recorded.body else { return };
    let found = made.body.as_ref().map_or(Value::Null, |body| {
        serde_json::from_slice(&body.bytes)
            .ok()
            .filter(|_| !expected.is_string())
            .unwrap_or_else(|| Value::String(String::from_utf8_lossy(&body.bytes).into_owned()))
    });
    if found != *expected {
        differences.push(format!("{place}: body is {found}, recorded is {expected}"));
    }
}

/// The same address, whatever the order of the query.
fn same_address(recorded: &str, made: &url::Url) -> bool {
    let Ok(recorded) = url::Url::parse(recorded) else { return false };
    let pairs = |url: &url::Url| {
        let mut pairs: Vec<(String, String)> = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        pairs.sort();
        pairs
    };
    recorded.origin() == made.origin() && recorded.path() == made.path() && pairs(&recorded) == pairs(made)
}

fn compare_end(test: &RecordedTest, end: &End, contact: Option<&Contact>, differences: &mut Vec<String>) {
    let expect = &test.expect;
    let status = if end.error.is_some() { "failed" } else { "succeeded" };
    let usual = if expect.error.is_some() { "failed" } else { "succeeded" };
    let expected = expect.status.as_deref().unwrap_or(usual);
    if status != expected {
        let why = end.error.as_ref().map(|error| format!(": {}", error.message)).unwrap_or_default();
        differences.push(format!("status is {status}, expected is {expected}{why}"));
    }
    if expect.result.is_some() && expect.result != end.result {
        differences.push(format!("result is {}, expected is {}", shown(end.result.as_deref()), shown(expect.result.as_deref())));
    }
    let code = end.error.as_ref().map(|error| error.code.as_str());
    if let Some(expected) = &expect.error
        && !code.is_some_and(|code| code.eq_ignore_ascii_case(expected))
    {
        differences.push(format!("error is {}, expected is {expected}", shown(code)));
    }
    compare_members("output", expect.outputs.as_ref(), |name| end.outputs.get(name).cloned(), differences);
    compare_members("contact field", expect.contact.as_ref(), |name| contact.map(|contact| contact.field(name)), differences);
}

fn compare_members(
    what: &str,
    expected: Option<&Map<String, Value>>,
    found: impl Fn(&str) -> Option<Value>,
    differences: &mut Vec<String>,
) {
    for (name, expected) in expected.into_iter().flatten() {
        let found = found(name).unwrap_or(Value::Null);
        let equal = found == *expected || (found.as_f64().is_some() && found.as_f64() == expected.as_f64());
        if !equal {
            differences.push(format!("{what} `{name}` is {found}, expected is {expected}"));
        }
    }
}

fn shown(word: Option<&str>) -> String {
    word.map_or_else(|| "none".to_owned(), |word| format!("`{word}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample;
    use super::*;

    fn test_of(exchanges: &Value, expect: &Value) -> RecordedTest {
        serde_json::from_value(
            json!({"name": "t", "contact": {"phone": "(415) 555-0100", "city": "Rome"}, "exchanges": exchanges, "expect": expect}),
        )
        .unwrap()
    }

    fn run(exchanges: &Value, expect: &Value) -> Vec<String> {
        let outcome = run_recorded(&sample::plan(&sample::phone()), &test_of(exchanges, expect), sample::now());
        assert_eq!(outcome.passed, outcome.differences.is_empty());
        outcome.differences
    }

    fn call(status: u16, body: &Value) -> Value {
        json!({"request": {"method": "GET", "url": "https://api.audience.example/v2/people?phone=%2B14155550100"},
            "response": {"status": status, "headers": {"Retry-After": "1"}, "body": body}})
    }

    fn found() -> Value {
        json!({"people": [{"first_name": "Ann", "address": {"city": "Oslo"}, "match_score": "0.9"}]})
    }

    #[test]
    fn replays_success_retries_and_mapping() {
        let expect = json!({"outputs": {"found": true}, "contact": {"first_name": "Ann", "city": "Rome"}});
        assert_eq!(run(&json!([call(200, &found())]), &expect), [] as [&str; 0]);
        assert_eq!(run(&json!([call(503, &json!(null)), call(429, &json!(null)), call(200, &found())]), &expect), [] as [&str; 0]);
        assert_eq!(
            run(&json!([call(404, &json!("<html>"))]), &json!({"outputs": {"found": false}, "contact": {"first_name": null}})),
            [] as [&str; 0]
        );
        assert_eq!(run(&json!([call(401, &json!(null))]), &json!({"error": "credential"})), [] as [&str; 0]);
    }

    #[test]
    fn says_what_differs() {
        let check = |exchanges: Value, expect: Value, part: &str| {
            let differences = run(&exchanges, &expect);
            assert!(differences.iter().any(|difference| difference.contains(part)), "{part}: {differences:?}");
        };
        check(json!([]), json!({}), "is not recorded");
        check(json!([call(200, &found()), call(200, &found())]), json!({}), "1 recorded exchanges were not used");
        check(json!([call(200, &found())]), json!({"outputs": {"found": false}}), "output `found` is true");
        check(json!([call(200, &found())]), json!({"status": "failed"}), "status is succeeded");
        check(json!([call(200, &found())]), json!({"contact": {"city": "Oslo"}}), "contact field `city`");
        check(json!([call(400, &json!(null))]), json!({}), "answered 400");
        let mut other = call(200, &found());
        other["request"]["url"] = json!("https://api.audience.example/v2/other");
        other["request"]["method"] = json!("POST");
        check(json!([other.clone()]), json!({}), "address is");
        check(json!([other]), json!({}), "method is GET");
    }

    #[test]
    fn every_shipped_template_passes_its_own_tests() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let source: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let plan = sample::plan(&source);
            assert!(!plan.definition.tests.is_empty(), "{}", path.display());
            for test in &plan.definition.tests {
                assert_eq!(run_recorded(&plan, test, sample::now()).differences, [] as [&str; 0], "{}: {}", path.display(), test.name);
            }
        }
    }
}
