//! The viewer, the server, and objects by id.

#![expect(clippy::unused_async, reason = "the library wants every resolver to be async")]

use async_graphql::{Context, ID, Object};

use crate::graphql::context::ContextExt as _;
use crate::graphql::error::{Error, Result, seen};
use crate::graphql::scalar::parse_id;
use crate::graphql::types::{Connector, Contact, Credential, Execution, Node, ServerInfo, Viewer, Workspace, WorkspaceLookup, server_info};

/// Objects `nodes` gives at one time.
const MAX_NODES: usize = 100;

#[derive(Default)]
pub(crate) struct Nodes;

#[Object]
impl Nodes {
    /// The object of this id; null when there is none, or none the viewer may see.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "Its global id.")] id: ID) -> Result<Option<Node>> {
        Node::find(ctx, &id).await
    }

    /// The objects of these ids in the order of the ids; null in the place of each that is not there. At most 100.
    #[graphql(complexity = "ids.len() * child_complexity + 1")]
    async fn nodes(&self, ctx: &Context<'_>, #[graphql(desc = "Their global ids.")] ids: Vec<ID>) -> Result<Vec<Option<Node>>> {
        if ids.len() > MAX_NODES {
            return Err(Error::BadUserInput(format!("At most {MAX_NODES} ids can be given.")));
        }
        let mut found = Vec::with_capacity(ids.len());
        for id in &ids {
            found.push(Node::find(ctx, id).await?);
        }
        Ok(found)
    }

    /// The party whose token came with the request.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>> {
        Ok(Some(Viewer(ctx.principal()?.clone())))
    }

    /// What this server is and allows; no token is needed.
    async fn server_info(&self, ctx: &Context<'_>) -> Result<Option<ServerInfo>> {
        server_info(ctx).map(Some)
    }

    /// The workspace named.
    async fn workspace(&self, ctx: &Context<'_>, #[graphql(desc = "Which workspace.")] by: WorkspaceLookup) -> Result<Option<Workspace>> {
        let found = seen(ctx.app()?.enter(ctx.principal()?, &by.into_reference()?).await)?;
        Ok(found.map(|(row, scope)| Workspace::new(&scope, row)))
    }

    /// The connector of this id.
    async fn connector(&self, ctx: &Context<'_>, #[graphql(desc = "Its global id.")] id: ID) -> Result<Option<Connector>> {
        let found = seen(ctx.app()?.find_connector(ctx.principal()?, parse_id(&id)?).await)?;
        Ok(found.map(|(row, scope)| Connector::new(&scope, row)))
    }

    /// The credential of this id, secrets left out.
    async fn credential(&self, ctx: &Context<'_>, #[graphql(desc = "Its global id.")] id: ID) -> Result<Option<Credential>> {
        let found = seen(ctx.app()?.find_credential(ctx.principal()?, parse_id(&id)?).await)?;
        Ok(found.map(|(row, scope)| Credential::new(&scope, row)))
    }

    /// The contact of this id.
    async fn contact(&self, ctx: &Context<'_>, #[graphql(desc = "Its global id.")] id: ID) -> Result<Option<Contact>> {
        let found = seen(ctx.app()?.find_contact(ctx.principal()?, parse_id(&id)?).await)?;
        Ok(found.map(|(row, scope)| Contact::new(&scope, row)))
    }

    /// The execution of this id.
    async fn execution(&self, ctx: &Context<'_>, #[graphql(desc = "Its global id.")] id: ID) -> Result<Option<Execution>> {
        let found = seen(ctx.app()?.find_execution(ctx.principal()?, parse_id(&id)?).await)?;
        Ok(found.map(|(row, scope)| Execution::new(&scope, row)))
    }
}
