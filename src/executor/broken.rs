//! Ends executions that cannot go on: their definition is gone, they panicked, or they end every process that runs them.

use std::sync::Arc;

use super::journal::{Journal, Line};
use super::{Error, Shared};
use crate::auth::WorkspaceScope;
use crate::domain::execution::{ErrorClass, Execution, ExecutionError, ExecutionErrorCode, ExecutionStatus, StepRun, StepStatus};
use crate::domain::lease::{Claimed, Lease};
use crate::domain::step_log::LogLevel;
use crate::pipeline::Redactor;
use crate::store::ExecutionChange;

/// Ends a claimed execution with this status and error; a step that was under way ends with it.
pub(super) async fn end(shared: &Shared, claimed: Claimed, status: ExecutionStatus, error: ExecutionError) -> Result<(), Error> {
    record(shared, (claimed.lease, &claimed.execution), status, error).await
}

/// Ends an execution whose run panicked here. The panic itself is in the process's log.
pub(super) async fn end_after_panic(shared: &Shared, lease: Arc<Lease>) -> Result<(), Error> {
    tracing::error!(execution.id = %lease.execution_id, "a run panicked; it is ended as failed");
    let scope = WorkspaceScope::for_run(&shared.parts.system, lease.workspace_id);
    let execution = shared.parts.store.read(&scope).await?.find_execution(lease.execution_id).await?.ok_or(Error::Fenced)?;
    let error = ExecutionError::new(ExecutionErrorCode::Internal, ErrorClass::System, "A fault of the server ended the run")
        .hint("The server's log has the cause under the id of the execution");
    record(shared, (lease, &execution), ExecutionStatus::Failed, error).await
}

/// Why an execution is not tried again.
pub(super) fn quarantined() -> ExecutionError {
    let message = "The server stopped unexpectedly each time it worked on this; it is not tried again";
    ExecutionError::new(ExecutionErrorCode::Interrupted, ErrorClass::System, message).hint("The server's log may tell why it stopped")
}

async fn record(
    shared: &Shared,
    (lease, execution): (Arc<Lease>, &Execution),
    status: ExecutionStatus,
    error: ExecutionError,
) -> Result<(), Error> {
    let step = unfinished_step(shared, &lease, status).await?;
    let journal = Journal::new(lease, execution);
    journal.write(shared, &Redactor::new(&[], &[]), Line::run(LogLevel::Error, format!("Ended: {}", error.message)));
    let change = ExecutionChange {
        status,
        output: None,
        result: None,
        cost: execution.cost,
        error: Some(error),
        warning_count: journal.warnings(),
        finished_steps: execution.finished_steps,
        current_step_path: None,
        finished_at: Some(shared.parts.clock.now()),
        wake_at: None,
        release_lease: true,
    };
    journal.commit(shared, step.into_iter().collect(), (execution, change), None).await
}

/// The step that was under way, ended like the execution.
async fn unfinished_step(shared: &Shared, lease: &Lease, status: ExecutionStatus) -> Result<Option<StepRun>, Error> {
    let scope = WorkspaceScope::for_run(&shared.parts.system, lease.workspace_id);
    let steps = shared.parts.store.read(&scope).await?.list_steps(lease.execution_id).await?;
    let status = if status == ExecutionStatus::Cancelled { StepStatus::Cancelled } else { StepStatus::Failed };
    let finished_at = Some(shared.parts.clock.now());
    Ok(steps.into_iter().find(|step| !step.status.is_final()).map(|step| StepRun { status, finished_at, ..step }))
}
