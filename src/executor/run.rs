//! One execution, step after step: opens what it needs, walks the plan, ends it with outputs and mapping.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::journal::{Journal, Line};
use super::{Error, Shared, broken};
use crate::auth::WorkspaceScope;
use crate::domain::execution::{
    ErrorClass, Execution, ExecutionError, ExecutionErrorCode, ExecutionKind, ExecutionStatus, StepRun, StepStatus,
};
use crate::domain::id::CredentialId;
use crate::domain::lease::Claimed;
use crate::domain::step_log::{LogKind, LogLevel};
use crate::pipeline::{Context, Plan, Redactor, RunFacts};
use crate::store::{self, ContactRef, ContactWrite, ExecutionChange};

/// What a test run may ask for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TestOptions {
    /// Really write to the contact.
    pub(super) write_contact: bool,
    /// Step path → output taken as given.
    pub(super) pinned: BTreeMap<String, Value>,
    /// Run just this step.
    pub(super) only_step: Option<String>,
}

/// How a run ends.
pub(super) enum Ending {
    /// As meant, with the definition's word for it.
    Succeeded { result: Option<String> },
    /// By an error.
    Failed(ExecutionError),
    /// Someone stopped it.
    Cancelled,
    /// It took too long.
    TimedOut,
    /// It never began.
    Expired,
}

/// What follows a step.
pub(super) enum After {
    /// The next one.
    Next,
    /// The end.
    End(Ending),
    /// A wait; the execution is handed back until then.
    Park(DateTime<Utc>),
}

/// One run under a lease.
pub(super) struct Run<'a> {
    pub(super) shared: &'a Shared,
    pub(super) stop: &'a CancellationToken,
    pub(super) scope: WorkspaceScope,
    pub(super) execution: Execution,
    pub(super) plan: Arc<Plan>,
    pub(super) journal: Journal,
    pub(super) context: Context,
    /// Masks the definition's `redact` paths; secrets join it for the span of an attempt.
    pub(super) redactor: Redactor,
    pub(super) bindings: BTreeMap<String, CredentialId>,
    pub(super) options: TestOptions,
    /// Steps as recorded or as running, by path.
    pub(super) steps: HashMap<String, StepRun>,
    /// A step that ended and is not recorded yet; it goes with the next commit.
    pub(super) ended_step: Option<StepRun>,
    pub(super) finished_steps: i32,
    /// Has no turn been taken before this one?
    first_turn: bool,
    /// Was a worker lost, and with it what became of an attempt that may have been under way?
    pub(super) interrupted: bool,
    /// Step path → host it called, for provenance.
    pub(super) hosts: HashMap<String, String>,
}

/// Runs a claimed execution until it ends or waits. Gives the time to ring again when it waits.
///
/// Dropping the future breaks off the call under way and writes nothing; the lease then runs out.
pub(super) async fn execute(shared: &Shared, claimed: Claimed, stop: &CancellationToken) -> Result<Option<DateTime<Utc>>, Error> {
    if claimed.recoveries > MAX_RECOVERIES && !claimed.execution.cancel_requested {
        return broken::end(shared, claimed, ExecutionStatus::Failed, broken::quarantined()).await.map(|()| None);
    }
    let plan = match find_plan(shared, &claimed.execution, claimed.definition.as_ref()).await? {
        Ok(plan) => plan,
        // A deleted connector takes its versions along and cancels its runs.
        Err(_) if claimed.execution.cancel_requested => {
            return broken::end(shared, claimed, ExecutionStatus::Cancelled, cancelled()).await.map(|()| None);
        }
        Err(error) => return broken::end(shared, claimed, ExecutionStatus::Failed, error).await.map(|()| None),
    };
    let mut run = Run::open(shared, claimed, plan, stop).await?;
    if let Some(ending) = run.over_before_it_begins() {
        return run.end(ending).await.map(|()| None);
    }
    run.tell_beginning();
    match run.walk().await? {
        After::Park(at) => run.park(at).await.map(|()| Some(at)),
        After::End(ending) => run.end(ending).await.map(|()| None),
        After::Next => run.end(Ending::Succeeded { result: None }).await.map(|()| None),
    }
}

