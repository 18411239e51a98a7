//! Everything the database holds, read past the server: what a test compares to show that nothing was touched.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, Row as _, SqliteConnection};

use super::TestApp;
use super::database::Database;

/// One row: its columns, and their values as the engine writes them.
pub type Row = BTreeMap<String, String>;

/// The rows of each table.
pub type Rows = BTreeMap<String, Vec<Row>>;

/// Tables of PostgreSQL that hold rows of ours.
const SERVER_TABLES: &str = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";

/// The type a column of PostgreSQL is written as.
const SERVER_TYPE: &str =
    "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = $1::text::regclass AND attname = $2::text::name";

impl TestApp {
    /// Every row of every table. The engine is asked which tables and columns there are, so that none is forgotten.
    pub async fn rows(&self) -> Rows {
        match &self.database {
            Database::File(_) => rows_of_file(&mut self.file().await).await,
            Database::Server(server) => rows_of_server(&mut server.raw().await).await,
        }
    }

    /// Writes another text in the place of one, in every row and column that has it but the row's own id and workspace;
    /// gives how many columns took it.
    pub async fn replace(&self, rows: &Rows, from: &str, to: &str) -> usize {
        let mut taken = 0;
        for (table, rows) in rows {
            let held = |column: &&String| rows.iter().any(|row| row[*column].contains(from));
            let columns = rows.first().into_iter().flat_map(Row::keys).filter(|column| !["id", "workspace_id"].contains(&column.as_str()));
            for column in columns.filter(held) {
                taken += usize::from(self.replace_in((table, column), from, to).await > 0);
            }
        }
        taken
    }

    /// Rows of one column that took the other text; none where the engine refuses it.
    async fn replace_in(&self, (table, column): (&str, &str), from: &str, to: &str) -> u64 {
        match &self.database {
            Database::File(_) => {
                let update = format!("UPDATE \"{table}\" SET \"{column}\" = replace(\"{column}\", ?, ?) WHERE instr(\"{column}\", ?)");
                let update = sqlx::query(AssertSqlSafe(update)).bind(from).bind(to).bind(from);
                update.execute(&mut self.file().await).await.map_or(0, |done| done.rows_affected())
            }
            Database::Server(server) => {
                let mut raw = server.raw().await;
                let kind: String = sqlx::query_scalar(SERVER_TYPE).bind(table).bind(column).fetch_one(&mut raw).await.unwrap();
                let update = format!(
                    "UPDATE \"{table}\" SET \"{column}\" = replace(\"{column}\"::text, $1, $2)::{kind} WHERE strpos(\"{column}\"::text, $1) > 0"
                );
                sqlx::query(AssertSqlSafe(update)).bind(from).bind(to).execute(&mut raw).await.map_or(0, |done| done.rows_affected())
            }
        }
    }

    async fn file(&self) -> SqliteConnection {
        self.database.file().await
    }
}

async fn rows_of_file(connection: &mut SqliteConnection) -> Rows {
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    let mut rows = Rows::new();
    for table in tables {
        let columns: Vec<String> =
            sqlx::query_scalar("SELECT name FROM pragma_table_info(?)").bind(&table).fetch_all(&mut *connection).await.unwrap();
        let quoted: Vec<_> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
        let select = format!("SELECT {} FROM \"{table}\" ORDER BY {}", quoted.join(", "), quoted.join(", "));
        let found = sqlx::query(AssertSqlSafe(select)).fetch_all(&mut *connection).await.unwrap();
        let read = |row: &sqlx::sqlite::SqliteRow| (0..).zip(&columns).map(|(at, name)| (name.clone(), row.get(at))).collect();
        rows.insert(table, found.iter().map(read).collect());
    }
    rows
}

async fn rows_of_server(connection: &mut PgConnection) -> Rows {
    let tables: Vec<String> = sqlx::query_scalar(SERVER_TABLES).fetch_all(&mut *connection).await.unwrap();
    let mut rows = Rows::new();
    for table in tables {
        let select = format!("SELECT to_jsonb(t)::text FROM \"{table}\" AS t ORDER BY to_jsonb(t)::text");
        let found: Vec<String> = sqlx::query_scalar(AssertSqlSafe(select)).fetch_all(&mut *connection).await.unwrap();
        rows.insert(table, found.iter().map(|text| row_of(text)).collect());
    }
    rows
}

fn row_of(text: &str) -> Row {
    let row: BTreeMap<String, Value> = serde_json::from_str(text).unwrap();
    row.into_iter().map(|(column, value)| (column, quoted(&value))).collect()
}

/// A value as SQL writes it: what the engine of the file gives by itself.
fn quoted(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(flag) => u8::from(*flag).to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(bytes) if bytes.starts_with("\\x") => format!("X'{}'", bytes.trim_start_matches("\\x").to_uppercase()),
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        json => format!("'{}'", json.to_string().replace('\'', "''")),
    }
}
