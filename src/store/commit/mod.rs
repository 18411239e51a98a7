//! Group commit: what runs write, many at a time.
//!
//! Making a transaction durable costs the same for one row as for a thousand. So whoever starts, claims or records
//! sends an operation to the one [`Writer`], which takes everything that waits, applies it in one transaction, and
//! answers only after the commit. Nobody waits for company: a lone operation is committed at once.
//!
//! An operation that misses its condition (a lost lease, a contact changed meanwhile) is answered as such and leaves
//! the others alone. When the database itself refuses something, the transaction is rolled back and each operation is
//! tried again by itself, so that only the one at fault fails.
//!
//! Dropping the future of a call does not take the operation back: it may still be applied.

mod bulk;
mod claim;
mod contacts;
mod group;
mod insert;
mod postgres;
mod record;
mod room;
mod session;
mod sqlite;
mod values;
mod writer;

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Error, Store};
use crate::auth::{SystemScope, WorkspaceScope};
use crate::domain::id::ExecutionId;
use crate::domain::lease::{Claimed, Lease, LeaseRequest};

use group::Insert;
pub(super) use group::Op;
pub(super) use postgres::Postgres;
pub(super) use sqlite::Sqlite;
pub use values::{Claim, ContactWrite, ExecutionChange, Inserted, NewContact, NewExecution, Record, Recorded};
pub(super) use writer::Engine;
pub use writer::Writer;

/// Operations that may wait before senders wait too.
pub(super) const WAITING_OPS: usize = 4096;

/// Operations in one transaction at most.
const GROUP_OPS: usize = 512;

impl Store {
    /// Adds an execution with its first log lines; durable once this returns. Its number is the workspace's next.
    ///
    /// With a lease, and with room in its workspace for one more, it is running from the start, and `then` is given what
    /// its worker needs; else it is queued, and `then` is given nothing. `then` is called right after the commit, also
    /// when the caller has gone meanwhile, but not for a repeated request; it must not block.
    ///
    /// # Errors
    /// [`Error::Conflict`] `idempotency` when the key already stands for another request, [`Error::NotFound`] when the
    /// workspace is gone or is not that of the scope.
    pub async fn insert_execution(
        &self,
        scope: &WorkspaceScope,
        new: NewExecution,
        lease: Option<LeaseRequest>,
        then: impl FnOnce(Option<Claimed>) + Send + Sync + 'static,
    ) -> Result<Inserted, Error> {
        if new.execution.workspace_id != scope.workspace_id() {
            return Err(Error::NotFound);
        }
        self.ask(|answer| Op::Insert(Box::new(Insert { new, lease, then: Box::new(then), answer }))).await
    }

    /// Takes an execution to work on it, if it is due, nobody else does, and its workspace has room for one more.
    ///
    /// It becomes running (one that is being cancelled stays so) under a lease that no earlier holder can write with.
    pub async fn claim(&self, _system: &SystemScope, id: ExecutionId, lease: LeaseRequest) -> Result<Claim, Error> {
        let now = self.inner.clock.now();
        self.ask(|answer| Op::Claim(Box::new((id, lease, now)), answer)).await
    }

    /// Writes what a run did: all of it or nothing; durable once this returns. Says how the execution stands then.
    ///
    /// # Errors
    /// [`Error::Fenced`] when the lease was lost, [`Error::Conflict`] `contact` when the contact changed or came meanwhile,
    /// [`Error::Conflict`] `key` or `sequence` when a contact key or log line is there already.
    pub async fn record(&self, lease: &Arc<Lease>, record: impl Into<Arc<Record>>) -> Result<Recorded, Error> {
        let (lease, record) = (Arc::clone(lease), record.into());
        self.ask(|answer| Op::Record(Box::new((lease, record)), answer)).await
    }

    async fn ask<T>(&self, op: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Op) -> Result<T, Error> {
        let stopped = || Error::Unavailable("the group commit has stopped".into());
        let (answer, answered) = oneshot::channel();
        self.ops.send(op(answer)).await.map_err(|_| stopped())?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }
}
