//! Connectors and their versions.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};

use crate::app::ExecutionFilter;
use crate::app::definitions;
use crate::auth::WorkspaceScope;
use crate::domain::connector as domain;
use crate::domain::page::PageRequest;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::{Error, Result};
use crate::graphql::scalar::{DateTime, Json, int};

use super::definition::CredentialSlot;
use super::{
    Actor, Connection, ConnectorStatus, Credential, DefinitionView, Execution, ExecutionFilterInput, PageArgs, TemplateInstallation,
    Workspace, page_cost,
};

/// A connector of a workspace.
#[derive(Clone)]
pub(crate) struct Connector {
    scope: WorkspaceScope,
    row: Arc<domain::Connector>,
}

impl Connector {
    pub(crate) fn new(scope: &WorkspaceScope, row: impl Into<Arc<domain::Connector>>) -> Self {
        Self { scope: scope.clone(), row: row.into() }
    }
}

/// A way to call an API that a workspace made or installed.
#[Object]
impl Connector {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The name programs use, unique in the workspace.
    async fn key(&self) -> &str {
        &self.row.key
    }

    /// The name people see.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// What it is good for, in Markdown.
    async fn description(&self) -> Option<&str> {
        self.row.description.as_deref()
    }

    /// An emoji, or an icon's name.
    async fn icon(&self) -> Option<&str> {
        self.row.icon.as_deref()
    }

    /// Labels people chose freely.
    async fn tags(&self) -> &[String] {
        &self.row.tags
    }

    /// The workspace it is in.
    async fn workspace(&self, ctx: &Context<'_>) -> Result<Workspace> {
        Workspace::of(ctx, &self.scope).await
    }

    /// Whether it can run.
    async fn status(&self) -> ConnectorStatus {
        self.row.status.into()
    }

    /// A number that rises with each change.
    async fn revision(&self) -> i32 {
        self.row.revision
    }

    /// The definition as it is being edited.
    async fn draft(&self) -> DefinitionView {
        DefinitionView::new(self.row.draft.clone())
    }

    /// Is the draft other than what is published?
    async fn has_unpublished_changes(&self) -> bool {
        self.row.published_hash.as_ref().is_none_or(|published| *published != definitions::hash(&self.row.draft))
    }

    /// The version that runs; null before the first was published.
    async fn published_version(&self, ctx: &Context<'_>) -> Result<Option<ConnectorVersion>> {
        let Some(id) = self.row.published_version_id else { return Ok(None) };
        Ok(ctx.loaders()?.version(&self.scope, id).await?.map(|row| ConnectorVersion::new(&self.scope, row)))
    }

    /// Every published version, the newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn versions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<ConnectorVersion>> {
        let page = PageArgs { first, after, last, before }.request(ctx)?;
        let found = ctx.app()?.list_versions(&self.scope, self.row.id, &page).await?;
        Ok(found.map(|row| ConnectorVersion::new(&self.scope, row)).into())
    }

    /// What is set for its `configSchema`.
    async fn config(&self) -> Json {
        Json(self.row.config.clone())
    }

    /// How many of its executions may run at one time; null when the workspace's setting applies.
    async fn max_concurrency(&self) -> Option<i32> {
        self.row.max_concurrency.map(int)
    }

    /// The credential in each slot of the draft. At most 20.
    async fn credential_bindings(&self, ctx: &Context<'_>) -> Result<Vec<CredentialBinding>> {
        let slots = definitions::compile(&self.row.draft).definition.map(|definition| definition.credentials).unwrap_or_default();
        let mut bindings = Vec::with_capacity(slots.len());
        for (name, slot) in &slots {
            let credential = match self.row.bindings.get(name) {
                Some(id) => ctx.loaders()?.credential(&self.scope, *id).await?.map(|row| Credential::new(&self.scope, row)),
                None => None,
            };
            bindings.push(CredentialBinding { slot: CredentialSlot::new(name, slot), credential });
        }
        Ok(bindings)
    }

    /// Where it comes from, if it was made from a template.
    async fn installation(&self) -> Option<TemplateInstallation> {
        TemplateInstallation::of(&self.scope, Arc::clone(&self.row))
    }

    /// Its executions, the newest first.
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
        if filter.connector_id.is_some_and(|asked| asked != self.row.id) {
            return Err(Error::BadUserInput("This list is of one connector; leave `connectorId` out.".to_owned()));
        }
        filter.connector_id = Some(self.row.id);
        Ok(ctx.app()?.list_executions(&self.scope, &filter, &page).await?.map(|row| Execution::new(&self.scope, row)).into())
    }

    /// Its newest execution, tests left out.
    async fn last_execution(&self, ctx: &Context<'_>) -> Result<Option<Execution>> {
        let filter = ExecutionFilter { connector_id: Some(self.row.id), ..ExecutionFilter::default() };
        let found = ctx.app()?.list_executions(&self.scope, &filter, &PageRequest::first(1)).await?;
        Ok(found.items.into_iter().next().map(|(_, row)| Execution::new(&self.scope, row)))
    }

    /// The party that made it.
    async fn created_by(&self) -> Option<Actor> {
        Some((&self.row.created_by).into())
    }

    /// The time it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.row.created_at)
    }

    /// The party that changed it last.
    async fn updated_by(&self) -> Option<Actor> {
        Some((&self.row.updated_by).into())
    }

    /// The time of its last change.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.row.updated_at)
    }
}

/// A credential in its slot.
#[derive(SimpleObject, Clone)]
pub(crate) struct CredentialBinding {
    /// The place for a credential.
    slot: CredentialSlot,
    /// What fills it; null when nothing does, or what did is gone.
    credential: Option<Credential>,
}

/// A published version.
#[derive(Clone)]
pub(crate) struct ConnectorVersion {
    scope: WorkspaceScope,
    row: Arc<domain::ConnectorVersion>,
}

impl ConnectorVersion {
    pub(crate) fn new(scope: &WorkspaceScope, row: impl Into<Arc<domain::ConnectorVersion>>) -> Self {
        Self { scope: scope.clone(), row: row.into() }
    }
}

/// A connector as it was published; it never changes.
#[Object]
impl ConnectorVersion {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The connector it is a version of.
    async fn connector(&self, ctx: &Context<'_>) -> Result<Connector> {
        let found = ctx.loaders()?.connector(&self.scope, self.row.connector_id).await?;
        Ok(Connector::new(&self.scope, found.ok_or(Error::NotFound)?))
    }

    /// Its number: 1, then 2, 3 and so on.
    async fn number(&self) -> i32 {
        self.row.number
    }

    /// What it does.
    async fn definition(&self) -> DefinitionView {
        DefinitionView::new(self.row.definition.clone())
    }

    /// What changed, as its publisher put it.
    async fn note(&self) -> Option<&str> {
        self.row.note.as_deref()
    }

    /// The party that published it.
    async fn published_by(&self) -> Option<Actor> {
        Some((&self.row.published_by).into())
    }

    /// The time it was published.
    async fn published_at(&self) -> DateTime {
        DateTime(self.row.published_at)
    }
}
