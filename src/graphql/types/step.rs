//! Steps of an execution, their attempts and the calls these made.

#![expect(clippy::unused_async, reason = "the library wants every resolver to be async")]

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};

use crate::auth::WorkspaceScope;
use crate::domain::exchange;
use crate::domain::execution as domain;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::Result;
use crate::graphql::scalar::{DateTime, Json, SafeInt, between, int};

use super::{Connection, ExecutionError, HttpMethod, PageArgs, StepStatus, page_cost};

/// Calls one attempt shows.
const EXCHANGES: usize = 50;
/// Bytes of a body that are shown at most.
const PREVIEW_BYTES: usize = 262_144;

/// One step in one execution.
#[derive(Clone)]
pub(crate) struct StepRun {
    scope: WorkspaceScope,
    row: Arc<domain::StepRun>,
}

impl StepRun {
    pub(crate) fn new(scope: &WorkspaceScope, row: domain::StepRun) -> Self {
        Self { scope: scope.clone(), row: Arc::new(row) }
    }

    pub(crate) fn is_at(&self, path: &str) -> bool {
        self.row.path == path
    }
}

/// One step in one execution.
#[Object]
impl StepRun {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// Its place in the run: its path in the definition, with the turn of a loop in square brackets, e.g. `each[3]/post`.
    async fn path(&self) -> &str {
        &self.row.path
    }

    /// Its own name.
    async fn key(&self) -> &str {
        self.row.path.rsplit('/').next().unwrap_or(&self.row.path)
    }

    /// The name people see.
    async fn title(&self) -> &str {
        &self.row.title
    }

    /// What kind of step it is.
    async fn kind(&self) -> &str {
        &self.row.kind
    }

    /// Where it stands.
    async fn status(&self) -> StepStatus {
        self.row.status.into()
    }

    /// The time its first attempt began.
    async fn started_at(&self) -> Option<DateTime> {
        self.row.started_at.map(DateTime)
    }

    /// The time it ended.
    async fn finished_at(&self) -> Option<DateTime> {
        self.row.finished_at.map(DateTime)
    }

    /// Milliseconds from its start to its end, or to now; waits count.
    async fn duration_ms(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        let now = ctx.app()?.clock().now();
        Ok(self.row.started_at.map(|start| between(start, self.row.finished_at.unwrap_or(now))))
    }

    /// Its attempts, the first in front. At most 20.
    async fn attempts(&self) -> Vec<StepAttempt> {
        self.row.attempts.iter().map(Into::into).collect()
    }

    /// The steps in it, in the order they began: of the branch taken, of the providers asked, of each turn of a loop.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn children(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<StepRun>> {
        let page = PageArgs { first, after, last, before }.request(ctx)?;
        let found = ctx.app()?.list_steps_within(&self.scope, &self.row, &page).await?;
        Ok(found.map(|row| StepRun::new(&self.scope, row)).into())
    }

    /// Did the result come from the cache?
    async fn cached(&self) -> bool {
        self.row.cached
    }

    /// What it cost, in the definition's own units.
    async fn cost(&self) -> f64 {
        self.row.cost
    }

    /// What later steps see of it, redacted paths masked.
    async fn output(&self) -> Option<Json> {
        self.row.output.clone().map(Json)
    }

    /// What was taken from its result, by name, redacted paths masked.
    async fn extracted(&self) -> Option<Json> {
        self.row.output.clone().filter(|_| self.row.kind == "http").map(Json)
    }

    /// Why it failed.
    async fn error(&self) -> Option<ExecutionError> {
        self.row.error.as_ref().map(Into::into)
    }

    /// In words, why it was left out.
    async fn skip_reason(&self) -> Option<&str> {
        self.row.skip_reason.as_deref()
    }
}

/// One attempt at a step.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct StepAttempt {
    /// Its number; the first is 1.
    number: i32,
    /// The time it began.
    started_at: DateTime,
    /// The time it ended.
    finished_at: Option<DateTime>,
    /// Milliseconds it took.
    duration_ms: Option<i32>,
    /// Why it failed.
    error: Option<ExecutionError>,
    /// The calls it made, in order. At most 50; `exchangeCount` has the number of all.
    exchanges: Vec<HttpExchange>,
    /// The number of calls it made.
    exchange_count: i32,
    /// The time of the next attempt, if there is to be one.
    next_attempt_at: Option<DateTime>,
}

