//! What SQLite would do: the log of the driver tells each statement that was sent, and `EXPLAIN QUERY PLAN` its plan.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::Findings;

/// Statements heard and not yet judged.
static HEARD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// What may be read from end to end: rows bound to the statement, and the catalogue, which admins alone add to.
const SMALL: &[&str] = &["j", "counted", "json_each", "connector_templates", "template_versions", "saas_admin_users", "constant"];
/// What is sorted without an index: the catalogue, and the few workspaces of a subject.
const SORTED: &[&str] = &["connector_templates", "saas_admin_users", "workspaces"];

struct Ear;

impl<S: tracing::Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            let mut said = Said::default();
            event.record(&mut said);
            let sql = if said.whole.is_empty() { said.summary } else { said.whole };
            HEARD.lock().unwrap_or_else(PoisonError::into_inner).insert(sql.trim().to_owned());
        }
    }
}

#[derive(Default)]
struct Said {
    summary: String,
    whole: String,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.whole),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// Judges each statement once.
pub(super) struct Watch {
    connection: SqliteConnection,
    partial: Vec<String>,
    judged: BTreeSet<String>,
    pub(super) statements: usize,
}

impl Watch {
    /// Listens from now on.
    pub(super) fn over(connection: SqliteConnection) -> Self {
        let ear = tracing_subscriber::registry().with(Ear.with_filter(tracing_subscriber::filter::LevelFilter::DEBUG));
        tracing::subscriber::set_global_default(ear).unwrap();
        Self { connection, partial: Vec::new(), judged: BTreeSet::new(), statements: 0 }
    }

    /// What would be carried out badly of what was sent since the last call.
    pub(super) async fn judge(&mut self, asked: &str) -> Findings {
        if self.partial.is_empty() {
            let partial = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '%WHERE%'";
            self.partial = sqlx::query_scalar(partial).fetch_all(&mut self.connection).await.unwrap();
        }
        let heard = std::mem::take(&mut *HEARD.lock().unwrap_or_else(PoisonError::into_inner));
        let mut findings = Findings::new();
        for sql in heard.into_iter().filter(|sql| is_about_rows(sql)) {
            if !self.judged.insert(sql.clone()) {
                continue;
            }
            self.statements += 1;
            let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(&mut self.connection).await;
            let rows = rows.unwrap_or_else(|error| panic!("{error}: {sql}"));
            let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
            findings.extend(self.wrongs(&plan).map(|wrong| format!("{asked}: {wrong}\n  {sql}")));
        }
        findings
    }

    fn wrongs(&self, plan: &[String]) -> impl Iterator<Item = String> {
        let scans = plan.iter().filter(|line| line.starts_with("SCAN ") && !self.is_small(line));
        let scanned = scans.map(|line| format!("is read from end to end: {line}"));
        // An index that cuts out no more than the workspace leaves all of it to be sorted.
        let wide = plan.iter().find(|line| line.starts_with("SEARCH ") && line.ends_with("(workspace_id=?)"));
        let sorts = plan.iter().any(|line| line.contains("TEMP B-TREE"));
        let small = |line: &String| line.split(' ').nth(1).is_some_and(|name| SORTED.contains(&name));
        let sorted = wide.filter(|line| sorts && !small(line)).map(|line| format!("is sorted: {line}"));
        scanned.chain(sorted).collect::<Vec<_>>().into_iter()
    }

    fn is_small(&self, line: &str) -> bool {
        let mut words = line.split(' ').skip(1);
        let name = words.next().unwrap_or_default();
        let index = line.split_once("INDEX ").map(|(_, index)| index.split(' ').next().unwrap_or_default());
        SMALL.contains(&name) || name.starts_with("(subquery") || index.is_some_and(|index| self.partial.iter().any(|known| known == index))
    }
}

/// Not so what begins and ends transactions, and what looks at the schema.
fn is_about_rows(sql: &str) -> bool {
    let verb = sql.split_whitespace().next().unwrap_or_default();
    ["SELECT", "UPDATE", "DELETE", "INSERT", "WITH"].contains(&verb) && !sql.contains("sqlite_master") && !sql.contains("seaql_migrations")
}
