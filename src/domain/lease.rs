//! The right of one worker to one execution, and what is handed over with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::execution::Execution;
use super::id::{CredentialId, ExecutionId, WorkspaceId};

/// A wish to work on an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRequest {
    /// The process that asks.
    pub owner: Arc<str>,
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
    pub owner: Arc<str>,
    /// Rises with every lease of the execution, from 1; a write with an older one is refused.
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
    pub lease: Arc<Lease>,
    /// Did someone else hold it while it was running, and not come back?
    pub interrupted: bool,
    /// How often that has happened since a step was last recorded.
    pub recoveries: i32,
}
