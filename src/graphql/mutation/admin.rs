//! What SaaS admins do: templates, and other SaaS admins.

use async_graphql::{Context, ID, InputObject, Object};

use crate::app;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::Result;
use crate::graphql::scalar::{ConnectorDefinition, SemVer, parse_id};
use crate::graphql::types::{SaasAdmin, SaasAdminRole, Template, TemplateVersion};

use super::payload::{
    AdminSaasAdminAddPayload, AdminTemplateCreatePayload, AdminTemplateVersionCreatePayload, AdminTemplateVersionPublishPayload,
};

/// The texts that go with a template.
#[derive(InputObject, Debug)]
pub(crate) struct TemplateDetailsInput {
    /// The name people will see. A new template needs one.
    name: Option<String>,
    /// What it does, in a sentence. A new template needs one.
    summary: Option<String>,
    /// All there is to say, in Markdown.
    description: Option<String>,
    /// What must be done at the service first, in Markdown.
    setup_guide: Option<String>,
    /// An emoji, or an icon's name.
    icon: Option<String>,
    /// The slug of its category.
    category: Option<String>,
    /// Labels. At most 20.
    tags: Option<Vec<String>>,
}

impl From<TemplateDetailsInput> for app::TemplateDetails {
    fn from(input: TemplateDetailsInput) -> Self {
        let TemplateDetailsInput { name, summary, description, setup_guide, icon, category, tags } = input;
        Self { name, summary, description, setup_guide, icon, category, tags: tags.unwrap_or_default() }
    }
}

/// What `adminTemplateCreate` needs.
#[derive(InputObject, Debug)]
pub(crate) struct AdminTemplateCreateInput {
    /// The name addresses will use.
    slug: String,
    /// The texts that go with it.
    details: TemplateDetailsInput,
    /// What its first version does.
    definition: ConnectorDefinition,
    /// The number of its first version.
    version: SemVer,
    /// Is it to be published at once?
    #[graphql(default = false)]
    publish: bool,
}

/// What `adminTemplateVersionCreate` needs.
#[derive(InputObject, Debug)]
pub(crate) struct AdminTemplateVersionCreateInput {
    /// The template it is a version of.
    template_id: ID,
    /// Its number, which must be above the last.
    version: SemVer,
    /// What it does.
    definition: ConnectorDefinition,
    /// What is new in it, in Markdown.
    changelog: Option<String>,
    /// Does an upgrade to it need work by hand?
    #[graphql(default = false)]
    breaking: bool,
}

/// What `adminTemplateVersionPublish` needs.
#[derive(InputObject, Debug)]
pub(crate) struct AdminTemplateVersionPublishInput {
    /// The version to publish.
    version_id: ID,
}

/// What `adminSaasAdminAdd` needs.
#[derive(InputObject, Debug)]
pub(crate) struct AdminSaasAdminAddInput {
    /// The person's token subject.
    subject: String,
    /// What the person may do.
    role: SaasAdminRole,
    /// The name people will see.
    display_name: Option<String>,
}

#[derive(Default)]
pub(crate) struct AdminMutations;

#[Object]
impl AdminMutations {
    /// Makes an official template. Requires PUBLISHER.
    #[graphql(complexity = "10 + child_complexity")]
    async fn admin_template_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The template to make.")] input: AdminTemplateCreateInput,
    ) -> Result<Option<AdminTemplateCreatePayload>> {
        let new = app::NewTemplate {
            slug: input.slug,
            details: input.details.into(),
            definition: input.definition.0,
            version: input.version.0,
            publish: input.publish,
        };
        let done = Box::pin(ctx.app()?.create_template(ctx.principal()?, new)).await;
        AdminTemplateCreatePayload::of(done, |(template, version)| AdminTemplateCreatePayload {
            template: Some(Template::new(template)),
            version: Some(TemplateVersion::new(version)),
            ..Default::default()
        })
    }

    /// Adds a version in state DRAFT to an official template. Requires PUBLISHER.
    #[graphql(complexity = "10 + child_complexity")]
    async fn admin_template_version_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The version to add.")] input: AdminTemplateVersionCreateInput,
    ) -> Result<Option<AdminTemplateVersionCreatePayload>> {
        let new = app::NewTemplateVersion {
            template_id: parse_id(&input.template_id)?,
            version: input.version.0,
            definition: input.definition.0,
            changelog: input.changelog,
            breaking: input.breaking,
        };
        let done = ctx.app()?.create_template_version(ctx.principal()?, new).await;
        AdminTemplateVersionCreatePayload::of(done, |version| AdminTemplateVersionCreatePayload {
            version: Some(TemplateVersion::new(version)),
            ..Default::default()
        })
    }

    /// Publishes a version in state DRAFT of an official template. Requires PUBLISHER.
    #[graphql(complexity = "10 + child_complexity")]
    async fn admin_template_version_publish(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The version to publish.")] input: AdminTemplateVersionPublishInput,
    ) -> Result<Option<AdminTemplateVersionPublishPayload>> {
        let done = Box::pin(ctx.app()?.publish_template_version(ctx.principal()?, parse_id(&input.version_id)?)).await;
        AdminTemplateVersionPublishPayload::of(done, |version| AdminTemplateVersionPublishPayload {
            version: Some(TemplateVersion::new(version)),
            ..Default::default()
        })
    }

    /// Makes somebody a SaaS admin. Requires OWNER.
    #[graphql(complexity = "10 + child_complexity")]
    async fn admin_saas_admin_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, and in what role.")] input: AdminSaasAdminAddInput,
    ) -> Result<Option<AdminSaasAdminAddPayload>> {
        let person = (input.subject, input.role.into(), input.display_name);
        let done = ctx.app()?.add_saas_admin(ctx.principal()?, person).await;
        AdminSaasAdminAddPayload::of(done, |row| AdminSaasAdminAddPayload { saas_admin: Some(SaasAdmin(row)), ..Default::default() })
    }
}
