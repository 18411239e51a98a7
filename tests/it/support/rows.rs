//! Everything the database holds, read past the server: what a test compares to show that nothing was touched.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use super::TestApp;

/// One row: its columns, and their values as the engine writes them.
pub type Row = BTreeMap<String, String>;

/// The rows of each table.
pub type Rows = BTreeMap<String, Vec<Row>>;

impl TestApp {
    /// Every row of every table. The engine is asked which tables and columns there are, so that none is forgotten.
    pub async fn rows(&self) -> Rows {
        let mut connection = self.beside().await;
        let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let mut rows = Rows::new();
        for table in tables {
            let columns: Vec<String> =
                sqlx::query_scalar("SELECT name FROM pragma_table_info(?)").bind(&table).fetch_all(&mut connection).await.unwrap();
            let quoted: Vec<_> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
            let select = format!("SELECT {} FROM \"{table}\" ORDER BY {}", quoted.join(", "), quoted.join(", "));
            let found = sqlx::query(AssertSqlSafe(select)).fetch_all(&mut connection).await.unwrap();
            let read = |row: &sqlx::sqlite::SqliteRow| (0..).zip(&columns).map(|(at, name)| (name.clone(), row.get(at))).collect();
            rows.insert(table, found.iter().map(read).collect());
        }
        rows
    }

    /// Writes another text in the place of one, in every row and column that has it but the row's own id and workspace;
    /// gives how many columns took it.
    pub async fn replace(&self, rows: &Rows, from: &str, to: &str) -> usize {
        let mut connection = self.beside().await;
        let mut taken = 0;
        for (table, rows) in rows {
            let held = |column: &&String| rows.iter().any(|row| row[*column].contains(from));
            let columns = rows.first().into_iter().flat_map(Row::keys).filter(|column| !["id", "workspace_id"].contains(&column.as_str()));
            for column in columns.filter(held) {
                let update = format!("UPDATE \"{table}\" SET \"{column}\" = replace(\"{column}\", ?, ?) WHERE instr(\"{column}\", ?)");
                let done = sqlx::query(AssertSqlSafe(update)).bind(from).bind(to).bind(from).execute(&mut connection).await;
                taken += usize::from(done.is_ok_and(|done| done.rows_affected() > 0));
            }
        }
        taken
    }

    async fn beside(&self) -> SqliteConnection {
        let database = self.folder.path().join("test.db");
        SqliteConnection::connect(&format!("sqlite:{}", database.display())).await.unwrap()
    }
}
