//! One transaction's worth of operations.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use super::bulk::Rows;
use super::session::{Session, Sql};
use super::{Claim, Inserted, NewExecution, Record, Recorded, claim, insert, record};
use crate::domain::id::ExecutionId;
use crate::domain::lease::{Claimed, Lease, LeaseRequest};
use crate::domain::step_log::LogEntry;
use crate::store::Error;

/// Where an answer goes.
pub(super) type Answer<T> = oneshot::Sender<Result<T, Error>>;

/// Who wants which execution, and the instant at which it must be due.
pub(super) type ClaimWish = (ExecutionId, LeaseRequest, DateTime<Utc>);

pub(super) type ClaimOp = (Box<ClaimWish>, Answer<Claim>);
pub(super) type RecordOp = (Box<(Arc<Lease>, Arc<Record>)>, Answer<Recorded>);

/// An execution to add.
pub(in crate::store) struct Insert {
    pub(super) new: NewExecution,
    /// Under which it is running from the start.
    pub(super) lease: Option<LeaseRequest>,
    /// Called once it is on disk.
    pub(super) then: Box<dyn FnOnce(Option<Claimed>) + Send + Sync>,
    pub(super) answer: Answer<Inserted>,
}

impl std::fmt::Debug for Insert {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Insert").field("new", &self.new).field("lease", &self.lease).finish_non_exhaustive()
    }
}

impl Insert {
    /// Tells whoever waits, and those who are to work on it.
    fn answer(self, result: Result<Inserted, Error>) {
        if let Ok(Inserted::New { number, leased }) = result {
            let lease = self.lease.filter(|_| leased);
            (self.then)(lease.map(|lease| self.new.into_claimed(number, lease)));
        }
        drop(self.answer.send(result));
    }
}

/// One operation and whom to answer.
#[derive(Debug)]
pub(in crate::store) enum Op {
    /// Adds an execution.
    Insert(Box<Insert>),
    /// Takes an execution at this instant.
    Claim(Box<ClaimWish>, Answer<Claim>),
    /// Writes what a run did.
    Record(Box<(Arc<Lease>, Arc<Record>)>, Answer<Recorded>),
}

/// Operations by kind; no two of one kind concern the same execution.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) inserts: Vec<Insert>,
    pub(super) claims: Vec<ClaimOp>,
    pub(super) records: Vec<RecordOp>,
}

/// Results of a group, each list in the order of its operations.
#[derive(Debug)]
pub(super) struct Outcome {
    inserts: Vec<Result<Inserted, Error>>,
    claims: Vec<Result<Claim, Error>>,
    records: Vec<Result<Recorded, Error>>,
}

impl Group {
    /// Sorts operations into groups. A second operation on the same execution goes to a later group, so that it meets
    /// what the first one left.
    pub(super) fn of(ops: impl IntoIterator<Item = Op>) -> Vec<Self> {
        let mut groups: Vec<(Self, HashSet<ExecutionId>)> = Vec::new();
        for op in ops {
            let concerns = match &op {
                Op::Insert(insert) => insert.new.execution.id,
                Op::Claim(claim, _) => claim.0,
                Op::Record(record, _) => record.0.execution_id,
            };
            // After the last group that concerns it, never between: order is kept for each execution.
            let place = groups.iter().rposition(|(_, seen)| seen.contains(&concerns)).map_or(0, |last| last + 1);
            if place == groups.len() {
                groups.push((Self::default(), HashSet::new()));
            }
            if let Some((group, seen)) = groups.get_mut(place) {
                seen.insert(concerns);
                group.push(op);
            }
        }
        groups.into_iter().map(|(group, _)| group).collect()
    }