impl<'a> Run<'a> {
    /// Reads what the run needs.
    async fn open(shared: &'a Shared, claimed: Claimed, plan: Arc<Plan>, stop: &'a CancellationToken) -> Result<Self, Error> {
        let parts = &shared.parts;
        let scope = WorkspaceScope::for_run(&parts.system, claimed.lease.workspace_id);
        let execution = claimed.execution;
        let first_turn = claimed.lease.fence <= 1;
        let (mut contact, mut recorded) = (None, Vec::new());
        // A first claim has nothing recorded; most runs are that.
        if execution.contact_id.is_some() || !first_turn {
            let tx = parts.store.read(&scope).await?;
            if let Some(id) = execution.contact_id {
                contact = tx.find_contact(&ContactRef::Id(id)).await?;
            }
            if !first_turn {
                recorded = tx.list_steps(execution.id).await?;
            }
        }
        let facts = RunFacts { id: execution.id.to_string(), attempt: 1, cost: execution.cost };
        let context = Context::new(execution.input.clone(), claimed.config, contact.as_ref(), facts, parts.clock.now());
        let options = serde_json::from_value(claimed.options).unwrap_or_default();
        Ok(Self {
            shared,
            stop,
            scope,
            journal: Journal::new(claimed.lease, &execution),
            redactor: plan.redactor().clone(),
            finished_steps: execution.finished_steps,
            first_turn,
            interrupted: claimed.interrupted,
            execution,
            plan,
            context,
            bindings: claimed.bindings,
            options,
            steps: recorded.into_iter().map(|step| (step.path.clone(), step)).collect(),
            ended_step: None,
            hosts: HashMap::new(),
        })
    }

    /// Was it stopped, or is its time over, before this turn?
    fn over_before_it_begins(&self) -> Option<Ending> {
        let now = self.shared.parts.clock.now();
        if self.execution.cancel_requested {
            Some(Ending::Cancelled)
        } else if self.first_turn && self.execution.expires_at.is_some_and(|at| at <= now) {
            Some(Ending::Expired)
        } else if now >= self.deadline() {
            Some(Ending::TimedOut)
        } else {
            None
        }
    }

    /// When the run has taken as long as one may in all.
    pub(super) fn deadline(&self) -> DateTime<Utc> {
        self.execution.queued_at + self.shared.options.max_run
    }

    fn journal_is_fresh(&self) -> bool {
        self.steps.is_empty() && self.execution.last_log_sequence <= 1
    }

    fn tell_beginning(&mut self) {
        if self.journal_is_fresh() {
            let message = format!("Started {}", self.plan.definition.meta.title);
            self.write(Line::run(LogLevel::Info, message));
        }
        if self.interrupted {
            let message = "Resumed after the server stopped unexpectedly; an attempt that was under way may have reached the service, its outcome is unknown";
            self.write(Line::run(LogLevel::Warn, message));
        }
    }

    async fn walk(&mut self) -> Result<After, Error> {
        let plan = Arc::clone(&self.plan);
        for (position, step) in plan.steps.iter().enumerate() {
            if self.journal.cancel_requested() {
                return Ok(After::End(Ending::Cancelled));
            }
            if self.stop.is_cancelled() {
                return self.stopped().await;
            }
            if self.shared.stopping.is_cancelled() && self.ended_step.is_some() {
                return Ok(After::Park(self.shared.parts.clock.now()));
            }
            match self.step(position, step).await? {
                // What ends it is noticed before the next step begins, and by the call of a step itself.
                After::Next if self.shared.parts.clock.now() >= self.deadline() => return Ok(After::End(Ending::TimedOut)),
                After::Next => {}
                After::Park(at) => return Ok(After::Park(at.min(self.deadline()))),
                end @ After::End(_) => return Ok(end),
            }
        }
        Ok(After::Next)
    }

    /// The call under way was broken off, or is not to begin: because someone asked, or because this process must let go.
    pub(super) async fn stopped(&self) -> Result<After, Error> {
        let now = self.shared.parts.store.read(&self.scope).await?.find_execution(self.execution.id).await?;
        match now {
            Some(now) if !now.cancel_requested => Ok(After::Park(self.shared.parts.clock.now())),
            Some(_) => Ok(After::End(Ending::Cancelled)),
            None => Err(Error::Fenced),
        }
    }

