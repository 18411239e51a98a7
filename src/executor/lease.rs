//! Heartbeat: keeps the leases of this process, and stops a run once its lease is lost.

use std::sync::Arc;

use super::Shared;

/// Renews every third of a lease until told to stop and nothing runs any more.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut beat = tokio::time::interval(shared.options.lease / 3);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    beat.tick().await;
    loop {
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            _ = beat.tick() => renew(&shared).await,
        }
    }
}

async fn renew(shared: &Shared) {
    let leases: Vec<_> = shared.running().values().filter_map(|running| running.lease.clone()).collect();
    if leases.is_empty() {
        return;
    }
    let until = shared.parts.clock.now() + shared.options.lease;
    match shared.parts.store.renew(&shared.parts.system, &leases, until).await {
        Ok(lost) => {
            for lease in lost {
                let id = lease.execution_id;
                // A run that ended meanwhile is no longer in the table, or goes on under a newer lease.
                if let Some(running) = shared.running().get(&id).filter(|running| running.lease.as_ref() == Some(&lease)) {
                    tracing::warn!(execution.id = %id, "lease lost; the run stops here");
                    running.stop.cancel();
                }
            }
        }
        Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "leases could not be renewed"),
    }
}
