//! The rows of the bare loop in a SQLite file, each by a prepared statement of its own: no call is cheaper there.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::writer::{Row, TABLES};
use crate::{Result, follow};

/// Makes the database.
pub(super) async fn open(file: &Path) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = options.connect().await?;
    for table in TABLES {
        sqlx::query(table).execute(&mut connection).await?;
    }
    Ok(connection)
}

/// Writes all of them in one transaction.
pub(super) async fn commit<'r>(connection: &mut SqliteConnection, rows: impl Iterator<Item = &'r Row>) -> Result<()> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for row in rows {
        write(&mut transaction, row).await?;
    }
    Ok(transaction.commit().await?)
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
