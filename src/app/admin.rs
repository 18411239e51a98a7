//! What SaaS admins do: the catalogue's templates, and who else is an admin.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::auth::{AdminScope, Principal};
use crate::domain::id::{SaasAdminId, TemplateId, TemplateVersionId};
use crate::domain::page::{Page, PageEnd, PageRequest};
use crate::domain::problem::Problem;
use crate::domain::template::{Template, TemplateStatus, TemplateVersion, TemplateVersionStatus};
use crate::domain::workspace::{SaasAdmin, SaasAdminRole};
use crate::pipeline::{self, Plan};
use crate::store::{TemplateFilter, TemplateOrder, TemplateRef, Tx};

use super::connectors::{checked_definition, sound};
use super::error::{Mistake, MistakeKind};
use super::text::{self, Mistakes};
use super::{App, Error, Result};

/// Texts around a template.
#[derive(Debug, Clone, Default)]
pub struct TemplateDetails {
    /// Name to show; required for a new template.
    pub name: Option<String>,
    /// One sentence; required for a new template.
    pub summary: Option<String>,
    /// Markdown.
    pub description: Option<String>,
    /// Markdown.
    pub setup_guide: Option<String>,
    /// An emoji or the name of an icon.
    pub icon: Option<String>,
    /// Category slug.
    pub category: Option<String>,
    /// Free labels.
    pub tags: Vec<String>,
}

/// A template to make, with its first version.
#[derive(Debug, Clone)]
pub struct NewTemplate {
    /// Name for addresses.
    pub slug: String,
    /// Texts around it.
    pub details: TemplateDetails,
    /// Definition of the first version.
    pub definition: Value,
    /// Number of the first version.
    pub version: semver::Version,
    /// Publish at once?
    pub publish: bool,
}

/// A version to add to a template.
#[derive(Debug, Clone)]
pub struct NewTemplateVersion {
    /// The template.
    pub template_id: TemplateId,
    /// Its number, higher than the last.
    pub version: semver::Version,
    /// Its definition.
    pub definition: Value,
    /// Markdown.
    pub changelog: Option<String>,
    /// Must something be done by hand when upgrading?
    pub breaking: bool,
}

impl App {
    /// All templates, whatever their status.
    pub async fn admin_templates(&self, scope: &AdminScope, filter: &TemplateFilter, page: &PageRequest) -> Result<Page<Template>> {
        Ok(self.store().read(scope).await?.list_templates(filter, TemplateOrder::Relevance, page).await?)
    }

    /// The SaaS admins.
    pub async fn list_saas_admins(&self, scope: &AdminScope, page: &PageRequest) -> Result<Page<SaasAdmin>> {
        Ok(one_page(self.store().read(scope).await?.list_saas_admins().await?, page))
    }

    /// Makes an official template with its first version, and publishes it if asked.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below PUBLISHER; [`Error::Invalid`] for bad texts, a taken slug, problems of the definition
    /// or, when publishing, recorded tests that fail.
    pub async fn create_template(&self, principal: &Principal, new: NewTemplate) -> Result<(Template, TemplateVersion)> {
        let scope = self.enter_as_admin(principal).await?;
        self.create_template_as(&scope, new).await
    }

    /// The same for a scope at hand: the command line and the demo.
    pub async fn create_template_as(&self, scope: &AdminScope, new: NewTemplate) -> Result<(Template, TemplateVersion)> {
        scope.require(SaasAdminRole::Publisher)?;
        let definition = checked_definition(new.definition, &["definition"])?;
        let (plan, hash) = sound(pipeline::compile(&definition))?;
        let mut template = self.template(&new.slug, new.details)?;
        let version = TemplateVersion {
            id: TemplateVersionId::fresh(self.clock()),
            template_id: template.id,
            version: new.version,
            status: TemplateVersionStatus::Draft,
            definition,
            hash,
            changelog: None,
            breaking: false,
            created_at: template.created_at,
            published_at: None,
        };
        if new.publish {
            run_tests(plan, self.clock().now()).await?;
        }
        let tx = self.store().begin(scope).await?;
        tx.insert_template(&template).await?;
        tx.insert_template_version(&version).await?;
        let version = if new.publish { tx.publish_template_version(version.id, self.clock().now()).await? } else { version };
        if let Some(stored) = tx.find_template(&TemplateRef::Id(template.id)).await? {
            template = stored;
        }
        tx.commit().await?;
        Ok((template, version))
    }

