//! Runs a definition's recorded tests: no network, no waiting.
//!
//! The way is that of a real run: conditions, requests, rules, retries, outputs and mapping. Each request gets the first
//! recorded answer that is left for its method and address; time passes only where a run would wait.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use serde_json::{Map, Value};

use super::backoff::next_delay;
use super::call::{Call, PlannedHttp};
use super::compare;
use super::context::{Context, RunFacts};
use super::map::{Decision, decide};
use super::plan::Plan;
use super::rules::Verdict;
use super::steps::PlannedAction;
use super::walk::{At, Begun, Deed, Ended, Ending, Flow, Opened, Outcome, Unit, World, walk};
use crate::domain::contact::{Contact, ContactDraft};
use crate::domain::definition::{MissingContact, RecordedExchange, RecordedResponse, RecordedTest};
use crate::domain::exchange::{Request, Response};
use crate::domain::execution::{ErrorClass, ExecutionError, ExecutionErrorCode, StepStatus};
use crate::domain::id::{ContactId, WorkspaceId};
use crate::domain::step_log::LogLevel;

/// What came of a recorded test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedOutcome {
    /// Did everything come out as expected?
    pub passed: bool,
    /// What did not, one sentence each.
    pub differences: Vec<String>,
}

/// Runs one recorded test of a plan.
pub fn run_recorded(plan: &Arc<Plan>, test: &RecordedTest, now: DateTime<Utc>) -> RecordedOutcome {
    let unit = Unit { plan: Arc::clone(plan), bindings: BTreeMap::new(), depth: 0 };
    let state = State { left: test.exchanges.iter().collect(), now, ..State::default() };
    let replay = Replay { state: Mutex::new(state) };
    let mut contact = test.contact.as_ref().map(|fields| contact_of(fields, now, &mut replay.state().differences));
    let end = replay.run(&unit, test, &mut contact);
    let State { left, mut differences, .. } = replay.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !left.is_empty() {
        differences.push(format!("{} recorded exchanges were not used", left.len()));
    }
    compare::end(test, &end, contact.as_ref(), &mut differences);
    RecordedOutcome { passed: differences.is_empty(), differences }
}

/// How often a recorded job is asked for.
const MAX_ASKED: u32 = 1000;

/// How a run ended.
pub(super) struct End {
    pub(super) result: Option<String>,
    pub(super) outputs: Value,
    pub(super) error: Option<ExecutionError>,
}

impl End {
    fn failed(error: ExecutionError) -> Self {
        Self { result: None, outputs: Value::Null, error: Some(error) }
    }
}

/// A world that has all its answers.
struct Replay<'a> {
    state: Mutex<State<'a>>,
}

#[derive(Default)]
struct State<'a> {
    left: Vec<&'a RecordedExchange>,
    made: usize,
    differences: Vec<String>,
    now: DateTime<Utc>,
    cost: f64,
    ended: HashMap<String, Ended>,
    memories: HashMap<String, Value>,
    charges: HashMap<String, f64>,
}

impl<'a> Replay<'a> {
    fn state(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, unit: &Unit, test: &RecordedTest, contact: &mut Option<Contact>) -> End {
        let plan = &unit.plan;
        let settled =
            plan.resolve_config(&test.config).and_then(|config| Ok((config, plan.resolve_input(&test.inputs, contact.as_ref())?)));
        let (config, inputs) = match settled {
            Ok(settled) => settled,
            Err(problems) => {
                let sentences: Vec<String> = problems.into_iter().map(|(pointer, sentence)| format!("{pointer}: {sentence}")).collect();
                return End::failed(ExecutionError::new(ExecutionErrorCode::Input, ErrorClass::Data, sentences.join("; ")));
            }
        };
        let run = RunFacts { id: "exe_recorded".to_owned(), attempt: 1, cost: 0.0 };
        loop {
            let mut context = Context::new(inputs.clone(), config.clone(), contact.as_ref(), run.clone(), self.now());
            // Nothing here waits for anything, so the walk comes to its end at once.
            match walk(self, unit, &mut context).now_or_never() {
                Some(Ok(Flow::Park(until))) => self.state().now = until,
                Some(Ok(Flow::Go(_))) => return self.end(plan, &mut context, contact, None).unwrap_or_else(End::failed),
                Some(Ok(Flow::End(Ending::Succeeded { result }))) => {
                    return self.end(plan, &mut context, contact, result).unwrap_or_else(End::failed);
                }
                Some(Ok(Flow::End(Ending::Failed(error)))) => return End::failed(error),
                Some(Ok(Flow::End(_)) | Err(Stuck)) | None => {
                    let message = "The run did not come to an end";
                    return End::failed(ExecutionError::new(ExecutionErrorCode::Internal, ErrorClass::System, message));
                }
            }
        }
    }

