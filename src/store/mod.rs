//! Rows: the only folder that knows SQL.
//!
//! [`Store::connect`] gives a [`Store`], a cheap handle, and the [`Writer`] that must be run beside it. What is read
//! or changed by a person goes through a [`Tx`], opened with a scope: [`Store::read`] or [`Store::begin`]. What a run
//! writes goes through the group commit (`commit`), which puts everything that waits into one transaction.
//! This folder decides nothing: whether someone may do a thing is settled by whoever opens the transaction.

mod access;
mod admins;
mod commit;
mod connectors;
mod contacts;
mod convert;
mod credentials;
mod error;
mod executions;
mod field_changes;
mod leases;
mod lock;
mod members;
mod migrate;
mod open;
mod page;
mod search;
mod step_logs;
mod steps;
mod template_versions;
mod templates;
mod tx;
mod versions;
mod workspaces;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::{ConnectionTrait, DatabaseConnection};
use tokio::sync::{Mutex, mpsc};

use crate::clock::Clock;

pub use access::{ObjectId, WorkspaceRef};
pub use commit::{Claim, ContactWrite, ExecutionChange, Inserted, NewContact, NewExecution, Record, Recorded, Writer};
pub use connectors::{ConnectorFilter, ConnectorOrder, ConnectorOrderField};
pub use contacts::{ContactFilter, ContactRef};
pub use credentials::CredentialFilter;
pub use error::Error;
pub use executions::ExecutionFilter;
pub use templates::{TemplateFilter, TemplateOrder, TemplateRef};
pub use tx::{Scope, Tx};

/// Where the rows are and how they are reached.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// `sqlite:PATH` or a plain path of a SQLite file.
    pub url: String,
    /// Connections for reading, at least 1; writing has its own two.
    pub max_connections: u32,
    /// Is a missing file made?
    pub create: bool,
    /// Is any other process that asks for the same kept out? A server needs this; a command that only reads does not.
    pub exclusive: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { url: "sqlite:connectors.db".to_owned(), max_connections: 8, create: true, exclusive: true }
    }
}

/// The handle to all rows; clones share everything.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
    ops: mpsc::Sender<commit::Op>,
}

#[derive(Debug)]
struct Inner {
    /// Many connections that cannot write.
    reader: DatabaseConnection,
    /// One connection for transactions.
    writer: DatabaseConnection,
    /// Held by whoever writes, so that this process never spins on a busy database.
    gate: Arc<Mutex<()>>,
    clock: Arc<dyn Clock>,
    commits: Arc<AtomicU64>,
    /// Kept for as long as the store lives.
    _lock: Option<Arc<lock::LockFile>>,
}

impl Store {
    /// Opens the database; changes nothing in it.
    ///
    /// The [`Writer`] must be run for the group commit to answer.
    ///
    /// # Errors
    /// [`Error::UnsupportedUrl`], [`Error::InUse`] when another process holds the file, [`Error::Unavailable`].
    pub async fn connect(options: &Options, clock: Arc<dyn Clock>) -> Result<(Self, Writer), Error> {
        let opened = open::open(options).await?;
        let gate = Arc::new(Mutex::new(()));
        let commits = Arc::new(AtomicU64::new(0));
        let (ops, waiting) = mpsc::channel(commit::WAITING_OPS);
        let lock = opened.lock.map(Arc::new);
        let writer = Writer::new(opened.group, waiting, Arc::clone(&gate), Arc::clone(&commits), lock.clone());
        let inner = Inner { reader: opened.reader, writer: opened.writer, gate, clock, commits, _lock: lock };
        Ok((Self { inner: Arc::new(inner), ops }, writer))
    }

    /// Does the database answer?
    pub async fn ping(&self) -> Result<(), Error> {
        self.inner.reader.execute_unprepared("SELECT 1").await?;
        Ok(())
    }

    /// Closes every connection but the [`Writer`]'s, which must have ended before: the last one to close writes what is in the log
    /// back into the database file, so that one file holds everything. Afterwards no clone of this store answers any more.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; nothing committed is lost then, the log stays beside the file.
    pub async fn close(&self) -> Result<(), Error> {
        self.inner.reader.close_by_ref().await?;
        self.inner.writer.close_by_ref().await?;
        Ok(())
    }

    /// Group commits made so far: with the number of operations, how well grouping works.
    pub fn commits(&self) -> u64 {
        self.inner.commits.load(Ordering::Relaxed)
    }
}
