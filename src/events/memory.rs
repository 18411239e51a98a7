//! News within a single process.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use crate::domain::event::ExecutionEvent;
use crate::domain::id::ExecutionId;

/// Headlines a follower may fall behind before it is told to read the store instead.
const BACKLOG: usize = 16;

/// Locks, so that publishers of different executions seldom meet.
const SHARDS: usize = 32;

type Topics = HashMap<ExecutionId, broadcast::Sender<ExecutionEvent>>;

/// The news desk: one topic an execution, made when the first follower comes and dropped with the last. Clones share it.
#[derive(Debug, Clone)]
pub struct Events {
    shards: Arc<[Mutex<Topics>]>,
    hasher: Arc<RandomState>,
}

impl Default for Events {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: Arc::default() }
    }
}

impl Events {
    /// Tells every follower; costs a look-up when there is none.
    pub fn publish(&self, id: ExecutionId, event: impl FnOnce() -> ExecutionEvent) {
        let topic = self.topics(id).get(&id).cloned();
        if let Some(topic) = topic {
            // An error means that the last follower is leaving just now.
            drop(topic.send(event()));
        }
    }

    /// Hears of everything published from now on.
    pub fn subscribe(&self, id: ExecutionId) -> Follower {
        let receiver = self.topics(id).entry(id).or_insert_with(|| broadcast::channel(BACKLOG).0).subscribe();
        Follower { events: self.clone(), id, receiver: Some(receiver) }
    }

    /// Executions that have followers.
    pub fn followed(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    #[expect(clippy::indexing_slicing, reason = "the index is taken modulo the length, which is not zero")]
    fn topics(&self, id: ExecutionId) -> MutexGuard<'_, Topics> {
        let place = usize::try_from(self.hasher.hash_one(id) % SHARDS as u64).unwrap_or(0);
        self.shards[place].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One follower of one execution.
#[derive(Debug)]
pub struct Follower {
    events: Events,
    id: ExecutionId,
    /// Taken only when the follower goes.
    receiver: Option<broadcast::Receiver<ExecutionEvent>>,
}

/// The follower fell behind: some headlines are lost to it, and it must read the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("fell behind; read the store")]
pub struct Lagged;

impl Follower {
    /// The next headline. Dropping the future loses none.
    ///
    /// # Errors
    /// [`Lagged`] when headlines were lost; the one after that is the oldest still kept.
    pub async fn next(&mut self) -> Result<ExecutionEvent, Lagged> {
        // The desk keeps the sender for as long as this follower lives, so "closed" cannot happen.
        match &mut self.receiver {
            Some(receiver) => receiver.recv().await.map_err(|_| Lagged),
            None => Err(Lagged),
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut topics = self.events.topics(self.id);
        // Under the lock, so that the last two to go do not each count the other.
        drop(self.receiver.take());
        if topics.get(&self.id).is_some_and(|topic| topic.receiver_count() == 0) {
            topics.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::domain::execution::ExecutionStatus;

    fn event(execution_id: ExecutionId, revision: i32) -> ExecutionEvent {
        ExecutionEvent { execution_id, entries: Arc::from([]), status: ExecutionStatus::Running, revision, ended: None }
    }

    #[tokio::test]
    async fn every_follower_hears_in_order_and_a_slow_one_is_told() {
        let events = Events::default();
        let id = ExecutionId::fresh(&SystemClock);
        let mut quick = events.subscribe(id);
        let mut slow = events.subscribe(id);
        for revision in 0..40 {
            events.publish(id, || event(id, revision));
            assert_eq!(quick.next().await.map(|event| event.revision), Ok(revision));
        }
        assert_eq!(slow.next().await.map(|event| event.revision), Err(Lagged));
        assert_eq!(slow.next().await.map(|event| event.revision), Ok(24));
    }

    #[tokio::test]
    async fn a_topic_goes_with_its_last_follower() {
        let events = Events::default();
        let id = ExecutionId::fresh(&SystemClock);
        let (one, two) = (events.subscribe(id), events.subscribe(id));
        drop(one);
        assert_eq!(events.followed(), 1);
        drop(two);
        assert_eq!(events.followed(), 0);
        events.publish(id, || unreachable!("nobody listens"));
    }
}
