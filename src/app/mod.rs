//! The use cases: what a signed-in party can have done, one file per noun.
//!
//! Each begins with a [`Principal`]: the membership row is read anew for every operation and becomes a scope, and only
//! a scope opens a transaction. What the caller may not see is not found; a role too low is forbidden.
//! Nothing here knows GraphQL, HTTP or SQL.

use std::sync::Arc;

use crate::auth::{AdminScope, Principal, UserScope, WorkspaceScope};
use crate::clock::Clock;
use crate::domain::workspace::Workspace;
use crate::events::Events;
use crate::pipeline::PlanCache;
use crate::queue::Queue;
use crate::store::{ObjectId, Store};
use crate::vault::Vault;

mod admin;
mod bindings;
mod calls;
mod catalogue;
mod connectors;
mod contacts;
mod credentials;
mod error;
mod executions;
mod follow;
mod install;
mod plans;
mod templates;
mod testing;
mod text;
mod workspaces;

pub use admin::{NewTemplate, NewTemplateVersion, TemplateDetails};
pub use bindings::{CredentialSource, SlotFill};
pub use connectors::{ConnectorChange, ConnectorSource, NewConnector, connector_cursor};
pub use contacts::{ImportedRow, Upserted};
pub use credentials::{NewCredential, SecretParts, credential_cursor};
pub use error::{Error, Mistake, MistakeKind, Result, Winner};
pub use executions::{MAX_WAIT, StartRequest, Started};
pub use follow::{ExecutionFollower, ExecutionState, LogBatch, LogFollower};
pub use install::{InstallRequest, Installed};
pub use testing::{TestRequest, TestTarget};
pub use workspaces::{NewMember, NewWorkspace, WorkspaceChange};

/// What definitions mean, for showing them: pure functions of the layer below.
pub use crate::pipeline as definitions;
/// Which rows are meant, and a secret on its way in: the words of the layers below in which requests are put.
pub use crate::store::{
    ConnectorFilter, ConnectorOrder, ConnectorOrderField, ContactFilter, ContactRef, CredentialFilter, ExecutionFilter, TemplateFilter,
    TemplateOrder, TemplateRef, WorkspaceRef,
};
pub use crate::vault::Secret;

/// The use cases: a cheap clone over the layers below.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    vault: Vault,
    queue: Queue,
    events: Events,
    clock: Arc<dyn Clock>,
    /// Plans by version, shared with the executor.
    plans: PlanCache,
}

impl std::fmt::Debug for App {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("App").finish_non_exhaustive()
    }
}

impl App {
    /// The use cases over these layers.
    pub fn new(store: Store, vault: Vault, queue: Queue, events: Events, plans: PlanCache, clock: Arc<dyn Clock>) -> Self {
        Self { inner: Arc::new(Inner { store, vault, queue, events, clock, plans }) }
    }

    /// The clock everything here goes by.
    pub fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.inner.queue
    }

    pub(crate) fn events(&self) -> &Events {
        &self.inner.events
    }

    /// The workspace by id or key, with what the caller may do in it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none or the caller is no member.
    pub async fn enter(&self, principal: &Principal, by: &WorkspaceRef) -> Result<(Workspace, WorkspaceScope)> {
        let tx = self.store().read(&UserScope::of(principal)).await?;
        let found = tx.find_access(by).await?;
        let (workspace, access) = found.ok_or_else(|| Error::not_found(workspaces::named(by), &["workspace"]))?;
        let scope = WorkspaceScope::grant(principal, &access);
        Ok((workspace, scope))
    }

    /// What the caller may do in the workspace an object is in.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such object or the caller is no member of its workspace.
    pub async fn enter_of(&self, principal: &Principal, object: ObjectId, looked_for: impl std::fmt::Display) -> Result<WorkspaceScope> {
        let tx = self.store().read(&UserScope::of(principal)).await?;
        let access = tx.find_access_to(object).await?.ok_or_else(|| Error::not_found(looked_for, &["id"]))?;
        Ok(WorkspaceScope::grant(principal, &access))
    }

    /// What the caller may do as SaaS admin.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for everyone who is none.
    pub async fn enter_as_admin(&self, principal: &Principal) -> Result<AdminScope> {
        let tx = self.store().read(&UserScope::of(principal)).await?;
        let admin = tx.find_saas_admin().await?.ok_or(Error::Forbidden { required: "SAAS_ADMIN" })?;
        Ok(AdminScope::grant(principal, &admin))
    }
}

#[cfg(test)]
pub(crate) mod tests;
