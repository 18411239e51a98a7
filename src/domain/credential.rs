//! Credentials as the rest of the program may see them: never their secrets.

use chrono::{DateTime, Utc};

use super::id::{CredentialId, WorkspaceId};
use super::stored_enum;
use super::workspace::Actor;

stored_enum! {
    /// How a credential is presented to a service.
    pub enum CredentialKind {
        /// One key in a header, query parameter, cookie or body.
        ApiKey = "api_key",
        /// `Authorization: Bearer …`, RFC 6750.
        Bearer = "bearer",
        /// User name and password, RFC 7617.
        Basic = "basic",
    }
}

impl CredentialKind {
    /// Names of its parts; the flag says whether the part is secret.
    pub const fn fields(self) -> &'static [(&'static str, bool)] {
        match self {
            Self::ApiKey => &[("value", true)],
            Self::Bearer => &[("token", true)],
            Self::Basic => &[("username", false), ("password", true)],
        }
    }
}

stored_enum! {
    /// What is known about whether a credential works.
    pub enum CredentialHealth {
        /// Never tried since it was made or rotated.
        Unknown = "unknown",
        /// Worked last time.
        Ok = "ok",
        /// Was refused last time.
        Failing = "failing",
        /// Past its end.
        Expired = "expired",
    }
}

/// One part of a credential: open ones with their value, secret ones masked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CredentialField {
    /// Name of the part.
    pub key: String,
    /// Is its value secret?
    pub secret: bool,
    /// The value, or a mask that shows at most its last four characters.
    pub preview: String,
}

/// A ciphertext as stored: opaque to everything but `vault`.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret(pub Vec<u8>);

impl std::fmt::Debug for SealedSecret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "SealedSecret({} bytes)", self.0.len())
    }
}

/// Secrets a workspace keeps for one outside service, without the secrets.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Name to show, unique in the workspace.
    pub name: String,
    /// How it is presented.
    pub kind: CredentialKind,
    /// Its parts, masked.
    pub fields: Vec<CredentialField>,
    /// Hosts it may be sent to, `*.` allowed in front.
    pub allowed_hosts: Vec<String>,
    /// What the last use said.
    pub health: CredentialHealth,
    /// When an execution last used it.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Rises with every change; part of what the ciphertext is bound to.
    pub revision: i32,
    /// Who made it.
    pub created_by: Actor,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its secrets were last replaced.
    pub rotated_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Does `host` fall under a pattern such as `api.x.example` or `*.x.example`? Both without port, compared without regard to case.
pub fn host_matches(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.to_ascii_lowercase(), host.to_ascii_lowercase());
    match pattern.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        None => pattern == host,
    }
}

#[cfg(test)]
mod tests {
    use super::host_matches;

    #[test]
    fn hosts_match_exactly_or_below_a_star() {
        assert!(host_matches("api.x.example", "API.x.example"));
        assert!(host_matches("*.x.example", "eu.x.example"));
        for (pattern, host) in [
            ("*.x.example", "x.example"),
            ("*.x.example", "evilx.example"),
            ("api.x.example", "api.x.example.evil"),
            ("*.x.example", ".x.example"),
        ] {
            assert!(!host_matches(pattern, host), "{pattern} {host}");
        }
    }
}
