//! One step of a run: skip it, compute it, or try it until it succeeds, fails for good or has to wait.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Error;
use super::attempt::Tried;
use super::journal::Line;
use super::run::{After, Ending, Run};
use crate::domain::definition::OnError;
use crate::domain::execution::{ErrorClass, ExecutionError, ExecutionErrorCode, ExecutionStatus, StepAttempt, StepRun, StepStatus};
use crate::domain::id::StepRunId;
use crate::domain::step_log::{LogKind, LogLevel};
use crate::pipeline::{self, PlannedAction, PlannedHttp, PlannedStep, Verdict, next_delay};
use crate::store::ExecutionChange;

impl Run<'_> {
    /// Runs one step of the plan, or takes its recorded result.
    pub(super) async fn step(&mut self, position: usize, step: &PlannedStep) -> Result<After, Error> {
        if let Some(recorded) = self.steps.get(&step.id).filter(|recorded| recorded.status.is_final()) {
            if let Some(host) = called_host(recorded) {
                self.hosts.insert(step.id.clone(), host);
            }
            return Ok(take_recorded(&mut self.context, step, recorded));
        }
        self.commit_ended_step().await?;
        let mut row = self.steps.remove(&step.id).unwrap_or_else(|| self.new_row(position, step));
        // Steps are recorded one by one: only this one can have been under way when a worker was lost.
        let interrupted = std::mem::take(&mut self.interrupted);
        let now = self.shared.parts.clock.now();
        self.context.set_attempt(1, now);
        if let Some(output) = self.options.pinned.get(&step.id).cloned() {
            self.write(Line::step(&step.id, LogLevel::Info, LogKind::Lifecycle, "Taken as given"));
            return Ok(self.succeeded(step, row, &output));
        }
        // A step that was tried is not asked again whether it applies.
        let reason = if row.attempts.is_empty() { self.reason_to_skip(step) } else { Ok(None) };
        match reason {
            Ok(None) => {}
            Ok(Some(reason)) => return Ok(self.skipped(step, row, reason)),
            Err(error) => return Ok(self.failed(step, row, error.into_execution_error())),
        }
        row.started_at.get_or_insert(now);
        row.status = StepStatus::Running;
        match &step.action {
            PlannedAction::Http(http) => {
                if interrupted {
                    row.attempts.push(unknown_attempt(&row, now));
                }
                Box::pin(self.http(step, http, row)).await
            }
            PlannedAction::Set(set) => match set.values(&self.context) {
                Ok(values) => Ok(self.succeeded(step, row, &values)),
                Err(error) => Ok(self.failed(step, row, error.into_execution_error())),
            },
            PlannedAction::Stop { result } => {
                self.write(Line::step(&step.id, LogLevel::Info, LogKind::Lifecycle, format!("Ends the run: {result}")));
                let result = Some(result.clone());
                self.succeeded(step, row, &Value::Null);
                Ok(After::End(Ending::Succeeded { result }))
            }
        }
    }

    fn new_row(&self, position: usize, step: &PlannedStep) -> StepRun {
        StepRun {
            id: StepRunId::fresh(&*self.shared.parts.clock),
            execution_id: self.execution.id,
            workspace_id: self.execution.workspace_id,
            path: step.id.clone(),
            position: i32::try_from(position).unwrap_or(i32::MAX),
            title: step.title.clone(),
            kind: step.kind().to_owned(),
            status: StepStatus::Running,
            started_at: None,
            finished_at: None,
            attempts: Vec::new(),
            cost: 0.0,
            output: None,
            error: None,
            skip_reason: None,
        }
    }

    /// Why the step is left out, if it is.
    fn reason_to_skip(&self, step: &PlannedStep) -> Result<Option<String>, pipeline::Error> {
        if self.options.only_step.as_ref().is_some_and(|only| *only != step.id) {
            return Ok(Some("Only another step was to be run".to_owned()));
        }
        let applies = step.when.as_ref().map_or(Ok(true), |condition| condition.truth(&self.context))?;
        Ok((!applies).then(|| "Its condition came out false".to_owned()))
    }

    /// Tries until the step is decided or has to wait. A wait is recorded and frees the worker.
    async fn http(&mut self, step: &PlannedStep, http: &PlannedHttp, mut row: StepRun) -> Result<After, Error> {
        let number = next_number(&row);
        self.context.set_attempt(number, self.shared.parts.clock.now());
        let Some(Tried { mut attempt, verdict }) = self.attempt(step, http, &row, number).await? else {
            let now = self.shared.parts.clock.now();
            if now >= self.deadline() {
                row.attempts.push(StepAttempt { finished_at: Some(now), error: Some(out_of_time()), ..unknown_attempt(&row, now) });
                row.finished_at = Some(now);
                row.status = StepStatus::Cancelled;
                self.ended_step = Some(row);
                return Ok(After::End(Ending::TimedOut));
            }
            row.attempts.push(unknown_attempt(&row, now));
            row.status = StepStatus::Retrying;
            self.ended_step = Some(row);
            return self.stopped().await;
        };
        let (error, asked, by_rule) = match verdict {
            Verdict::Success { output, .. } => {
                row.attempts.push(attempt);
                return Ok(self.succeeded(step, row, &output));
            }
            Verdict::Fail { error } => (error, None, false),
            Verdict::Retry { error, wait, by_rule } => (error, wait, by_rule),
        };
        let error = ExecutionError { step_path: Some(step.id.clone()), attempt: Some(number), ..error };
        attempt.error = Some(error.clone());
        // A rule of the definition that says so is stronger than the classes of its policy.
        let worth_it = error.retryable && (by_rule || step.retry.covers(error.class));
        let begun = row.attempts.first().map_or(attempt.started_at, |first| first.started_at);
        let now = self.shared.parts.clock.now();
        let elapsed = (now - begun).to_std().unwrap_or_default();
        let tries = u32::try_from(row.attempts.iter().filter(|attempt| !is_unknown(attempt)).count()).unwrap_or(u32::MAX).saturating_add(1);
        let delay = if worth_it { next_delay(&step.retry, tries, elapsed, asked, self.shared.parts.clock.chance()) } else { None };
        let Some(delay) = delay else {
            row.attempts.push(attempt);
            return Ok(self.failed(step, row, error));
        };
        let wake_at = now + delay;
        attempt.next_attempt_at = Some(wake_at);
        row.attempts.push(attempt);
        row.status = StepStatus::Retrying;
        let message = format!("{}; next attempt in {} ms", error.message, delay.as_millis());
        self.write(Line::step(&step.id, LogLevel::Warn, LogKind::Lifecycle, message).attempt(number));
        self.ended_step = Some(row);
        Ok(After::Park(wake_at))
    }

    /// Stores that an attempt is under way, for people watching a slow call.
    pub(super) async fn show_running(&mut self, step: &PlannedStep, row: &StepRun) -> Result<(), Error> {
        let change = ExecutionChange { current_step_path: Some(step.id.clone()), ..self.change(ExecutionStatus::Running) };
        self.journal.commit(self.shared, Some(row.clone()), (&self.execution, change), None).await
    }

    fn succeeded(&mut self, step: &PlannedStep, mut row: StepRun, output: &Value) -> After {
        // What is redacted never leaves the step, so that a resumed run sees the same as one that was not interrupted.
        let output = self.redactor.json(output);
        self.context.set_step(&step.id, output.clone());
        if !row.attempts.is_empty() {
            row.cost = step.cost;
            self.context.add_cost(step.cost);
        }
        row.output = Some(output);
        self.ended(row, StepStatus::Succeeded);
        After::Next
    }

    fn skipped(&mut self, step: &PlannedStep, mut row: StepRun, reason: String) -> After {
        self.write(Line::step(&step.id, LogLevel::Info, LogKind::Lifecycle, format!("Skipped: {reason}")));
        self.context.set_step(&step.id, Value::Null);
        row.skip_reason = Some(reason);
        self.ended(row, StepStatus::Skipped);
        After::Next
    }

    fn failed(&mut self, step: &PlannedStep, mut row: StepRun, error: ExecutionError) -> After {
        let error =
            ExecutionError { step_path: Some(step.id.clone()), pointer: error.pointer.or_else(|| Some(step.pointer.clone())), ..error };
        let level = if step.on_error == OnError::Fail { LogLevel::Error } else { LogLevel::Warn };
        self.write(Line::step(&step.id, level, LogKind::Lifecycle, format!("Failed for good: {}", error.message)));
        self.context.set_step(&step.id, Value::Null);
        row.error = Some(error.clone());
        self.ended(row, StepStatus::Failed);
        match step.on_error {
            OnError::Fail => After::End(Ending::Failed(error)),
            OnError::Continue => After::Next,
            OnError::Stop => After::End(Ending::Succeeded { result: None }),
        }
    }

    fn ended(&mut self, mut row: StepRun, status: StepStatus) {
        row.status = status;
        row.finished_at = Some(self.shared.parts.clock.now());
        self.finished_steps += 1;
        self.ended_step = Some(row);
    }
}

