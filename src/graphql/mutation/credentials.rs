//! Making and deleting credentials.

use async_graphql::{Context, ID, InputObject, Object};

use crate::app;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::Result;
use crate::graphql::scalar::{DateTime, parse_id};
use crate::graphql::types::{Credential, CredentialSecretInput, Edge, WorkspaceLookup};

use super::payload::{CredentialCreatePayload, CredentialDeletePayload};

/// What `credentialCreate` needs.
#[derive(InputObject, Debug)]
pub(crate) struct CredentialCreateInput {
    /// The workspace it will be in.
    workspace: WorkspaceLookup,
    /// The name people will see.
    name: String,
    /// Its secret parts.
    secret: CredentialSecretInput,
    /// The hosts it may go to: one or more, at most 20.
    allowed_hosts: Vec<String>,
    /// The time it ends.
    expires_at: Option<DateTime>,
}

/// What `credentialDelete` needs.
#[derive(InputObject, Debug)]
pub(crate) struct CredentialDeleteInput {
    /// The credential to delete.
    id: ID,
    /// Is it to be taken out of the connectors that use it? They are BLOCKED then.
    #[graphql(default = false)]
    unbind: bool,
}

#[derive(Default)]
pub(crate) struct CredentialMutations;

#[Object]
impl CredentialMutations {
    /// Makes a credential. Requires ADMIN.
    #[graphql(complexity = "10 + child_complexity")]
    async fn credential_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The credential to make.")] input: CredentialCreateInput,
    ) -> Result<Option<CredentialCreatePayload>> {
        let workspace = input.workspace.into_reference()?;
        let new = app::NewCredential {
            name: input.name,
            parts: input.secret.into(),
            allowed_hosts: input.allowed_hosts,
            expires_at: input.expires_at.map(|end| end.0),
        };
        let done = ctx.app()?.create_credential(ctx.principal()?, &workspace, new).await;
        CredentialCreatePayload::of(done, |(row, scope)| {
            let cursor = app::credential_cursor(&row);
            let credential = Credential::new(&scope, row);
            CredentialCreatePayload {
                edge: Some(Edge { cursor, node: credential.clone() }),
                credential: Some(credential),
                ..Default::default()
            }
        })
    }

    /// Deletes a credential; refused as long as connectors use it. Requires ADMIN.
    #[graphql(complexity = "10 + child_complexity")]
    async fn credential_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The credential to delete.")] input: CredentialDeleteInput,
    ) -> Result<Option<CredentialDeletePayload>> {
        let done = ctx.app()?.delete_credential(ctx.principal()?, parse_id(&input.id)?, input.unbind).await;
        CredentialDeletePayload::of(done, |id| CredentialDeletePayload { deleted_id: Some(id.to_string().into()), ..Default::default() })
    }
}
