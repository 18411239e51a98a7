//! Log lines.

use async_graphql::{ID, Object};

use crate::domain::step_log as domain;
use crate::graphql::scalar::{DateTime, Json, int};

use super::{LogKind, LogLevel};

/// One numbered line.
#[derive(Debug, Clone)]
pub(crate) struct LogEntry(pub(crate) domain::LogEntry);

/// One line in the log of a run.
#[Object]
impl LogEntry {
    /// Its name among all lines: the execution's id and the line's number.
    async fn id(&self) -> ID {
        format!("{}:{}", self.0.execution_id, self.0.sequence).into()
    }

    /// Its number. In each execution lines count 1, 2, 3 and so on; none is left out.
    async fn sequence(&self) -> i32 {
        self.0.sequence
    }

    /// The time it was written.
    async fn logged_at(&self) -> DateTime {
        DateTime(self.0.logged_at)
    }

    /// How grave it is.
    async fn level(&self) -> LogLevel {
        self.0.level.into()
    }

    /// What it tells of.
    async fn kind(&self) -> LogKind {
        self.0.kind.into()
    }

    /// The line itself; its secrets are masked.
    async fn message(&self) -> &str {
        &self.0.message
    }

    /// The step it tells of, by `StepRun.path`.
    async fn step_path(&self) -> Option<&str> {
        self.0.step_path.as_deref()
    }

    /// The attempt it tells of.
    async fn attempt(&self) -> Option<i32> {
        self.0.attempt.map(int)
    }

    /// More for programs; its secrets are masked.
    async fn fields(&self) -> Option<Json> {
        self.0.fields.clone().map(Json)
    }
}
