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
mod dialect;
mod error;
mod executions;
mod field_changes;
mod first_wall;
mod leases;
mod lock;
mod members;
mod migrate;
mod open;
mod page;
mod search;
mod setting;
mod step_logs;
mod steps;
mod survey;
mod template_versions;
mod templates;
mod tx;
mod verify;
mod versions;
mod workspaces;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection};
use tokio::sync::{Mutex, mpsc};

use crate::clock::Clock;

use first_wall::FirstWall;

pub use access::{ObjectId, WorkspaceRef};
pub use commit::{Claim, ContactWrite, ExecutionChange, Inserted, NewContact, NewExecution, Record, Recorded, Writer};
pub use connectors::{ConnectorFilter, ConnectorOrder, ConnectorOrderField};
pub use contacts::{ContactFilter, ContactRef};
pub use credentials::CredentialFilter;
pub use error::Error;
pub use executions::ExecutionFilter;
pub use setting::Setting;
pub use survey::Rows;
pub use templates::{TemplateFilter, TemplateOrder, TemplateRef};
pub use tx::{Scope, Tx};

/// Where the rows are and how they are reached.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    /// `sqlite:PATH` or a plain path of a SQLite file, or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    pub url: String,
    /// The same database by the login that owns it, for bringing the schema up to date; empty: as `url`.
    pub owner_url: String,
    /// Connections for reading, at least 1; on SQLite writing has its own two, on PostgreSQL the group commit has its own.
    pub max_connections: u32,
    /// How long a start waits for a server that does not answer yet.
    pub connect_timeout: Duration,
    /// Is a missing file made?
    pub create: bool,
    /// Is any other process that asks for the same kept out? A server needs this; a command that only reads does not.
    pub exclusive: bool,
    /// Do queries filter by workspace, and members alone get in? Only tests of the second wall say no, and only a debug build has this.
    #[cfg(debug_assertions)]
    pub first_wall: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: "sqlite:connectors.db".to_owned(),
            owner_url: String::new(),
            max_connections: 8,
            connect_timeout: Duration::from_secs(30),
            create: true,
            exclusive: true,
            #[cfg(debug_assertions)]
            first_wall: true,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address may hold a password.
        out.debug_struct("Options").field("place", &self.place()).field("max_connections", &self.max_connections).finish_non_exhaustive()
    }
}

/// Whoever asks whether the database answers does not wait longer than this.
const PING: Duration = Duration::from_secs(2);

/// The handle to all rows; clones share everything.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
    ops: mpsc::Sender<commit::Op>,
}

#[derive(Debug)]
struct Inner {
    engine: Engine,
    clock: Arc<dyn Clock>,
    commits: Arc<AtomicU64>,
    first_wall: FirstWall,
}

/// Where transactions come from.
#[derive(Debug)]
enum Engine {
    Sqlite {
        /// Many connections that cannot write.
        reader: DatabaseConnection,
        /// One connection for transactions.
        writer: DatabaseConnection,
        /// Held by whoever writes, so that this process never spins on a busy database.
        gate: Arc<Mutex<()>>,
        /// Kept for as long as the store lives.
        _lock: Option<Arc<lock::LockFile>>,
    },
    Postgres {
        pool: DatabaseConnection,
        /// Who brings the schema up to date.
        owner: Box<open::Login>,
    },
}

impl Store {
    /// Opens the database; changes nothing in it.
    ///
    /// The [`Writer`] must be run for the group commit to answer.
    ///
    /// # Errors
    /// [`Error::UnsupportedUrl`], [`Error::InUse`] when another process holds the file, [`Error::Refused`] for a server
    /// that is too old, [`Error::Unavailable`].
    pub async fn connect(options: &Options, clock: Arc<dyn Clock>) -> Result<(Self, Writer), Error> {
        let (engine, committing) = if options.is_server() { open_server(options).await? } else { open_file(options).await? };
        let commits = Arc::new(AtomicU64::new(0));
        let (ops, waiting) = mpsc::channel(commit::WAITING_OPS);
        let writer = Writer::new(committing, waiting, Arc::clone(&commits));
        Ok((Self { inner: Arc::new(Inner { engine, clock, commits, first_wall: FirstWall::of(options) }), ops }, writer))
    }

    /// Does the database answer, and soon?
    pub async fn ping(&self) -> Result<(), Error> {
        let asked = async {
            match &self.inner.engine {
                Engine::Sqlite { reader, .. } => reader.execute_unprepared("SELECT 1").await.map(drop).map_err(Error::from),
                Engine::Postgres { pool, .. } => tx::enter(pool, &Setting::worker([]), true).await.map(drop),
            }
        };
        tokio::time::timeout(PING, asked).await.unwrap_or_else(|_| Err(Error::Unavailable("no answer in time".into())))
    }

    /// Closes every connection but the [`Writer`]'s, which must have ended before: the last one to close writes what is in the log
    /// back into the database file, so that one file holds everything. Afterwards no clone of this store answers any more.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; nothing committed is lost then, the log stays beside the file.
    pub async fn close(&self) -> Result<(), Error> {
        match &self.inner.engine {
            Engine::Sqlite { reader, writer, .. } => {
                reader.close_by_ref().await?;
                writer.close_by_ref().await?;
            }
            Engine::Postgres { pool, .. } => pool.close_by_ref().await?,
        }
        Ok(())
    }

    /// Group commits made so far: with the number of operations, how well grouping works.
    pub fn commits(&self) -> u64 {
        self.inner.commits.load(Ordering::Relaxed)
    }

    /// A connection for looking at what belongs to no workspace.
    fn reader(&self) -> &DatabaseConnection {
        match &self.inner.engine {
            Engine::Sqlite { reader, .. } => reader,
            Engine::Postgres { pool, .. } => pool,
        }
    }
}

async fn open_file(options: &Options) -> Result<(Engine, commit::Engine), Error> {
    let opened = open::open_sqlite(options).await?;
    let (gate, lock) = (Arc::new(Mutex::new(())), opened.lock.map(Arc::new));
    let committing = commit::Sqlite { connection: opened.group, gate: Arc::clone(&gate), _lock: lock.clone() };
    let engine = Engine::Sqlite { reader: opened.reader, writer: opened.writer, gate, _lock: lock };
    Ok((engine, commit::Engine::Sqlite(Box::new(committing))))
}

async fn open_server(options: &Options) -> Result<(Engine, commit::Engine), Error> {
    let (login, pool) = open::open_postgres(options).await?;
    let owner = if options.owner_url.is_empty() { login.clone() } else { open::Login::of(&options.owner_url)? };
    let committing = commit::Postgres::new(login);
    Ok((Engine::Postgres { pool, owner: Box::new(owner) }, commit::Engine::Postgres(Box::new(committing))))
}
