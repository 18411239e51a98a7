//! The log of one run: numbers the lines, masks them, has them committed together with what they tell of, and only
//! then announces them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    lines: Mutex<Lines>,
    cancel_requested: AtomicBool,
}

/// Lines not yet committed, and the number of the last.
struct Lines {
    pending: Vec<LogEntry>,
    sequence: i32,
    warnings: i32,
}

impl Journal {
    pub(super) fn new(lease: Arc<Lease>, execution: &Execution) -> Self {
        let lines = Lines { pending: Vec::new(), sequence: execution.last_log_sequence, warnings: execution.warning_count };
        Self { lease, lines: Mutex::new(lines), cancel_requested: AtomicBool::new(execution.cancel_requested) }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Warnings written so far.
    pub(super) fn warnings(&self) -> i32 {
        self.lines().warnings
    }

    /// Was the execution told to stop, as far as the last commit saw?
    pub(super) fn cancel_requested(&self) -> bool {
        self.cancel_requested.load(Ordering::Relaxed)
    }

    /// Where the journal stands, to come back to with [`Self::rewind`].
    pub(super) fn mark(&self) -> Mark {
        let lines = self.lines();
        Mark { pending: lines.pending.len(), sequence: lines.sequence, warnings: lines.warnings }
    }

    /// Forgets the lines added since the mark; only lines that were not committed can be forgotten.
    pub(super) fn rewind(&self, mark: Mark) {
        let mut lines = self.lines();
        lines.pending.truncate(mark.pending);
        lines.sequence = mark.sequence;
        lines.warnings = mark.warnings;
    }

    /// Adds a line; it is committed by the next [`Self::commit`].
    pub(super) fn write(&self, shared: &Shared, redactor: &Redactor, line: Line<'_>) {
        let mut lines = self.lines();
        lines.sequence += 1;
        if line.level == LogLevel::Warn {
            lines.warnings += 1;
        }
        let entry = LogEntry {
            execution_id: self.lease.execution_id,
            sequence: lines.sequence,
            logged_at: shared.parts.clock.now(),
            level: line.level,
            kind: line.kind,
            message: one_line(&redactor.text(&line.message)),
            step_path: line.step.map(str::to_owned),
            attempt: line.attempt,
            fields: line.fields.map(|fields| redactor.json(&fields)),
        };
        lines.pending.push(entry);
    }

    /// Commits the pending lines with steps and the execution's new state, then announces them.
    /// Returns once all of it is durable. Only one commit of a run may be under way.
    pub(super) async fn commit(
        &self,
        shared: &Shared,
        steps: Vec<StepRun>,
        (execution, change): (&Execution, ExecutionChange),
        contact: Option<ContactWrite>,
    ) -> Result<(), Error> {
        let (entries, sequence) = {
            let mut lines = self.lines();
            (Arc::from(std::mem::take(&mut lines.pending)), lines.sequence)
        };
        let record = Arc::new(Record { entries, steps, execution: change, contact, now: shared.parts.clock.now() });
        let recorded = match self.store_record(shared, &record).await {
            Ok(recorded) => recorded,
            Err(error) => {
                // Lines written meanwhile come after.
                self.lines().pending.splice(..0, record.entries.iter().cloned());
                return Err(error.into());
            }
        };
        self.cancel_requested.store(recorded.cancel_requested, Ordering::Relaxed);
        let id = execution.id;
        shared.parts.events.publish(id, || ExecutionEvent {
            execution_id: id,
            entries: Arc::clone(&record.entries),
            status: recorded.status,
            revision: recorded.revision,
            ended: recorded.status.is_final().then(|| Arc::new(record.execution.ended(execution, recorded, sequence))),
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
