//! The open transaction of whichever engine, and statements in the words of each.
//!
//! What an operation means is written once; only the SQL is not the same. On PostgreSQL the rows are first given the
//! types of their columns: a condition below row security uses an index only when it compares plain columns.

use sea_orm::QueryResult;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type};

/// One statement over rows that are bound as one JSON text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sql {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

/// The connection whose transaction is open.
#[derive(Debug)]
pub(super) enum Session<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

/// A row that was read.
#[derive(Debug)]
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Session<'_> {
    pub(super) fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Runs a statement; gives the number of rows it changed.
    pub(super) async fn execute(&mut self, sql: Sql, rows: String) -> Result<u64, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(connection) => sqlx::query(sql.sqlite).bind(rows).execute(&mut **connection).await?.rows_affected(),
            Self::Postgres(connection) => sqlx::query(sql.postgres).bind(rows).execute(&mut **connection).await?.rows_affected(),
        })
    }

    /// Reads with a statement.
    pub(super) async fn fetch(&mut self, sql: Sql, rows: String) -> Result<Vec<Row>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(connection) => {
                sqlx::query(sql.sqlite).bind(rows).fetch_all(&mut **connection).await?.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(connection) => {
                sqlx::query(sql.postgres).bind(rows).fetch_all(&mut **connection).await?.into_iter().map(Row::Postgres).collect()
            }
        })
    }
}

impl From<Row> for QueryResult {
    fn from(row: Row) -> Self {
        match row {
            Row::Sqlite(row) => row.into(),
            Row::Postgres(row) => row.into(),
        }
    }
}

/// A column of a row by its place.
pub(super) fn get<'r, T>(row: &'r Row, place: usize) -> Result<T, sqlx::Error>
where
    T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
{
    match row {
        Row::Sqlite(row) => row.try_get(place),
        Row::Postgres(row) => row.try_get(place),
    }
}
