//! Credentials, without their secrets.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};

use crate::app::App;
use crate::auth::WorkspaceScope;
use crate::domain::credential as domain;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::Result;
use crate::graphql::scalar::DateTime;

use super::{Actor, Connection, Connector, ConnectorOrderInput, CredentialHealth, CredentialKind, PageArgs, Workspace, page_cost};

/// A credential of a workspace.
#[derive(Clone)]
pub(crate) struct Credential {
    scope: WorkspaceScope,
    row: Arc<domain::Credential>,
}

impl Credential {
    pub(crate) fn new(scope: &WorkspaceScope, row: impl Into<Arc<domain::Credential>>) -> Self {
        Self { scope: scope.clone(), row: row.into() }
    }
}

/// What a workspace keeps to be let in by one outside service. Its secrets go in and never come out.
#[Object]
impl Credential {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The workspace it is in.
    async fn workspace(&self, ctx: &Context<'_>) -> Result<Workspace> {
        Workspace::of(ctx, &self.scope).await
    }

    /// The name people see, unique in the workspace.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// How the service gets to see it.
    async fn kind(&self) -> CredentialKind {
        self.row.kind.into()
    }

    /// Its parts: open ones as they are, secret ones masked. At most 20.
    async fn fields(&self) -> Vec<CredentialField> {
        self.row.fields.iter().map(Into::into).collect()
    }

    /// Hosts it may go to, with `*.` in front where all below count. Whatever a connector says, it goes nowhere else.
    async fn allowed_hosts(&self) -> &[String] {
        &self.row.allowed_hosts
    }

    /// Whether it works, as far as its last use told.
    async fn health(&self) -> CredentialHealth {
        self.row.health.into()
    }

    /// The time an execution last used it.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.row.last_used_at.map(DateTime)
    }

    /// The connectors that use it.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn connectors(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Connector>> {
        let page = PageArgs { first, after, last, before }.request(ctx)?;
        let filter = App::using_credential(self.row.id);
        let order = ConnectorOrderInput::default().into();
        Ok(ctx.app()?.list_connectors(&self.scope, (&filter, order), &page).await?.map(|row| Connector::new(&self.scope, row)).into())
    }

    /// A number that rises with each change.
    async fn revision(&self) -> i32 {
        self.row.revision
    }

    /// The party that made it.
    async fn created_by(&self) -> Option<Actor> {
        Some((&self.row.created_by).into())
    }

    /// The time it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.row.created_at)
    }

    /// The time its secrets were last replaced.
    async fn rotated_at(&self) -> DateTime {
        DateTime(self.row.rotated_at)
    }

    /// The time it ends by itself, if it does.
    async fn expires_at(&self) -> Option<DateTime> {
        self.row.expires_at.map(DateTime)
    }
}

/// One part of a credential.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct CredentialField {
    /// What the part is called.
    key: String,
    /// Must its value stay secret?
    secret: bool,
    /// Its value; for a secret one a mask with at most the last four characters in it.
    preview: String,
}

impl From<&domain::CredentialField> for CredentialField {
    fn from(field: &domain::CredentialField) -> Self {
        Self { key: field.key.clone(), secret: field.secret, preview: field.preview.clone() }
    }
}
