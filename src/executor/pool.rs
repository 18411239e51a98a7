//! Bounded workers: one for each ring and one for each execution handed over, never more than `concurrency` at a time.

use std::sync::Arc;

use super::{Shared, worker};
use crate::queue::{Handed, Workplace};

/// Takes rings and what is handed over until told to stop. What was handed over by then is still begun.
pub(super) async fn run(shared: Arc<Shared>, mut workplace: Workplace) {
    // A place first, then a ring: a ring is never taken by someone who cannot serve it.
    let mut place = None;
    loop {
        let free = workplace.place();
        tokio::select! {
            () = shared.stopping.cancelled() => break,
            Some(handed) = workplace.handed.recv() => begin(&shared, handed),
            taken = free, if place.is_none() => place = taken,
            id = shared.parts.queue.next(), if place.is_some() => {
                let (worker, place) = (worker::serve(Arc::clone(&shared), id), place.take());
                shared.tasks.spawn(async move {
                    worker.await;
                    drop(place);
                });
            }
        }
    }
    workplace.handed.close();
    while let Some(handed) = workplace.handed.recv().await {
        begin(&shared, handed);
    }
}

fn begin(shared: &Arc<Shared>, Handed { claimed, place }: Handed) {
    let worker = worker::serve_handed(Arc::clone(shared), claimed);
    shared.tasks.spawn(async move {
        worker.await;
        drop(place);
    });
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
