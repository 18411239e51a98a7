//! Installing templates.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object};

use crate::app;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::Result;
use crate::graphql::scalar::{Json, SemVer};
use crate::graphql::types::{
    Connector, Credential, CredentialSlotInput, TemplateInstallation, TemplateLookup, WorkspaceLookup, slot_fills,
};

use super::payload::TemplateInstallPayload;

/// What `templateInstall` needs.
#[derive(InputObject, Debug)]
pub(crate) struct TemplateInstallInput {
    /// The workspace the connector will be in.
    workspace: WorkspaceLookup,
    /// The template to install.
    template: TemplateLookup,
    /// Which version of it; the newest unless told.
    version: Option<SemVer>,
    /// The connector's name; that of the template unless told.
    name: Option<String>,
    /// What fills its slots. With a required slot empty, the connector is BLOCKED.
    credentials: Option<Vec<CredentialSlotInput>>,
    /// What to set for its `configSchema`.
    config: Option<Json>,
}

#[derive(Default)]
pub(crate) struct InstallMutations;

#[Object]
impl InstallMutations {
    /// Makes a connector from a template, with credentials of the workspace. Requires EDITOR, and ADMIN where
    /// credentials are made.
    #[graphql(complexity = "10 + child_complexity")]
    async fn template_install(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to install, and where.")] input: TemplateInstallInput,
    ) -> Result<Option<TemplateInstallPayload>> {
        let request = app::InstallRequest {
            workspace: input.workspace.into_reference()?,
            template: input.template.into_reference()?,
            version: input.version.map(|version| version.0),
            name: input.name,
            credentials: slot_fills(input.credentials)?,
            config: input.config.map(|config| config.0),
        };
        let done = Box::pin(ctx.app()?.install(ctx.principal()?, request)).await;
        TemplateInstallPayload::of(done, |installed| {
            let (scope, connector) = (&installed.scope, Arc::new(installed.connector));
            TemplateInstallPayload {
                created_credentials: Some(installed.credentials.into_iter().map(|row| Credential::new(scope, row)).collect()),
                installation: TemplateInstallation::of(scope, Arc::clone(&connector)),
                connector: Some(Connector::new(scope, connector)),
                ..Default::default()
            }
        })
    }
}
