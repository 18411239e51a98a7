//! Steps that hold other steps or none at all: `branch`, `foreach`, `parallel`, `waterfall`, `wait`, `call`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::duration::IsoDuration;
use super::step::Step;

/// Runs the steps of the first case whose condition comes out true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BranchStep {
    /// The cases, looked at in order.
    pub cases: Vec<Case>,
    /// Run when no case fits.
    #[serde(default)]
    pub default: Vec<Step>,
}

/// One case of a branch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Expression; the case is taken if it comes out true.
    pub when: String,
    /// What is run then.
    #[serde(rename = "do")]
    pub steps: Vec<Step>,
}

/// Runs its steps once for each item of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForeachStep {
    /// Expression giving the list.
    pub items: String,
    /// Name the steps see the item by.
    #[serde(rename = "as", default = "item")]
    pub name: String,
    /// Turns under way at one time, 1 to 20.
    #[serde(default = "one")]
    pub concurrency: u32,
    /// What is run for each item.
    #[serde(rename = "do")]
    pub steps: Vec<Step>,
}

fn item() -> String {
    "item".to_owned()
}

const fn one() -> u32 {
    1
}

/// Runs several lists of steps side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParallelStep {
    /// Name of a branch → its steps.
    pub branches: BTreeMap<String, Vec<Step>>,
}

/// Asks providers one after another until the result of one is accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WaterfallStep {
    /// In which order they are asked.
    #[serde(default)]
    pub strategy: WaterfallStrategy,
    /// Who is asked.
    pub providers: Vec<Provider>,
    /// Expression over `item`, the result of a provider; unless told, a result with any value in it is accepted.
    #[serde(default)]
    pub accept: Option<String>,
    /// No provider is asked whose cost would bring the sum above this; an expression or a number.
    #[serde(default)]
    pub budget: Option<Value>,
}

/// In which order the providers of a waterfall are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaterfallStrategy {
    /// As they stand in the definition.
    #[default]
    Ordered,
    /// By their cost, the cheapest first.
    Cheapest,
}

/// One provider of a waterfall.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provider {
    /// Name, unique in the waterfall.
    pub id: String,
    /// What asking it costs, in units of the definition, whatever it answers.
    #[serde(default)]
    pub cost: f64,
    /// How it is asked; the result of the last step that ran is its result.
    pub steps: Vec<Step>,
}

/// Lets time pass; no worker is held meanwhile. Exactly one of the two is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitStep {
    /// So long.
    #[serde(rename = "for", default)]
    pub period: Option<IsoDuration>,
    /// Until then: an expression giving a date or an instant, RFC 3339.
    #[serde(default)]
    pub until: Option<String>,
}

/// Calls another connector of the workspace, as it is published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallStep {
    /// Its key.
    pub connector: String,
    /// Name of an input → expression or JSON with expressions in it.
    #[serde(default)]
    pub inputs: BTreeMap<String, Value>,
}
