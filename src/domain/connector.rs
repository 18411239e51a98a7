//! A connector installed in a workspace: its draft, its published versions, its bindings.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::id::{ConnectorId, ConnectorVersionId, CredentialId, TemplateId, TemplateVersionId, WorkspaceId};
use super::stored_enum;
use super::workspace::Actor;

stored_enum! {
    /// Whether a connector can run.
    pub enum ConnectorStatus {
        /// Never published.
        Draft = "draft",
        /// Published and able to run.
        Active = "active",
        /// Published but held back by a person.
        Paused = "paused",
        /// Published but unable to run until someone acts, e.g. a credential is missing.
        Blocked = "blocked",
        /// Put away; kept for its history.
        Archived = "archived",
    }
}

/// A connector.
#[derive(Debug, Clone)]
pub struct Connector {
    /// Its id.
    pub id: ConnectorId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Name for programs, unique in the workspace.
    pub key: String,
    /// Name to show.
    pub name: String,
    /// Markdown.
    pub description: Option<String>,
    /// An emoji or the name of an icon.
    pub icon: Option<String>,
    /// Free labels.
    pub tags: Vec<String>,
    /// Can it run?
    pub status: ConnectorStatus,
    /// Rises with every change.
    pub revision: i32,
    /// The definition being edited, as JSON; may be half done.
    pub draft: Value,
    /// The version that runs.
    pub published_version_id: Option<ConnectorVersionId>,
    /// Hash of the published definition, to tell whether the draft differs.
    pub published_hash: Option<String>,
    /// Values of the definition's `config`.
    pub config: Value,
    /// Slot → credential.
    pub bindings: BTreeMap<String, CredentialId>,
    /// Executions it may run at one time.
    pub max_concurrency: Option<u32>,
    /// Where it came from, if from a template.
    pub template_id: Option<TemplateId>,
    /// The template's version installed.
    pub template_version_id: Option<TemplateVersionId>,
    /// Live executions that ended, in all.
    pub run_count: i64,
    /// Of them, ended as meant.
    pub success_count: i64,
    /// Of them, failed or timed out.
    pub failure_count: i64,
    /// When one last ended.
    pub last_run_at: Option<DateTime<Utc>>,
    /// Who made it.
    pub created_by: Actor,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who last changed it.
    pub updated_by: Actor,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A published, unchangeable state of a connector.
#[derive(Debug, Clone)]
pub struct ConnectorVersion {
    /// Its id.
    pub id: ConnectorVersionId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The connector.
    pub connector_id: ConnectorId,
    /// 1, 2, 3, …
    pub number: i32,
    /// The definition.
    pub definition: Value,
    /// Hash of its normal form.
    pub hash: String,
    /// What changed, in words.
    pub note: Option<String>,
    /// Who published it.
    pub published_by: Actor,
    /// When.
    pub published_at: DateTime<Utc>,
}
