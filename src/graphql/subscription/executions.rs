//! Following one run: its log, and its state.

use async_graphql::{Context, ID, SimpleObject, Subscription};
use futures_util::Stream;
use futures_util::stream::unfold;

use crate::app;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::Result;
use crate::graphql::scalar::parse_id;
use crate::graphql::types::{Execution, LogEntry, LogFilterInput, StepRun};

/// A few log lines, in order. At most 200.
#[derive(SimpleObject, Clone)]
pub(crate) struct LogBatch {
    /// The lines themselves.
    entries: Vec<LogEntry>,
    /// Up to this number each line was sent or left out by the filter; to resume, begin after it.
    through_sequence: i32,
    /// When this was sent, had all that was stored been sent?
    caught_up: bool,
    /// Is the run over, and is this the end of its log?
    complete: bool,
    /// Up to this number lines were deleted by retention; null when none were.
    missing_through: Option<i32>,
}

impl From<app::LogBatch> for LogBatch {
    fn from(batch: app::LogBatch) -> Self {
        Self {
            entries: batch.entries.into_iter().map(LogEntry).collect(),
            through_sequence: batch.through,
            caught_up: batch.caught_up,
            complete: batch.complete,
            missing_through: batch.missing_through,
        }
    }
}

/// A run's new state.
#[derive(SimpleObject, Clone)]
pub(crate) struct ExecutionUpdate {
    /// The run by now.
    execution: Execution,
    /// The steps that are other than when this subscription last sent them; at first, all that were reached.
    changed_steps: Vec<StepRun>,
    /// Will nothing follow?
    complete: bool,
}

impl From<app::ExecutionState> for ExecutionUpdate {
    fn from(state: app::ExecutionState) -> Self {
        Self {
            changed_steps: state.changed_steps.into_iter().map(|row| StepRun::new(&state.scope, row)).collect(),
            execution: Execution::new(&state.scope, state.execution),
            complete: state.complete,
        }
    }
}

#[derive(Default)]
pub(crate) struct ExecutionSubscriptions;

#[Subscription]
impl ExecutionSubscriptions {
    /// The log of one run: first the lines stored, then each new one, in order; none is missing and none comes twice.
    /// It ends with the last line of a run that is over.
    async fn execution_logs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The execution to follow.")] execution_id: ID,
        #[graphql(desc = "Only lines with a higher number are sent; with 0 all are.", default = 0)] after: i32,
        #[graphql(desc = "Which lines to keep. The numbers have holes then; resume from `throughSequence`.")] filter: Option<
            LogFilterInput,
        >,
    ) -> Result<impl Stream<Item = Result<LogBatch>> + use<>> {
        let filter = filter.unwrap_or_default().into();
        let follower = ctx.app()?.follow_logs(ctx.principal()?, parse_id(&execution_id)?, (after, filter)).await?;
        Ok(unfold(follower, |mut follower| async {
            let batch = follower.next().await?;
            Some((batch.map(Into::into).map_err(Into::into), follower))
        }))
    }

    /// The state of one run: as it is, and then whenever it changes. States between may be skipped, the final one is
    /// not; the stream ends with it.
    async fn execution_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The execution to follow.")] execution_id: ID,
    ) -> Result<impl Stream<Item = Result<ExecutionUpdate>> + use<>> {
        let follower = ctx.app()?.follow_execution(ctx.principal()?, parse_id(&execution_id)?).await?;
        Ok(unfold(follower, |mut follower| async {
            let state = follower.next().await?;
            Some((state.map(Into::into).map_err(Into::into), follower))
        }))
    }
}