impl From<&domain::StepAttempt> for StepAttempt {
    fn from(attempt: &domain::StepAttempt) -> Self {
        Self {
            number: int(attempt.number),
            started_at: DateTime(attempt.started_at),
            finished_at: attempt.finished_at.map(DateTime),
            duration_ms: attempt.finished_at.map(|end| between(attempt.started_at, end)),
            error: attempt.error.as_ref().map(Into::into),
            exchanges: attempt.exchanges.iter().take(EXCHANGES).map(Into::into).collect(),
            exchange_count: int(attempt.exchanges.len()),
            next_attempt_at: attempt.next_attempt_at.map(DateTime),
        }
    }
}

/// One call to a service; its secrets are masked.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct HttpExchange {
    /// How it was called.
    method: HttpMethod,
    /// The address that was called.
    url: String,
    /// The header lines that were sent.
    request_headers: Vec<HttpHeader>,
    /// The body that was sent.
    request_body: Option<PayloadPreview>,
    /// The answer's status; null when no answer came.
    status: Option<i32>,
    /// The header lines that came back.
    response_headers: Vec<HttpHeader>,
    /// The body that came back.
    response_body: Option<PayloadPreview>,
    /// The time the call began.
    started_at: DateTime,
    /// Milliseconds it took.
    duration_ms: Option<i32>,
    /// Milliseconds before the answer's first byte.
    time_to_first_byte_ms: Option<i32>,
    /// Why no answer could be used.
    error: Option<ExecutionError>,
}

impl From<&exchange::Exchange> for HttpExchange {
    fn from(made: &exchange::Exchange) -> Self {
        Self {
            method: made.method.into(),
            url: made.url.clone(),
            request_headers: headers(&made.request_headers),
            request_body: made.request_body.clone().map(PayloadPreview::new),
            status: made.status.map(i32::from),
            response_headers: headers(&made.response_headers),
            response_body: made.response_body.clone().map(PayloadPreview::new),
            started_at: DateTime(made.started_at),
            duration_ms: made.duration_ms.map(int),
            time_to_first_byte_ms: made.first_byte_ms.map(int),
            error: made.error.as_ref().map(Into::into),
        }
    }
}

/// One header line.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct HttpHeader {
    /// What it is called.
    name: String,
    /// What it says; masked where that is secret.
    value: String,
}

fn headers(lines: &[(String, String)]) -> Vec<HttpHeader> {
    lines.iter().map(|(name, value)| HttpHeader { name: name.clone(), value: value.clone() }).collect()
}

/// A body's beginning: large ones are cut, so that they can be shown quickly.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(complex)]
pub(crate) struct PayloadPreview {
    /// The body's media type.
    content_type: Option<String>,
    /// The whole body's size in bytes.
    size_bytes: SafeInt,
    /// Does `text` lack a part of the body?
    truncated: bool,
    #[graphql(skip)]
    shown: Option<String>,
}

impl PayloadPreview {
    fn new(preview: exchange::PayloadPreview) -> Self {
        Self {
            content_type: preview.content_type,
            size_bytes: SafeInt(i64::try_from(preview.size_bytes).unwrap_or(i64::MAX)),
            truncated: preview.truncated,
            shown: preview.text,
        }
    }
}

#[ComplexObject]
impl PayloadPreview {
    /// The body as a text; null when it is binary or was not recorded.
    async fn text(
        &self,
        #[graphql(desc = "How many bytes to give at most; 262144 is the limit.", default = 16384)] max_bytes: i32,
    ) -> Option<&str> {
        let text = self.shown.as_deref()?;
        let wanted = usize::try_from(max_bytes).unwrap_or(0).min(PREVIEW_BYTES);
        let end = (0..=wanted.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.get(..end)
    }
}