/// The number of the attempt to come.
fn next_number(row: &StepRun) -> u32 {
    u32::try_from(row.attempts.len()).unwrap_or(u32::MAX).saturating_add(1)
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

/// The host a recorded step called last.
fn called_host(recorded: &StepRun) -> Option<String> {
    let exchange = recorded.attempts.iter().rev().find_map(|attempt| attempt.exchanges.last())?;
    url::Url::parse(&exchange.url).ok()?.host_str().map(str::to_owned)
}

/// What a recorded step means for the steps after it.
fn take_recorded(context: &mut crate::pipeline::Context, step: &PlannedStep, recorded: &StepRun) -> After {
    context.set_step(&step.id, recorded.output.clone().unwrap_or(Value::Null));
    let error = || {
        recorded.error.clone().unwrap_or_else(|| ExecutionError::new(ExecutionErrorCode::Internal, ErrorClass::System, "The step failed"))
    };
    match (recorded.status, &step.action, step.on_error) {
        (StepStatus::Failed, _, OnError::Fail) => After::End(Ending::Failed(error())),
        (StepStatus::Failed, _, OnError::Stop) => After::End(Ending::Succeeded { result: None }),
        (StepStatus::Succeeded, PlannedAction::Stop { result }, _) => After::End(Ending::Succeeded { result: Some(result.clone()) }),
        _ => After::Next,
    }
}
