//! Credentials: made sealed, shown masked, deleted only when nothing uses them.

use chrono::{DateTime, Utc};

use crate::auth::{Principal, WorkspaceScope};
use crate::domain::connector::{Connector, ConnectorStatus};
use crate::domain::credential::{Credential, CredentialField, CredentialHealth, CredentialKind, SealedSecret};
use crate::domain::id::CredentialId;
use crate::domain::page::{Cursor, Page, PageRequest};
use crate::domain::workspace::WorkspaceRole;
use crate::store::{ConnectorFilter, CredentialFilter, ObjectId, Tx, WorkspaceRef};
use crate::vault::{Bound, Secret, Secrets};

use super::error::{Mistake, MistakeKind};
use super::text::{self, Mistakes};
use super::{App, Error, Result};

/// Hosts a credential may name.
const MAX_HOSTS: usize = 20;
/// Bytes a secret part may have.
const SECRET_LENGTH: usize = 8_192;
/// Connectors named when a credential cannot go.
const USERS_SHOWN: u32 = 20;
/// Connectors unbound in one go.
const USERS_UNBOUND: u32 = 1_000;

/// The parts of a credential, by kind.
#[derive(Debug, Clone)]
pub enum SecretParts {
    /// One key.
    ApiKey {
        /// The key.
        value: Secret,
    },
    /// A bearer token.
    Bearer {
        /// The token.
        token: Secret,
    },
    /// User name and password.
    Basic {
        /// The user name, which is not secret.
        username: String,
        /// The password.
        password: Secret,
    },
}

impl SecretParts {
    /// The kind of credential these parts make.
    pub const fn kind(&self) -> CredentialKind {
        match self {
            Self::ApiKey { .. } => CredentialKind::ApiKey,
            Self::Bearer { .. } => CredentialKind::Bearer,
            Self::Basic { .. } => CredentialKind::Basic,
        }
    }

    fn into_secrets(self) -> Secrets {
        let parts = match self {
            Self::ApiKey { value } => vec![("value", value)],
            Self::Bearer { token } => vec![("token", token)],
            Self::Basic { username, password } => vec![("username", Secret::new(username)), ("password", password)],
        };
        parts.into_iter().map(|(name, secret)| (name.to_owned(), secret)).collect()
    }
}

/// A credential to make.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// Name to show.
    pub name: String,
    /// Its parts.
    pub parts: SecretParts,
    /// Hosts it may be sent to.
    pub allowed_hosts: Vec<String>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

impl App {
    /// Makes a credential.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below ADMIN; [`Error::Invalid`] for bad hosts, blank secrets or a taken name.
    pub async fn create_credential(
        &self,
        principal: &Principal,
        workspace: &WorkspaceRef,
        new: NewCredential,
    ) -> Result<(Credential, WorkspaceScope)> {
        let (_, scope) = self.enter(principal, workspace).await?;
        scope.require(WorkspaceRole::Admin)?;
        let (credential, sealed) = self.seal_credential(&scope, new)?;
        let tx = self.store().begin(&scope).await?;
        tx.insert_credential(&credential, &sealed).await?;
        tx.commit().await?;
        Ok((credential, scope))
    }

    /// A credential checked and sealed, ready to be inserted.
    pub(super) fn seal_credential(&self, scope: &WorkspaceScope, new: NewCredential) -> Result<(Credential, SealedSecret)> {
        let now = self.clock().now();
        let mut mistakes = Mistakes::default();
        let name = mistakes.note(text::required(&new.name, text::NAME_LENGTH, &["name"]));
        let hosts = mistakes.note(hosts(&new.allowed_hosts));
        if new.expires_at.is_some_and(|end| end <= now) {
            mistakes.push(Mistake::invalid(&["expiresAt"], "It must lie in the future."));
        }
        let kind = new.parts.kind();
        let secrets = new.parts.into_secrets();
        for (part, secret) in &secrets {
            if secret.expose().is_empty() {
                mistakes.push(Mistake::new(MistakeKind::Required, &["secret", part], "It may not be empty."));
            } else if secret.expose().len() > SECRET_LENGTH {
                mistakes.push(text::too_long(SECRET_LENGTH, &["secret", part], format!("It may have at most {SECRET_LENGTH} bytes.")));
            }
        }
        mistakes.done()?;
        let credential = Credential {
            id: CredentialId::fresh(self.clock()),
            workspace_id: scope.workspace_id(),
            name: name.unwrap_or_default(),
            kind,
            fields: previews(kind, &secrets),
            allowed_hosts: hosts.unwrap_or_default(),
            health: CredentialHealth::Unknown,
            last_used_at: None,
            revision: 1,
            created_by: scope.actor().clone(),
            created_at: now,
            rotated_at: now,
            expires_at: new.expires_at,
        };
        let bound = Bound { workspace_id: credential.workspace_id, credential_id: credential.id, revision: credential.revision };
        let sealed = self.vault().seal(&bound, &secrets)?;
        Ok((credential, sealed))
    }

