//! What goes into the group commit and comes out of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::domain::contact::{Contact, FieldChange};
use crate::domain::execution::{Execution, ExecutionError, ExecutionStatus, StepRun};
use crate::domain::id::{CredentialId, ExecutionId, WorkspaceId};
use crate::domain::step_log::LogEntry;

/// An execution to add, with what it needs to run and nobody else sees.
#[derive(Debug, Clone)]
pub struct NewExecution {
    /// The execution; its number is ignored.
    pub execution: Execution,
    /// The connector's config as it is now.
    pub config: Value,
    /// The connector's bindings as they are now.
    pub bindings: BTreeMap<String, CredentialId>,
    /// The definition itself, for a test of a draft.
    pub definition: Option<Value>,
    /// The caller's key against repetition, and the hash of the request it comes with.
    pub idempotency: Option<(String, String)>,
    /// Its first log lines.
    pub entries: Vec<LogEntry>,
    /// Options of a test; null for none.
    pub options: Value,
}

/// What became of an execution to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It was added.
    New {
        /// Its number in the workspace.
        number: i64,
    },
    /// The same request was made before, and made this execution.
    Repeated(ExecutionId),
}

/// A wish to work on an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRequest {
    /// The process that asks.
    pub owner: String,
    /// For how long, unless renewed.
    pub until: DateTime<Utc>,
}

/// The right to write what a run does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its workspace.
    pub workspace_id: WorkspaceId,
    /// The process that holds it.
    pub owner: String,
    /// Rises with every lease of the execution; a write with an older one is refused.
    pub fence: i64,
}

/// An execution to work on.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The execution, already running.
    pub execution: Execution,
    /// The connector's config when it was asked for.
    pub config: Value,
    /// The connector's bindings when it was asked for.
    pub bindings: BTreeMap<String, CredentialId>,
    /// The definition itself, for a test of a draft.
    pub definition: Option<Value>,
    /// Options of a test; null for none.
    pub options: Value,
    /// The right to write.
    pub lease: Lease,
    /// Did someone else hold it while it was running, and not come back?
    pub interrupted: bool,
}

/// How an execution stands after a step.
#[derive(Debug, Clone)]
pub struct ExecutionChange {
    /// The status; one being cancelled stays so until this is a final one.
    pub status: ExecutionStatus,
    /// What came out.
    pub output: Option<Value>,
    /// Word the definition gave for how it ended.
    pub result: Option<String>,
    /// Cost so far.
    pub cost: f64,
    /// Why it failed.
    pub error: Option<ExecutionError>,
    /// Warnings so far.
    pub warning_count: i32,
    /// Top steps that ended so far.
    pub finished_steps: i32,
    /// The step being run.
    pub current_step_path: Option<String>,
    /// When it reached its final status.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it goes on.
    pub wake_at: Option<DateTime<Utc>>,
    /// Is the lease given back? A final status does so anyway.
    pub release_lease: bool,
}

/// What a run writes to a contact.
#[derive(Debug, Clone, Default)]
pub struct ContactWrite {
    /// A contact to add.
    pub insert: Option<Contact>,
    /// A contact to change, and the revision it must still have.
    pub update: Option<(Contact, i32)>,
    /// The ledger of the fields.
    pub changes: Vec<FieldChange>,
}

/// One thing a run did, written whole or not at all.
#[derive(Debug, Clone)]
pub struct Record {
    /// Log lines, continuing those that are there.
    pub entries: Vec<LogEntry>,
    /// The step as it is now; replaces the one at the same path.
    pub step: Option<StepRun>,
    /// How the execution stands.
    pub execution: ExecutionChange,
    /// What happened to the contact.
    pub contact: Option<ContactWrite>,
    /// When.
    pub now: DateTime<Utc>,
}

/// How an execution stands after a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// The status as committed.
    pub status: ExecutionStatus,
    /// The revision as committed.
    pub revision: i32,
    /// Was it told to stop?
    pub cancel_requested: bool,
}