    fn end(
        &self,
        plan: &Plan,
        context: &mut Context,
        contact: &mut Option<Contact>,
        result: Option<String>,
    ) -> Result<End, ExecutionError> {
        context.begin(1, self.cost(), self.now());
        let outputs = plan.outputs(context).map_err(super::Error::into_execution_error)?;
        self.map(plan, context, contact)?;
        Ok(End { result, outputs, error: None })
    }

    fn attempts(&self, at: &At<'_>, http: &PlannedHttp, context: &mut Context) -> Outcome {
        let mut elapsed = Duration::ZERO;
        let mut attempt = 1;
        let mut memory = None;
        let mut left = MAX_ASKED;
        loop {
            context.begin(attempt, self.cost(), self.now());
            let verdict = match http.begin(context, &at.path, memory.as_ref()) {
                Ok(mut call) => {
                    let verdict = self.converse(at, http, context, &mut call);
                    memory = call.memory();
                    verdict
                }
                Err(error) => return Outcome::Failed(error.into_execution_error()),
            };
            let (error, wait, by_rule) = match verdict {
                Verdict::Success { output, .. } => return Outcome::Done(output),
                Verdict::Retry { error, wait, by_rule } => (error, wait, by_rule),
                // A recording holds no credential that could be renewed.
                Verdict::Fail { error } | Verdict::Refresh { error } => return Outcome::Failed(error),
                Verdict::NotYet(every) => {
                    let mut state = self.state();
                    state.now += every;
                    if left == 0 {
                        return Outcome::Failed(ExecutionError::new(
                            ExecutionErrorCode::Timeout,
                            ErrorClass::Upstream,
                            "The job is never done",
                        ));
                    }
                    left -= 1;
                    continue;
                }
                Verdict::More => continue,
            };
            if !by_rule && !at.step.retry.covers(error.class) {
                return Outcome::Failed(error);
            }
            match next_delay(&at.step.retry, attempt, elapsed, wait, 0.0) {
                Some(delay) => elapsed = elapsed.saturating_add(delay),
                None => return Outcome::Failed(error),
            }
            attempt += 1;
        }
    }

    /// Sends the requests of one attempt.
    fn converse(&self, at: &At<'_>, http: &PlannedHttp, context: &Context, call: &mut Call) -> Verdict {
        loop {
            let verdict = match self.exchange(at, &call.request) {
                Ok(response) => http.judge(context, call, &response, self.now()),
                Err(error) => Verdict::Fail { error },
            };
            if verdict != Verdict::More {
                return verdict;
            }
        }
    }

    /// The recorded answer to a request.
    fn exchange(&self, at: &At<'_>, request: &Request) -> Result<Response, ExecutionError> {
        let mut state = self.state();
        state.made += 1;
        let place = format!("exchange {} (step `{}`)", state.made, at.path);
        if state.left.is_empty() {
            state.differences.push(format!("{place}: {} {} is not recorded", request.method.as_str(), request.url));
            return Err(ExecutionError::new(ExecutionErrorCode::Network, ErrorClass::Upstream, "The call is not recorded"));
        }
        // Calls made side by side may come in any order.
        let fits = |recorded: &&RecordedExchange| {
            recorded.request.method == request.method && compare::same_address(&recorded.request.url, &request.url)
        };
        let number = state.left.iter().position(fits).unwrap_or(0);
        let recorded = state.left.remove(number);
        compare::request(&place, &recorded.request, request, &mut state.differences);
        Ok(response_of(&recorded.response))
    }

