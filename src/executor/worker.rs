//! From a ring to a run: claim, run, hand back. What was handed over with its lease needs no claim.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;

use super::{Error, Running, Shared, broken, run};
use crate::auth::WorkspaceScope;
use crate::domain::event::ExecutionEvent;
use crate::domain::id::ExecutionId;
use crate::domain::lease::{Claimed, LeaseRequest};
use crate::store::Claim;

/// Answers one ring. A ring for an execution that is being worked on here means that someone may want it stopped.
pub(super) async fn serve(shared: Arc<Shared>, id: ExecutionId) {
    let entry = match Entry::make(&shared, id) {
        Ok(entry) => entry,
        Err(known) => return stop_if_asked(&shared, id, &known).await,
    };
    let outcome = match claim(&shared, id).await {
        Ok(Claim::Taken(claimed)) => {
            // Told to stop, it was taken although it stood in line.
            shared.crowds.leave(id);
            work(&entry, *claimed).await
        }
        Ok(Claim::Nothing) => Ok(None),
        Ok(Claim::Full(workspace)) => {
            shared.crowds.wait(workspace, id);
            Ok(None)
        }
        Err(error) => Err(error),
    };
    entry.leave(outcome);
}

/// Runs what was handed over. Its id is new, so nobody else can be working on it.
pub(super) async fn serve_handed(shared: Arc<Shared>, claimed: Claimed) {
    let id = claimed.execution.id;
    let Ok(entry) = Entry::make(&shared, id) else { return };
    let outcome = work(&entry, claimed).await;
    entry.leave(outcome);
}

/// The execution's entry in the table of running ones; gone when dropped.
struct Entry {
    shared: Arc<Shared>,
    id: ExecutionId,
    stop: CancellationToken,
}

impl Entry {
    /// A new entry, or the one that is there already.
    fn make(shared: &Arc<Shared>, id: ExecutionId) -> Result<Self, Running> {
        let stop = CancellationToken::new();
        let mut running = shared.running();
        if let Some(known) = running.get(&id) {
            return Err(known.clone());
        }
        running.insert(id, Running { stop: stop.clone(), lease: None });
        Ok(Self { shared: Arc::clone(shared), id, stop })
    }

    /// Takes the entry out, then sees to what follows.
    fn leave(self, outcome: Result<Option<DateTime<Utc>>, Error>) {
        let (shared, id, stop) = (Arc::clone(&self.shared), self.id, self.stop.clone());
        // Before any ring for the next turn, which would else be taken for a question about this one.
        drop(self);
        match outcome {
            Ok(Some(wake_at)) => shared.sweeper.set(wake_at, id),
            Ok(None) => {}
            Err(Error::Fenced) => tracing::warn!(execution.id = %id, "the lease was lost; another process goes on with it"),
            Err(error) => {
                // The row is the truth: the sweeper rings again once the lease has run out.
                tracing::error!(execution.id = %id, error = &error as &dyn std::error::Error, "a run could not go on; it is taken up again later");
            }
        }
        if stop.is_cancelled() {
            // Someone asked while the run was ending or being handed back: the row says whether there is more to do.
            shared.parts.queue.ring(id);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.shared.running().remove(&self.id);
    }
}

async fn claim(shared: &Shared, id: ExecutionId) -> Result<Claim, Error> {
    let parts = &shared.parts;
    let request = LeaseRequest { owner: Arc::clone(&shared.owner), until: parts.clock.now() + shared.options.lease };
    let claim = parts.store.claim(&parts.system, id, request).await?;
    if let Claim::Taken(claimed) = &claim {
        let (status, revision) = (claimed.execution.status, claimed.execution.revision);
        parts.events.publish(id, || ExecutionEvent { execution_id: id, entries: Arc::default(), status, revision, ended: None });
    }
    Ok(claim)
}

/// Runs a leased execution until it ends or waits. A panic ends that execution and nothing else.
async fn work(entry: &Entry, claimed: Claimed) -> Result<Option<DateTime<Utc>>, Error> {
    let shared = &entry.shared;
    let lease = Arc::clone(&claimed.lease);
    if let Some(running) = shared.running().get_mut(&entry.id) {
        running.lease = Some(Arc::clone(&lease));
    }
    let run = Box::pin(run::execute(shared, claimed, &entry.stop));
    let workspace = lease.workspace_id;
    let outcome = match AssertUnwindSafe(run).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(_panic) => broken::end_after_panic(shared, lease).await.map(|()| None),
    };
    if let Some(next) = shared.crowds.next(workspace) {
        shared.parts.queue.ring(next);
    }
    outcome
}

/// Breaks off a run that goes on here; else rings, so that a worker winds the execution up.
pub(super) async fn stop_or_ring(shared: &Shared, id: ExecutionId) {
    let known = shared.running().get(&id).cloned();
    match known {
        Some(known) => stop_if_asked(shared, id, &known).await,
        None => shared.parts.queue.ring(id),
    }
}

/// Reads whether a run under way was told to stop, and if so breaks off its call.
async fn stop_if_asked(shared: &Shared, id: ExecutionId, running: &Running) {
    let Some(lease) = &running.lease else {
        // Being claimed just now, perhaps from a row read before someone asked: look again in a moment.
        shared.sweeper.set(shared.parts.clock.now() + std::time::Duration::from_millis(20), id);
        return;
    };
    let scope = WorkspaceScope::for_run(&shared.parts.system, lease.workspace_id);
    let asked = async { shared.parts.store.read(&scope).await?.find_execution(id).await }.await;
    match asked {
        Ok(Some(execution)) if !execution.cancel_requested => {}
        Ok(_) => {
            running.stop.cancel();
            if !shared.running().contains_key(&id) {
                shared.parts.queue.ring(id);
            }
        }
        Err(error) => {
            tracing::warn!(execution.id = %id, error = &error as &dyn std::error::Error, "could not look whether a run is to stop");
        }
    }
}
