//! The steps of a run as they are carried out under a lease: each is recorded before another begins.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::Error;
use super::attempt::{Came, Tried};
use super::journal::Line;
use super::run::{Run, State, is_within};
use crate::domain::contact::Contact;
use crate::domain::definition::OnError;
use crate::domain::execution::{ErrorClass, ExecutionError, ExecutionErrorCode, ExecutionStatus, StepAttempt, StepRun, StepStatus};
use crate::domain::id::StepRunId;
use crate::domain::step_log::{LogKind, LogLevel};
use crate::pipeline::walk::{At, Begun, Deed, Ended, Ending, Flow, Opened, Outcome, World};
use crate::pipeline::{Context, PlannedAction, PlannedHttp, Verdict, next_delay};
use crate::store::ExecutionChange;

impl World for Run<'_> {
    type Fault = Error;

    fn now(&self) -> DateTime<Utc> {
        self.shared.parts.clock.now()
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        let left = (at - self.now()).to_std().unwrap_or_default();
        tokio::select! {
            () = tokio::time::sleep(left) => {}
            // What waits is asked again, and finds out.
            () = self.stop.cancelled() => {}
        }
    }

    fn cost(&self) -> f64 {
        self.state().cost
    }

    fn recorded(&self, at: &At<'_>) -> Option<Ended> {
        let state = self.state();
        let row = state.rows.get(&at.path).filter(|row| row.status.is_final())?;
        Some(Ended { status: row.status, output: row.output.clone().unwrap_or(Value::Null).into(), error: row.error.clone() })
    }

    async fn enter(&self, _at: &At<'_>) -> Result<Option<Flow>, Error> {
        self.may_begin().await
    }

    fn begin(&self, at: &At<'_>) -> Begun {
        let now = self.now();
        let mut state = self.state();
        let resumed = state.rows.contains_key(&at.path);
        let mut row = state.rows.remove(&at.path).unwrap_or_else(|| self.new_row(at, &mut state));
        let began = *row.started_at.get_or_insert(now);
        row.status = StepStatus::Running;
        let is_call = matches!(at.step.action, PlannedAction::Http(_));
        if at.step.is_made_of_steps() {
            // Those who watch see where the run is, and what it decides on is fixed before it acts on it.
            state.put(row);
        } else {
            state.rows.insert(at.path.clone(), row);
        }
        let given = self.options.pinned.get(&at.step.path).cloned();
        Begun { at: if is_call { now } else { began }, resumed, given, left_out: self.left_out(at) }
    }

    async fn http(&self, at: &At<'_>, http: &PlannedHttp, context: &mut Context) -> Result<Deed, Error> {
        // Boxed: runs without calls should not carry the room for one.
        Box::pin(self.call_once(at, http, context)).await
    }

    async fn open(&self, key: &str, memory: Option<&Value>) -> Result<Result<Opened, ExecutionError>, Error> {
        self.find_called(key, memory).await
    }

    fn contact(&self) -> Option<&Contact> {
        self.contact.as_ref()
    }

    fn memory(&self, at: &At<'_>) -> Option<Value> {
        self.state().rows.get(&at.path)?.memory.clone()
    }

    fn remember(&self, at: &At<'_>, memory: Value) {
        let mut state = self.state();
        if let Some(mut row) = state.rows.get(&at.path).filter(|row| row.memory.as_ref() != Some(&memory)).cloned() {
            row.memory = Some(memory);
            state.put(row);
        }
    }

    fn charge(&self, at: &At<'_>, cost: f64) {
        let mut state = self.state();
        if let Some(mut row) = state.rows.get(&at.path).cloned() {
            state.cost += cost - row.cost;
            row.cost = cost;
            state.put(row);
        }
    }

    fn say(&self, at: &At<'_>, level: LogLevel, message: String) {
        self.tell(at, Line::step(&at.path, level, LogKind::Lifecycle, message));
    }

    fn finish(&self, at: &At<'_>, outcome: Outcome) -> Ended {
        let mut row = self.row(at);
        let mut error = None;
        // What is redacted never leaves the step, so that a resumed run sees the same as one that was not interrupted.
        let (status, output) = match outcome {
            Outcome::Done(output) => (StepStatus::Succeeded, at.unit.plan.redactor().json(&output)),
            Outcome::Skipped(reason) => {
                self.say(at, LogLevel::Info, format!("Skipped: {reason}"));
                row.skip_reason = Some(reason);
                (StepStatus::Skipped, Value::Null)
            }
            Outcome::Failed(cause) => {
                error = Some(self.failed(at, cause));
                (StepStatus::Failed, Value::Null)
            }
        };
        let mut state = self.state();
        if status == StepStatus::Succeeded && (!row.attempts.is_empty() || at.step.is_made_of_steps()) {
            row.cost += at.step.cost;
            state.cost += at.step.cost;
        }
        row.output = (status == StepStatus::Succeeded).then(|| output.clone());
        row.error.clone_from(&error);
        row.status = status;
        row.finished_at = Some(self.now());
        state.finished_steps += i32::from(at.parent.is_none());
        // Whatever ends was decided after the interruption, so nothing before it is unknown any more.
        state.interrupted = false;
        state.put(row);
        Ended { status, output: output.into(), error }
    }

    fn put_down(&self, at: &At<'_>, _until: DateTime<Utc>) {
        let mut row = self.row(at);
        if !at.step.is_made_of_steps() {
            row.status = StepStatus::Retrying;
        }
        self.state().put(row);
    }

    fn abandon(&self, at: &At<'_>) {
        let now = self.now();
        let mut state = self.state();
        let open = state.rows.values().filter(|row| !row.status.is_final() && is_within(&row.path, &at.path));
        for mut row in open.cloned().collect::<Vec<_>>() {
            row.status = StepStatus::Cancelled;
            row.finished_at = Some(now);
            state.put(row);
        }
    }
}

