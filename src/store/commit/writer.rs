//! The one task that commits for everyone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::group::{Group, Op, Outcome};
use super::{GROUP_OPS, WAITING_OPS};
use crate::store::Error;
use crate::store::lock::LockFile;

/// The task behind the group commit: run it beside the [`Store`](crate::store::Store) it came with.
#[derive(Debug)]
pub struct Writer {
    connection: SqliteConnection,
    waiting: mpsc::Receiver<Op>,
    gate: Arc<Mutex<()>>,
    commits: Arc<AtomicU64>,
    _lock: Option<Arc<LockFile>>,
}

impl Writer {
    pub(in crate::store) fn new(
        connection: SqliteConnection,
        waiting: mpsc::Receiver<Op>,
        gate: Arc<Mutex<()>>,
        commits: Arc<AtomicU64>,
        lock: Option<Arc<LockFile>>,
    ) -> Self {
        Self { connection, waiting, gate, commits, _lock: lock }
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
        if let Err(error) = self.connection.close().await {
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
            Err(error) => error,
        };
        if group.len() == 1 {
            return group.fail(error);
        }
        tracing::debug!(error = &error as &dyn std::error::Error, ops = group.len(), "group refused, trying each by itself");
        for one in group.split() {
            match self.attempt(&one).await {
                Ok(outcome) => one.answer(outcome),
                Err(error) => one.fail(error),
            }
        }
    }

    /// One transaction.
    async fn attempt(&mut self, group: &Group) -> Result<Outcome, Error> {
        let _turn = self.gate.lock().await;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        let done = match group.apply(&mut self.connection).await {
            Ok(outcome) => sqlx::query("COMMIT").execute(&mut self.connection).await.map(|_| outcome).map_err(Error::from),
            Err(error) => Err(error),
        };
        match &done {
            Ok(_) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {
                // Some errors end the transaction by themselves; then there is nothing left to roll back.
                drop(sqlx::query("ROLLBACK").execute(&mut self.connection).await);
            }
        }
        done
    }
}
