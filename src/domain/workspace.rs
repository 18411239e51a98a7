//! Workspaces, their members, roles, and who did something.

use chrono::{DateTime, Utc};

use super::id::{MemberId, WorkspaceId};
use super::stored_enum;

stored_enum! {
    /// Roles in a workspace; each includes those declared before it.
    pub enum WorkspaceRole {
        /// Looks.
        Viewer = "viewer",
        /// Starts, cancels and retries; changes nothing.
        Operator = "operator",
        /// Makes and changes connectors, binds credentials, installs templates.
        Editor = "editor",
        /// Members, settings, credentials and the audit log.
        Admin = "admin",
        /// Everything, also deleting the workspace and naming owners.
        Owner = "owner",
    }
}

stored_enum! {
    /// Roles of SaaS admins; each includes those declared before it.
    pub enum SaasAdminRole {
        /// Decides about templates handed in.
        Reviewer = "reviewer",
        /// Makes, publishes, features and deprecates templates.
        Publisher = "publisher",
        /// Names other SaaS admins and reads their audit log.
        Owner = "owner",
    }
}

stored_enum! {
    /// Kinds of parties.
    pub enum ActorKind {
        /// A person.
        User = "user",
        /// A program with a service token.
        Service = "service",
        /// The server by itself.
        System = "system",
    }
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What kind of party.
    pub kind: ActorKind,
    /// The token's `sub`; `None` for the system itself.
    pub subject: Option<String>,
}

impl Actor {
    /// The server itself.
    pub const SYSTEM: Self = Self { kind: ActorKind::System, subject: None };

    /// As stored in one column: `user:ann`, `service:crm`, `system`.
    pub fn stored(&self) -> String {
        self.subject.as_ref().map_or_else(|| self.kind.as_str().to_owned(), |subject| format!("{}:{subject}", self.kind.as_str()))
    }

    /// From its stored form; what cannot be read counts as the system.
    pub fn from_stored(text: &str) -> Self {
        match text.split_once(':') {
            Some((kind, subject)) => {
                ActorKind::from_stored(kind).map_or(Self::SYSTEM, |kind| Self { kind, subject: Some(subject.to_owned()) })
            }
            None => Self::SYSTEM,
        }
    }
}

/// A tenant.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// The host application's own key, unique on the server.
    pub key: String,
    /// Name to show.
    pub name: String,
    /// Rises with every change.
    pub revision: i32,
    /// Executions that may run at one time.
    pub max_concurrent_executions: u32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A party's place in a workspace.
#[derive(Debug, Clone)]
pub struct Member {
    /// The membership's id.
    pub id: MemberId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The token subject.
    pub subject: String,
    /// Name to show.
    pub display_name: Option<String>,
    /// E-mail address, if known.
    pub email: Option<String>,
    /// The role.
    pub role: WorkspaceRole,
    /// Who added the member.
    pub added_by: Option<Actor>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A person who looks after templates for the whole server.
#[derive(Debug, Clone)]
pub struct SaasAdmin {
    /// Its id.
    pub id: super::id::SaasAdminId,
    /// The token subject.
    pub subject: String,
    /// Name to show.
    pub display_name: Option<String>,
    /// The role.
    pub role: SaasAdminRole,
    /// When added.
    pub created_at: DateTime<Utc>,
}
