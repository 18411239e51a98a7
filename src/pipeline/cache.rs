//! Compiled plans kept in memory, shared by everything in the process that needs them: a version is compiled once.

use std::sync::Arc;

use serde_json::Value;

use super::{Plan, compile};
use crate::domain::id::ConnectorVersionId;

/// Plans kept at one time.
const PLANS: u64 = 2_000;

/// Plans by version. A version never changes, so an entry never goes stale. Clones share it.
#[derive(Clone)]
pub struct PlanCache {
    plans: moka::sync::Cache<ConnectorVersionId, Arc<Plan>>,
}

impl Default for PlanCache {
    fn default() -> Self {
        Self { plans: moka::sync::Cache::new(PLANS) }
    }
}

impl PlanCache {
    /// The plan of a version compiled before.
    pub fn get(&self, id: ConnectorVersionId) -> Option<Arc<Plan>> {
        self.plans.get(&id)
    }

    /// Keeps a version's plan.
    pub fn insert(&self, id: ConnectorVersionId, plan: Arc<Plan>) {
        self.plans.insert(id, plan);
    }

    /// Compiles a version's definition and keeps the plan. `None` when the definition has errors.
    pub fn compile(&self, id: ConnectorVersionId, definition: &Value) -> Option<Arc<Plan>> {
        let plan = compile(definition).plan?;
        self.insert(id, Arc::clone(&plan));
        Some(plan)
    }
}
