//! The plans a run follows: its own, and those of connectors it calls.

use std::sync::Arc;

use serde_json::Value;

use super::run::Run;
use super::{Error, Shared};
use crate::auth::WorkspaceScope;
use crate::domain::execution::{ErrorClass, Execution, ExecutionError, ExecutionErrorCode};
use crate::domain::id::ConnectorVersionId;
use crate::pipeline::Plan;
use crate::pipeline::walk::{Opened, Unit};

impl Run<'_> {
    /// Finds another connector of the workspace: the version that is published, or the one that is remembered.
    pub(super) async fn find_called(&self, key: &str, memory: Option<&Value>) -> Result<Result<Opened, ExecutionError>, Error> {
        let refused = |message: String| {
            let error = ExecutionError::new(ExecutionErrorCode::Input, ErrorClass::Configuration, message);
            Ok(Err(error.hint("Publish it, or call another one")))
        };
        let parts = &self.shared.parts;
        let tx = parts.store.read(&self.scope).await?;
        let remembered = memory.and_then(|memory| memory.as_str()?.parse::<ConnectorVersionId>().ok());
        let connector = tx.find_connector_by_key(key).await?;
        let Some(connector) = connector else { return refused(format!("There is no connector `{key}` in this workspace")) };
        let Some(id) = remembered.or(connector.published_version_id) else {
            return refused(format!("The connector `{key}` is not published"));
        };
        let plan = match parts.plans.get(id) {
            Some(plan) => Some(plan),
            None => tx.find_version(id).await?.and_then(|version| parts.plans.compile(id, &version.definition)),
        };
        let Some(plan) = plan else { return refused(format!("The connector `{key}` cannot be run by this server")) };
        let Ok(config) = plan.resolve_config(&connector.config) else {
            return refused(format!("The configuration of `{key}` does not fit it"));
        };
        let unit = Unit { plan, bindings: connector.bindings, depth: 0 };
        Ok(Ok(Opened { unit, config, memory: Value::String(id.to_string()) }))
    }
}

/// The compiled plan: from the cache, else compiled from the version's row or the execution's own definition.
pub(super) async fn find_plan(
    shared: &Shared,
    execution: &Execution,
    own: Option<&Value>,
) -> Result<Result<Arc<Plan>, ExecutionError>, Error> {
    let parts = &shared.parts;
    let broken = || {
        ExecutionError::new(ExecutionErrorCode::Internal, ErrorClass::Configuration, "The definition cannot be run by this server")
            .hint("Publish the connector again; the problems are then listed")
    };
    if let Some(definition) = own {
        return Ok(crate::pipeline::compile(definition).plan.ok_or_else(broken));
    }
    let gone = || ExecutionError::new(ExecutionErrorCode::Internal, ErrorClass::Configuration, "The connector's version was deleted");
    let Some(version) = execution.version_id else { return Ok(Err(gone())) };
    if let Some(plan) = parts.plans.get(version) {
        return Ok(Ok(plan));
    }
    let scope = WorkspaceScope::for_run(&parts.system, execution.workspace_id);
    let row = parts.store.read(&scope).await?.find_version(version).await?;
    Ok(match row {
        Some(row) => parts.plans.compile(version, &row.definition).ok_or_else(broken),
        None => Err(gone()),
    })
}
