//! Templates of the catalogue and their versions.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use crate::app::{ConnectorFilter, ConnectorOrder};
use crate::domain::page::PageRequest;
use crate::domain::template as domain;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::{Error, Result, seen};
use crate::graphql::scalar::{DateTime, SafeInt, SemVer, int};

use super::{
    Connection, DefinitionView, PageArgs, TemplateInstallation, TemplateStatus, TemplateVersionStatus, WorkspaceLookup, page_cost,
};

/// Installations a template shows of one workspace.
const INSTALLATIONS: usize = 50;

/// A template.
#[derive(Clone)]
pub(crate) struct Template {
    row: Arc<domain::Template>,
}

impl Template {
    pub(crate) fn new(row: impl Into<Arc<domain::Template>>) -> Self {
        Self { row: row.into() }
    }
}

/// A definition that every workspace may make connectors from. Credentials are never in it.
#[Object]
impl Template {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The name addresses use; no other template has it.
    async fn slug(&self) -> &str {
        &self.row.slug
    }

    /// The name people see.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// What it does, in a sentence.
    async fn summary(&self) -> &str {
        &self.row.summary
    }

    /// All there is to say, in Markdown.
    async fn description(&self) -> Option<&str> {
        self.row.description.as_deref()
    }

    /// What must be done at the service first, in Markdown.
    async fn setup_guide(&self) -> Option<&str> {
        self.row.setup_guide.as_deref()
    }

    /// An emoji, or an icon's name.
    async fn icon(&self) -> Option<&str> {
        self.row.icon.as_deref()
    }

    /// Labels people chose freely.
    async fn tags(&self) -> &[String] {
        &self.row.tags
    }

    /// Do the operators of this server offer it?
    async fn official(&self) -> bool {
        self.row.official
    }

    /// Is it among those shown first?
    async fn featured(&self) -> bool {
        self.row.featured
    }

    /// Where it stands.
    async fn status(&self) -> TemplateStatus {
        self.row.status.into()
    }

    /// Its newest published version; null before the first.
    async fn latest_version(&self, ctx: &Context<'_>) -> Result<Option<TemplateVersion>> {
        let Some(id) = self.row.latest_version_id else { return Ok(None) };
        Ok(ctx.loaders()?.template_version(id).await?.map(TemplateVersion::new))
    }

    /// Its versions, the newest first; only SaaS admins see those that are not published.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn versions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<TemplateVersion>> {
        let page = PageArgs { first, after, last, before }.request(ctx)?;
        let found = ctx.app()?.list_template_versions(ctx.principal()?, self.row.id, &page).await?;
        Ok(found.map(TemplateVersion::new).into())
    }

    /// The number of connectors made from it in all workspaces.
    async fn install_count(&self) -> SafeInt {
        SafeInt(self.row.install_count)
    }

    /// The connectors made from it in one workspace, those changed last in front. At most 50.
    #[graphql(complexity = "INSTALLATIONS * child_complexity + 1")]
    async fn installations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which workspace.")] workspace: WorkspaceLookup,
    ) -> Result<Vec<TemplateInstallation>> {
        let app = ctx.app()?;
        let Some((_, scope)) = seen(app.enter(ctx.principal()?, &workspace.into_reference()?).await)? else { return Ok(Vec::new()) };
        let filter = ConnectorFilter { template_id: Some(self.row.id), ..ConnectorFilter::default() };
        let page = PageRequest::first(int(INSTALLATIONS).unsigned_abs());
        let found = app.list_connectors(&scope, (&filter, ConnectorOrder::default()), &page).await?;
        Ok(found.items.into_iter().filter_map(|(_, row)| TemplateInstallation::of(&scope, row)).collect())
    }

    /// A number that rises with each change of its texts.
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
}

/// A version of a template.
#[derive(Clone)]
pub(crate) struct TemplateVersion {
    row: Arc<domain::TemplateVersion>,
}

impl TemplateVersion {
    pub(crate) fn new(row: impl Into<Arc<domain::TemplateVersion>>) -> Self {
        Self { row: row.into() }
    }
}

/// A template at one point; after it is published it stays as it is.
#[Object]
impl TemplateVersion {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The template it is a version of.
    async fn template(&self, ctx: &Context<'_>) -> Result<Template> {
        let found = ctx.loaders()?.template(self.row.template_id).await?;
        Ok(Template::new(found.ok_or(Error::NotFound)?))
    }

    /// Its version number.
    async fn version(&self) -> SemVer {
        SemVer(self.row.version.clone())
    }

    /// Where it stands.
    async fn status(&self) -> TemplateVersionStatus {
        self.row.status.into()
    }

    /// What it does.
    async fn definition(&self) -> DefinitionView {
        DefinitionView::new(self.row.definition.clone())
    }

    /// What is new since the version before, in Markdown.
    async fn changelog(&self) -> Option<&str> {
        self.row.changelog.as_deref()
    }

    /// Does an upgrade to it need work by hand?
    async fn breaking(&self) -> bool {
        self.row.breaking
    }

    /// The time it was published.
    async fn published_at(&self) -> Option<DateTime> {
        self.row.published_at.map(DateTime)
    }
}
