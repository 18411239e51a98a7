//! The database of one test: a SQLite file, or one on PostgreSQL when `CONNECTORS_TEST_ENGINE` says so.

use std::sync::Arc;

use connectors::clock::SystemClock;
use connectors::store::{Options, Store};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row as _, SqliteConnection};
use tempfile::TempDir;

use super::postgres::{self, Cluster};

/// A database that goes away with the test.
pub enum Database {
    /// `test.db` in a folder.
    File(TempDir),
    /// On the server of this run, already up to date.
    Server(postgres::Database),
}

/// Brings a database up to date, given the address of its owner.
pub async fn migrate(owner: &str) {
    let options = Options { url: owner.to_owned(), ..Options::default() };
    let (store, _) = Store::connect(&options, Arc::new(SystemClock)).await.unwrap();
    store.migrate(&mut |_| ()).await.unwrap();
}

impl Database {
    /// On the engine of this run.
    pub async fn fresh() -> Self {
        if postgres::is_wanted() { Self::on_server().await } else { Self::File(TempDir::new().unwrap()) }
    }

    /// On PostgreSQL, whatever the engine of this run.
    pub async fn on_server() -> Self {
        Self::Server(postgres::Database::migrated(migrate).await)
    }

    /// On a PostgreSQL that no other test uses, already up to date.
    pub async fn on_own_server() -> (Self, &'static Cluster) {
        let cluster = Cluster::private();
        let database = postgres::Database::empty_on(cluster).await;
        migrate(&database.owner_url()).await;
        cluster.let_in().await;
        (Self::Server(database), cluster)
    }

    /// On the engine of this run; where that is PostgreSQL, on a server of the test's own.
    pub async fn own() -> Self {
        if !postgres::is_wanted() {
            return Self::fresh().await;
        }
        Self::on_own_server().await.0
    }

    /// Where a server finds it.
    pub fn url(&self) -> String {
        match self {
            Self::File(folder) => format!("sqlite:{}", folder.path().join("test.db").display()),
            Self::Server(database) => database.url(),
        }
    }

    /// One row of texts, read past the server.
    pub async fn row(&self, sql: &'static str) -> Vec<String> {
        match self {
            Self::File(_) => {
                let row = sqlx::query(sql).fetch_one(&mut self.file().await).await.unwrap();
                (0..row.len()).map(|place| row.get(place)).collect()
            }
            Self::Server(database) => {
                let row = sqlx::query(sql).fetch_one(&mut database.raw().await).await.unwrap();
                (0..row.len()).map(|place| row.get(place)).collect()
            }
        }
    }

    /// Runs a statement past the server.
    pub async fn execute(&self, sql: &'static str) {
        match self {
            Self::File(_) => drop(self.file().await.execute(sql).await.unwrap()),
            Self::Server(database) => drop(database.raw().await.execute(sql).await.unwrap()),
        }
    }

    /// A connection to the file that tells no statement, since those of the server alone are judged.
    pub async fn file(&self) -> SqliteConnection {
        self.url().parse::<SqliteConnectOptions>().unwrap().disable_statement_logging().connect().await.unwrap()
    }

    /// Everything that is stored, in pieces with names: the bytes of files, or the rows of tables as text.
    pub async fn contents(&self) -> Vec<(String, Vec<u8>)> {
        match self {
            Self::File(folder) => {
                let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
                files.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
            }
            Self::Server(database) => {
                let mut raw = database.raw().await;
                let tables: Vec<String> =
                    sqlx::query_scalar("SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
                        .fetch_all(&mut raw)
                        .await
                        .unwrap();
                let mut contents = Vec::new();
                for table in tables {
                    let sql = AssertSqlSafe(format!("SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} AS t"));
                    let row = raw.fetch_one(sql).await.unwrap();
                    contents.push((table, row.get::<String, _>(0).into_bytes()));
                }
                contents
            }
        }
    }
}
