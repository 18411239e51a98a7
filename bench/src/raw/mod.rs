//! The bare durable loop the server is compared with: what this machine gives when nothing but the work is done.
//!
//! One shared HTTP client, parse, extract by a compiled JSONPath; one execution row before and its update after,
//! one step row and two log rows per step, each acknowledged by one group-committing writer before going on.
//! Beside it, [`FanOut`] is the bare way of one line to many followers.
//! No API, no tenants, no leases, no retries: the distance to it is what those cost.

mod fan_out;
mod postgres;
mod sqlite;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jsonpath_rust::parser::model::JpQuery;
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde_json::Value;
use tokio::task::JoinSet;

pub(crate) use self::fan_out::FanOut;
use self::writer::{Database, Log, Row, Writer};
use crate::load::Caller;
use crate::{Result, api};

/// The loop, ready to run.
pub(crate) struct Raw {
    shared: Arc<Shared>,
    _writer: JoinSet<()>,
}

/// What all its callers share.
struct Shared {
    client: reqwest::Client,
    url: String,
    path: JpQuery,
    writer: Writer,
    last: AtomicU64,
}

impl Raw {
    /// A loop that calls this address; makes its database in this file.
    pub(crate) async fn in_file(url: String, file: &Path) -> Result<Self> {
        Self::over(url, Database::File(sqlite::open(file).await?))
    }

    /// The same with its tables in this database of PostgreSQL.
    pub(crate) async fn on_postgres(url: String, database: &str) -> Result<Self> {
        Self::over(url, Database::Server(postgres::open(database).await?))
    }

    fn over(url: String, database: Database) -> Result<Self> {
        let mut tasks = JoinSet::new();
        let writer = Writer::start(database, &mut tasks);
        let path = parse_json_path("$.people[0].first_name")?;
        let shared = Shared { client: api::http_client()?, url, path, writer, last: AtomicU64::new(0) };
        Ok(Self { shared: Arc::new(shared), _writer: tasks })
    }

    /// So many callers of one execution each.
    pub(crate) fn callers(&self, count: u32) -> Vec<RawCaller> {
        (0..count).map(|_| RawCaller(Arc::clone(&self.shared))).collect()
    }
}

/// Runs one execution after the other.
pub(crate) struct RawCaller(Arc<Shared>);

impl Caller for RawCaller {
    async fn call(&mut self) -> Result<()> {
        let number = self.0.last.fetch_add(1, Ordering::Relaxed);
        let id = Arc::<str>::from(format!("exe_{number:026}"));
        self.0.writer.write(Row::Begun { id: Arc::clone(&id) }).await?;
        let output = self.0.step(&id).await?;
        self.0.writer.write(Row::Ended { id, output }).await
    }
}

impl Shared {
    /// One step: call, parse, extract, and its rows on disk.
    async fn step(&self, id: &Arc<str>) -> Result<String> {
        let response = self.client.get(&self.url).send().await?.error_for_status()?;
        let status = response.status().as_u16();
        let body = response.bytes().await?;
        let value = serde_json::from_slice::<Value>(&body)?;
        let found = js_path_process(&self.path, &value)?.into_iter().next().ok_or("nothing at the path")?;
        let output = found.val().to_string();
        let logs = [
            Log { sequence: 1, message: format!("GET {}", self.url) },
            Log { sequence: 2, message: format!("{status}, {} bytes", body.len()) },
        ];
        self.writer.write(Row::Step { id: Arc::clone(id), output: output.clone(), logs }).await?;
        Ok(output)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sqlx::{Connection as _, SqliteConnection};

    use super::*;
    use crate::load::drive;
    use crate::upstream::Upstream;

    async fn count(connection: &mut SqliteConnection, sql: &'static str) -> i64 {
        sqlx::query_scalar::<_, i64>(sql).fetch_one(connection).await.unwrap()
    }

    #[test]
    fn each_execution_leaves_its_rows() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let upstream = Upstream::start().unwrap();
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("raw.db");
            let raw = Raw::in_file(upstream.people(), &file).await.unwrap();
            let (run, callers) = drive(raw.callers(4), Duration::from_millis(1)).await.unwrap();
            assert_eq!(callers.len(), 4);
            let runs = i64::try_from(run.latencies.len()).unwrap();
            assert!(runs >= 4);
            let mut connection = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
            let ended = "SELECT count(*) FROM executions WHERE status = 'succeeded' AND output = '\"Ada\"'";
            assert_eq!(count(&mut connection, ended).await, runs);
            assert_eq!(count(&mut connection, "SELECT count(*) FROM steps").await, runs);
            assert_eq!(count(&mut connection, "SELECT count(*) FROM logs").await, 2 * runs);
        });
    }
}
