//! Commits on SQLite: one connection, whose transactions keep every other writer out.

use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;
use tokio::sync::Mutex;

use super::group::{Group, Outcome};
use super::session::Session;
use crate::store::Error;
use crate::store::lock::LockFile;

/// The connection, the turn it takes with other writers of this process, and the lock that keeps other processes out.
#[derive(Debug)]
pub(in crate::store) struct Sqlite {
    pub(in crate::store) connection: SqliteConnection,
    pub(in crate::store) gate: Arc<Mutex<()>>,
    pub(in crate::store) _lock: Option<Arc<LockFile>>,
}

impl Sqlite {
    /// One transaction.
    pub(super) async fn attempt(&mut self, group: &Group) -> Result<Outcome, Error> {
        let _turn = self.gate.lock().await;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        let done = match group.apply(&mut Session::Sqlite(&mut self.connection)).await {
            Ok(outcome) => sqlx::query("COMMIT").execute(&mut self.connection).await.map(|_| outcome).map_err(Error::from),
            Err(error) => Err(error),
        };
        if done.is_err() {
            // Some errors end the transaction by themselves; then there is nothing left to roll back.
            drop(sqlx::query("ROLLBACK").execute(&mut self.connection).await);
        }
        done
    }
}