    fn push(&mut self, op: Op) {
        match op {
            Op::Insert(insert) => self.inserts.push(*insert),
            Op::Claim(claim, answer) => self.claims.push((claim, answer)),
            Op::Record(record, answer) => self.records.push((record, answer)),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.inserts.len() + self.claims.len() + self.records.len()
    }

    /// The workspaces of what is added and recorded, each once, with commas between.
    pub(super) fn workspaces(&self) -> String {
        let added = self.inserts.iter().map(|op| op.new.execution.workspace_id);
        let recorded = self.records.iter().map(|(op, _)| op.0.workspace_id);
        let each: BTreeSet<String> = added.chain(recorded).map(|id| id.to_string()).collect();
        each.into_iter().collect::<Vec<_>>().join(",")
    }

    /// Each operation by itself.
    pub(super) fn split(self) -> impl Iterator<Item = Self> {
        let inserts = self.inserts.into_iter().map(|op| Self { inserts: vec![op], ..Self::default() });
        let claims = self.claims.into_iter().map(|op| Self { claims: vec![op], ..Self::default() });
        let records = self.records.into_iter().map(|op| Self { records: vec![op], ..Self::default() });
        inserts.chain(records).chain(claims)
    }

    /// Makes the changes inside the transaction that is open.
    pub(super) async fn apply(&self, session: &mut Session<'_>) -> Result<Outcome, Error> {
        let mut lines = Rows::of(session);
        let inserts = insert::apply(session, &self.inserts, &mut lines).await?;
        let records = record::apply(session, &self.records, &mut lines).await?;
        lines.execute(session, INSERT_LINES).await?;
        let claims = claim::apply(session, &self.claims).await?;
        Ok(Outcome { inserts, claims, records })
    }

    /// Tells everyone; whoever no longer listens is passed over.
    pub(super) fn answer(self, outcome: Outcome) {
        for (insert, result) in self.inserts.into_iter().zip(outcome.inserts) {
            insert.answer(result);
        }
        for ((_, answer), result) in self.claims.into_iter().zip(outcome.claims) {
            drop(answer.send(result));
        }
        for ((_, answer), result) in self.records.into_iter().zip(outcome.records) {
            drop(answer.send(result));
        }
    }

    /// Tells every operation of this group why it failed.
    pub(super) fn fail(self, reason: impl Fn() -> Error) {
        for insert in self.inserts {
            insert.answer(Err(reason()));
        }
        for (_, answer) in self.claims {
            drop(answer.send(Err(reason())));
        }
        for (_, answer) in self.records {
            drop(answer.send(Err(reason())));
        }
    }

    /// Tells the one operation of this group why it failed.
    pub(super) fn fail_alone(mut self, error: Error) {
        if let Some(insert) = self.inserts.pop() {
            insert.answer(Err(error));
        } else if let Some((_, answer)) = self.claims.pop() {
            drop(answer.send(Err(error)));
        } else if let Some((_, answer)) = self.records.pop() {
            drop(answer.send(Err(error)));
        }
    }
}

const INSERT_LINES: Sql = Sql {
    sqlite: "\
        WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
        INSERT INTO execution_logs \
            (workspace_id, execution_id, sequence, logged_at, level, kind, message, step_path, attempt, fields) \
        SELECT v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, v->>8, v->>9 FROM j",
    postgres: "\
        INSERT INTO execution_logs \
            (workspace_id, execution_id, sequence, logged_at, level, kind, message, step_path, attempt, fields) \
        SELECT v->>0, v->>1, (v->>2)::integer, (v->>3)::timestamptz, v->>4, v->>5, v->>6, v->>7, (v->>8)::integer, (v->>9)::jsonb \
        FROM jsonb_array_elements($1::jsonb) AS j(v)",
};

/// Gathers log lines for the statement above.
pub(super) fn add_lines(lines: &mut Rows, workspace: &str, execution: &str, entries: &[LogEntry]) {
    for entry in entries {
        lines.row().add(workspace).add(execution).add(entry.sequence).time(entry.logged_at);
        lines.add(entry.level.as_str()).add(entry.kind.as_str()).add(&entry.message);
        lines.add(&entry.step_path).add(entry.attempt).maybe_json(entry.fields.as_ref());
    }
}
