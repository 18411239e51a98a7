//! The rows of the bare loop on PostgreSQL: each kind of a group by one statement over arrays, since every statement is a
//! way to the server and back.

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _};

use super::writer::{Row, TABLES};
use crate::{Result, follow};

const BEGUN: &str = "INSERT INTO executions (id, status, created_at) SELECT id, 'running', $2 FROM unnest($1::text[]) AS t(id)";
const STEPS: &str = "INSERT INTO steps (execution_id, path, status, output, finished_at) \
    SELECT id, 'lookup', 'succeeded', output, $3 FROM unnest($1::text[], $2::text[]) AS t(id, output)";
const LOGS: &str = "INSERT INTO logs (execution_id, sequence, logged_at, message) \
    SELECT id, sequence, $4, message FROM unnest($1::text[], $2::bigint[], $3::text[]) AS t(id, sequence, message)";
const ENDED: &str = "UPDATE executions AS e SET status = 'succeeded', finished_at = $3, output = t.output \
    FROM unnest($1::text[], $2::text[]) AS t(id, output) WHERE e.id = t.id";

/// Makes the tables.
pub(super) async fn open(url: &str) -> Result<PgConnection> {
    let mut connection = PgConnection::connect(url).await?;
    for table in TABLES {
        connection.execute(table).await?;
    }
    Ok(connection)
}

/// A group, taken apart by kind.
#[derive(Default)]
struct Group<'r> {
    begun: Vec<&'r str>,
    steps: (Vec<&'r str>, Vec<&'r str>),
    logs: (Vec<&'r str>, Vec<i64>, Vec<&'r str>),
    ended: (Vec<&'r str>, Vec<&'r str>),
}

impl<'r> Group<'r> {
    fn add(&mut self, row: &'r Row) {
        match row {
            Row::Begun { id } => self.begun.push(id),
            Row::Step { id, output, logs } => {
                self.steps.0.push(id);
                self.steps.1.push(output);
                for log in logs {
                    self.logs.0.push(id);
                    self.logs.1.push(log.sequence);
                    self.logs.2.push(&log.message);
                }
            }
            Row::Ended { id, output } => {
                self.ended.0.push(id);
                self.ended.1.push(output);
            }
        }
    }
}

/// Writes all of them in one transaction. No two rows of one execution are in a group, since each waits for the one before.
pub(super) async fn commit<'r>(connection: &mut PgConnection, rows: impl Iterator<Item = &'r Row>) -> Result<()> {
    let mut group = Group::default();
    rows.for_each(|row| group.add(row));
    let now = follow::now_us()?;
    let mut transaction = connection.begin().await?;
    if !group.begun.is_empty() {
        sqlx::query(BEGUN).bind(&group.begun).bind(now).execute(&mut *transaction).await?;
    }
    if !group.steps.0.is_empty() {
        sqlx::query(STEPS).bind(&group.steps.0).bind(&group.steps.1).bind(now).execute(&mut *transaction).await?;
        let (ids, sequences, messages) = &group.logs;
        sqlx::query(LOGS).bind(ids).bind(sequences).bind(messages).bind(now).execute(&mut *transaction).await?;
    }
    if !group.ended.0.is_empty() {
        sqlx::query(ENDED).bind(&group.ended.0).bind(&group.ended.1).bind(now).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}