impl Run<'_> {
    fn new_row(&self, at: &At<'_>, state: &mut State) -> StepRun {
        let position = state.begun;
        state.begun += 1;
        StepRun {
            id: StepRunId::fresh(&*self.shared.parts.clock),
            execution_id: self.execution.id,
            workspace_id: self.execution.workspace_id,
            path: at.path.clone(),
            parent_path: at.parent.map(str::to_owned),
            position,
            title: at.step.title.clone(),
            kind: at.step.kind().to_owned(),
            status: StepStatus::Running,
            started_at: None,
            finished_at: None,
            attempts: Vec::new(),
            cost: 0.0,
            output: None,
            error: None,
            skip_reason: None,
            memory: None,
            cached: false,
        }
    }

    /// The row of a step that has begun.
    fn row(&self, at: &At<'_>) -> StepRun {
        let mut state = self.state();
        match state.rows.get(&at.path) {
            Some(row) => row.clone(),
            None => self.new_row(at, &mut state),
        }
    }

    /// Why a step is left out whatever it says: only another one was to be run.
    fn left_out(&self, at: &At<'_>) -> Option<&'static str> {
        let only = self.options.only_step.as_deref()?;
        let path = at.step.path.as_str();
        let belongs = path == only || is_within(path, only) || is_within(only, path);
        (!belongs).then_some("Only another step was to be run")
    }

    /// Adds a line about a step, masked as its own definition says.
    pub(super) fn tell(&self, at: &At<'_>, line: Line<'_>) {
        self.journal.write(self.shared, at.unit.plan.redactor(), line);
    }

    fn failed(&self, at: &At<'_>, error: ExecutionError) -> ExecutionError {
        let error = ExecutionError {
            step_path: error.step_path.or_else(|| Some(at.path.clone())),
            pointer: error.pointer.or_else(|| Some(at.step.pointer.clone())),
            ..error
        };
        let level = if at.step.on_error == OnError::Fail { LogLevel::Error } else { LogLevel::Warn };
        self.say(at, level, format!("Failed for good: {}", error.message));
        error
    }

    /// Makes one attempt: the step is decided by it or has to wait. A wait is recorded and frees the worker.
    async fn call_once(&self, at: &At<'_>, http: &PlannedHttp, context: &mut Context) -> Result<Deed, Error> {
        let mut row = self.row(at);
        if self.state().interrupted {
            row.attempts.push(unknown_attempt(&row, self.now()));
        }
        let number = next_number(&row);
        context.begin(number, self.cost(), self.now());
        let came = self.attempt(at, http, (&mut row, number), context).await?;
        let (deed, row) = match came {
            Came::BrokenOff => self.broken_off(row).await?,
            Came::MustWait(until) => {
                self.say(
                    at,
                    LogLevel::Info,
                    format!("Its budget has no room before {}", until.to_rfc3339_opts(SecondsFormat::Millis, true)),
                );
                (Deed::Left(Flow::Park(until)), row)
            }
            Came::Tried(tried) => self.weigh(at, http, row, *tried),
        };
        self.state().rows.insert(at.path.clone(), row);
        Ok(deed)
    }

    /// What follows an attempt that was broken off.
    async fn broken_off(&self, mut row: StepRun) -> Result<(Deed, StepRun), Error> {
        let now = self.now();
        if now >= self.deadline() {
            row.attempts.push(StepAttempt { finished_at: Some(now), error: Some(out_of_time()), ..unknown_attempt(&row, now) });
            return Ok((Deed::Left(Flow::End(Ending::TimedOut)), row));
        }
        row.attempts.push(unknown_attempt(&row, now));
        let flow = self.stopped().await?;
        Ok((Deed::Left(flow), row))
    }

    /// What follows an attempt that came to its end.
    fn weigh(&self, at: &At<'_>, http: &PlannedHttp, mut row: StepRun, tried: Tried) -> (Deed, StepRun) {
        let Tried { mut attempt, verdict } = tried;
        let (error, asked, by_rule) = match verdict {
            Verdict::NotYet(every) => return self.ask_again(http, row, attempt, every),
            Verdict::Success { output, .. } => {
                row.attempts.push(attempt);
                return (Deed::Ended(Outcome::Done(output)), row);
            }
            // An attempt does not end while there is more to be sent.
            Verdict::More => return (Deed::Left(Flow::Park(self.now())), row),
            Verdict::Fail { error } | Verdict::Refresh { error } => (error, None, false),
            Verdict::Retry { error, wait, by_rule } => (error, wait, by_rule),
        };
        let error = ExecutionError { step_path: Some(at.path.clone()), attempt: Some(attempt.number), ..error };
        attempt.error = Some(error.clone());
        // A rule of the definition that says so is stronger than the classes of its policy.
        let retry = &at.step.retry;
        let worth_it = error.retryable && (by_rule || retry.covers(error.class));
        let begun = row.attempts.first().map_or(attempt.started_at, |first| first.started_at);
        let now = self.now();
        let elapsed = (now - begun).to_std().unwrap_or_default();
        let since = row.attempts.iter().rev().take_while(|attempt| attempt.error.is_some());
        let earlier = since.filter(|attempt| !is_unknown(attempt)).count();
        let counted = u32::try_from(earlier).unwrap_or(u32::MAX).saturating_add(1);
        let delay = if worth_it { next_delay(retry, counted, elapsed, asked, self.shared.parts.clock.chance()) } else { None };
        let Some(delay) = delay else {
            row.attempts.push(attempt);
            return (Deed::Ended(Outcome::Failed(error)), row);
        };
        let wake_at = now + delay;
        attempt.next_attempt_at = Some(wake_at);
        let message = format!("{}; next attempt in {} ms", error.message, delay.as_millis());
        self.tell(at, Line::step(&at.path, LogLevel::Warn, LogKind::Lifecycle, message).attempt(attempt.number));
        row.attempts.push(attempt);
        (Deed::Left(Flow::Park(wake_at)), row)
    }

    /// A job is not done: asks again later, unless it has taken too long. Of many askings the last few are kept.
    fn ask_again(&self, http: &PlannedHttp, mut row: StepRun, mut attempt: StepAttempt, every: Duration) -> (Deed, StepRun) {
        let wake_at = self.now() + every;
        let begun = row.started_at.unwrap_or(attempt.started_at);
        if let Some(patience) = http.patience().filter(|patience| (wake_at - begun).to_std().is_ok_and(|taken| taken > *patience)) {
            let message = format!("The job was not done after {} s", patience.as_secs());
            let error = ExecutionError::new(ExecutionErrorCode::Timeout, ErrorClass::Upstream, message);
            attempt.error = Some(error.clone());
            row.attempts.push(attempt);
            return (Deed::Ended(Outcome::Failed(error)), row);
        }
        attempt.next_attempt_at = Some(wake_at);
        row.attempts.push(attempt);
        if row.attempts.len() > MAX_KEPT {
            row.attempts.remove(0);
        }
        (Deed::Left(Flow::Park(wake_at)), row)
    }

    /// Stores that an attempt is under way, for people watching a slow call.
    pub(super) async fn show_running(&self, at: &At<'_>, row: &StepRun) -> Result<(), Error> {
        self.state().put(row.clone());
        let here = |change| ExecutionChange { current_step_path: Some(at.path.clone()), ..change };
        self.commit(ExecutionStatus::Running, here).await
    }
}

