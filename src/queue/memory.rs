//! The queue of a single process.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::seats::{Seat, Seats, Workplace};
use crate::domain::id::ExecutionId;

/// Rings of one process, first in, first out. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Work, which waits for a place.
    work: Lane,
    /// Questions whether a run is to stop, which must not wait behind the work they are to stop.
    stops: Lane,
    seats: Seats,
}

#[derive(Debug, Default)]
struct Lane {
    rings: Mutex<Rings>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct Rings {
    order: VecDeque<ExecutionId>,
    waiting: HashSet<ExecutionId>,
}

impl Queue {
    /// Says that an execution may have something to do. One that waits to be looked at already is rung once.
    pub fn ring(&self, id: ExecutionId) {
        self.inner.work.ring(id);
    }

    /// Says that an execution was told to stop.
    pub fn ring_stop(&self, id: ExecutionId) {
        self.inner.stops.ring(id);
    }

    /// The next execution to look at. Dropping the future loses no ring.
    pub async fn next(&self) -> ExecutionId {
        self.inner.work.next().await
    }

    /// The next execution that was told to stop. Dropping the future loses no ring.
    pub async fn next_stop(&self) -> ExecutionId {
        self.inner.stops.next().await
    }

    /// Opens so many places for workers who sign with this name; a seat's lease lasts for this long.
    pub fn open(&self, owner: &Arc<str>, lease: Duration, places: usize) -> Workplace {
        self.inner.seats.open(owner, lease, places)
    }

    /// Gives out no places any more.
    pub fn close(&self) {
        self.inner.seats.close();
    }

    /// A seat at a worker who is free now.
    pub fn seat(&self) -> Option<Seat> {
        self.inner.seats.take()
    }

    /// Rings for work not yet taken.
    pub fn waiting(&self) -> usize {
        self.inner.work.rings().order.len()
    }
}

impl Lane {
    fn ring(&self, id: ExecutionId) {
        let mut rings = self.rings();
        if rings.waiting.insert(id) {
            rings.order.push_back(id);
        }
        drop(rings);
        self.bell.notify_one();
    }

    async fn next(&self) -> ExecutionId {
        loop {
            let bell = self.bell.notified();
            {
                let mut rings = self.rings();
                if let Some(id) = rings.order.pop_front() {
                    rings.waiting.remove(&id);
                    return id;
                }
            }
            bell.await;
        }
    }

    fn rings(&self) -> MutexGuard<'_, Rings> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[tokio::test]
    async fn hands_out_each_ring_once_in_order() {
        let queue = Queue::default();
        let ids: Vec<_> = (0..100).map(|_| ExecutionId::fresh(&SystemClock)).collect();
        let receive = {
            let queue = queue.clone();
            async move {
                let mut taken = Vec::new();
                while taken.len() < 100 {
                    taken.push(queue.next().await);
                }
                taken
            }
        };
        let send = async {
            for id in &ids {
                queue.ring(*id);
                tokio::task::yield_now().await;
            }
        };
        let (taken, ()) = tokio::join!(receive, send);
        assert_eq!(taken, ids);
        assert_eq!(queue.waiting(), 0);
    }

    #[tokio::test]
    async fn one_that_waits_is_not_rung_twice_and_stops_have_their_own_lane() {
        let queue = Queue::default();
        let [a, b] = std::array::from_fn(|_| ExecutionId::fresh(&SystemClock));
        for id in [a, a, b, a] {
            queue.ring(id);
        }
        queue.ring_stop(b);
        assert_eq!((queue.waiting(), queue.next_stop().await), (2, b));
        assert_eq!((queue.next().await, queue.next().await), (a, b));
        queue.ring(a);
        assert_eq!(queue.next().await, a, "taken means that the next ring counts");
    }
}
