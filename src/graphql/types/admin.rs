//! What only SaaS admins see.

use async_graphql::{Context, ID, Object};

use crate::app::TemplateFilter;
use crate::auth::AdminScope;
use crate::domain::workspace as domain;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::Result;
use crate::graphql::scalar::DateTime;

use super::{Connection, PageArgs, SaasAdminRole, Template, TemplateFilterInput, TemplateStatus, page_cost};

/// The SaaS admins' view, with the proof that the caller is one.
pub(crate) struct Admin(pub(crate) AdminScope);

/// What is shown to SaaS admins alone. No way leads from here to contacts, payloads or credentials of a workspace.
#[Object]
impl Admin {
    /// Everyone who is a SaaS admin.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn saas_admins(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<SaasAdmin>> {
        let page = PageArgs { first, after, last, before }.request(ctx)?;
        Ok(ctx.app()?.list_saas_admins(&self.0, &page).await?.map(SaasAdmin).into())
    }

    /// Every template, whatever state it is in.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "the four paging arguments and what the contract adds")]
    async fn templates(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which ones to keep.")] filter: Option<TemplateFilterInput>,
        #[graphql(desc = "The states to keep; all unless told.")] statuses: Option<Vec<TemplateStatus>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Template>> {
        let page = PageArgs { first, after, last, before }.request(ctx)?;
        let statuses = statuses.map(|statuses| statuses.into_iter().map(Into::into).collect());
        let filter = TemplateFilter { statuses, ..filter.unwrap_or_default().into() };
        Ok(ctx.app()?.admin_templates(&self.0, &filter, &page).await?.map(Template::new).into())
    }
}

/// A SaaS admin.
#[derive(Debug, Clone)]
pub(crate) struct SaasAdmin(pub(crate) domain::SaasAdmin);

/// Someone who takes care of templates for all of the server.
#[Object]
impl SaasAdmin {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The person's token subject.
    async fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The name people see.
    async fn display_name(&self) -> &str {
        self.0.display_name.as_deref().unwrap_or(&self.0.subject)
    }

    /// What the person may do.
    async fn role(&self) -> SaasAdminRole {
        self.0.role.into()
    }

    /// The time the person was added.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
}
