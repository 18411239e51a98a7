//! The catalogue of templates, and what SaaS admins see.

use async_graphql::{Context, Object};

use crate::graphql::context::ContextExt as _;
use crate::graphql::error::Result;
use crate::graphql::types::{Admin, Connection, PageArgs, Template, TemplateFilterInput, TemplateLookup, TemplateOrder, page_cost};

#[derive(Default)]
pub(crate) struct Catalogue;

#[Object]
impl Catalogue {
    /// The templates that are published, those that match best in front.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "the four paging arguments and what the contract adds")]
    async fn templates(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which ones to keep.")] filter: Option<TemplateFilterInput>,
        #[graphql(desc = "How they are ordered.", default_with = "TemplateOrder::Relevance")] order_by: TemplateOrder,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Option<Connection<Template>>> {
        let page = PageArgs { first, after, last, before }.request(ctx)?;
        let filter = filter.unwrap_or_default().into();
        let found = ctx.app()?.list_templates(ctx.principal()?, (&filter, order_by.into()), &page).await?;
        Ok(Some(found.map(Template::new).into()))
    }

    /// The template named.
    async fn template(&self, ctx: &Context<'_>, #[graphql(desc = "Which template.")] by: TemplateLookup) -> Result<Option<Template>> {
        let found = ctx.app()?.find_template(ctx.principal()?, &by.into_reference()?).await?;
        Ok(found.map(Template::new))
    }

    /// What is shown to SaaS admins alone; everybody else gets FORBIDDEN.
    async fn admin(&self, ctx: &Context<'_>) -> Result<Option<Admin>> {
        Ok(Some(Admin(ctx.app()?.enter_as_admin(ctx.principal()?).await?)))
    }
}
