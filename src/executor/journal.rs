//! The log of one run: numbers the lines, masks them, has them committed together with what they tell of, and only
//! then announces them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Error, Shared};
use crate::domain::event::ExecutionEvent;
use crate::domain::execution::{Execution, StepRun};
use crate::domain::lease::Lease;
use crate::domain::step_log::{LogEntry, LogKind, LogLevel};
use crate::pipeline::Redactor;
use crate::store::{self, ContactWrite, ExecutionChange, Record, Recorded};

/// What a line says, before it is numbered.
pub(super) struct Line<'a> {
    pub(super) level: LogLevel,
    pub(super) kind: LogKind,
    pub(super) message: String,
    pub(super) step: Option<&'a str>,
    pub(super) attempt: Option<u32>,
    pub(super) fields: Option<Value>,
}

impl<'a> Line<'a> {
    /// A line about the whole run.
    pub(super) fn run(level: LogLevel, message: impl Into<String>) -> Self {
        Self { level, kind: LogKind::Lifecycle, message: message.into(), step: None, attempt: None, fields: None }
    }

    /// A line about a step.
    pub(super) fn step(step: &'a str, level: LogLevel, kind: LogKind, message: impl Into<String>) -> Self {
        Self { level, kind, message: message.into(), step: Some(step), attempt: None, fields: None }
    }

    /// The same about one attempt.
    pub(super) fn attempt(mut self, number: u32) -> Self {
        self.attempt = Some(number);
        self
    }

    /// The same with details for programs.
    pub(super) fn fields(mut self, fields: Value) -> Self {
        self.fields = Some(fields);
        self
    }
}

/// A place in the pending lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pending: usize,
    sequence: i32,
    warnings: i32,
}

/// The journal of one run. Holds lines that are not yet committed.
pub(super) struct Journal {
    lease: Arc<Lease>,
    sequence: i32,
    pending: Vec<LogEntry>,
    warnings: i32,
    cancel_requested: bool,
}

impl Journal {
    pub(super) fn new(lease: Arc<Lease>, execution: &Execution) -> Self {
        Self {
            lease,
            sequence: execution.last_log_sequence,
            pending: Vec::new(),
            warnings: execution.warning_count,
            cancel_requested: execution.cancel_requested,
        }
    }

    /// Warnings written so far.
    pub(super) fn warnings(&self) -> i32 {
        self.warnings
    }

    /// Was the execution told to stop, as far as the last commit saw?
    pub(super) fn cancel_requested(&self) -> bool {
        self.cancel_requested
    }

    /// Where the journal stands, to come back to with [`Self::rewind`].
    pub(super) fn mark(&self) -> Mark {
        Mark { pending: self.pending.len(), sequence: self.sequence, warnings: self.warnings }
    }

    /// Forgets the lines added since the mark; only lines that were not committed can be forgotten.
    pub(super) fn rewind(&mut self, mark: Mark) {
        self.pending.truncate(mark.pending);
        self.sequence = mark.sequence;
        self.warnings = mark.warnings;
    }

    /// Adds a line; it is committed by the next [`Self::commit`].
    pub(super) fn write(&mut self, shared: &Shared, redactor: &Redactor, line: Line<'_>) {
        self.sequence += 1;
        if line.level == LogLevel::Warn {
            self.warnings += 1;
        }
        self.pending.push(LogEntry {
            execution_id: self.lease.execution_id,
            sequence: self.sequence,
            logged_at: shared.parts.clock.now(),
            level: line.level,
            kind: line.kind,
            message: one_line(&redactor.text(&line.message)),
            step_path: line.step.map(str::to_owned),
            attempt: line.attempt,
            fields: line.fields.map(|fields| redactor.json(&fields)),
        });
    }

    /// Commits the pending lines with a step and the execution's new state, then announces them.
    /// Returns once all of it is durable.
    pub(super) async fn commit(
        &mut self,
        shared: &Shared,
        step: Option<StepRun>,
        (execution, change): (&Execution, ExecutionChange),
        contact: Option<ContactWrite>,
    ) -> Result<(), Error> {
        let entries = Arc::from(std::mem::take(&mut self.pending));
        let record = Arc::new(Record { entries, step, execution: change, contact, now: shared.parts.clock.now() });
        let recorded = match self.store_record(shared, &record).await {
            Ok(recorded) => recorded,
            Err(error) => {
                self.pending = record.entries.to_vec();
                return Err(error.into());
            }
        };
        self.cancel_requested = recorded.cancel_requested;
        let id = execution.id;
        shared.parts.events.publish(id, || ExecutionEvent {
            execution_id: id,
            entries: Arc::clone(&record.entries),
            status: recorded.status,
            revision: recorded.revision,
            ended: recorded.status.is_final().then(|| Arc::new(record.execution.ended(execution, recorded, self.sequence))),
        });
        Ok(())
    }

    /// Hands a record to the store. A store that is away for a moment is asked again: giving up would repeat the call
    /// that the record is about.
    async fn store_record(&self, shared: &Shared, record: &Arc<Record>) -> Result<Recorded, store::Error> {
        let mut pause = Duration::from_millis(50);
        loop {
            match shared.parts.store.record(&self.lease, Arc::clone(record)).await {
                Err(store::Error::Unavailable(error)) if pause < shared.options.lease / 8 => {
                    tracing::warn!(error, execution.id = %self.lease.execution_id, "a record was not taken; trying again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                other => return other,
            }
        }
    }
}

/// A log line is one line: whatever could break it or drive a terminal is shown escaped.
fn one_line(text: &str) -> String {
    if text.chars().any(char::is_control) {
        text.chars().map(|letter| if letter.is_control() { letter.escape_default().to_string() } else { letter.to_string() }).collect()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn ups_5_a_line_cannot_forge_another_or_drive_a_terminal() {
        assert_eq!(one_line("a\n2026 ERROR b\u{1b}[2J"), "a\\n2026 ERROR b\\u{1b}[2J");
        assert_eq!(one_line("plain ü"), "plain ü");
    }
}
