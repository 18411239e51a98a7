//! What a run announces while it goes: news for followers, never the truth.

use std::sync::Arc;

use super::execution::{Execution, ExecutionStatus};
use super::id::ExecutionId;
use super::step_log::LogEntry;

/// One announcement, made only after what it tells of was committed.
#[derive(Debug, Clone)]
pub struct ExecutionEvent {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Lines committed together, in order; may be empty.
    pub entries: Arc<[LogEntry]>,
    /// The status as committed.
    pub status: ExecutionStatus,
    /// The execution's revision as committed.
    pub revision: i32,
    /// The whole execution, with its last announcement: those who wait for the end need not read it.
    pub ended: Option<Arc<Execution>>,
}
