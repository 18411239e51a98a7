//! Who did something, and who is asking.

use async_graphql::{Context, Object, SimpleObject};

use crate::app::WorkspaceRef;
use crate::auth::Principal;
use crate::domain::page::Page;
use crate::domain::workspace as domain;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::{Result, seen};
use crate::graphql::scalar::DateTime;

use super::{ActorKind, Connection, PageArgs, SaasAdminRole, Workspace, page_cost};

/// The party that did something.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct Actor {
    /// What kind of party it is.
    kind: ActorKind,
    /// Its token's `sub`; null when the server acted by itself.
    subject: Option<String>,
    /// A name to show.
    display_name: String,
}

impl From<&domain::Actor> for Actor {
    fn from(actor: &domain::Actor) -> Self {
        Self {
            kind: actor.kind.into(),
            subject: actor.subject.clone(),
            display_name: actor.subject.clone().unwrap_or_else(|| "Connectors".to_owned()),
        }
    }
}

/// The party whose token came with the request.
pub(crate) struct Viewer(pub(crate) Principal);

/// The party whose token came with the request.
#[Object]
impl Viewer {
    /// The party itself.
    async fn actor(&self) -> Actor {
        self.0.actor().into()
    }

    /// The token's e-mail address, if there is one in it.
    async fn email(&self) -> Option<&str> {
        self.0.email()
    }

    /// When the token stops being accepted.
    async fn token_expires_at(&self) -> Option<DateTime> {
        Some(DateTime(self.0.expires_at()))
    }

    /// Its role as SaaS admin; null for everybody else.
    async fn saas_admin_role(&self, ctx: &Context<'_>) -> Result<Option<SaasAdminRole>> {
        Ok(ctx.app()?.find_own_admin(&self.0).await?.map(|admin| admin.role.into()))
    }

    /// The workspaces it is a member of.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn workspaces(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Workspace>> {
        let page = PageArgs { first, after, last, before }.request(ctx)?;
        let app = ctx.app()?;
        let found = app.list_workspaces(&self.0, &page).await?;
        let mut items = Vec::with_capacity(found.items.len());
        for (cursor, row) in found.items {
            // Entered one by one: the role in each is that of its membership row, read now.
            if let Some((row, scope)) = seen(app.enter(&self.0, &WorkspaceRef::Id(row.id)).await)? {
                items.push((cursor, Workspace::new(&scope, row)));
            }
        }
        let (has_next, has_previous, total) = (found.has_next, found.has_previous, found.total);
        Ok(Page { items, has_next, has_previous, total }.into())
    }
}
