//! Making and changing workspaces and their members.

use async_graphql::{Context, ID, InputObject, Object};

use crate::app;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::Result;
use crate::graphql::scalar::parse_id;
use crate::graphql::types::{Workspace, WorkspaceLookup, WorkspaceMember, WorkspaceRole};

use super::payload::{
    WorkspaceCreatePayload, WorkspaceMemberAddPayload, WorkspaceMemberRemovePayload, WorkspaceMemberUpdatePayload, WorkspaceUpdatePayload,
};

/// What `workspaceCreate` needs.
#[derive(InputObject, Debug)]
pub(crate) struct WorkspaceCreateInput {
    /// The key the host application gives it; no other workspace of the server has it.
    key: String,
    /// The name people will see.
    name: String,
    /// The token subject of its owner. For services only.
    owner_subject: Option<String>,
}

/// What `workspaceUpdate` needs.
#[derive(InputObject, Debug)]
pub(crate) struct WorkspaceUpdateInput {
    /// The workspace to change.
    id: ID,
    /// The revision that was read; left out, the change is made whatever others did meanwhile.
    expected_revision: Option<i32>,
    /// The name people will see.
    name: Option<String>,
    /// How many executions may run at one time, up to the limit of the server.
    max_concurrent_executions: Option<i32>,
}

/// What `workspaceMemberAdd` needs.
#[derive(InputObject, Debug)]
pub(crate) struct WorkspaceMemberAddInput {
    /// The workspace to join.
    workspace: WorkspaceLookup,
    /// The token subject of the one who joins.
    subject: String,
    /// What the member may do.
    role: WorkspaceRole,
    /// The name people will see.
    display_name: Option<String>,
    /// An e-mail address.
    email: Option<String>,
}

/// What `workspaceMemberUpdate` needs.
#[derive(InputObject, Debug)]
pub(crate) struct WorkspaceMemberUpdateInput {
    /// The membership to change.
    id: ID,
    /// What the member may do from now on.
    role: WorkspaceRole,
}

/// What `workspaceMemberRemove` needs.
#[derive(InputObject, Debug)]
pub(crate) struct WorkspaceMemberRemoveInput {
    /// The membership to end.
    id: ID,
}

#[derive(Default)]
pub(crate) struct WorkspaceMutations;

#[Object]
impl WorkspaceMutations {
    /// Makes a workspace, owned by the caller. A service may name somebody else as owner.
    #[graphql(complexity = "10 + child_complexity")]
    async fn workspace_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The workspace to make.")] input: WorkspaceCreateInput,
    ) -> Result<Option<WorkspaceCreatePayload>> {
        let WorkspaceCreateInput { key, name, owner_subject } = input;
        let done = ctx.app()?.create_workspace(ctx.principal()?, app::NewWorkspace { key, name, owner_subject }).await;
        WorkspaceCreatePayload::of(done, |(row, scope)| WorkspaceCreatePayload {
            workspace: Some(Workspace::new(&scope, row)),
            ..Default::default()
        })
    }

    /// Changes the name or the settings; what is left out stays. Requires ADMIN.
    #[graphql(complexity = "10 + child_complexity")]
    async fn workspace_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The workspace, and what to change.")] input: WorkspaceUpdateInput,
    ) -> Result<Option<WorkspaceUpdatePayload>> {
        let change = app::WorkspaceChange {
            expected_revision: input.expected_revision,
            name: input.name,
            max_concurrent_executions: input.max_concurrent_executions,
        };
        let done = ctx.app()?.change_workspace(ctx.principal()?, parse_id(&input.id)?, change).await;
        WorkspaceUpdatePayload::of(done, |(row, scope)| WorkspaceUpdatePayload {
            workspace: Some(Workspace::new(&scope, row)),
            ..Default::default()
        })
    }

    /// Lets somebody join. Requires ADMIN; to name an owner takes an owner.
    #[graphql(complexity = "10 + child_complexity")]
    async fn workspace_member_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who joins what.")] input: WorkspaceMemberAddInput,
    ) -> Result<Option<WorkspaceMemberAddPayload>> {
        let WorkspaceMemberAddInput { workspace, subject, role, display_name, email } = input;
        let workspace = workspace.into_reference()?;
        let member = app::NewMember { subject, role: role.into(), display_name, email };
        let done = ctx.app()?.add_member(ctx.principal()?, &workspace, member).await;
        WorkspaceMemberAddPayload::of(done, |row| WorkspaceMemberAddPayload { member: Some(WorkspaceMember(row)), ..Default::default() })
    }

    /// Gives a member another role. Requires ADMIN; to make or unmake owners takes an owner.
    #[graphql(complexity = "10 + child_complexity")]
    async fn workspace_member_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The member, and the new role.")] input: WorkspaceMemberUpdateInput,
    ) -> Result<Option<WorkspaceMemberUpdatePayload>> {
        let done = ctx.app()?.change_member(ctx.principal()?, parse_id(&input.id)?, input.role.into()).await;
        WorkspaceMemberUpdatePayload::of(done, |row| WorkspaceMemberUpdatePayload {
            member: Some(WorkspaceMember(row)),
            ..Default::default()
        })
    }

    /// Ends a membership. Requires ADMIN, unless it is one's own.
    #[graphql(complexity = "10 + child_complexity")]
    async fn workspace_member_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The member.")] input: WorkspaceMemberRemoveInput,
    ) -> Result<Option<WorkspaceMemberRemovePayload>> {
        let done = ctx.app()?.remove_member(ctx.principal()?, parse_id(&input.id)?).await;
        WorkspaceMemberRemovePayload::of(done, |id| WorkspaceMemberRemovePayload {
            deleted_id: Some(id.to_string().into()),
            ..Default::default()
        })
    }
}