    fn template(&self, slug: &str, details: TemplateDetails) -> Result<Template> {
        let mut mistakes = Mistakes::default();
        let slug = mistakes.note(text::key(slug, &["slug"]));
        let name = mistakes.note(text::required(&details.name.unwrap_or_default(), text::NAME_LENGTH, &["details", "name"]));
        let summary = mistakes.note(text::required(&details.summary.unwrap_or_default(), text::NAME_LENGTH * 2, &["details", "summary"]));
        let tags = mistakes.note(text::tags(details.tags, text::MAX_TAGS, &["details", "tags"]));
        for (given, field) in [(&details.description, "description"), (&details.setup_guide, "setupGuide")] {
            mistakes.note(text::limited(given.as_deref().unwrap_or_default(), text::PROSE_LENGTH, &["details", field]));
        }
        for (given, field) in [(&details.icon, "icon"), (&details.category, "category")] {
            mistakes.note(text::limited(given.as_deref().unwrap_or_default(), text::NAME_LENGTH, &["details", field]));
        }
        mistakes.done()?;
        let now = self.clock().now();
        Ok(Template {
            id: TemplateId::fresh(self.clock()),
            slug: slug.unwrap_or_default(),
            name: name.unwrap_or_default(),
            summary: summary.unwrap_or_default(),
            description: details.description,
            setup_guide: details.setup_guide,
            icon: details.icon,
            category: details.category,
            tags: tags.unwrap_or_default(),
            official: true,
            featured: false,
            status: TemplateStatus::Unpublished,
            latest_version_id: None,
            install_count: 0,
            revision: 1,
            created_at: now,
            updated_at: now,
        })
    }

    /// Adds a version in state DRAFT.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below PUBLISHER; [`Error::Invalid`] for a number that is not higher or problems of the definition.
    pub async fn create_template_version(&self, principal: &Principal, new: NewTemplateVersion) -> Result<TemplateVersion> {
        let scope = self.enter_as_admin(principal).await?;
        self.create_template_version_as(&scope, new).await
    }

    /// The same for a scope at hand.
    pub(super) async fn create_template_version_as(&self, scope: &AdminScope, new: NewTemplateVersion) -> Result<TemplateVersion> {
        scope.require(SaasAdminRole::Publisher)?;
        text::limited(new.changelog.as_deref().unwrap_or_default(), text::PROSE_LENGTH, &["changelog"])?;
        let definition = checked_definition(new.definition, &["definition"])?;
        let (_, hash) = sound(pipeline::compile(&definition))?;
        let tx = self.store().begin(scope).await?;
        let template =
            tx.find_template(&TemplateRef::Id(new.template_id)).await?.ok_or_else(|| Error::not_found(new.template_id, &["templateId"]))?;
        check_number(&tx, &template, &new.version).await?;
        let version = TemplateVersion {
            id: TemplateVersionId::fresh(self.clock()),
            template_id: template.id,
            version: new.version,
            status: TemplateVersionStatus::Draft,
            definition,
            hash,
            changelog: new.changelog,
            breaking: new.breaking,
            created_at: self.clock().now(),
            published_at: None,
        };
        tx.insert_template_version(&version).await?;
        tx.commit().await?;
        Ok(version)
    }

    /// Publishes a drafted version once its recorded tests pass.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below PUBLISHER; [`Error::Invalid`] when it is no draft or a test fails.
    pub async fn publish_template_version(&self, principal: &Principal, id: TemplateVersionId) -> Result<TemplateVersion> {
        let scope = self.enter_as_admin(principal).await?;
        self.publish_template_version_as(&scope, id).await
    }

