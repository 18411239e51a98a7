//! One look at the rows, or one change of them, in the name of one scope.

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseConnection, DatabaseExecutor, DatabaseTransaction, DbBackend, DbErr, EntityTrait, Insert,
    RuntimeErr, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, UpdateMany,
};
use tokio::sync::OwnedMutexGuard;

use super::error::is_lost;
use super::first_wall::FirstWall;
use super::setting::Setting;
use super::{Engine, Error, Store};
use crate::auth::{AdminScope, SystemScope, UserScope, WorkspaceScope};
use crate::domain::id::WorkspaceId;

/// A proof of permission that can open a transaction.
pub trait Scope: Clone + Send + Sync {
    /// What the transaction tells the database about itself, for a wall of its own.
    fn setting(&self) -> Setting;
}

impl Scope for UserScope {
    fn setting(&self) -> Setting {
        Setting::api(self.principal().actor(), None)
    }
}

impl Scope for WorkspaceScope {
    fn setting(&self) -> Setting {
        Setting::in_workspace(self.actor(), self.workspace_id())
    }
}

impl Scope for AdminScope {
    fn setting(&self) -> Setting {
        Setting::admin(self.actor())
    }
}

impl Scope for SystemScope {
    fn setting(&self) -> Setting {
        Setting::worker([])
    }
}

/// Rows as one scope may see them; which methods there are depends on the scope.
#[derive(Debug)]
pub struct Tx<S> {
    scope: S,
    at: At,
    first_wall: FirstWall,
}

#[derive(Debug)]
enum At {
    /// Each statement by itself, on a connection that cannot write.
    Connection(DatabaseConnection),
    /// A transaction, rolled back when dropped; the turn, where writers take turns, is given back after it.
    Transaction(DatabaseTransaction, Option<OwnedMutexGuard<()>>),
}

/// All that a transaction is told, in one statement; it forgets everything at its end.
const ENTER: &str = "SELECT set_config('transaction_read_only', $1, true), set_config('app.caller', $2, true), \
    set_config('app.subject', $3, true), set_config('app.workspace_id', $4, true), set_config('app.workspace_ids', $5, true), \
    set_config('role', $6, true)";

impl Store {
    /// Looks; writing fails. On SQLite there is no transaction, which is cheap; on PostgreSQL there is one, which sees
    /// what the scope may see and nothing else.
    pub async fn read<S: Scope>(&self, scope: &S) -> Result<Tx<S>, Error> {
        let at = match &self.inner.engine {
            Engine::Sqlite { reader, .. } => At::Connection(reader.clone()),
            Engine::Postgres { pool, .. } => At::Transaction(enter(pool, &scope.setting(), true).await?, None),
        };
        Ok(Tx { scope: scope.clone(), at, first_wall: self.inner.first_wall })
    }

    /// Opens a writing transaction. On SQLite it is the only one of this process until it ends, so keep it short.
    pub async fn begin<S: Scope>(&self, scope: &S) -> Result<Tx<S>, Error> {
        let at = match &self.inner.engine {
            Engine::Sqlite { writer, gate, .. } => {
                let turn = std::sync::Arc::clone(gate).lock_owned().await;
                let immediate =
                    TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
                At::Transaction(writer.begin_with_options(immediate).await?, Some(turn))
            }
            Engine::Postgres { pool, .. } => At::Transaction(enter(pool, &scope.setting(), false).await?, None),
        };
        Ok(Tx { scope: scope.clone(), at, first_wall: self.inner.first_wall })
    }
}

/// Opens a transaction on PostgreSQL as the role and with the settings of whoever asks.
///
/// A connection that broke while it rested shows it here, where nothing has been done yet: then another one is taken, as
/// often as there are connections that may have broken together.
pub(super) async fn enter(pool: &DatabaseConnection, setting: &Setting, read_only: bool) -> Result<DatabaseTransaction, Error> {
    let mut suspects = pool.get_postgres_connection_pool().size();
    loop {
        match try_to_enter(pool, setting, read_only).await {
            Err(
                DbErr::Conn(RuntimeErr::SqlxError(error))
                | DbErr::Exec(RuntimeErr::SqlxError(error))
                | DbErr::Query(RuntimeErr::SqlxError(error)),
            ) if suspects > 0 && is_lost(&error) => {
                suspects -= 1;
            }
            // Not by the usual way: a role that cannot be taken is no row that cannot be found.
            done => return done.map_err(|error| Error::Unavailable(Box::new(error))),
        }
    }
}

async fn try_to_enter(pool: &DatabaseConnection, setting: &Setting, read_only: bool) -> Result<DatabaseTransaction, DbErr> {
    let transaction = pool.begin().await?;
    let values = std::iter::once(if read_only { "on" } else { "off" }).chain(setting.values()).map(Into::into);
    transaction.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, ENTER, values)).await?;
    Ok(transaction)
}

impl<S> Tx<S> {
    /// Makes the changes last. After [`Store::read`] there is nothing to do.
    pub async fn commit(self) -> Result<(), Error> {
        if let At::Transaction(transaction, _turn) = self.at {
            transaction.commit().await?;
        }
        Ok(())
    }

    pub(super) fn scope(&self) -> &S {
        &self.scope
    }

    pub(super) fn first_wall(&self) -> FirstWall {
        self.first_wall
    }

    pub(super) fn db(&self) -> DatabaseExecutor<'_> {
        match &self.at {
            At::Connection(connection) => DatabaseExecutor::Connection(connection),
            At::Transaction(transaction, _) => DatabaseExecutor::Transaction(transaction),
        }
    }

    /// Whose SQL is spoken here.
    pub(super) fn engine(&self) -> DbBackend {
        self.db().get_database_backend()
    }
}

/// A part of a transaction that can be refused by itself: dropped, it leaves the transaction as it was before.
enum Part<'t> {
    /// The engine undoes a refused statement and goes on.
    Whole(DatabaseExecutor<'t>),
    /// PostgreSQL gives a transaction up with its first refused statement, unless there is a point to go back to.
    Nested(DatabaseTransaction),
}

impl Part<'_> {
    fn db(&self) -> DatabaseExecutor<'_> {
        match self {
            Self::Whole(DatabaseExecutor::Connection(connection)) => DatabaseExecutor::Connection(connection),
            Self::Whole(DatabaseExecutor::Transaction(transaction)) => DatabaseExecutor::Transaction(transaction),
            Self::Whole(DatabaseExecutor::OwnedTransaction(transaction)) | Self::Nested(transaction) => {
                DatabaseExecutor::Transaction(transaction)
            }
        }
    }

    async fn keep(self) -> Result<(), Error> {
        if let Self::Nested(transaction) = self {
            transaction.commit().await?;
        }
        Ok(())
    }
}

impl<S> Tx<S> {
    async fn part(&self) -> Result<Part<'_>, Error> {
        match &self.at {
            At::Transaction(transaction, None) => Ok(Part::Nested(transaction.begin().await?)),
            _ => Ok(Part::Whole(self.db())),
        }
    }

    /// Adds a row. When it is refused the transaction goes on without it.
    pub(super) async fn insert<A: ActiveModelTrait>(&self, row: A) -> Result<(), Error> {
        let part = self.part().await?;
        Insert::one(row).exec_without_returning(&part.db()).await?;
        part.keep().await
    }

    /// Changes rows; gives how many. When it is refused the transaction goes on without it.
    pub(super) async fn update<E: EntityTrait>(&self, update: UpdateMany<E>) -> Result<u64, Error> {
        let part = self.part().await?;
        let changed = update.exec(&part.db()).await?.rows_affected;
        part.keep().await?;
        Ok(changed)
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
