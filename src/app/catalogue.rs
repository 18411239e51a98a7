//! Fills the catalogue with the official templates a server brings along.

use serde_json::Value;

use super::admin::{NewTemplate, NewTemplateVersion, TemplateDetails};
use super::error::{Mistake, MistakeKind};
use super::{App, Error, Result};
use crate::auth::AdminScope;
use crate::domain::page::PageRequest;
use crate::domain::template::{Template, TemplateVersion, TemplateVersionStatus};
use crate::store::TemplateRef;

impl App {
    /// Puts each document into the catalogue: a template that is new, or a version higher than the one published.
    /// A document says its own version in `x-version`. What is there already stays. Gives how many were published.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a document with problems or recorded tests that fail.
    pub async fn stock_catalogue(&self, scope: &AdminScope, documents: &[Value]) -> Result<usize> {
        let mut published = 0;
        for document in documents {
            published += usize::from(self.stock(scope, document).await?);
        }
        Ok(published)
    }

    /// Puts one document there. Another server that starts at this moment may be faster at any point, and one that ended
    /// at a bad moment may have left a draft.
    async fn stock(&self, scope: &AdminScope, document: &Value) -> Result<bool> {
        let slug = text(document, "/meta/slug").unwrap_or_default();
        let found = self.store().read(scope).await?.find_template(&TemplateRef::Slug(slug.clone())).await?;
        let version = version_of(document)?;
        let Some(template) = found else {
            let made = self.create_template_as(scope, new_template(document, slug, version)).await;
            return Ok(unless_done(made)?.is_some());
        };
        if !self.is_newer(scope, &template, &version).await? {
            return Ok(false);
        }
        let new = NewTemplateVersion {
            template_id: template.id,
            version: version.clone(),
            definition: document.clone(),
            changelog: text(document, "/x-changelog"),
            breaking: false,
        };
        let drafted = match unless_done(self.create_template_version_as(scope, new).await)? {
            Some(drafted) => Some(drafted),
            None => self.find_draft(scope, &template, &version).await?,
        };
        let Some(drafted) = drafted else { return Ok(false) };
        Ok(unless_done(self.publish_template_version_as(scope, drafted.id).await)?.is_some())
    }

    /// A draft of that number; it is among the newest.
    async fn find_draft(&self, scope: &AdminScope, template: &Template, number: &semver::Version) -> Result<Option<TemplateVersion>> {
        let newest = self.store().read(scope).await?.list_template_versions(template.id, &PageRequest::first(50)).await?;
        let is_it = |version: &TemplateVersion| version.version == *number && version.status == TemplateVersionStatus::Draft;
        Ok(newest.items.into_iter().map(|(_, version)| version).find(is_it))
    }

    async fn is_newer(&self, scope: &AdminScope, template: &Template, version: &semver::Version) -> Result<bool> {
        let Some(latest) = template.latest_version_id else { return Ok(true) };
        let latest = self.store().read(scope).await?.find_template_version(latest).await?;
        Ok(latest.is_none_or(|latest| *version > latest.version))
    }
}

/// Nothing when someone else has done the same meanwhile.
fn unless_done<T>(made: Result<T>) -> Result<Option<T>> {
    match made {
        Err(Error::Invalid(mistakes))
            if mistakes.iter().all(|mistake| matches!(mistake.kind, MistakeKind::NotUnique | MistakeKind::State { .. })) =>
        {
            Ok(None)
        }
        made => made.map(Some),
    }
}

fn version_of(document: &Value) -> Result<semver::Version> {
    let text = text(document, "/x-version").unwrap_or_else(|| "1.0.0".to_owned());
    text.parse().map_err(|_| Mistake::invalid(&["x-version"], format!("`{text}` is not a version such as 1.0.0.")).into())
}

fn new_template(document: &Value, slug: String, version: semver::Version) -> NewTemplate {
    let tags = document.pointer("/meta/tags").and_then(Value::as_array).into_iter().flatten();
    let name = text(document, "/meta/title");
    let details = TemplateDetails {
        summary: text(document, "/meta/summary").or_else(|| name.clone()),
        name,
        description: None,
        setup_guide: None,
        icon: text(document, "/meta/icon"),
        category: text(document, "/meta/category"),
        tags: tags.filter_map(|tag| tag.as_str().map(str::to_owned)).collect(),
    };
    NewTemplate { slug, details, definition: document.clone(), version, publish: true }
}

fn text(document: &Value, pointer: &str) -> Option<String> {
    document.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}
