//! Connectors that call one another: who is called must be there, and no way may lead back.

use std::collections::BTreeSet;

use crate::auth::WorkspaceScope;
use crate::domain::id::ConnectorVersionId;
use crate::domain::problem::Problem;
use crate::pipeline::{Plan, PlannedAction};
use crate::store::Tx;

use super::error::{Mistake, MistakeKind};
use super::{App, Result};

/// Connectors looked at on the way from one.
const MAX_LOOKED_AT: usize = 200;

impl App {
    /// Refuses a plan, of the connector with this key, whose calls cannot be made.
    ///
    /// # Errors
    /// [`super::Error::Invalid`] with a problem for each call of a connector that is not published, or that comes back here.
    pub(super) async fn check_calls(&self, tx: &Tx<WorkspaceScope>, key: &str, plan: &Plan) -> Result<()> {
        let mut problems = Vec::new();
        for (called, pointer, path) in calls(plan) {
            let problem = match self.leads_back(tx, key, &called).await? {
                Some(true) => Problem::error("call-cycle", pointer, format!("`{called}` comes back to `{key}`: the calls would never end")),
                Some(false) => continue,
                None => Problem::error("unknown-connector", pointer, format!("this workspace has no published connector `{called}`"))
                    .suggest("publish it first"),
            };
            problems.push(problem.in_step(path));
        }
        if problems.is_empty() {
            return Ok(());
        }
        let message = "The definition calls connectors that cannot be called.";
        Err(Mistake::new(MistakeKind::Definition(problems), &["definition"], message).into())
    }

    /// Does the way from a connector lead to this key? `None` when it is not published.
    async fn leads_back(&self, tx: &Tx<WorkspaceScope>, key: &str, called: &str) -> Result<Option<bool>> {
        if called == key {
            return Ok(Some(true));
        }
        let Some(first) = published(tx, called).await? else { return Ok(None) };
        let (mut seen, mut open) = (BTreeSet::from([called.to_owned()]), vec![first]);
        while let Some(version) = open.pop() {
            let plan = self.plan(tx, version).await?;
            for (next, ..) in calls(&plan) {
                if next == key {
                    return Ok(Some(true));
                }
                if seen.len() < MAX_LOOKED_AT && seen.insert(next.clone()) {
                    open.extend(published(tx, &next).await?);
                }
            }
        }
        Ok(Some(false))
    }
}

async fn published(tx: &Tx<WorkspaceScope>, key: &str) -> Result<Option<ConnectorVersionId>> {
    Ok(tx.find_connector_by_key(key).await?.and_then(|connector| connector.published_version_id))
}

/// The connectors a plan calls: key, place in the document, path of the step.
fn calls(plan: &Plan) -> Vec<(String, String, String)> {
    let called = |step: &crate::pipeline::PlannedStep| match &step.action {
        PlannedAction::Call(call) => Some((call.connector.clone(), format!("{}/connector", step.pointer), step.path.clone())),
        _ => None,
    };
    plan.every_step().into_iter().filter_map(called).collect()
}
