//! Templates and their versions.

use connectors_entity::{connector_template, template_version};

use super::{Error, corrupt, id, json, maybe_id, ms, typed, word};
use crate::domain::template::{Template, TemplateStatus, TemplateVersion, TemplateVersionStatus};

pub(in super::super) fn template(row: connector_template::Model) -> Result<Template, Error> {
    Ok(Template {
        id: id(&row.id)?,
        slug: row.slug,
        name: row.name,
        summary: row.summary,
        description: row.description,
        setup_guide: row.setup_guide,
        icon: row.icon,
        category: row.category,
        tags: typed(row.tags)?,
        official: row.official,
        featured: row.featured,
        status: word(&row.status, TemplateStatus::from_stored)?,
        latest_version_id: maybe_id(row.latest_version_id.as_ref())?,
        install_count: row.install_count,
        revision: row.revision,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

pub(in super::super) fn template_row(value: &Template) -> connector_template::Model {
    connector_template::Model {
        id: value.id.to_string(),
        slug: value.slug.clone(),
        name: value.name.clone(),
        summary: value.summary.clone(),
        description: value.description.clone(),
        setup_guide: value.setup_guide.clone(),
        icon: value.icon.clone(),
        category: value.category.clone(),
        tags: json(&value.tags),
        official: value.official,
        featured: value.featured,
        status: value.status.as_str().to_owned(),
        latest_version_id: value.latest_version_id.map(|id| id.to_string()),
        install_count: value.install_count,
        revision: value.revision,
        created_at: ms(value.created_at),
        updated_at: ms(value.updated_at),
    }
}

pub(in super::super) fn template_version(row: template_version::Model) -> Result<TemplateVersion, Error> {
    Ok(TemplateVersion {
        id: id(&row.id)?,
        template_id: id(&row.template_id)?,
        version: row.version.parse().map_err(|_| corrupt("version", &row.version))?,
        status: word(&row.status, TemplateVersionStatus::from_stored)?,
        definition: row.definition,
        hash: row.hash,
        changelog: row.changelog,
        breaking: row.breaking,
        created_at: row.created_at,
        published_at: row.published_at,
    })
}

pub(in super::super) fn template_version_row(value: &TemplateVersion) -> template_version::Model {
    template_version::Model {
        id: value.id.to_string(),
        template_id: value.template_id.to_string(),
        version: value.version.to_string(),
        status: value.status.as_str().to_owned(),
        definition: value.definition.clone(),
        hash: value.hash.clone(),
        changelog: value.changelog.clone(),
        breaking: value.breaking,
        created_at: ms(value.created_at),
        published_at: value.published_at.map(ms),
    }
}
