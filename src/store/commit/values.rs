//! What goes into the group commit and comes out of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::domain::contact::{Contact, FieldChange};
use crate::domain::execution::{Execution, ExecutionError, ExecutionStatus, StepRun};
use crate::domain::id::{CredentialId, ExecutionId, WorkspaceId};
use crate::domain::lease::{Claimed, Lease, LeaseRequest};
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

impl NewExecution {
    /// The number of its newest log line.
    pub(super) fn last_log_sequence(&self) -> i32 {
        self.entries.iter().map(|entry| entry.sequence).max().unwrap_or(0).max(self.execution.last_log_sequence)
    }

    /// The same once it is stored under a lease, its first.
    pub(super) fn into_claimed(self, number: i64, lease: LeaseRequest) -> Claimed {
        let last_log_sequence = self.last_log_sequence();
        let execution = Execution { number, last_log_sequence, ..self.execution.begun() };
        let lease = Lease { execution_id: execution.id, workspace_id: execution.workspace_id, owner: lease.owner, fence: FIRST_FENCE };
        let Self { config, bindings, definition, options, .. } = self;
        Claimed { execution, config, bindings, definition, options, lease: Arc::new(lease), interrupted: false, recoveries: 0 }
    }
}

/// The fencing token of an execution's first lease.
pub(super) const FIRST_FENCE: i64 = 1;

/// What became of an execution to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It was added.
    New {
        /// Its number in the workspace.
        number: i64,
        /// Is it running already, under the lease asked for?
        leased: bool,
    },
    /// The same request was made before, and made this execution.
    Repeated(ExecutionId),
}

/// What became of a wish to work on an execution.
#[derive(Debug)]
pub enum Claim {
    /// It is yours.
    Taken(Box<Claimed>),
    /// There is nothing to do: it has ended, waits, or someone works on it.
    Nothing,
    /// Its workspace has as many executions worked on as it may.
    Full(WorkspaceId),
}

impl Claim {
    /// What was taken, if anything was.
    pub fn taken(self) -> Option<Claimed> {
        match self {
            Self::Taken(claimed) => Some(*claimed),
            Self::Nothing | Self::Full(_) => None,
        }
    }
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

impl ExecutionChange {
    /// The execution as it is once this change, a final one, is recorded.
    pub fn ended(&self, execution: &Execution, recorded: Recorded, last_log_sequence: i32) -> Execution {
        Execution {
            status: recorded.status,
            revision: recorded.revision,
            output: self.output.clone(),
            result: self.result.clone(),
            cost: self.cost,
            error: self.error.clone(),
            warning_count: self.warning_count,
            finished_steps: self.finished_steps,
            current_step_path: self.current_step_path.clone(),
            last_log_sequence,
            cancel_requested: recorded.cancel_requested,
            finished_at: self.finished_at,
            wake_at: None,
            ..execution.clone()
        }
    }
}

/// What a run writes to a contact.
#[derive(Debug, Clone, Default)]
pub struct ContactWrite {
    /// A contact to add.
    pub insert: Option<NewContact>,
    /// A contact to change, and the revision it must still have.
    pub update: Option<(Contact, i32)>,
    /// The ledger of the fields.
    pub changes: Vec<FieldChange>,
}

/// A contact to add, unless one like it has come meanwhile.
#[derive(Debug, Clone)]
pub struct NewContact {
    /// The contact.
    pub contact: Contact,
    /// Fields (`email`, `phone`, `key`) and values by which it was looked for in vain.
    pub unless: Vec<(String, String)>,
}

/// One thing a run did, written whole or not at all.
#[derive(Debug, Clone)]
pub struct Record {
    /// Log lines, continuing those that are there.
    pub entries: Arc<[LogEntry]>,
    /// Steps as they are now; each replaces the one at the same path.
    pub steps: Vec<StepRun>,
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
