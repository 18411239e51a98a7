//! Numbered log lines of a run.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::id::ExecutionId;
use super::stored_enum;

stored_enum! {
    /// How grave a log line is, least first.
    pub enum LogLevel {
        /// For finding faults.
        Debug = "debug",
        /// The normal course.
        Info = "info",
        /// Not as meant, but it goes on.
        Warn = "warn",
        /// Failed.
        Error = "error",
    }
}

stored_enum! {
    /// What a log line is about.
    pub enum LogKind {
        /// Start, end and states of the run and its steps.
        Lifecycle = "lifecycle",
        /// Calls to services.
        Http = "http",
        /// Values taken from results.
        Data = "data",
        /// Writing to contacts.
        Mapping = "mapping",
        /// Lines written by the definition itself.
        User = "user",
    }
}

/// One log line, secrets already masked.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry {
    /// The execution.
    pub execution_id: ExecutionId,
    /// 1, 2, 3, … in the execution, without holes.
    pub sequence: i32,
    /// When it was written.
    pub logged_at: DateTime<Utc>,
    /// How grave.
    pub level: LogLevel,
    /// What it is about.
    pub kind: LogKind,
    /// One line of text.
    pub message: String,
    /// The step it is about.
    pub step_path: Option<String>,
    /// The attempt it is about.
    pub attempt: Option<u32>,
    /// Details for programs.
    pub fields: Option<Value>,
}

/// Which log lines are wanted; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// This grave or graver.
    pub min_level: Option<LogLevel>,
    /// About one of these.
    pub kinds: Option<Vec<LogKind>>,
    /// About one of these steps or a step inside it.
    pub step_paths: Option<Vec<String>>,
    /// Words in the message, without regard to case.
    pub search: Option<String>,
}

impl LogFilter {
    /// Is the line wanted?
    pub fn accepts(&self, entry: &LogEntry) -> bool {
        let below = |path: &str, wanted: &str| path == wanted || path.strip_prefix(wanted).is_some_and(|rest| rest.starts_with(['/', '[']));
        self.min_level.is_none_or(|level| entry.level >= level)
            && self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&entry.kind))
            && self
                .step_paths
                .as_ref()
                .is_none_or(|paths| entry.step_path.as_ref().is_some_and(|path| paths.iter().any(|wanted| below(path, wanted))))
            && self.search.as_ref().is_none_or(|words| entry.message.to_lowercase().contains(&words.to_lowercase()))
    }
}
