//! The queue of a single process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::domain::id::ExecutionId;

/// Rings of one process, first in, first out. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    rings: Mutex<VecDeque<ExecutionId>>,
    bell: Notify,
}

impl Queue {
    /// Says that an execution may have something to do.
    pub fn ring(&self, id: ExecutionId) {
        self.rings().push_back(id);
        self.inner.bell.notify_one();
    }

    /// The next execution to look at. Dropping the future loses no ring.
    pub async fn next(&self) -> ExecutionId {
        loop {
            let bell = self.inner.bell.notified();
            if let Some(id) = self.rings().pop_front() {
                return id;
            }
            bell.await;
        }
    }

    /// Rings not yet taken.
    pub fn waiting(&self) -> usize {
        self.rings().len()
    }

    fn rings(&self) -> std::sync::MutexGuard<'_, VecDeque<ExecutionId>> {
        self.inner.rings.lock().unwrap_or_else(PoisonError::into_inner)
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
}
