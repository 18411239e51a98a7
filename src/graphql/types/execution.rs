//! Executions.

#![expect(clippy::unused_async, reason = "the library wants every resolver to be async")]

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};

use crate::auth::{Permission, WorkspaceScope};
use crate::domain::execution as domain;
use crate::domain::id::StepRunId;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::Result;
use crate::graphql::scalar::{DateTime, Json, JsonPointer, between, int};

use super::{
    Actor, Connection, Connector, Contact, ContactFieldChange, ErrorClass, ExecutionAction, ExecutionErrorCode, ExecutionKind,
    ExecutionStatus, ExecutionTrigger, LogEntry, LogFilterInput, PageArgs, StepRun, Workspace, page_cost,
};

/// Steps one execution shows at the top.
const STEPS: usize = 200;

/// One run of a connector.
#[derive(Clone)]
pub(crate) struct Execution {
    scope: WorkspaceScope,
    row: Arc<domain::Execution>,
}

impl Execution {
    pub(crate) fn new(scope: &WorkspaceScope, row: domain::Execution) -> Self {
        Self { scope: scope.clone(), row: Arc::new(row) }
    }
}

/// One run of a connector.
#[Object]
impl Execution {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The number people see, counted in each workspace.
    async fn number(&self) -> i32 {
        int(self.row.number)
    }

    /// Whether it counts or is a test.
    async fn kind(&self) -> ExecutionKind {
        self.row.kind.into()
    }

    /// Where it stands.
    async fn status(&self) -> ExecutionStatus {
        self.row.status.into()
    }

    /// Will `status` stay as it is for ever?
    async fn finished(&self) -> bool {
        self.row.status.is_final()
    }

    /// A number that rises with each change of state; it orders what `executionUpdated` sends.
    async fn revision(&self) -> i32 {
        self.row.revision
    }

    /// The workspace it runs in.
    async fn workspace(&self, ctx: &Context<'_>) -> Result<Workspace> {
        Workspace::of(ctx, &self.scope).await
    }

    /// What was run; null when it is gone, or was a definition never saved.
    async fn connector(&self, ctx: &Context<'_>) -> Result<Option<Connector>> {
        let Some(id) = self.row.connector_id else { return Ok(None) };
        Ok(ctx.loaders()?.connector(&self.scope, id).await?.map(|row| Connector::new(&self.scope, row)))
    }

    /// Which version was run; null for the test of a draft.
    async fn version(&self, ctx: &Context<'_>) -> Result<Option<super::ConnectorVersion>> {
        let Some(id) = self.row.version_id else { return Ok(None) };
        Ok(ctx.loaders()?.version(&self.scope, id).await?.map(|row| super::ConnectorVersion::new(&self.scope, row)))
    }

    /// What made it begin.
    async fn trigger(&self) -> ExecutionTrigger {
        self.row.trigger.into()
    }

    /// The party that made it begin.
    async fn started_by(&self) -> Actor {
        (&self.row.started_by).into()
    }

