//! Rings again: retries that are due, to the millisecond, and rings that were lost, now and then.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::Shared;
use crate::domain::id::ExecutionId;

/// Rows looked at in one sweep; a ring for one that waits in the queue already is no work.
const BATCH: u32 = 10_000;

/// When to ring for executions that wait. A clock in memory; the rows hold the same times.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    times: Mutex<BTreeSet<(DateTime<Utc>, ExecutionId)>>,
    earlier: Notify,
}

impl Alarm {
    /// Rings for the execution at that time.
    pub(super) fn set(&self, at: DateTime<Utc>, id: ExecutionId) {
        let mut times = self.times();
        times.insert((at, id));
        if times.first() == Some(&(at, id)) {
            self.earlier.notify_one();
        }
    }

    fn take_due(&self, now: DateTime<Utc>) -> Vec<ExecutionId> {
        let mut times = self.times();
        let mut due = Vec::new();
        while times.first().is_some_and(|(at, _)| *at <= now) {
            due.extend(times.pop_first().map(|(_, id)| id));
        }
        due
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        self.times().first().map(|(at, _)| *at)
    }

    fn times(&self) -> std::sync::MutexGuard<'_, BTreeSet<(DateTime<Utc>, ExecutionId)>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rings until told to stop.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut sweep = tokio::time::interval(shared.options.sweep.max(Duration::from_millis(10)));
    sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let now = shared.parts.clock.now();
        for id in shared.sweeper.take_due(now) {
            shared.parts.queue.ring(id);
        }
        let pause = shared.sweeper.next().map_or(Duration::from_hours(1), |at| (at - now).to_std().unwrap_or(Duration::ZERO));
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = shared.sweeper.earlier.notified() => {}
            // One millisecond on, so that the rounded clock has surely passed the time.
            () = tokio::time::sleep(pause + Duration::from_millis(1)) => {}
            _ = sweep.tick() => find_lost(&shared).await,
        }
    }
}

/// Rings for rows that should be worked on and are not: after a restart, or when a ring was lost.
async fn find_lost(shared: &Shared) {
    match shared.parts.store.due(&shared.parts.system, shared.parts.clock.now(), BATCH).await {
        Ok(ids) => {
            let lost: Vec<_> = {
                let running = shared.running();
                ids.into_iter().filter(|id| !running.contains_key(id) && !shared.crowds.holds(*id)).collect()
            };
            for id in lost.into_iter().chain(shared.crowds.first_of_each()) {
                shared.parts.queue.ring(id);
            }
        }
        Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "could not look for executions that wait"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock as _, SystemClock};

    #[test]
    fn gives_what_is_due_in_order_of_time() {
        let alarm = Alarm::default();
        let now = SystemClock.now();
        let [a, b, c] = std::array::from_fn(|_| ExecutionId::fresh(&SystemClock));
        alarm.set(now + Duration::from_mins(1), c);
        alarm.set(now, b);
        alarm.set(now - Duration::from_secs(1), a);
        assert_eq!(alarm.take_due(now), [a, b]);
        assert_eq!(alarm.take_due(now), []);
        assert_eq!(alarm.next(), Some(now + Duration::from_mins(1)));
    }
}
