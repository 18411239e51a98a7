//! Contacts, and what connectors wrote to them.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use serde_json::Value;

use crate::auth::WorkspaceScope;
use crate::domain::contact as domain;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::{Error, Result};
use crate::graphql::scalar::{DateTime, Json};

use super::{Connection, Execution, ExecutionFilterInput, FieldChangeOutcome, PageArgs, Workspace, page_cost};

/// A contact of a workspace.
#[derive(Clone)]
pub(crate) struct Contact {
    scope: WorkspaceScope,
    row: Arc<domain::Contact>,
}

impl Contact {
    pub(crate) fn new(scope: &WorkspaceScope, row: impl Into<Arc<domain::Contact>>) -> Self {
        Self { scope: scope.clone(), row: row.into() }
    }
}

/// A person or company about whom connectors find things out.
#[Object]
impl Contact {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The workspace it is in.
    async fn workspace(&self, ctx: &Context<'_>) -> Result<Workspace> {
        Workspace::of(ctx, &self.scope).await
    }

    /// The key the host application gave it, unique in the workspace.
    async fn key(&self) -> Option<&str> {
        self.row.key.as_deref()
    }

    /// An e-mail address.
    async fn email(&self) -> Option<&str> {
        self.row.email.as_deref()
    }

    /// A phone number, in the form of E.164 where it could be read.
    async fn phone(&self) -> Option<&str> {
        self.row.phone.as_deref()
    }

    /// The given name.
    async fn first_name(&self) -> Option<&str> {
        self.row.first_name.as_deref()
    }

    /// The family name.
    async fn last_name(&self) -> Option<&str> {
        self.row.last_name.as_deref()
    }

    /// What the company is called.
    async fn company(&self) -> Option<&str> {
        self.row.company.as_deref()
    }

    /// All the rest.
    async fn attributes(&self) -> Json {
        Json(Value::Object(self.row.attributes.clone()))
    }

    /// The origin of each value there is: for each field, the newest change that was written. At most 200.
    async fn sources(&self, ctx: &Context<'_>) -> Result<Vec<ContactFieldChange>> {
        let found = ctx.app()?.contact_sources(&self.scope, self.row.id).await?;
        Ok(found.into_iter().map(|row| ContactFieldChange::new(&self.scope, row)).collect())
    }

    /// What connectors did to its fields, the newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn field_changes(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<ContactFieldChange>> {
        let page = PageArgs { first, after, last, before }.request(ctx)?;
        let found = ctx.app()?.list_field_changes(&self.scope, self.row.id, &page).await?;
        Ok(found.map(|row| ContactFieldChange::new(&self.scope, row)).into())
    }

    /// The executions run for it, the newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn executions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which ones to keep.")] filter: Option<ExecutionFilterInput>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Execution>> {
        let page = PageArgs { first, after, last, before }.request(ctx)?;
        let mut filter = filter.unwrap_or_default().into_filter(ctx.app()?)?;
        if filter.contact_id.is_some_and(|asked| asked != self.row.id) {
            return Err(Error::BadUserInput("This list is of one contact; leave `contactId` out.".to_owned()));
        }
        filter.contact_id = Some(self.row.id);
        Ok(ctx.app()?.list_executions(&self.scope, &filter, &page).await?.map(|row| Execution::new(&self.scope, row)).into())
    }

    /// A number that rises with each change.
    async fn revision(&self) -> i32 {
        self.row.revision
    }

    /// The time it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.row.created_at)
    }

    /// The time of its last change.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.row.updated_at)
    }
}

/// What became of one mapped value.
#[derive(Clone)]
pub(crate) struct ContactFieldChange {
    scope: WorkspaceScope,
    row: Arc<domain::FieldChange>,
}

impl ContactFieldChange {
    pub(crate) fn new(scope: &WorkspaceScope, row: domain::FieldChange) -> Self {
        Self { scope: scope.clone(), row: Arc::new(row) }
    }
}

/// What became of one value that was mapped to a contact.
#[Object]
impl ContactFieldChange {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The contact concerned; null when it is gone, or a test had none.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        let Some(id) = self.row.contact_id else { return Ok(None) };
        Ok(ctx.loaders()?.contact(&self.scope, id).await?.map(|row| Contact::new(&self.scope, row)))
    }

    /// The field concerned, e.g. `email` or `attributes.company.size`.
    async fn contact_field(&self) -> &str {
        &self.row.field
    }

    /// What the field held.
    async fn before(&self) -> Option<Json> {
        Some(Json(self.row.before.clone())).filter(|value| !value.0.is_null())
    }

    /// What the mapping gave.
    async fn after(&self) -> Option<Json> {
        Some(Json(self.row.after.clone())).filter(|value| !value.0.is_null())
    }

    /// How it ended.
    async fn outcome(&self) -> FieldChangeOutcome {
        self.row.outcome.into()
    }

    /// In words, why nothing was written.
    async fn reason(&self) -> Option<&str> {
        self.row.reason.as_deref()
    }

    /// How certain the value is, from 0 to 1.
    async fn confidence(&self) -> Option<f64> {
        self.row.confidence
    }

    /// The step that gave it.
    async fn step_path(&self) -> Option<&str> {
        self.row.step_path.as_deref()
    }

    /// The host that gave it.
    async fn source(&self) -> Option<&str> {
        self.row.source.as_deref()
    }

    /// The time from which it is stale.
    async fn stale_at(&self) -> Option<DateTime> {
        self.row.stale_at.map(DateTime)
    }

    /// The execution that did it; null when that is gone.
    async fn execution(&self, ctx: &Context<'_>) -> Result<Option<Execution>> {
        let found = ctx.app()?.find_execution_in(&self.scope, self.row.execution_id).await?;
        Ok(found.map(|row| Execution::new(&self.scope, row)))
    }

    /// The time it was done.
    async fn occurred_at(&self) -> DateTime {
        DateTime(self.row.occurred_at)
    }
}
