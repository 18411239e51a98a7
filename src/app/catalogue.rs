//! Fills the catalogue with the official templates a server brings along.

use serde_json::Value;

use super::admin::{NewTemplate, NewTemplateVersion, TemplateDetails};
use super::error::Mistake;
use super::{App, Result};
use crate::auth::AdminScope;
use crate::domain::template::Template;
use crate::store::TemplateRef;

impl App {
    /// Puts each document into the catalogue: a template that is new, or a version higher than the one published.
    /// A document says its own version in `x-version`. What is there already stays. Gives how many were published.
    ///
    /// # Errors
    /// [`Error::Invalid`](super::Error::Invalid) for a document with problems or recorded tests that fail.
    pub async fn stock_catalogue(&self, scope: &AdminScope, documents: &[Value]) -> Result<usize> {
        let mut published = 0;
        for document in documents {
            let slug = text(document, "/meta/slug").unwrap_or_default();
            let found = self.store().read(scope).await?.find_template(&TemplateRef::Slug(slug.clone())).await?;
            let version = version_of(document)?;
            published += match found {
                None => self.create_template_as(scope, new_template(document, slug, version)).await.map(|_| 1)?,
                Some(template) if self.is_newer(scope, &template, &version).await? => {
                    let new = NewTemplateVersion {
                        template_id: template.id,
                        version,
                        definition: document.clone(),
                        changelog: text(document, "/x-changelog"),
                        breaking: false,
                    };
                    let drafted = self.create_template_version_as(scope, new).await?;
                    self.publish_template_version_as(scope, drafted.id).await.map(|_| 1)?
                }
                Some(_) => 0,
            };
        }
        Ok(published)
    }

    async fn is_newer(&self, scope: &AdminScope, template: &Template, version: &semver::Version) -> Result<bool> {
        let Some(latest) = template.latest_version_id else { return Ok(true) };
        let latest = self.store().read(scope).await?.find_template_version(latest).await?;
        Ok(latest.is_none_or(|latest| *version > latest.version))
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