    /// The contact it was run for.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        let Some(id) = self.row.contact_id else { return Ok(None) };
        Ok(ctx.loaders()?.contact(&self.scope, id).await?.map(|row| Contact::new(&self.scope, row)))
    }

    /// Labels the caller gave. At most 10.
    async fn tags(&self) -> &[String] {
        &self.row.tags
    }

    /// What it was given, redacted paths masked; null once the definition it followed is deleted, with its connector.
    async fn input(&self, ctx: &Context<'_>) -> Result<Option<Json>> {
        Ok(ctx.app()?.shown_input(&self.scope, &self.row).await?.map(Json))
    }

    /// What came out of it, redacted paths masked; null until it has succeeded.
    async fn output(&self) -> Option<Json> {
        self.row.output.clone().map(Json)
    }

    /// The word by which the definition says how it ended, e.g. `no_match`.
    async fn result(&self) -> Option<&str> {
        self.row.result.as_deref()
    }

    /// What its steps cost together, in the definition's own units.
    async fn cost(&self) -> f64 {
        self.row.cost
    }

    /// Why it did not succeed.
    async fn error(&self) -> Option<ExecutionError> {
        self.row.error.as_ref().map(Into::into)
    }

    /// The number of warnings in its log.
    async fn warning_count(&self) -> i32 {
        self.row.warning_count
    }

    /// How far it has come.
    async fn progress(&self) -> ExecutionProgress {
        ExecutionProgress {
            finished_steps: self.row.finished_steps,
            total_steps: self.row.total_steps,
            current_step_path: self.row.current_step_path.clone(),
        }
    }

    /// Its top steps in the definition's order, those still to come included. At most 200.
    async fn steps(&self, ctx: &Context<'_>) -> Result<Vec<StepRun>> {
        let reached = ctx.app()?.list_top_steps(&self.scope, self.row.id, STEPS as u64).await?;
        let mut steps: Vec<StepRun> = reached.into_iter().map(|row| StepRun::new(&self.scope, row)).collect();
        for row in self.pending(ctx).await?.into_iter().filter(|row| row.parent_path.is_none()) {
            if steps.len() < STEPS && !steps.iter().any(|step| step.is_at(&row.path)) {
                steps.push(StepRun::new(&self.scope, row));
            }
        }
        Ok(steps)
    }

    /// The step at this path.
    async fn step(&self, ctx: &Context<'_>, #[graphql(desc = "The step's path.")] path: String) -> Result<Option<StepRun>> {
        if let Some(found) = ctx.app()?.find_step(&self.scope, self.row.id, &path).await? {
            return Ok(Some(StepRun::new(&self.scope, found)));
        }
        Ok(self.pending(ctx).await?.into_iter().find(|row| row.path == path).map(|row| StepRun::new(&self.scope, row)))
    }

    /// What became of each value for the contact; for a test, what would have. At most 200.
    async fn field_changes(&self, ctx: &Context<'_>) -> Result<Vec<ContactFieldChange>> {
        let found = ctx.app()?.execution_field_changes(&self.scope, self.row.id).await?;
        Ok(found.into_iter().map(|row| ContactFieldChange::new(&self.scope, row)).collect())
    }

    /// The newest log line's number; 0 before the first.
    async fn last_log_sequence(&self) -> i32 {
        self.row.last_log_sequence
    }

    /// The log lines stored so far, in order. To watch a run, subscribe to `executionLogs`.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn logs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which lines to keep.")] filter: Option<LogFilterInput>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<LogEntry>> {
        let page = PageArgs { first, after, last, before }.request(ctx)?;
        let filter = filter.unwrap_or_default().into();
        Ok(ctx.app()?.list_logs(&self.scope, (self.row.id, &filter), &page).await?.map(LogEntry).into())
    }

    /// The time it was asked for.
    async fn queued_at(&self) -> DateTime {
        DateTime(self.row.queued_at)
    }

    /// The time its first step began.
    async fn started_at(&self) -> Option<DateTime> {
        self.row.started_at.map(DateTime)
    }

    /// The time it ended.
    async fn finished_at(&self) -> Option<DateTime> {
        self.row.finished_at.map(DateTime)
    }

    /// Milliseconds from its start to its end, or to now.
    async fn duration_ms(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        let now = ctx.app()?.clock().now();
        Ok(self.row.started_at.map(|start| between(start, self.row.finished_at.unwrap_or(now))))
    }

    /// What whoever asks may do with it at this moment.
    async fn available_actions(&self) -> Vec<ExecutionAction> {
        let running = !self.row.status.is_final() && !self.row.cancel_requested;
        if running && self.scope.permits(Permission::Run) { vec![ExecutionAction::Cancel] } else { Vec::new() }
    }
}

impl Execution {
    /// Steps of the plan as if none had been reached; of loops the first turn.
    async fn pending(&self, ctx: &Context<'_>) -> Result<Vec<domain::StepRun>> {
        let Some(plan) = ctx.app()?.plan_behind(&self.scope, &self.row).await? else { return Ok(Vec::new()) };
        let rows = (0_i32..).zip(plan.every_step()).map(|(position, step)| domain::StepRun {
            // A step not reached has no row; its id is its run's, moved on by its place.
            id: StepRunId::from_uuid(uuid::Uuid::from_u128(self.row.id.uuid().as_u128() ^ (u128::from(position.unsigned_abs()) + 1))),
            execution_id: self.row.id,
            workspace_id: self.row.workspace_id,
            path: step.path.clone(),
            parent_path: step.parent_path.clone(),
            position,
            title: step.title.clone(),
            kind: step.kind().to_owned(),
            status: if self.row.status.is_final() { domain::StepStatus::Skipped } else { domain::StepStatus::Pending },
            started_at: None,
            finished_at: None,
            attempts: Vec::new(),
            cost: 0.0,
            output: None,
            error: None,
            skip_reason: self.row.status.is_final().then(|| "The run ended before it.".to_owned()),
            memory: None,
            cached: false,
        });
        Ok(rows.collect())
    }
}

/// How far an execution has come.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct ExecutionProgress {
    /// The number of top steps that have ended in some way.
    finished_steps: i32,
    /// The number of top steps there are.
    total_steps: i32,
    /// The step being run, by path.
    current_step_path: Option<String>,
}

/// Why an execution or a step failed.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct ExecutionError {
    /// A fixed word for programs.
    code: ExecutionErrorCode,
    /// What sort of trouble it is: it says whose turn it is.
    error_class: ErrorClass,
    /// A sentence for people; it holds no secret.
    message: String,
    /// What can be done, where that is known.
    hint: Option<String>,
    /// The step where it happened.
    step_path: Option<String>,
    /// The attempt in which it happened.
    attempt: Option<i32>,
    /// The answer's HTTP status, if an answer came.
    http_status: Option<i32>,
    /// May another attempt go better?
    retryable: bool,
    /// The cause's place in the definition, if it lies there.
    pointer: Option<JsonPointer>,
}

impl From<&domain::ExecutionError> for ExecutionError {
    fn from(error: &domain::ExecutionError) -> Self {
        Self {
            code: error.code.into(),
            error_class: error.class.into(),
            message: error.message.clone(),
            hint: error.hint.clone(),
            step_path: error.step_path.clone(),
            attempt: error.attempt.map(int),
            http_status: error.http_status.map(i32::from),
            retryable: error.retryable,
            pointer: error.pointer.clone().map(JsonPointer),
        }
    }
}
