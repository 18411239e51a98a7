//! Bounded workers: takes rings from the queue, one worker a ring, never more than `concurrency` at a time.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{Shared, worker};

/// Takes rings until told to stop.
pub(super) async fn run(shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(shared.options.concurrency.clamp(1, 10_000)));
    loop {
        // A place first, then a ring: a ring is never taken by someone who cannot serve it.
        let place = tokio::select! {
            () = shared.stopping.cancelled() => return,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let Ok(place) = place else { return };
        let id = tokio::select! {
            () = shared.stopping.cancelled() => return,
            id = shared.parts.queue.next() => id,
        };
        let worker = worker::serve(Arc::clone(&shared), id);
        shared.tasks.spawn(async move {
            worker.await;
            drop(place);
        });
    }
}

/// Answers those who want a run stopped, without a place: all of them may be taken by what is to stop.
pub(super) async fn run_stops(shared: Arc<Shared>) {
    loop {
        let id = tokio::select! {
            () = shared.stopping.cancelled() => return,
            id = shared.parts.queue.next_stop() => id,
        };
        worker::stop_or_ring(&shared, id).await;
    }
}
