//! The one task that commits for everyone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::Connection as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::group::{Group, Op, Outcome};
use super::{GROUP_OPS, Postgres, Sqlite, WAITING_OPS};
use crate::store::Error;

/// The task behind the group commit: run it beside the [`Store`](crate::store::Store) it came with.
#[derive(Debug)]
pub struct Writer {
    engine: Engine,
    waiting: mpsc::Receiver<Op>,
    commits: Arc<AtomicU64>,
}

/// Whoever makes the transactions.
#[derive(Debug)]
pub(in crate::store) enum Engine {
    Sqlite(Box<Sqlite>),
    Postgres(Box<Postgres>),
}

/// Why a group was not committed.
#[derive(Debug)]
pub(super) enum Refusal {
    /// One of its operations cannot be made.
    Operation(Error),
    /// The database cannot be reached, so it is no use to try them one by one.
    Server(String),
}

impl Writer {
    pub(in crate::store) fn new(engine: Engine, waiting: mpsc::Receiver<Op>, commits: Arc<AtomicU64>) -> Self {
        Self { engine, waiting, commits }
    }

    /// Commits until every clone of the store is dropped or `stop` is given; what was sent by then is still done.
    ///
    /// Dropping the future rolls the open transaction back and leaves those who wait without an answer.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut ops = Vec::with_capacity(GROUP_OPS);
        loop {
            // Receiving many is cancel-safe: what was not taken stays in the channel.
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                count = self.waiting.recv_many(&mut ops, GROUP_OPS) => if count == 0 { break },
            }
            self.commit_all(&mut ops).await;
        }
        self.waiting.close();
        while self.waiting.recv_many(&mut ops, WAITING_OPS).await > 0 {
            self.commit_all(&mut ops).await;
        }
        // Closed here and now: left to a drop, it could still be open when the store closes the rest.
        let closed = match self.engine {
            Engine::Sqlite(engine) => engine.connection.close().await,
            Engine::Postgres(engine) => engine.close().await,
        };
        if let Err(error) = closed {
            tracing::warn!(%error, "the connection of the group commit was not closed");
        }
    }

    async fn commit_all(&mut self, ops: &mut Vec<Op>) {
        for group in Group::of(ops.drain(..)) {
            Box::pin(self.commit(group)).await;
        }
    }

    async fn commit(&mut self, group: Group) {
        let error = match self.attempt(&group).await {
            Ok(outcome) => return group.answer(outcome),
            Err(Refusal::Server(reason)) => return group.fail(|| Error::Unavailable(reason.clone().into())),
            Err(Refusal::Operation(error)) => error,
        };
        if group.len() == 1 {
            return group.fail_alone(error);
        }
        tracing::debug!(error = &error as &dyn std::error::Error, ops = group.len(), "group refused, trying each by itself");
        for one in group.split() {
            match self.attempt(&one).await {
                Ok(outcome) => one.answer(outcome),
                Err(Refusal::Operation(error)) => one.fail_alone(error),
                Err(Refusal::Server(reason)) => one.fail(|| Error::Unavailable(reason.clone().into())),
            }
        }
    }

    /// One transaction.
    async fn attempt(&mut self, group: &Group) -> Result<Outcome, Refusal> {
        let done = match &mut self.engine {
            Engine::Sqlite(engine) => engine.attempt(group).await.map_err(Refusal::Operation),
            Engine::Postgres(engine) => engine.attempt(group).await,
        };
        if done.is_ok() {
            self.commits.fetch_add(1, Ordering::Relaxed);
        }
        done
    }
}
