//! One execution under a lease: opens what it needs, walks the plan, ends it with outputs and mapping.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::journal::{Journal, Line};
use super::plans::find_plan;
use super::{Error, Shared, broken};
use crate::auth::WorkspaceScope;
use crate::domain::contact::Contact;
use crate::domain::execution::{
    ErrorClass, Execution, ExecutionError, ExecutionErrorCode, ExecutionKind, ExecutionStatus, StepRun, StepStatus,
};
use crate::domain::lease::Claimed;
use crate::domain::step_log::{LogKind, LogLevel};
use crate::pipeline::walk::{Ending, Flow, Unit, walk};
use crate::pipeline::{Context, Plan, RunFacts};
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

/// One run under a lease. Branches side by side share it.
pub(super) struct Run<'a> {
    pub(super) shared: &'a Shared,
    pub(super) stop: &'a CancellationToken,
    pub(super) scope: WorkspaceScope,
    pub(super) execution: Execution,
    pub(super) unit: Unit,
    pub(super) journal: Journal,
    pub(super) options: TestOptions,
    /// The contact it is for.
    pub(super) contact: Option<Contact>,
    /// Has no turn been taken before this one?
    first_turn: bool,
    /// One commit of a run is under way at a time.
    committing: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

/// What a run knows of its steps while it goes on.
#[derive(Default)]
pub(super) struct State {
    /// Steps as recorded or as running, by path.
    pub(super) rows: HashMap<String, StepRun>,
    /// Paths of those that changed and are to go with the next commit.
    pub(super) changed: Vec<String>,
    /// Steps begun.
    pub(super) begun: i32,
    /// Top steps that ended.
    pub(super) finished_steps: i32,
    /// What the run has cost.
    pub(super) cost: f64,
    /// Was a worker lost, so that nobody knows what became of the calls that were under way?
    pub(super) interrupted: bool,
    /// Step path → host it called, for provenance.
    pub(super) hosts: HashMap<String, String>,
}

impl State {
    /// Puts a step's row in its place, to go with the next commit.
    pub(super) fn put(&mut self, row: StepRun) {
        if !self.changed.contains(&row.path) {
            self.changed.push(row.path.clone());
        }
        self.rows.insert(row.path.clone(), row);
    }
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
    let (run, mut context) = Run::open(shared, claimed, plan, stop).await?;
    if let Some(ending) = run.over_before_it_begins() {
        return run.end(ending, &mut context).await.map(|()| None);
    }
    run.tell_beginning();
    match walk(&run, &run.unit, &mut context).await? {
        Flow::Park(at) => {
            let at = at.min(run.deadline());
            run.park(at).await.map(|()| Some(at))
        }
        Flow::End(ending) => run.end(ending, &mut context).await.map(|()| None),
        Flow::Go(_) => run.end(Ending::Succeeded { result: None }, &mut context).await.map(|()| None),
    }
}

