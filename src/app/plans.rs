//! From a version to what it does: compiled once, then kept.

use std::sync::Arc;

use crate::auth::WorkspaceScope;
use crate::domain::connector::ConnectorVersion;
use crate::domain::id::ConnectorVersionId;
use crate::pipeline::Plan;
use crate::store::Tx;

use super::{App, Error, Result};

impl App {
    /// The plan of a version, compiled at its first use in this process.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the version is not in the workspace.
    pub(super) async fn plan(&self, tx: &Tx<WorkspaceScope>, id: ConnectorVersionId) -> Result<Arc<Plan>> {
        if let Some(plan) = self.inner.plans.get(id) {
            return Ok(plan);
        }
        let version = tx.find_version(id).await?.ok_or_else(|| Error::not_found(id, &["versionId"]))?;
        self.plan_of(&version)
    }

    /// The plan of a version at hand.
    pub(super) fn plan_of(&self, version: &ConnectorVersion) -> Result<Arc<Plan>> {
        if let Some(plan) = self.inner.plans.get(version.id) {
            return Ok(plan);
        }
        self.inner.plans.compile(version.id, &version.definition).ok_or_else(|| Error::internal("a published version does not compile"))
    }

    /// A plan already in memory.
    pub(super) fn cached_plan(&self, id: ConnectorVersionId) -> Option<Arc<Plan>> {
        self.inner.plans.get(id)
    }
}
