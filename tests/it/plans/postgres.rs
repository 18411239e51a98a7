//! What PostgreSQL says it did: `auto_explain` writes the plan of every statement, and of those inside functions, with the
//! rows that were really read, into the log of the test's own server.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use serde_json::Value;
use sqlx::Executor as _;

use crate::support::postgres::Database;

use super::{Findings, READ};

/// Tables and indexes with fewer rows than this may be read from end to end.
const LARGE: f32 = 3_000.0;
/// Rows that may be sorted, or be passed on the way along an index: those of a stretch that is cut out.
const SORTED: f64 = 10_000.0;

/// Reads the log as it grows.
pub(super) struct Watch {
    log: File,
    read: u64,
    /// Large tables, and large indexes.
    large: BTreeSet<String>,
    pub(super) statements: usize,
}

impl Watch {
    pub(super) async fn over(database: &Database) -> Self {
        let mut raw = database.raw().await;
        let large =
            "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace AND reltuples >= $1";
        let large: Vec<String> = sqlx::query_scalar(large).bind(LARGE).fetch_all(&mut raw).await.unwrap();
        for setting in [
            "session_preload_libraries = 'auto_explain'",
            "auto_explain.log_min_duration = 0",
            "auto_explain.log_nested_statements = on",
            "auto_explain.log_analyze = on",
            "auto_explain.log_timing = off",
            "auto_explain.log_format = 'json'",
        ] {
            let sql = format!("ALTER DATABASE {} SET {setting}", database.name());
            raw.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
        }
        let mut log = database.log();
        let read = log.seek(SeekFrom::End(0)).unwrap();
        Self { log, read, large: large.into_iter().collect(), statements: 0 }
    }

    /// What was carried out badly since the last call.
    pub(super) fn judge(&mut self, asked: &str, walks: bool) -> Findings {
        let mut text = Vec::new();
        self.log.seek(SeekFrom::Start(self.read)).unwrap();
        self.log.read_to_end(&mut text).unwrap();
        // An entry that is still being written is left for the next time.
        let whole = text.windows(3).rposition(|end| end == b"\t}\n").map_or(0, |at| at + 3);
        self.read += whole as u64;
        let text = String::from_utf8_lossy(&text[..whole]).into_owned();
        let mut findings = BTreeSet::new();
        for entry in text.split("  plan:\n").skip(1) {
            let plan: String = entry.lines().take_while(|line| line.starts_with('\t')).collect::<Vec<_>>().join("\n");
            let said: Value = serde_json::from_str(&plan).unwrap_or_else(|error| panic!("{error}: {plan}"));
            self.statements += 1;
            let mut wrong = Vec::new();
            let read = self.wrongs(&said["Plan"], &mut wrong);
            if read > READ && !walks {
                wrong.push(format!("{read} rows are read"));
            }
            for wrong in wrong {
                let sql = said["Query Text"].as_str().unwrap_or_default();
                findings.insert(format!("{asked}: {wrong}\n  {}", sql.split_once(" FROM ").map_or(sql, |(_, from)| from)));
            }
        }
        findings.into_iter().collect()
    }

    /// What is wrong with a part of a plan; the rows it read.
    fn wrongs(&self, node: &Value, wrong: &mut Vec<String>) -> f64 {
        let parts = || node["Plans"].as_array().into_iter().flatten();
        let below: f64 = parts().map(|part| self.wrongs(part, wrong)).sum();
        let named = |member: &str| node[member].as_str().unwrap_or_default();
        let kind = named("Node Type");
        if kind == "Seq Scan" && self.large.contains(named("Relation Name")) {
            wrong.push(format!("{} is scanned from end to end", named("Relation Name")));
        }
        let sorted: f64 = parts().map(|part| part["Actual Rows"].as_f64().unwrap_or_default()).sum();
        if kind.ends_with("Sort") && sorted > SORTED {
            wrong.push(format!("{sorted} rows are sorted by {}", node["Sort Key"]));
        }
        if !kind.contains("Scan") || kind == "Bitmap Index Scan" || node["Relation Name"].is_null() {
            return below;
        }
        let count = |member: &str| node[member].as_f64().unwrap_or_default();
        let each = count("Actual Rows") + count("Rows Removed by Filter") + count("Rows Removed by Index Recheck");
        // The rows of a bitmap are those of its heap.
        let read = each * count("Actual Loops");
        // Walking along an index is fine as long as it soon finds what it looks for.
        if read > SORTED && node["Index Cond"].is_null() && self.large.contains(named("Index Name")) {
            wrong.push(format!("{} is read from its end on, {read} rows", named("Index Name")));
        }
        read
    }
}