    /// Adds a log line.
    pub(super) fn write(&mut self, line: Line<'_>) {
        self.journal.write(self.shared, &self.redactor, line);
    }

    /// The execution's state as it is while it goes on.
    pub(super) fn change(&self, status: ExecutionStatus) -> ExecutionChange {
        ExecutionChange {
            status,
            output: None,
            result: None,
            cost: self.context.cost(),
            error: None,
            warning_count: self.journal.warnings(),
            finished_steps: self.finished_steps,
            current_step_path: None,
            finished_at: None,
            wake_at: None,
            release_lease: false,
        }
    }

    /// Commits what the step before left, so that the next may begin.
    pub(super) async fn commit_ended_step(&mut self) -> Result<(), Error> {
        if let Some(step) = self.ended_step.take() {
            let change = self.change(ExecutionStatus::Running);
            self.journal.commit(self.shared, Some(step), (&self.execution, change), None).await?;
        }
        Ok(())
    }

    /// Hands the execution back until that time.
    async fn park(&mut self, at: DateTime<Utc>) -> Result<(), Error> {
        let step = self.ended_step.take();
        let change = ExecutionChange { wake_at: Some(at), release_lease: true, ..self.change(ExecutionStatus::Waiting) };
        self.journal.commit(self.shared, step, (&self.execution, change), None).await?;
        if self.journal.cancel_requested() {
            // Told to stop while it was handed back: the next turn ends it.
            self.shared.parts.queue.ring(self.execution.id);
        }
        Ok(())
    }

    /// Ends the run: outputs and mapping when it succeeded, then the last commit.
    async fn end(&mut self, ending: Ending) -> Result<(), Error> {
        let mut ending = ending;
        let mut output = None;
        if matches!(ending, Ending::Succeeded { .. }) && self.options.only_step.is_none() {
            match self.plan.outputs(&self.context) {
                Ok(value) => output = Some(self.redactor.json(&value)),
                Err(error) => ending = Ending::Failed(error.into_execution_error()),
            }
        }
        self.cancel_unfinished_step();
        let mut refused = 0;
        loop {
            let mark = self.journal.mark();
            let contact = match self.contact_write(&ending).await? {
                Ok(write) => write,
                Err(error) => {
                    ending = Ending::Failed(error);
                    None
                }
            };
            let writes_contact = contact.is_some();
            self.tell_end(&ending);
            let result = if matches!(ending, Ending::Succeeded { .. }) { output.clone() } else { None };
            let change = self.final_change(&ending, result);
            match self.journal.commit(self.shared, self.ended_step.clone(), (&self.execution, change), contact).await {
                // Someone changed the contact meanwhile: decide again on what is there now.
                Err(Error::Store(store::Error::Conflict { what: "contact" })) => self.journal.rewind(mark),
                // Its key is taken, or it is gone: that may pass when decided anew, but need not.
                Err(Error::Store(store::Error::Conflict { .. } | store::Error::NotFound)) if writes_contact => {
                    self.journal.rewind(mark);
                    refused += 1;
                    if refused == MAPPING_TRIES {
                        ending = Ending::Failed(unmappable());
                    }
                }
                other => return other,
            }
        }
    }

    /// A step that was waiting or under way when the run ended does not stay so.
    fn cancel_unfinished_step(&mut self) {
        let waiting = self.steps.values().find(|row| !row.status.is_final()).cloned();
        if let Some(row) = self.ended_step.as_mut().filter(|row| !row.status.is_final()) {
            row.status = StepStatus::Cancelled;
        } else if let (None, Some(mut row)) = (&self.ended_step, waiting) {
            row.status = StepStatus::Cancelled;
            row.finished_at = Some(self.shared.parts.clock.now());
            self.ended_step = Some(row);
        }
    }

