//! What a self-test says in the end, to people and to programs: never an answer's text, which may hold what leaked.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::Output;
use crate::selftest::Finding;
use crate::selftest::judge::Judge;
use crate::selftest::rules::{FIELDS, IDS};

/// Findings shown to people in full; programs get all.
const SHOWN: usize = 20;

/// What cannot be asked in a database that is in use, and why.
const LEFT_OUT: [(&str, &str); 5] = [
    ("SaaS admins as callers, and ids of SaaS admins", "none is made for a test: it would have rights over the whole catalogue"),
    ("templates that are not published", "none is made for a test: the catalogue is everyone's"),
    ("installations of templates", "each one is counted in the catalogue for good"),
    ("subscriptions", "the test suite of this program asks them over sockets"),
    ("names in mutations that the other workspace uses, too", "the test suite of this program compares three workspaces for that"),
];

/// Left out as well where the catalogue is empty.
const NO_TEMPLATE: (&str, &str) = ("questions about a published template", "the catalogue is empty; `connectors serve` fills it");

/// The outcome of one self-test.
pub(super) struct Report {
    pub(super) engine: String,
    pub(super) place: String,
    pub(super) judge: Judge,
    /// Tables of either workspace whose rows are not as they were.
    pub(super) changed: Vec<String>,
    /// Was there a published template to put questions with?
    pub(super) with_template: bool,
    pub(super) took: Duration,
}

impl Report {
    /// Was nothing found?
    pub(super) fn is_clean(&self) -> bool {
        self.judge.findings.is_empty() && self.changed.is_empty()
    }

    fn left_out(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        LEFT_OUT.into_iter().chain((!self.with_template).then_some(NO_TEMPLATE))
    }

    fn by_kind(&self) -> BTreeMap<String, usize> {
        let mut sums = BTreeMap::new();
        for ((kind, _), count) in &self.judge.counts {
            *sums.entry(kind.as_str().to_owned()).or_default() += count;
        }
        sums
    }

    fn by_caller(&self) -> BTreeMap<String, usize> {
        let mut sums = BTreeMap::new();
        for ((_, caller), count) in &self.judge.counts {
            *sums.entry(caller.to_string()).or_default() += count;
        }
        sums
    }

    /// Says it.
    pub(super) fn print(&self, out: Output) {
        out.json(&self.for_programs());
        for (head, sums) in [("kind of question", self.by_kind()), ("asked by", self.by_caller())] {
            out.table([head, "probes"], sums.into_iter().map(|(name, count)| [name, count.to_string()]));
        }
        out.say("\nLeft out:");
        for (what, why) in self.left_out() {
            out.say(&format!("  {what}: {why}"));
        }
        let findings = &self.judge.findings;
        for finding in findings.iter().take(SHOWN) {
            out.say(&format!("\nLEAK  {} ({}): {}\n      asked: {}", finding.caller, finding.kind.as_str(), finding.wrong, finding.asked));
        }
        if findings.len() > SHOWN {
            out.say(&format!("\n… and {} more; --format json lists all", findings.len() - SHOWN));
        }
        if !self.changed.is_empty() {
            out.say(&format!("\nLEAK  rows were changed by questions that must change nothing: {}", self.changed.join(", ")));
        }
        out.say(&self.verdict());
    }

    fn verdict(&self) -> String {
        let outcome = match self.judge.findings.len() {
            0 if self.changed.is_empty() => "no leak found".to_owned(),
            0 => "rows were changed".to_owned(),
            1 => "1 leak found".to_owned(),
            count => format!("{count} leaks found"),
        };
        format!(
            "\n{outcome}: {} probes in {:.1} s; {}, {}; {} root fields and {} ids have a declared rule",
            self.judge.probes,
            self.took.as_secs_f64(),
            self.engine,
            self.place,
            FIELDS.len(),
            IDS.len()
        )
    }

    fn for_programs(&self) -> Value {
        json!({
            "isolated": self.is_clean(),
            "database": { "engine": self.engine, "place": self.place },
            "probes": { "total": self.judge.probes, "byKind": self.by_kind(), "byCaller": self.by_caller() },
            "rules": { "rootFields": FIELDS.len(), "ids": IDS.len() },
            "findings": self.judge.findings.iter().map(finding).collect::<Vec<_>>(),
            "changedTables": self.changed,
            "leftOut": self.left_out().map(|(what, why)| json!({ "what": what, "why": why })).collect::<Vec<_>>(),
            "durationMs": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

fn finding(finding: &Finding) -> Value {
    let asked = serde_json::from_str::<Value>(&finding.asked).unwrap_or_default();
    json!({ "kind": finding.kind.as_str(), "caller": finding.caller.to_string(), "wrong": finding.wrong, "asked": asked })
}
