//! The tie between a connector and the template it was made from. It has no row of its own: the connector's says all.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use crate::app::definitions;
use crate::auth::WorkspaceScope;
use crate::domain::connector as domain;
use crate::domain::id::InstallationId;
use crate::domain::template::TemplateStatus;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::Result;
use crate::graphql::scalar::DateTime;

use super::{Actor, Connector, Template, TemplateVersion};

/// A template in a workspace.
#[derive(Clone)]
pub(crate) struct TemplateInstallation {
    scope: WorkspaceScope,
    row: Arc<domain::Connector>,
}

impl TemplateInstallation {
    /// That of a connector, if it was made from a template.
    pub(crate) fn of(scope: &WorkspaceScope, row: impl Into<Arc<domain::Connector>>) -> Option<Self> {
        let row = row.into();
        row.template_id.is_some().then(|| Self { scope: scope.clone(), row })
    }
}

/// What ties a connector to the template it was made from.
#[Object]
impl TemplateInstallation {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        InstallationId::from_uuid(self.row.id.uuid()).to_string().into()
    }

    /// The template; null when it is gone.
    async fn template(&self, ctx: &Context<'_>) -> Result<Option<Template>> {
        let Some(id) = self.row.template_id else { return Ok(None) };
        Ok(ctx.loaders()?.template(id).await?.map(Template::new))
    }

    /// The connector that was made.
    async fn connector(&self) -> Connector {
        Connector::new(&self.scope, Arc::clone(&self.row))
    }

    /// The version it was made from; null when that is gone.
    async fn version(&self, ctx: &Context<'_>) -> Result<Option<TemplateVersion>> {
        let Some(id) = self.row.template_version_id else { return Ok(None) };
        Ok(ctx.loaders()?.template_version(id).await?.map(TemplateVersion::new))
    }

    /// A newer version that can be installed, if there is one: the newest.
    async fn upgrade(&self, ctx: &Context<'_>) -> Result<Option<TemplateVersion>> {
        let (Some(template), Some(installed)) = (self.row.template_id, self.row.template_version_id) else { return Ok(None) };
        let Some(template) = ctx.loaders()?.template(template).await? else { return Ok(None) };
        let Some(latest) = template.latest_version_id.filter(|_| template.status == TemplateStatus::Published) else { return Ok(None) };
        let (installed, latest) =
            futures_util::try_join!(ctx.loaders()?.template_version(installed), ctx.loaders()?.template_version(latest))?;
        let newer = latest.filter(|latest| installed.is_none_or(|installed| latest.version > installed.version));
        Ok(newer.map(TemplateVersion::new))
    }

    /// Is the draft other than the version it was made from? Also true when that is gone.
    async fn modified(&self, ctx: &Context<'_>) -> Result<bool> {
        let Some(id) = self.row.template_version_id else { return Ok(true) };
        let version = ctx.loaders()?.template_version(id).await?;
        Ok(version.is_none_or(|version| version.hash != definitions::hash(&self.row.draft)))
    }

    /// The party that installed it.
    async fn installed_by(&self) -> Option<Actor> {
        Some((&self.row.created_by).into())
    }

    /// The time it was installed.
    async fn installed_at(&self) -> DateTime {
        DateTime(self.row.created_at)
    }
}