    fn map(&self, plan: &Plan, context: &Context, contact: &mut Option<Contact>) -> Result<(), ExecutionError> {
        let Some(mapping) = &plan.definition.mapping else { return Ok(()) };
        let values = plan.mapped_values(context).map_err(super::Error::into_execution_error)?;
        let mut state = self.state();
        let now = state.now;
        if contact.is_none() {
            match mapping.on_missing {
                MissingContact::Skip => return Ok(()),
                MissingContact::Fail => {
                    return Err(ExecutionError::new(ExecutionErrorCode::Mapping, ErrorClass::Data, "There is no contact to write to"));
                }
                MissingContact::Create => *contact = Some(contact_of(&Map::new(), now, &mut state.differences)),
            }
        }
        for value in values {
            let Some(contact) = contact.as_mut() else { continue };
            let decision = decide(value.policy, &contact.field(&value.to), None, &value, now);
            if let Decision::Write(written) = decision
                && let Err(reason) = contact.set_field(&value.to, written)
            {
                state.differences.push(format!("mapping to `{}`: {reason}", value.to));
            }
        }
        Ok(())
    }
}

/// A replay cannot go on; it never comes to that.
struct Stuck;

impl World for Replay<'_> {
    type Fault = Stuck;

    fn now(&self) -> DateTime<Utc> {
        self.state().now
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        let mut state = self.state();
        state.now = state.now.max(at);
    }

    fn cost(&self) -> f64 {
        let state = self.state();
        state.cost + state.charges.values().sum::<f64>()
    }

    fn recorded(&self, at: &At<'_>) -> Option<Ended> {
        self.state().ended.get(&at.path).cloned()
    }

    async fn enter(&self, _at: &At<'_>) -> Result<Option<Flow>, Stuck> {
        Ok(None)
    }

    fn begin(&self, at: &At<'_>) -> Begun {
        let state = self.state();
        Begun { at: state.now, resumed: state.memories.contains_key(&at.path), given: None, left_out: None }
    }

    async fn http(&self, at: &At<'_>, http: &PlannedHttp, context: &mut Context) -> Result<Deed, Stuck> {
        Ok(Deed::Ended(self.attempts(at, http, context)))
    }

    async fn open(&self, key: &str, _memory: Option<&Value>) -> Result<Result<Opened, ExecutionError>, Stuck> {
        let message = format!("A recorded test cannot call the connector `{key}`: it knows this definition alone");
        Ok(Err(ExecutionError::new(ExecutionErrorCode::Input, ErrorClass::Configuration, message)))
    }

    fn contact(&self) -> Option<&Contact> {
        None
    }

    fn memory(&self, at: &At<'_>) -> Option<Value> {
        self.state().memories.get(&at.path).cloned()
    }

    fn remember(&self, at: &At<'_>, memory: Value) {
        self.state().memories.insert(at.path.clone(), memory);
    }

    fn charge(&self, at: &At<'_>, cost: f64) {
        self.state().charges.insert(at.path.clone(), cost);
    }

    fn say(&self, _at: &At<'_>, _level: LogLevel, _message: String) {}

    fn finish(&self, at: &At<'_>, outcome: Outcome) -> Ended {
        let (status, output, error) = match outcome {
            Outcome::Done(output) => (StepStatus::Succeeded, output, None),
            Outcome::Skipped(_) => (StepStatus::Skipped, Value::Null, None),
            Outcome::Failed(error) => (StepStatus::Failed, Value::Null, Some(error)),
        };
        let ended = Ended { status, output: output.into(), error };
        let mut state = self.state();
        let is_call = matches!(at.step.action, PlannedAction::Http(_)) || at.step.is_made_of_steps();
        if status == StepStatus::Succeeded && is_call {
            state.cost += at.step.cost;
        }
        state.ended.insert(at.path.clone(), ended.clone());
        ended
    }

    fn put_down(&self, _at: &At<'_>, _until: DateTime<Utc>) {}

    fn abandon(&self, _at: &At<'_>) {}
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