    /// What a run that ends this way writes to its contact.
    async fn contact_write(&mut self, ending: &Ending) -> Result<Result<Option<ContactWrite>, ExecutionError>, Error> {
        let maps = matches!(ending, Ending::Succeeded { .. }) && self.options.only_step.is_none();
        if maps { self.map_contact().await } else { Ok(Ok(None)) }
    }

    fn final_change(&self, ending: &Ending, output: Option<Value>) -> ExecutionChange {
        let (status, result, error) = match ending {
            Ending::Succeeded { result } => (ExecutionStatus::Succeeded, result.clone(), None),
            Ending::Failed(error) => (ExecutionStatus::Failed, None, Some(error.clone())),
            Ending::Cancelled => (ExecutionStatus::Cancelled, None, Some(cancelled())),
            Ending::TimedOut => (ExecutionStatus::TimedOut, None, Some(over_limit("It took longer than an execution may take in all"))),
            Ending::Expired => (ExecutionStatus::Expired, None, Some(over_limit("It had not begun within the time given by the caller"))),
        };
        ExecutionChange {
            output,
            result,
            error,
            finished_at: Some(self.shared.parts.clock.now()),
            release_lease: true,
            ..self.change(status)
        }
    }

    fn tell_end(&mut self, ending: &Ending) {
        let line = match ending {
            Ending::Succeeded { result: None } => Line::run(LogLevel::Info, "Succeeded"),
            Ending::Succeeded { result: Some(word) } => Line::run(LogLevel::Info, format!("Succeeded: {word}")),
            Ending::Failed(error) => Line::run(LogLevel::Error, format!("Failed: {}", error.message)),
            Ending::Cancelled => Line::run(LogLevel::Warn, "Stopped on request"),
            Ending::TimedOut => Line::run(LogLevel::Error, "Ended: it took too long"),
            Ending::Expired => Line::run(LogLevel::Error, "Ended: it had not begun in time"),
        };
        self.write(Line { kind: LogKind::Lifecycle, ..line });
    }

    /// Is it a test that writes nothing?
    pub(super) fn is_dry(&self) -> bool {
        self.execution.kind == ExecutionKind::Test && !self.options.write_contact
    }
}

/// How often a worker may be lost before a step is recorded; then the execution is taken to be what ends them.
const MAX_RECOVERIES: i32 = 5;

/// How often a mapping is decided anew before the run fails.
const MAPPING_TRIES: u32 = 8;

fn unmappable() -> ExecutionError {
    ExecutionError::new(
        ExecutionErrorCode::Mapping,
        ErrorClass::Data,
        "The contact could not be written: it is gone, or another contact has its key",
    )
    .hint("Map the key to a value that no other contact has")
}

fn cancelled() -> ExecutionError {
    ExecutionError::new(ExecutionErrorCode::Cancelled, ErrorClass::Configuration, "Someone stopped it")
}

fn over_limit(message: &str) -> ExecutionError {
    ExecutionError::new(ExecutionErrorCode::Limit, ErrorClass::System, message)
}

/// The compiled plan: from the cache, else compiled from the version's row or the execution's own definition.
async fn find_plan(shared: &Shared, execution: &Execution, own: Option<&Value>) -> Result<Result<Arc<Plan>, ExecutionError>, Error> {
    let parts = &shared.parts;
    let broken = || {
        ExecutionError::new(ExecutionErrorCode::Internal, ErrorClass::Configuration, "The definition cannot be run by this server")
            .hint("Publish the connector again; the problems are then listed")
    };
    if let Some(definition) = own {
        return Ok(crate::pipeline::compile(definition).plan.ok_or_else(broken));
    }
    let gone = || ExecutionError::new(ExecutionErrorCode::Internal, ErrorClass::Configuration, "The connector's version was deleted");
    let Some(version) = execution.version_id else { return Ok(Err(gone())) };
    if let Some(plan) = parts.plans.get(version) {
        return Ok(Ok(plan));
    }
    let scope = WorkspaceScope::for_run(&parts.system, execution.workspace_id);
    let row = parts.store.read(&scope).await?.find_version(version).await?;
    Ok(match row {
        Some(row) => parts.plans.compile(version, &row.definition).ok_or_else(broken),
        None => Err(gone()),
    })
}
