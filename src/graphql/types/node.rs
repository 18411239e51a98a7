//! Anything with a global id.

use async_graphql::{Context, ID, Interface};

use crate::app::{TemplateRef, WorkspaceRef};
use crate::domain::id::{
    ConnectorId, ConnectorVersionId, ContactId, CredentialId, ExecutionId, FieldChangeId, InstallationId, MemberId, SaasAdminId, StepRunId,
    TemplateId, TemplateVersionId, WorkspaceId,
};
use crate::domain::page::PageRequest;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::{Error, Result, seen};
use crate::graphql::scalar::parse_id;

use super::{
    Connector, ConnectorVersion, Contact, ContactFieldChange, Credential, Execution, SaasAdmin, StepRun, Template, TemplateInstallation,
    TemplateVersion, Workspace, WorkspaceMember,
};

/// Everything that has a global id.
#[derive(Interface, Clone)]
#[graphql(field(name = "id", ty = "ID", desc = "Its global id; what it is made of is nobody's business."))]
pub(crate) enum Node {
    Workspace(Workspace),
    WorkspaceMember(WorkspaceMember),
    Connector(Connector),
    ConnectorVersion(ConnectorVersion),
    Credential(Credential),
    Execution(Execution),
    StepRun(StepRun),
    Contact(Contact),
    ContactFieldChange(ContactFieldChange),
    Template(Template),
    TemplateVersion(TemplateVersion),
    TemplateInstallation(TemplateInstallation),
    SaasAdmin(SaasAdmin),
}

impl Node {
    /// The object of this id, if the caller may see it.
    pub(crate) async fn find(ctx: &Context<'_>, id: &ID) -> Result<Option<Self>> {
        let (app, principal) = (ctx.app()?, ctx.principal()?);
        let prefix = id.split_once('_').map(|(prefix, _)| prefix).unwrap_or_default();
        Ok(match prefix {
            WorkspaceId::PREFIX => {
                let by = WorkspaceRef::Id(parse_id(id)?);
                seen(app.enter(principal, &by).await)?.map(|(row, scope)| Workspace::new(&scope, row).into())
            }
            MemberId::PREFIX => seen(app.find_member(principal, parse_id(id)?).await)?.map(|(row, _)| WorkspaceMember(row).into()),
            ConnectorId::PREFIX => {
                seen(app.find_connector(principal, parse_id(id)?).await)?.map(|(row, scope)| Connector::new(&scope, row).into())
            }
            ConnectorVersionId::PREFIX => {
                seen(app.find_version(principal, parse_id(id)?).await)?.map(|(row, scope)| ConnectorVersion::new(&scope, row).into())
            }
            CredentialId::PREFIX => {
                seen(app.find_credential(principal, parse_id(id)?).await)?.map(|(row, scope)| Credential::new(&scope, row).into())
            }
            ExecutionId::PREFIX => {
                seen(app.find_execution(principal, parse_id(id)?).await)?.map(|(row, scope)| Execution::new(&scope, row).into())
            }
            StepRunId::PREFIX => {
                seen(app.find_step_run(principal, parse_id(id)?).await)?.map(|(row, scope)| StepRun::new(&scope, row).into())
            }
            ContactId::PREFIX => {
                seen(app.find_contact(principal, parse_id(id)?).await)?.map(|(row, scope)| Contact::new(&scope, row).into())
            }
            FieldChangeId::PREFIX => {
                seen(app.find_field_change(principal, parse_id(id)?).await)?.map(|(row, scope)| ContactFieldChange::new(&scope, row).into())
            }
            TemplateId::PREFIX => app.find_template(principal, &TemplateRef::Id(parse_id(id)?)).await?.map(|row| Template::new(row).into()),
            TemplateVersionId::PREFIX => {
                app.find_template_version(principal, parse_id(id)?).await?.map(|row| TemplateVersion::new(row).into())
            }
            InstallationId::PREFIX => {
                let id: InstallationId = parse_id(id)?;
                seen(app.find_connector(principal, ConnectorId::from_uuid(id.uuid())).await)?
                    .and_then(|(row, scope)| TemplateInstallation::of(&scope, row))
                    .map(Into::into)
            }
            SaasAdminId::PREFIX => Self::find_admin(ctx, parse_id(id)?).await?,
            _ => return Err(Error::BadUserInput("Bad id: it begins with no prefix that is known.".to_owned())),
        })
    }

    /// A SaaS admin, whom only SaaS admins see.
    async fn find_admin(ctx: &Context<'_>, id: SaasAdminId) -> Result<Option<Self>> {
        let scope = match ctx.app()?.enter_as_admin(ctx.principal()?).await {
            Ok(scope) => scope,
            Err(crate::app::Error::Forbidden { .. }) => return Ok(None),
            Err(other) => return Err(other.into()),
        };
        let admins = ctx.app()?.list_saas_admins(&scope, &PageRequest::first(PageRequest::MAX_SIZE)).await?;
        Ok(admins.items.into_iter().map(|(_, row)| row).find(|row| row.id == id).map(|row| SaasAdmin(row).into()))
    }
}
