//! Executions, steps and log lines; their way in is the group commit's.

use connectors_entity::{connector_execution, execution_log, execution_step};

use super::{Error, count, id, maybe_id, typed, word};
use crate::domain::execution::{Execution, ExecutionKind, ExecutionStatus, ExecutionTrigger, StepRun, StepStatus};
use crate::domain::step_log::{LogEntry, LogKind, LogLevel};
use crate::domain::workspace::Actor;

pub(in super::super) fn execution(row: connector_execution::Model) -> Result<Execution, Error> {
    Ok(Execution {
        id: id(&row.id)?,
        workspace_id: id(&row.workspace_id)?,
        number: row.number,
        kind: word(&row.kind, ExecutionKind::from_stored)?,
        status: word(&row.status, ExecutionStatus::from_stored)?,
        revision: row.revision,
        connector_id: maybe_id(row.connector_id.as_ref())?,
        version_id: maybe_id(row.version_id.as_ref())?,
        trigger: word(&row.trigger, ExecutionTrigger::from_stored)?,
        started_by: Actor::from_stored(&row.started_by),
        contact_id: maybe_id(row.contact_id.as_ref())?,
        tags: typed(row.tags)?,
        input: row.input,
        output: row.output,
        result: row.result,
        cost: row.cost,
        error: row.error.map(typed).transpose()?,
        warning_count: row.warning_count,
        finished_steps: row.finished_steps,
        total_steps: row.total_steps,
        current_step_path: row.current_step_path,
        last_log_sequence: row.last_log_sequence,
        cancel_requested: row.cancel_requested,
        queued_at: row.queued_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        wake_at: row.wake_at,
        expires_at: row.expires_at,
    })
}

pub(in super::super) fn step(row: execution_step::Model) -> Result<StepRun, Error> {
    Ok(StepRun {
        id: id(&row.id)?,
        execution_id: id(&row.execution_id)?,
        workspace_id: id(&row.workspace_id)?,
        path: row.path,
        parent_path: row.parent_path,
        position: row.position,
        title: row.title,
        kind: row.kind,
        status: word(&row.status, StepStatus::from_stored)?,
        started_at: row.started_at,
        finished_at: row.finished_at,
        attempts: typed(row.attempts)?,
        cost: row.cost,
        output: row.output,
        error: row.error.map(typed).transpose()?,
        skip_reason: row.skip_reason,
        memory: row.memory,
        cached: row.cached,
    })
}

pub(in super::super) fn log_entry(row: execution_log::Model) -> Result<LogEntry, Error> {
    Ok(LogEntry {
        execution_id: id(&row.execution_id)?,
        sequence: row.sequence,
        logged_at: row.logged_at,
        level: word(&row.level, LogLevel::from_stored)?,
        kind: word(&row.kind, LogKind::from_stored)?,
        message: row.message,
        step_path: row.step_path,
        attempt: row.attempt.map(count).transpose()?,
        fields: row.fields,
    })
}
