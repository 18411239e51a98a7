//! Watching a run: stored log lines first, then new ones, in order, none missing, none twice.
//!
//! A follower listens before it reads, so nothing falls between the two. News that joins on to what was sent goes out
//! as it is; whatever else arrives, or fails to arrive, only sends the follower back to the store. The store alone
//! decides what was logged and whether the run has ended, so no loss of news loses a line.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;

use crate::auth::{LEEWAY, Principal, WorkspaceScope};
use crate::domain::event::ExecutionEvent;
use crate::domain::execution::{Execution, StepRun};
use crate::domain::id::{ExecutionId, StepRunId};
use crate::domain::step_log::{LogEntry, LogFilter};
use crate::events::{Follower, Lagged};
use crate::store::ObjectId;

use super::{App, Error, Result};

/// Lines one batch may have.
const BATCH: usize = 200;
/// After this long without news the store is looked at, should some have been lost.
const RECHECK: Duration = Duration::from_secs(10);
/// A right read longer ago than this is read anew before anything more is sent.
const RIGHT_HOLDS: Duration = Duration::from_secs(5);

/// Some log lines in order.
#[derive(Debug, Clone)]
pub struct LogBatch {
    /// The lines, at most 200.
    pub entries: Vec<LogEntry>,
    /// Every line up to this one has been sent or left out by the filter.
    pub through: i32,
    /// Has everything stored been sent?
    pub caught_up: bool,
    /// Has the run ended, and is this the last batch?
    pub complete: bool,
    /// Lines up to this one are gone.
    pub missing_through: Option<i32>,
}

/// A new state of a run.
#[derive(Debug, Clone)]
pub struct ExecutionState {
    /// The run as it is.
    pub execution: Execution,
    /// Steps that changed since the state before.
    pub changed_steps: Vec<StepRun>,
    /// Is this the last?
    pub complete: bool,
    /// The scope it was read in.
    pub scope: WorkspaceScope,
}

/// What both followers share: whose stream it is, and where its news comes from.
struct Watch {
    app: App,
    principal: Principal,
    id: ExecutionId,
    news: Follower,
    /// When the right was last read, and for how long it is taken to hold.
    entered: (DateTime<Utc>, Duration),
}

/// What ended a wait for news.
enum Heard {
    Event(ExecutionEvent),
    /// News was lost or long in coming: only the store knows.
    Uncertain,
}

impl Watch {
    /// Begins to listen, then makes sure the caller may see the run.
    async fn open(app: &App, principal: &Principal, id: ExecutionId) -> Result<Self> {
        let news = app.events().subscribe(id);
        let entered = (app.clock().now(), Duration::ZERO);
        let mut watch = Self { app: app.clone(), principal: principal.clone(), id, news, entered };
        watch.enter().await.map_err(|error| match error {
            Error::NotFound { looked_for, .. } => Error::not_found(looked_for, &["executionId"]),
            other => other,
        })?;
        Ok(watch)
    }

    /// The right to see the run, read anew.
    async fn enter(&mut self) -> Result<WorkspaceScope> {
        let scope = self.app.enter_of(&self.principal, ObjectId::Execution(self.id), self.id).await?;
        let clock = self.app.clock();
        // Shorter by chance, so that many followers who began together do not all ask at the same instant again.
        self.entered = (clock.now(), RIGHT_HOLDS.mul_f64(1.0 - clock.chance() / 2.0));
        Ok(scope)
    }

    /// Fails once the token has ended or the right is gone, however much news there is.
    async fn check(&mut self) -> Result<()> {
        if self.left_of_token().is_zero() {
            return Err(Error::TokenExpired);
        }
        let (at, holds) = self.entered;
        let age = self.app.clock().now() - at;
        // A clock that was set back tells nothing about age.
        if age < TimeDelta::zero() || age.to_std().is_ok_and(|age| age >= holds) {
            self.enter().await?;
        }
        Ok(())
    }

    fn left_of_token(&self) -> Duration {
        let end = self.principal.expires_at() + LEEWAY;
        (end - self.app.clock().now()).to_std().unwrap_or_default()
    }

    async fn hear(&mut self) -> Heard {
        let patience = RECHECK.min(self.left_of_token());
        match tokio::time::timeout(patience, self.news.next()).await {
            Ok(Ok(event)) => Heard::Event(event),
            Ok(Err(Lagged)) | Err(_) => Heard::Uncertain,
        }
    }

    /// Forgets news already waiting; the state about to be read is newer.
    fn forget(&mut self) {
        while let Some(Ok(_)) = self.news.next().now_or_never() {}
    }
}

/// Log lines of one run, as they come.
pub struct LogFollower {
    watch: Watch,
    filter: LogFilter,
    /// Lines up to this one were sent or left out.
    through: i32,
    /// Must the store be read before news counts again?
    behind: bool,
    /// Has nothing been sent yet?
    fresh: bool,
    done: bool,
}

impl App {
    /// Follows the log of a run from after a line; 0 for all of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such run for the caller.
    pub async fn follow_logs(&self, principal: &Principal, id: ExecutionId, (after, filter): (i32, LogFilter)) -> Result<LogFollower> {
        let watch = Watch::open(self, principal, id).await?;
        Ok(LogFollower { watch, filter, through: after.max(0), behind: true, fresh: true, done: false })
    }

