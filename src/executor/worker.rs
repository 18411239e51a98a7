//! From a ring to a run: claim, run, hand back.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{Error, Running, Shared, run};
use crate::auth::WorkspaceScope;
use crate::domain::id::ExecutionId;
use crate::store::LeaseRequest;

/// Answers one ring. A ring for an execution that is being worked on here means that someone may want it stopped.
pub(super) async fn serve(shared: Arc<Shared>, id: ExecutionId) {
    let stop = CancellationToken::new();
    let known = {
        let mut running = shared.running();
        let known = running.get(&id).cloned();
        if known.is_none() {
            running.insert(id, Running { stop: stop.clone(), lease: None });
        }
        known
    };
    if let Some(known) = known {
        stop_if_asked(&shared, id, &known).await;
        return;
    }
    let place = Place { shared: Arc::clone(&shared), id };
    let outcome = claim_and_run(&shared, id, &stop).await;
    // Before any ring for the next turn, which would else be taken for a question about this one.
    drop(place);
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

/// Breaks off a run that goes on here; else rings, so that a worker winds the execution up.
pub(super) async fn stop_or_ring(shared: &Shared, id: ExecutionId) {
    let known = shared.running().get(&id).cloned();
    match known {
        Some(known) => stop_if_asked(shared, id, &known).await,
        None => shared.parts.queue.ring(id),
    }
}

/// Keeps the execution in the table of running ones, also when the run panics.
struct Place {
    shared: Arc<Shared>,
    id: ExecutionId,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.running().remove(&self.id);
    }
}

async fn claim_and_run(
    shared: &Arc<Shared>,
    id: ExecutionId,
    stop: &CancellationToken,
) -> Result<Option<chrono::DateTime<chrono::Utc>>, Error> {
    let parts = &shared.parts;
    let now = parts.clock.now();
    let request = LeaseRequest { owner: shared.owner.clone(), until: now + shared.options.lease };
    let Some(claimed) = parts.store.claim(&parts.system, id, request).await? else { return Ok(None) };
    if let Some(running) = shared.running().get_mut(&id) {
        running.lease = Some(claimed.lease.clone());
    }
    Box::pin(run::execute(shared, claimed, stop)).await
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
