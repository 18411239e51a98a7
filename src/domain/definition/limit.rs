//! Budgets of calls that runs share.

use serde::{Deserialize, Serialize};

use super::duration::IsoDuration;

/// How many calls may be made, by everyone in its scope together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Who shares it.
    #[serde(default)]
    pub scope: LimitScope,
    /// So many calls in so long; all of them hold.
    #[serde(default)]
    pub rates: Vec<Rate>,
    /// Headers by which the service tells what is left.
    #[serde(default)]
    pub headers: Option<LimitHeaders>,
}

/// Who shares a budget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitScope {
    /// Runs that use the same credential.
    #[default]
    Credential,
    /// Runs of the workspace whose definitions have a limit of this name.
    Workspace,
    /// Runs of this definition.
    Connector,
}

/// So many calls in so long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Calls.
    pub limit: u32,
    /// In any span of this length.
    pub per: IsoDuration,
}

/// Headers by which a service tells what is left of a budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitHeaders {
    /// Calls left.
    pub remaining: String,
    /// When there are more: seconds from now, or since 1970.
    pub reset: String,
}
