//! Templates of the catalogue and their versions; they never hold a secret.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::id::{TemplateId, TemplateVersionId};
use super::stored_enum;

stored_enum! {
    /// Where a template stands.
    pub enum TemplateStatus {
        /// No version is published.
        Unpublished = "unpublished",
        /// At least one version is published.
        Published = "published",
        /// Still works where installed; cannot be newly installed.
        Deprecated = "deprecated",
    }
}

stored_enum! {
    /// Where a version of a template stands.
    pub enum TemplateVersionStatus {
        /// Being written.
        Draft = "draft",
        /// Handed in; waits for a SaaS admin.
        InReview = "in_review",
        /// Sent back with remarks.
        ChangesRequested = "changes_requested",
        /// Turned down.
        Rejected = "rejected",
        /// Out.
        Published = "published",
        /// Taken back; stays where installed.
        Withdrawn = "withdrawn",
    }
}

/// A connector definition offered to all workspaces.
#[derive(Debug, Clone)]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// Name for addresses, unique.
    pub slug: String,
    /// Name to show.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// Markdown.
    pub description: Option<String>,
    /// What to do at the service before installing. Markdown.
    pub setup_guide: Option<String>,
    /// An emoji or the name of an icon.
    pub icon: Option<String>,
    /// Category slug.
    pub category: Option<String>,
    /// Free labels.
    pub tags: Vec<String>,
    /// Made by the operators of this server?
    pub official: bool,
    /// Shown first?
    pub featured: bool,
    /// Where it stands.
    pub status: TemplateStatus,
    /// The newest published version.
    pub latest_version_id: Option<TemplateVersionId>,
    /// Connectors made from it, over all workspaces.
    pub install_count: i64,
    /// Rises with every change.
    pub revision: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// One version of a template; once published it never changes.
#[derive(Debug, Clone)]
pub struct TemplateVersion {
    /// Its id.
    pub id: TemplateVersionId,
    /// The template.
    pub template_id: TemplateId,
    /// Its number.
    pub version: semver::Version,
    /// Where it stands.
    pub status: TemplateVersionStatus,
    /// The definition.
    pub definition: Value,
    /// Hash of its normal form.
    pub hash: String,
    /// Markdown.
    pub changelog: Option<String>,
    /// Must something be done by hand when upgrading to it?
    pub breaking: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was published.
    pub published_at: Option<DateTime<Utc>>,
}
