//! Workspaces and their members.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};

use crate::auth::WorkspaceScope;
use crate::domain::workspace as domain;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::Result;
use crate::graphql::scalar::{DateTime, int};

use super::{
    Actor, Connection, Connector, ConnectorFilterInput, ConnectorOrderInput, Contact, ContactFilterInput, ContactLookup, Credential,
    CredentialFilterInput, Execution, ExecutionFilterInput, PageArgs, WorkspacePermission, WorkspaceRole, page_cost,
};

/// A tenant.
#[derive(Clone)]
pub(crate) struct Workspace {
    scope: WorkspaceScope,
    row: Arc<domain::Workspace>,
}

impl Workspace {
    pub(crate) fn new(scope: &WorkspaceScope, row: domain::Workspace) -> Self {
        Self { scope: scope.clone(), row: Arc::new(row) }
    }

    /// The workspace a scope is for, read now.
    pub(crate) async fn of(ctx: &Context<'_>, scope: &WorkspaceScope) -> Result<Self> {
        Ok(Self::new(scope, ctx.app()?.get_workspace(scope).await?))
    }
}

/// A tenant. No other workspace sees anything of what is in it.
#[Object]
impl Workspace {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The key the host application gave it, e.g. `workspace_abc123`.
    async fn key(&self) -> &str {
        &self.row.key
    }

    /// The name people see.
    async fn name(&self) -> &str {
        &self.row.name
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

    /// The role of whoever asks; null for a service, which is no member but may do what an ADMIN may.
    async fn viewer_role(&self) -> Option<WorkspaceRole> {
        (self.scope.actor().kind != domain::ActorKind::Service).then(|| self.scope.role().into())
    }

    /// What whoever asks may do here, so that a client can show or hide controls.
    async fn viewer_permissions(&self) -> Vec<WorkspacePermission> {
        self.scope.role().permissions().into_iter().map(Into::into).collect()
    }

    /// Its settings.
    async fn settings(&self) -> WorkspaceSettings {
        WorkspaceSettings { max_concurrent_executions: int(self.row.max_concurrent_executions) }
    }

    /// The parties that belong to it.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn members(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<WorkspaceMember>> {
        let page = PageArgs { first, after, last, before }.request(ctx)?;
        Ok(ctx.app()?.list_members(&self.scope, &page).await?.map(WorkspaceMember).into())
    }

    /// The connectors in it.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "the four paging arguments and what the contract adds")]
    async fn connectors(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which ones to keep.")] filter: Option<ConnectorFilterInput>,
        #[graphql(desc = "Their order; those changed last come first unless told.")] order_by: Option<ConnectorOrderInput>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Connector>> {
        let page = PageArgs { first, after, last, before }.request(ctx)?;
        let filter = filter.unwrap_or_default().into_filter()?;
        let order = order_by.unwrap_or_default().into();
        Ok(ctx.app()?.list_connectors(&self.scope, (&filter, order), &page).await?.map(|row| Connector::new(&self.scope, row)).into())
    }

    /// The connector with this key.
    async fn connector(&self, ctx: &Context<'_>, #[graphql(desc = "The connector's key.")] key: String) -> Result<Option<Connector>> {
        let found = ctx.app()?.find_connector_by_key(&self.scope, &key).await?;
        Ok(found.map(|row| Connector::new(&self.scope, row)))
    }

    /// The contact named.
    async fn contact(&self, ctx: &Context<'_>, #[graphql(desc = "Which contact.")] by: ContactLookup) -> Result<Option<Contact>> {
        let found = ctx.app()?.find_contact_in(&self.scope, &by.into_reference()?).await?;
        Ok(found.map(|row| Contact::new(&self.scope, row)))
    }

    /// The credentials in it, secrets left out.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn credentials(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which ones to keep.")] filter: Option<CredentialFilterInput>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Credential>> {
        let page = PageArgs { first, after, last, before }.request(ctx)?;
        let filter = filter.unwrap_or_default().into();
        Ok(ctx.app()?.list_credentials(&self.scope, &filter, &page).await?.map(|row| Credential::new(&self.scope, row)).into())
    }

    /// The executions in it, the newest first.
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
        let filter = filter.unwrap_or_default().into_filter(ctx.app()?)?;
        Ok(ctx.app()?.list_executions(&self.scope, &filter, &page).await?.map(|row| Execution::new(&self.scope, row)).into())
    }

    /// The contacts in it.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which ones to keep.")] filter: Option<ContactFilterInput>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Contact>> {
        let page = PageArgs { first, after, last, before }.request(ctx)?;
        let filter = filter.unwrap_or_default().into_filter(ctx.app()?)?;
        Ok(ctx.app()?.list_contacts(&self.scope, &filter, &page).await?.map(|row| Contact::new(&self.scope, row)).into())
    }
}

/// What can be set for a workspace.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct WorkspaceSettings {
    /// How many executions may run at one time.
    max_concurrent_executions: i32,
}

/// A party's place in a workspace.
#[derive(Debug, Clone)]
pub(crate) struct WorkspaceMember(pub(crate) domain::Member);

/// A party's place in a workspace.
#[Object]
impl WorkspaceMember {
    /// The membership's global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The member's token subject.
    async fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The name people see.
    async fn display_name(&self) -> &str {
        self.0.display_name.as_deref().unwrap_or(&self.0.subject)
    }

    /// The e-mail address, where it is known.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// What the member may do.
    async fn role(&self) -> WorkspaceRole {
        self.0.role.into()
    }

    /// The time the member was added.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// The party that added the member.
    async fn added_by(&self) -> Option<Actor> {
        self.0.added_by.as_ref().map(Into::into)
    }
}