    /// The workspace's credentials.
    pub async fn list_credentials(
        &self,
        scope: &WorkspaceScope,
        filter: &CredentialFilter,
        page: &PageRequest,
    ) -> Result<Page<Credential>> {
        Ok(self.store().read(scope).await?.list_credentials(filter, page).await?)
    }

    /// One credential.
    pub async fn find_credential(&self, principal: &Principal, id: CredentialId) -> Result<(Credential, WorkspaceScope)> {
        let scope = self.enter_of(principal, ObjectId::Credential(id), id).await?;
        let found = self.store().read(&scope).await?.find_credential(id).await?.ok_or_else(|| Error::not_found(id, &["id"]))?;
        Ok((found, scope))
    }

    /// Those of these credentials that are in the workspace.
    pub async fn credentials_of(&self, scope: &WorkspaceScope, ids: &[CredentialId]) -> Result<Vec<Credential>> {
        Ok(self.store().read(scope).await?.find_credentials(ids).await?)
    }

    /// Deletes a credential; with `unbind`, takes it out of the connectors that use it first and blocks those.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below ADMIN; [`Error::Invalid`] while connectors use it.
    pub async fn delete_credential(&self, principal: &Principal, id: CredentialId, unbind: bool) -> Result<CredentialId> {
        let scope = self.enter_of(principal, ObjectId::Credential(id), id).await?;
        scope.require(WorkspaceRole::Admin)?;
        let tx = self.store().begin(&scope).await?;
        let limit = if unbind { USERS_UNBOUND } else { USERS_SHOWN };
        let (users, count) = tx.connectors_using(id, limit).await?;
        if !users.is_empty() && (!unbind || count > u64::from(USERS_UNBOUND)) {
            let shown = users.into_iter().take(USERS_SHOWN as usize).collect();
            let message = format!("It is used by {count} connectors.");
            return Err(Mistake::new(MistakeKind::InUse { connectors: shown, count }, &["id"], message).seen_in(&scope).into());
        }
        for connector in users {
            self.take_out(&tx, connector, id).await?;
        }
        tx.delete_credential(id).await?;
        tx.commit().await?;
        Ok(id)
    }

    async fn take_out(&self, tx: &Tx<WorkspaceScope>, mut connector: Connector, id: CredentialId) -> Result<()> {
        connector.bindings.retain(|_, bound| *bound != id);
        if connector.status == ConnectorStatus::Active {
            connector.status = ConnectorStatus::Blocked;
        }
        connector.updated_at = self.clock().now();
        tx.update_connector(&connector, None).await?;
        Ok(())
    }

    /// A filter for the connectors that use a credential.
    pub fn using_credential(id: CredentialId) -> ConnectorFilter {
        ConnectorFilter { credential_id: Some(id), ..ConnectorFilter::default() }
    }
}

fn hosts(given: &[String]) -> Result<Vec<String>, Mistake> {
    let path = ["allowedHosts"];
    if given.is_empty() {
        return Err(Mistake::new(MistakeKind::Required, &path, "At least one host must be named."));
    }
    if given.len() > MAX_HOSTS {
        return Err(text::too_long(MAX_HOSTS, &path, format!("At most {MAX_HOSTS} hosts can be named.")));
    }
    given.iter().enumerate().map(|(index, host)| text::host(host, &["allowedHosts", &index.to_string()])).collect()
}

/// Its parts as they may be shown.
fn previews(kind: CredentialKind, secrets: &Secrets) -> Vec<CredentialField> {
    kind.fields()
        .iter()
        .map(|&(key, secret)| {
            let value = secrets.get(key).map(Secret::expose).unwrap_or_default();
            CredentialField { key: key.to_owned(), secret, preview: if secret { mask(value) } else { value.to_owned() } }
        })
        .collect()
}

/// Dots, and for long secrets their last four characters.
fn mask(secret: &str) -> String {
    const SHOWN: usize = 4;
    const LONG: usize = 16;
    let length = secret.chars().count();
    let tail: String = if length >= LONG { secret.chars().skip(length - SHOWN).collect() } else { String::new() };
    format!("••••{tail}")
}

/// The place of a credential in the list's order, by name.
pub fn credential_cursor(credential: &Credential) -> String {
    Cursor { list: "credentials.name".to_owned(), key: credential.name.clone(), id: credential.id.to_string() }.encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_all_but_the_end_of_long_secrets() {
        assert_eq!(mask("short-secret"), "••••");
        assert_eq!(mask("a-rather-long-secret-1234"), "••••1234");
    }

    #[test]
    fn shows_only_what_is_open() {
        let parts = SecretParts::Basic { username: "ann".into(), password: Secret::new("p".into()) };
        let shown = previews(CredentialKind::Basic, &parts.into_secrets());
        assert_eq!(shown.iter().map(|field| field.preview.as_str()).collect::<Vec<_>>(), ["ann", "••••"]);
    }

    #[test]
    fn wants_hosts() {
        assert!(hosts(&[]).is_err());
        assert!(hosts(&vec!["a.example".to_owned(); 21]).is_err());
        assert_eq!(hosts(&["A.example".to_owned()]).unwrap(), ["a.example"]);
    }
}