/// Attempts of a step that are kept.
const MAX_KEPT: usize = 20;

/// The number of the attempt to come.
fn next_number(row: &StepRun) -> u32 {
    row.attempts.last().map_or(1, |last| last.number.saturating_add(1))
}

/// The attempt that was broken off: nobody knows whether it reached the service, so it is made again and uses up none
/// of those the retry policy allows.
fn unknown_attempt(row: &StepRun, now: DateTime<Utc>) -> StepAttempt {
    let began = row.attempts.last().and_then(|last| last.next_attempt_at).or(row.started_at).unwrap_or(now);
    let message = "The server stopped during this attempt; it may have reached the service, its outcome is unknown";
    StepAttempt {
        number: next_number(row),
        started_at: began,
        finished_at: None,
        error: Some(ExecutionError::new(ExecutionErrorCode::Interrupted, ErrorClass::System, message).retryable()),
        exchanges: Vec::new(),
        next_attempt_at: None,
    }
}

fn out_of_time() -> ExecutionError {
    let message = "The time an execution may take in all was over during this attempt";
    ExecutionError::new(ExecutionErrorCode::Limit, ErrorClass::System, message)
}

fn is_unknown(attempt: &StepAttempt) -> bool {
    attempt.error.as_ref().is_some_and(|error| error.code == ExecutionErrorCode::Interrupted)
}
