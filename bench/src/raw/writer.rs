//! One writer for all: takes whatever has queued, writes it in one transaction, commits, answers each.

use std::sync::Arc;

use sqlx::SqliteConnection;
use sqlx::postgres::PgConnection;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::{postgres, sqlite};
use crate::Result;

/// Rows of one transaction, at most.
const GROUP: usize = 512;

/// Waiting rows, at most; more wait for a place.
const QUEUE: usize = 4096;

/// The tables, in words both engines know.
pub(super) const TABLES: [&str; 3] = [
    "CREATE TABLE executions (id TEXT PRIMARY KEY, status TEXT NOT NULL, created_at BIGINT NOT NULL, finished_at BIGINT, output TEXT)",
    "CREATE TABLE steps (execution_id TEXT NOT NULL, path TEXT NOT NULL, status TEXT NOT NULL, output TEXT, finished_at BIGINT NOT NULL, \
     PRIMARY KEY (execution_id, path))",
    "CREATE TABLE logs (execution_id TEXT NOT NULL, sequence BIGINT NOT NULL, logged_at BIGINT NOT NULL, message TEXT NOT NULL, \
     PRIMARY KEY (execution_id, sequence))",
];

/// What is written and acknowledged together.
pub(super) enum Row {
    /// An execution begins.
    Begun { id: Arc<str> },
    /// Its step is done.
    Step { id: Arc<str>, output: String, logs: [Log; 2] },
    /// It has ended.
    Ended { id: Arc<str>, output: String },
}

/// A log line of a step.
pub(super) struct Log {
    /// Its number in the execution.
    pub(super) sequence: i64,
    /// Its text.
    pub(super) message: String,
}

/// Where the rows go.
pub(super) enum Database {
    /// A SQLite file.
    File(SqliteConnection),
    /// A database of PostgreSQL.
    Server(PgConnection),
}

impl Database {
    /// Writes all of them in one transaction.
    async fn commit(&mut self, jobs: &[Job]) -> Result<()> {
        let rows = jobs.iter().map(|job| &job.row);
        match self {
            Self::File(connection) => sqlite::commit(connection, rows).await,
            Self::Server(connection) => postgres::commit(connection, rows).await,
        }
    }
}

struct Job {
    row: Row,
    done: oneshot::Sender<()>,
}

/// The way to the writing task.
pub(super) struct Writer(mpsc::Sender<Job>);

impl Writer {
    /// Starts the task, which ends with this handle.
    pub(super) fn start(database: Database, tasks: &mut JoinSet<()>) -> Self {
        let (sender, inbox) = mpsc::channel(QUEUE);
        tasks.spawn(async move {
            // A failed commit ends the task: whoever waits for an answer then gets an error.
            drop(serve(database, inbox).await);
        });
        Self(sender)
    }

    /// Returns once the row is on disk.
    pub(super) async fn write(&self, row: Row) -> Result<()> {
        let (done, written) = oneshot::channel();
        let sent = self.0.send(Job { row, done }).await;
        sent.map_err(|_| "the writer of the bare loop has ended")?;
        Ok(written.await.map_err(|_| "the writer of the bare loop could not commit")?)
    }
}

async fn serve(mut database: Database, mut inbox: mpsc::Receiver<Job>) -> Result<()> {
    let mut jobs = Vec::with_capacity(GROUP);
    while inbox.recv_many(&mut jobs, GROUP).await > 0 {
        database.commit(&jobs).await?;
        for job in jobs.drain(..) {
            // The caller may have gone; the row is on disk all the same.
            let _ = job.done.send(());
        }
    }
    Ok(())
}
