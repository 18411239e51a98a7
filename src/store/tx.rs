//! One look at the rows, or one change of them, in the name of one scope.

use sea_orm::{DatabaseConnection, DatabaseExecutor, DatabaseTransaction, SqliteTransactionMode, TransactionOptions, TransactionTrait};
use tokio::sync::OwnedMutexGuard;

use super::{Error, Store};
use crate::auth::{AdminScope, SystemScope, UserScope, WorkspaceScope};
use crate::domain::id::WorkspaceId;

/// A proof of permission that can open a transaction.
pub trait Scope: Clone + Send + Sync {}

impl Scope for UserScope {}
impl Scope for WorkspaceScope {}
impl Scope for AdminScope {}
impl Scope for SystemScope {}

/// Rows as one scope may see them; which methods there are depends on the scope.
#[derive(Debug)]
pub struct Tx<S> {
    scope: S,
    at: At,
}

#[derive(Debug)]
enum At {
    /// Each statement by itself, on a connection that cannot write.
    Read(DatabaseConnection),
    /// A transaction, rolled back when dropped; the turn is given back after it.
    Write(DatabaseTransaction, OwnedMutexGuard<()>),
}

impl Store {
    /// Looks without a transaction: cheap, and writing fails.
    pub async fn read<S: Scope>(&self, scope: &S) -> Result<Tx<S>, Error> {
        // Nothing is awaited here yet; an engine with row-level security sets the scope on a connection first.
        std::future::ready(()).await;
        Ok(Tx { scope: scope.clone(), at: At::Read(self.inner.reader.clone()) })
    }

    /// Opens a writing transaction; the only one of this process until it ends, so keep it short.
    pub async fn begin<S: Scope>(&self, scope: &S) -> Result<Tx<S>, Error> {
        let at = self.transaction().await?;
        Ok(Tx { scope: scope.clone(), at })
    }

    async fn transaction(&self) -> Result<At, Error> {
        let turn = std::sync::Arc::clone(&self.inner.gate).lock_owned().await;
        let immediate = TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
        let transaction = self.inner.writer.begin_with_options(immediate).await?;
        Ok(At::Write(transaction, turn))
    }

    /// A transaction for what is permitted by the values it concerns, such as leases.
    pub(super) async fn begin_unscoped(&self) -> Result<Tx<()>, Error> {
        Ok(Tx { scope: (), at: self.transaction().await? })
    }
}

impl<S> Tx<S> {
    /// Makes the changes last. After [`Store::read`] there is nothing to do.
    pub async fn commit(self) -> Result<(), Error> {
        if let At::Write(transaction, _turn) = self.at {
            transaction.commit().await?;
        }
        Ok(())
    }

    pub(super) fn scope(&self) -> &S {
        &self.scope
    }

    pub(super) fn db(&self) -> DatabaseExecutor<'_> {
        match &self.at {
            At::Read(connection) => DatabaseExecutor::Connection(connection),
            At::Write(transaction, _) => DatabaseExecutor::Transaction(transaction),
        }
    }
}

impl Tx<WorkspaceScope> {
    /// The workspace as its column holds it.
    pub(super) fn workspace(&self) -> String {
        self.scope.workspace_id().to_string()
    }

    /// Refuses a value that says it is in another workspace.
    pub(super) fn own(&self, workspace_id: WorkspaceId) -> Result<(), Error> {
        if workspace_id == self.scope.workspace_id() { Ok(()) } else { Err(Error::NotFound) }
    }
}
