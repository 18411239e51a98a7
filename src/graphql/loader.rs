//! Loads what many items of one answer point to, together: one statement for a batch. Made per request: what they hold was read for one viewer.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};

use crate::app::App;
use crate::auth::{Principal, WorkspaceScope};
use crate::domain::connector::{Connector, ConnectorVersion};
use crate::domain::contact::Contact;
use crate::domain::credential::Credential;
use crate::domain::id::{ConnectorId, ConnectorVersionId, ContactId, CredentialId, TemplateId, TemplateVersionId};
use crate::domain::template::{Template, TemplateVersion};

use super::error::{Error, Result};

/// An id together with the scope it is read in.
#[derive(Debug, Clone)]
pub(crate) struct Key<I> {
    scope: WorkspaceScope,
    id: I,
}

impl<I: PartialEq> PartialEq for Key<I> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.scope.workspace_id() == other.scope.workspace_id()
    }
}

impl<I: Eq> Eq for Key<I> {}

impl<I: Hash> Hash for Key<I> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.scope.workspace_id().hash(state);
        self.id.hash(state);
    }
}

/// Reads batches for one viewer.
pub(crate) struct Rows {
    app: App,
    principal: Option<Principal>,
}

/// This request's loaders.
pub(crate) struct Loaders {
    rows: DataLoader<Rows>,
}

impl Loaders {
    #[expect(clippy::disallowed_methods, reason = "a batch is awaited by the resolvers that asked for it and ends with its one read")]
    pub(super) fn new(app: &App, principal: Option<Principal>) -> Self {
        Self { rows: DataLoader::new(Rows { app: app.clone(), principal }, tokio::spawn) }
    }

    pub(crate) async fn connector(&self, scope: &WorkspaceScope, id: ConnectorId) -> Result<Option<Arc<Connector>>> {
        self.rows.load_one(Key { scope: scope.clone(), id }).await
    }

    pub(crate) async fn version(&self, scope: &WorkspaceScope, id: ConnectorVersionId) -> Result<Option<Arc<ConnectorVersion>>> {
        self.rows.load_one(Key { scope: scope.clone(), id }).await
    }

    pub(crate) async fn credential(&self, scope: &WorkspaceScope, id: CredentialId) -> Result<Option<Arc<Credential>>> {
        self.rows.load_one(Key { scope: scope.clone(), id }).await
    }

    pub(crate) async fn contact(&self, scope: &WorkspaceScope, id: ContactId) -> Result<Option<Arc<Contact>>> {
        self.rows.load_one(Key { scope: scope.clone(), id }).await
    }

    pub(crate) async fn template(&self, id: TemplateId) -> Result<Option<Arc<Template>>> {
        self.rows.load_one(id).await
    }

    pub(crate) async fn template_version(&self, id: TemplateVersionId) -> Result<Option<Arc<TemplateVersion>>> {
        self.rows.load_one(id).await
    }
}

/// Keys of one batch by workspace: in nearly all requests there is one.
fn by_workspace<I: Copy>(keys: &[Key<I>]) -> Vec<(WorkspaceScope, Vec<I>)> {
    let mut groups: Vec<(WorkspaceScope, Vec<I>)> = Vec::new();
    for key in keys {
        match groups.iter_mut().find(|(scope, _)| scope.workspace_id() == key.scope.workspace_id()) {
            Some((_, ids)) => ids.push(key.id),
            None => groups.push((key.scope.clone(), vec![key.id])),
        }
    }
    groups
}

/// Gives the loader of one kind of row inside workspaces.
macro_rules! workspace_loader {
    ($id:ident => $row:ident by $read:ident) => {
        impl Loader<Key<$id>> for Rows {
            type Value = Arc<$row>;
            type Error = Error;

            async fn load(&self, keys: &[Key<$id>]) -> Result<HashMap<Key<$id>, Arc<$row>>> {
                let mut found = HashMap::with_capacity(keys.len());
                for (scope, ids) in by_workspace(keys) {
                    for row in self.app.$read(&scope, &ids).await? {
                        found.insert(Key { scope: scope.clone(), id: row.id }, Arc::new(row));
                    }
                }
                Ok(found)
            }
        }
    };
}

workspace_loader!(ConnectorId => Connector by connectors_of);
workspace_loader!(ConnectorVersionId => ConnectorVersion by versions_of);
workspace_loader!(CredentialId => Credential by credentials_of);
workspace_loader!(ContactId => Contact by contacts_of);

/// Gives the loader of one kind of row of the catalogue.
macro_rules! catalogue_loader {
    ($id:ident => $row:ident by $read:ident) => {
        impl Loader<$id> for Rows {
            type Value = Arc<$row>;
            type Error = Error;

            async fn load(&self, keys: &[$id]) -> Result<HashMap<$id, Arc<$row>>> {
                let principal = self.principal.as_ref().ok_or(Error::Unauthenticated)?;
                Ok(self.app.$read(principal, keys).await?.into_iter().map(|row| (row.id, Arc::new(row))).collect())
            }
        }
    };
}

catalogue_loader!(TemplateId => Template by templates_of);
catalogue_loader!(TemplateVersionId => TemplateVersion by template_versions_of);