    /// The same for a scope at hand.
    pub(super) async fn publish_template_version_as(&self, scope: &AdminScope, id: TemplateVersionId) -> Result<TemplateVersion> {
        scope.require(SaasAdminRole::Publisher)?;
        let found = self.store().read(scope).await?.find_template_version(id).await?;
        let version = found.ok_or_else(|| Error::not_found(id, &["versionId"]))?;
        if version.status != TemplateVersionStatus::Draft {
            let kind = MistakeKind::State { state: version.status.as_str().to_ascii_uppercase(), allowed: vec!["DRAFT".to_owned()] };
            return Err(Mistake::new(kind, &["versionId"], "Only a drafted version can be published.").into());
        }
        let (plan, _) = sound(pipeline::compile(&version.definition))?;
        run_tests(plan, self.clock().now()).await?;
        let tx = self.store().begin(scope).await?;
        let version = tx.publish_template_version(id, self.clock().now()).await?;
        tx.commit().await?;
        Ok(version)
    }

    /// Adds a SaaS admin.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below OWNER; [`Error::Invalid`] when already one.
    pub async fn add_saas_admin(
        &self,
        principal: &Principal,
        (subject, role, display_name): (String, SaasAdminRole, Option<String>),
    ) -> Result<SaasAdmin> {
        let scope = self.enter_as_admin(principal).await?;
        scope.require(SaasAdminRole::Owner)?;
        let subject = text::required(&subject, text::NAME_LENGTH, &["subject"])?;
        text::limited(display_name.as_deref().unwrap_or_default(), text::NAME_LENGTH, &["displayName"])?;
        let admin = SaasAdmin { id: SaasAdminId::fresh(self.clock()), subject, display_name, role, created_at: self.clock().now() };
        let tx = self.store().begin(&scope).await?;
        tx.insert_saas_admin(&admin).await?;
        tx.commit().await?;
        Ok(admin)
    }
}

/// One page of the few admins a server has; a cursor is an admin's id.
fn one_page(all: Vec<SaasAdmin>, page: &PageRequest) -> Page<SaasAdmin> {
    let total = page.count.then_some(all.len() as u64);
    let size = page.size as usize;
    let mut items: Vec<(String, SaasAdmin)> = all.into_iter().map(|admin| (admin.id.to_string(), admin)).collect();
    let place = page.cursor.as_ref().and_then(|cursor| items.iter().position(|(known, _)| known == cursor));
    let (start, end) = match page.end {
        PageEnd::First => {
            let start = place.map_or(0, |place| place + 1);
            (start, (start + size).min(items.len()))
        }
        PageEnd::Last => {
            let end = place.unwrap_or(items.len());
            (end.saturating_sub(size), end)
        }
    };
    let has_next = end < items.len();
    items.truncate(end);
    items.drain(..start.min(end));
    Page { items, has_next, has_previous: start > 0, total }
}

/// Refuses a number that is not above the newest published one.
async fn check_number(tx: &Tx<AdminScope>, template: &Template, number: &semver::Version) -> Result<()> {
    let Some(latest) = template.latest_version_id else { return Ok(()) };
    match tx.find_template_version(latest).await? {
        Some(latest) if *number <= latest.version => {
            Err(Mistake::invalid(&["version"], format!("It must be higher than {}.", latest.version)).into())
        }
        _ => Ok(()),
    }
}

/// Runs the recorded tests of a definition, off the async threads.
async fn run_tests(plan: Arc<Plan>, now: DateTime<Utc>) -> Result<()> {
    let failed =
        tokio::task::spawn_blocking(move || failures(&plan, now)).await.map_err(|_| Error::internal("a recorded test panicked"))?;
    if failed.is_empty() {
        return Ok(());
    }
    Err(Mistake::new(MistakeKind::Definition(failed), &["definition"], "Recorded tests of the definition fail.").into())
}

fn failures(plan: &Arc<Plan>, now: DateTime<Utc>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, test) in plan.definition.tests.iter().enumerate() {
        let outcome = pipeline::run_recorded(plan, test, now);
        if !outcome.passed {
            let message = format!("{}: {}", test.name, outcome.differences.join("; "));
            problems.push(Problem::error("test-failed", format!("/tests/{index}"), message));
        }
    }
    problems
}
