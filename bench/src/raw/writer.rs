//! One writer for all: takes whatever has queued, writes it in one immediate transaction, commits, answers each.

use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::{Result, follow};

/// Rows of one transaction, at most.
const GROUP: usize = 512;

/// Waiting rows, at most; more wait for a place.
const QUEUE: usize = 4096;

const TABLES: [&str; 3] = [
    "CREATE TABLE executions (id TEXT PRIMARY KEY, status TEXT NOT NULL, created_at INTEGER NOT NULL, finished_at INTEGER, output TEXT)",
    "CREATE TABLE steps (execution_id TEXT NOT NULL, path TEXT NOT NULL, status TEXT NOT NULL, output TEXT, finished_at INTEGER NOT NULL, \
     PRIMARY KEY (execution_id, path))",
    "CREATE TABLE logs (execution_id TEXT NOT NULL, sequence INTEGER NOT NULL, logged_at INTEGER NOT NULL, message TEXT NOT NULL, \
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

struct Job {
    row: Row,
    done: oneshot::Sender<()>,
}

/// The way to the writing task.
pub(super) struct Writer(mpsc::Sender<Job>);

impl Writer {
    /// Makes the database and starts the task, which ends with this handle.
    pub(super) async fn open(file: &Path, tasks: &mut JoinSet<()>) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let mut connection = options.connect().await?;
        for table in TABLES {
            sqlx::query(table).execute(&mut connection).await?;
        }
        let (sender, inbox) = mpsc::channel(QUEUE);
        tasks.spawn(async move {
            // A failed commit ends the task: whoever waits for an answer then gets an error.
            drop(serve(connection, inbox).await);
        });
        Ok(Self(sender))
    }

    /// Returns once the row is on disk.
    pub(super) async fn write(&self, row: Row) -> Result<()> {
        let (done, written) = oneshot::channel();
        let sent = self.0.send(Job { row, done }).await;
        sent.map_err(|_| "the writer of the bare loop has ended")?;
        Ok(written.await.map_err(|_| "the writer of the bare loop could not commit")?)
    }
}

async fn serve(mut connection: SqliteConnection, mut inbox: mpsc::Receiver<Job>) -> Result<()> {
    let mut jobs = Vec::with_capacity(GROUP);
    while inbox.recv_many(&mut jobs, GROUP).await > 0 {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        for job in &jobs {
            write(&mut transaction, &job.row).await?;
        }
        transaction.commit().await?;
        for job in jobs.drain(..) {
            // The caller may have gone; the row is on disk all the same.
            let _ = job.done.send(());
        }
    }
    Ok(())
}

async fn write(connection: &mut SqliteConnection, row: &Row) -> Result<()> {
    let now = follow::now_us()?;
    match row {
        Row::Begun { id } => {
            let insert = sqlx::query("INSERT INTO executions (id, status, created_at) VALUES (?, 'running', ?)");
            insert.bind(id.as_ref()).bind(now).execute(connection).await?;
        }
        Row::Step { id, output, logs } => {
            let insert =
                sqlx::query("INSERT INTO steps (execution_id, path, status, output, finished_at) VALUES (?, 'lookup', 'succeeded', ?, ?)");
            insert.bind(id.as_ref()).bind(output).bind(now).execute(&mut *connection).await?;
            for log in logs {
                let insert = sqlx::query("INSERT INTO logs (execution_id, sequence, logged_at, message) VALUES (?, ?, ?, ?)");
                insert.bind(id.as_ref()).bind(log.sequence).bind(now).bind(&log.message).execute(&mut *connection).await?;
            }
        }
        Row::Ended { id, output } => {
            let update = sqlx::query("UPDATE executions SET status = 'succeeded', finished_at = ?, output = ? WHERE id = ?");
            update.bind(now).bind(output).bind(id.as_ref()).execute(connection).await?;
        }
    }
    Ok(())
}