    /// Follows the state of a run.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such run for the caller.
    pub async fn follow_execution(&self, principal: &Principal, id: ExecutionId) -> Result<ExecutionFollower> {
        let watch = Watch::open(self, principal, id).await?;
        Ok(ExecutionFollower { watch, seen: HashMap::new(), revision: None, done: false })
    }
}

impl LogFollower {
    /// The next batch; `None` once the last line of a finished run was sent.
    ///
    /// Dropping the future loses nothing that the next follower, begun after `through`, would not get.
    ///
    /// # Errors
    /// [`Error::TokenExpired`], [`Error::NotFound`] when the right or the run is gone, [`Error::Unavailable`]. The
    /// stream is over then.
    pub async fn next(&mut self) -> Option<Result<LogBatch>> {
        if self.done {
            return None;
        }
        let batch = self.advance().await;
        self.done = batch.as_ref().map_or(true, |batch| batch.complete);
        Some(batch)
    }

    async fn advance(&mut self) -> Result<LogBatch> {
        loop {
            let batch = if self.behind { Some(self.replay().await?) } else { self.listen().await };
            self.watch.check().await?;
            let worth_sending = |batch: &LogBatch| !batch.entries.is_empty() || batch.complete || batch.missing_through.is_some();
            if let Some(batch) = batch.filter(|batch| self.fresh || worth_sending(batch)) {
                self.fresh = false;
                return Ok(batch);
            }
        }
    }

    /// Reads what is stored after the last line sent.
    async fn replay(&mut self) -> Result<LogBatch> {
        let scope = self.watch.enter().await?;
        let tx = self.watch.app.store().read(&scope).await?;
        // The state first: what it counts as logged is then certainly there to be read.
        let execution = tx.find_execution(self.watch.id).await?.ok_or_else(|| Error::not_found(self.watch.id, &["executionId"]))?;
        let limit = u32::try_from(BATCH).unwrap_or(u32::MAX);
        let entries = tx.logs_after(self.watch.id, self.through, limit).await?;
        drop(tx);
        let missing = entries.first().map(|entry| entry.sequence - 1).filter(|before| *before > self.through);
        let caught_up = entries.len() < BATCH;
        self.through = entries.last().map_or(self.through, |entry| entry.sequence);
        self.behind = !caught_up;
        let complete = execution.status.is_final() && self.through >= execution.last_log_sequence;
        Ok(self.batch(entries, (caught_up, complete), missing))
    }

    /// Waits for news; `None` when it does not join on to what was sent, or nothing is left of it.
    async fn listen(&mut self) -> Option<LogBatch> {
        let Heard::Event(event) = self.watch.hear().await else {
            self.behind = true;
            return None;
        };
        let entries: Vec<LogEntry> = event.entries.iter().filter(|entry| entry.sequence > self.through).cloned().collect();
        let joins = entries.len() <= BATCH && entries.iter().zip(self.through + 1..).all(|(entry, expected)| entry.sequence == expected);
        if !joins || (entries.is_empty() && event.status.is_final()) {
            self.behind = true;
            return None;
        }
        self.through = entries.last().map_or(self.through, |entry| entry.sequence);
        Some(self.batch(entries, (true, event.status.is_final()), None))
    }

    fn batch(&self, mut entries: Vec<LogEntry>, (caught_up, complete): (bool, bool), missing_through: Option<i32>) -> LogBatch {
        entries.retain(|entry| self.filter.accepts(entry));
        LogBatch { entries, through: self.through, caught_up, complete, missing_through }
    }
}

/// States of one run: the first as it is, then the newest each time it changes, the last never left out.
pub struct ExecutionFollower {
    watch: Watch,
    /// What of each step was last sent.
    seen: HashMap<StepRunId, String>,
    revision: Option<i32>,
    done: bool,
}

impl ExecutionFollower {
    /// The next state; `None` after the final one.
    ///
    /// # Errors
    /// As [`LogFollower::next`].
    pub async fn next(&mut self) -> Option<Result<ExecutionState>> {
        if self.done {
            return None;
        }
        let state = self.advance().await;
        self.done = state.as_ref().map_or(true, |state| state.complete);
        Some(state)
    }

    async fn advance(&mut self) -> Result<ExecutionState> {
        loop {
            if let Some(sent) = self.revision {
                if let Heard::Event(event) = self.watch.hear().await
                    && event.revision <= sent
                {
                    continue;
                }
                self.watch.forget();
            }
            let scope = self.watch.enter().await?;
            self.watch.check().await?;
            let tx = self.watch.app.store().read(&scope).await?;
            let execution = tx.find_execution(self.watch.id).await?.ok_or_else(|| Error::not_found(self.watch.id, &["executionId"]))?;
            if self.revision == Some(execution.revision) {
                continue;
            }
            self.revision = Some(execution.revision);
            let mut changed_steps = tx.list_steps(self.watch.id).await?;
            changed_steps.retain(|step| self.seen.insert(step.id, fingerprint(step)).as_ref() != Some(&fingerprint(step)));
            let complete = execution.status.is_final();
            return Ok(ExecutionState { execution, changed_steps, complete, scope });
        }
    }
}

/// What tells one state of a step from another.
fn fingerprint(step: &StepRun) -> String {
    let attempt =
        step.attempts.last().map(|attempt| (attempt.number, attempt.finished_at, attempt.next_attempt_at, attempt.exchanges.len()));
    format!("{:?} {attempt:?} {:?}", step.status, step.finished_at)
}
