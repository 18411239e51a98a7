//! Starting and stopping executions.

use std::time::Duration;

use async_graphql::{Context, ID, InputObject, Object};

use crate::app::{self, Mistake};
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::Result;
use crate::graphql::patience::announce;
use crate::graphql::scalar::{Json, parse_id, parse_optional_id};
use crate::graphql::types::{ContactLookup, Execution, ExecutionTrigger};

use super::payload::{ExecutionCancelPayload, ExecutionStartPayload};

/// What `executionStart` needs.
#[derive(InputObject, Debug)]
pub(crate) struct ExecutionStartInput {
    /// The connector to run.
    connector_id: ID,
    /// Which version of it; the published one unless told.
    version_id: Option<ID>,
    /// What it asks for.
    input: Option<Json>,
    /// The contact it runs for.
    contact: Option<ContactLookup>,
    /// Labels. At most 10.
    tags: Option<Vec<String>>,
    /// What sets it going; for people MANUAL, for services API unless told. FLOW may be told.
    trigger: Option<ExecutionTrigger>,
    /// The milliseconds to wait for its end, at most 30000; with 0 the answer comes at once. A run that takes longer
    /// goes on, and `finished` is false.
    #[graphql(default = 0)]
    wait_ms: i32,
    /// The milliseconds after which it is given up, if it has not begun.
    expires_after_ms: Option<i32>,
    /// With it the same can safely be sent again, for 30 days.
    idempotency_key: Option<String>,
}

impl ExecutionStartInput {
    fn into_request(self) -> Result<Result<app::StartRequest, Mistake>> {
        let spans = wait(self.wait_ms, "waitMs")
            .and_then(|first| Ok((first, self.expires_after_ms.map(|after| wait(after, "expiresAfterMs")).transpose()?)));
        let (wait, expires_after) = match spans {
            Ok(spans) => spans,
            Err(mistake) => return Ok(Err(mistake)),
        };
        Ok(Ok(app::StartRequest {
            connector_id: parse_id(&self.connector_id)?,
            version_id: parse_optional_id(self.version_id.as_ref())?,
            input: self.input.map(|input| input.0),
            contact: self.contact.map(ContactLookup::into_reference).transpose()?,
            tags: self.tags.unwrap_or_default(),
            trigger: self.trigger.map(Into::into),
            wait,
            expires_after,
            idempotency_key: self.idempotency_key,
        }))
    }
}

/// What `executionCancel` needs.
#[derive(InputObject, Debug)]
pub(crate) struct ExecutionCancelInput {
    /// The execution to stop.
    id: ID,
}

/// A span given in milliseconds.
pub(super) fn wait(milliseconds: i32, member: &str) -> Result<Duration, Mistake> {
    let milliseconds = u64::try_from(milliseconds).map_err(|_| Mistake::invalid(&[member], "A span of time may not be negative."))?;
    Ok(Duration::from_millis(milliseconds))
}

#[derive(Default)]
pub(crate) struct ExecutionMutations;

#[Object]
impl ExecutionMutations {
    /// Runs a connector. Requires OPERATOR.
    #[graphql(complexity = "50 + child_complexity")]
    async fn execution_start(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to run, and on what.")] input: ExecutionStartInput,
    ) -> Result<Option<ExecutionStartPayload>> {
        let (app, principal) = (ctx.app()?, ctx.principal()?);
        let done = match input.into_request()? {
            Ok(request) => {
                announce(ctx, request.wait);
                Box::pin(app.start(principal, request)).await
            }
            Err(mistake) => Err(mistake.into()),
        };
        ExecutionStartPayload::of(done, |started| ExecutionStartPayload {
            execution: Some(Execution::new(&started.scope, started.execution)),
            finished: Some(started.finished),
            repeated: Some(started.repeated),
            ..Default::default()
        })
    }

    /// Stops an execution and breaks off its calls under way. Requires OPERATOR.
    #[graphql(complexity = "10 + child_complexity")]
    async fn execution_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The execution to stop.")] input: ExecutionCancelInput,
    ) -> Result<Option<ExecutionCancelPayload>> {
        let done = ctx.app()?.cancel(ctx.principal()?, parse_id(&input.id)?).await;
        ExecutionCancelPayload::of(done, |(row, scope)| ExecutionCancelPayload {
            execution: Some(Execution::new(&scope, row)),
            ..Default::default()
        })
    }
}