impl<'a> Run<'a> {
    /// Reads what the run needs.
    async fn open(shared: &'a Shared, claimed: Claimed, plan: Arc<Plan>, stop: &'a CancellationToken) -> Result<(Self, Context), Error> {
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
        let state = State {
            begun: recorded.iter().map(|step| step.position + 1).max().unwrap_or(0),
            finished_steps: execution.finished_steps,
            cost: execution.cost,
            interrupted: claimed.interrupted,
            hosts: recorded.iter().filter_map(|step| Some((step.path.clone(), called_host(step)?))).collect(),
            rows: recorded.into_iter().map(|step| (step.path.clone(), step)).collect(),
            changed: Vec::new(),
        };
        let run = Self {
            shared,
            stop,
            scope,
            journal: Journal::new(claimed.lease, &execution),
            first_turn,
            execution,
            unit: Unit { plan, bindings: claimed.bindings, depth: 0 },
            contact,
            options: serde_json::from_value(claimed.options).unwrap_or_default(),
            committing: tokio::sync::Mutex::default(),
            state: Mutex::new(state),
        };
        Ok((run, context))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn tell_beginning(&self) {
        let (is_fresh, interrupted) = {
            let state = self.state();
            (state.rows.is_empty() && self.execution.last_log_sequence <= 1, state.interrupted)
        };
        if is_fresh {
            let message = format!("Started {}", self.unit.plan.definition.meta.title);
            self.write(Line::run(LogLevel::Info, message));
        }
        if interrupted {
            let message = "Resumed after the server stopped unexpectedly; an attempt that was under way may have reached the service, its outcome is unknown";
            self.write(Line::run(LogLevel::Warn, message));
        }
    }

    /// May the next step begin? What ended before is recorded then.
    pub(super) async fn may_begin(&self) -> Result<Option<Flow>, Error> {
        if self.journal.cancel_requested() {
            return Ok(Some(Flow::End(Ending::Cancelled)));
        }
        if self.stop.is_cancelled() {
            return self.stopped().await.map(Some);
        }
        let now = self.shared.parts.clock.now();
        if now >= self.deadline() {
            return Ok(Some(Flow::End(Ending::TimedOut)));
        }
        let has_changed = !self.state().changed.is_empty();
        if has_changed && self.shared.stopping.is_cancelled() {
            return Ok(Some(Flow::Park(now)));
        }
        if has_changed {
            self.commit(ExecutionStatus::Running, |change| change).await?;
        }
        Ok(None)
    }

    /// The call under way was broken off, or is not to begin: because someone asked, or because this process must let go.
    pub(super) async fn stopped(&self) -> Result<Flow, Error> {
        let now = self.shared.parts.store.read(&self.scope).await?.find_execution(self.execution.id).await?;
        match now {
            Some(now) if !now.cancel_requested => Ok(Flow::Park(self.shared.parts.clock.now())),
            Some(_) => Ok(Flow::End(Ending::Cancelled)),
            None => Err(Error::Fenced),
        }
    }

    /// Adds a log line.
    pub(super) fn write(&self, line: Line<'_>) {
        self.journal.write(self.shared, self.unit.plan.redactor(), line);
    }

    /// The execution's state as it is while it goes on.
    fn change(&self, status: ExecutionStatus) -> ExecutionChange {
        let state = self.state();
        ExecutionChange {
            status,
            output: None,
            result: None,
            cost: state.cost,
            error: None,
            warning_count: self.journal.warnings(),
            finished_steps: state.finished_steps,
            current_step_path: None,
            finished_at: None,
            wake_at: None,
            release_lease: false,
        }
    }

    /// Commits the steps that changed, and the lines that tell of it.
    pub(super) async fn commit(&self, status: ExecutionStatus, more: impl FnOnce(ExecutionChange) -> ExecutionChange) -> Result<(), Error> {
        let _turn = self.committing.lock().await;
        let change = more(self.change(status));
        self.commit_change(change, None).await
    }

    /// The same with what is written to a contact; only one at a time.
    async fn commit_change(&self, change: ExecutionChange, contact: Option<ContactWrite>) -> Result<(), Error> {
        let (paths, steps) = {
            let mut state = self.state();
            let paths = std::mem::take(&mut state.changed);
            let steps = paths.iter().filter_map(|path| state.rows.get(path).cloned()).collect();
            (paths, steps)
        };
        let done = self.journal.commit(self.shared, steps, (&self.execution, change), contact).await;
        if done.is_err() {
            let mut state = self.state();
            let later = std::mem::replace(&mut state.changed, paths);
            state.changed.extend(later);
        }
        done
    }

    /// Hands the execution back until that time.
    async fn park(&self, at: DateTime<Utc>) -> Result<(), Error> {
        let waiting = |change| ExecutionChange { wake_at: Some(at), release_lease: true, ..change };
        self.commit(ExecutionStatus::Waiting, waiting).await?;
        if self.journal.cancel_requested() {
            // Told to stop while it was handed back: the next turn ends it.
            self.shared.parts.queue.ring(self.execution.id);
        }
        Ok(())
    }

    /// Ends the run: outputs and mapping when it succeeded, then the last commit.
    async fn end(&self, ending: Ending, context: &mut Context) -> Result<(), Error> {
        let mut ending = ending;
        let mut output = None;
        context.begin(1, self.state().cost, self.shared.parts.clock.now());
        if matches!(ending, Ending::Succeeded { .. }) && self.options.only_step.is_none() {
            match self.unit.plan.outputs(context) {
                Ok(value) => output = Some(self.unit.plan.redactor().json(&value)),
                Err(error) => ending = Ending::Failed(error.into_execution_error()),
            }
        }
        self.end_unfinished_steps(&ending);
        let mut refused = 0;
        loop {
            let mark = self.journal.mark();
            let contact = match self.contact_write(&ending, context).await? {
                Ok(write) => write,
                Err(error) => {
                    ending = Ending::Failed(error);
                    None
                }
            };
            let writes_contact = contact.is_some();
            self.tell_end(&ending);
            let result = if matches!(ending, Ending::Succeeded { .. }) { output.clone() } else { None };
            match self.commit_change(self.final_change(&ending, result), contact).await {
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

    /// Steps that waited or were under way when the run ended do not stay so. Where a step within others ended the run as
    /// meant, those around it have done their part.
    fn end_unfinished_steps(&self, ending: &Ending) {
        let now = self.shared.parts.clock.now();
        let mut state = self.state();
        let open: Vec<StepRun> = state.rows.values().filter(|row| !row.status.is_final()).cloned().collect();
        for mut row in open {
            let holds = state.rows.keys().any(|path| is_within(path, &row.path));
            let is_done = holds && matches!(ending, Ending::Succeeded { .. });
            row.status = if is_done { StepStatus::Succeeded } else { StepStatus::Cancelled };
            row.finished_at = Some(now);
            state.put(row);
        }
    }

    /// What a run that ends this way writes to its contact.
    async fn contact_write(&self, ending: &Ending, context: &Context) -> Result<Result<Option<ContactWrite>, ExecutionError>, Error> {
        let maps = matches!(ending, Ending::Succeeded { .. }) && self.options.only_step.is_none();
        if maps { self.map_contact(context).await } else { Ok(Ok(None)) }
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

    fn tell_end(&self, ending: &Ending) {
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

/// Is a step within another, by their paths?
pub(super) fn is_within(path: &str, around: &str) -> bool {
    path.strip_prefix(around).is_some_and(|rest| rest.starts_with(['/', '[']))
}

/// The host a recorded step called last.
fn called_host(recorded: &StepRun) -> Option<String> {
    let exchange = recorded.attempts.iter().rev().find_map(|attempt| attempt.exchanges.last())?;
    url::Url::parse(&exchange.url).ok()?.host_str().map(str::to_owned)
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
