//! How results reach contacts.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::duration::IsoDuration;

/// How results reach a contact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    /// `contact`, the only target so far.
    pub target: String,
    /// Contact fields by which the contact is found, in order of preference; `id` is the contact the run is for.
    #[serde(rename = "match", default = "by_id")]
    pub match_fields: Vec<String>,
    /// What happens when none is found.
    #[serde(default)]
    pub on_missing: MissingContact,
    /// Single fields.
    pub fields: Vec<FieldMapping>,
}

fn by_id() -> Vec<String> {
    vec!["id".to_owned()]
}

/// What a mapping does when there is no contact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingContact {
    /// Makes one.
    Create,
    /// Writes nothing.
    #[default]
    Skip,
    /// Fails the execution.
    Fail,
}

/// How one result reaches one contact field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldMapping {
    /// Contact field, e.g. `email` or `attributes.city`.
    pub to: String,
    /// Expression giving the value.
    pub from: Value,
    /// When to write.
    #[serde(default)]
    pub policy: WritePolicy,
    /// Expression or number: how sure the value is, 0 to 1.
    #[serde(default)]
    pub confidence: Option<Value>,
    /// After this time the value counts as stale.
    #[serde(default)]
    pub ttl: Option<IsoDuration>,
}

/// When a mapped value is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WritePolicy {
    /// Only if the field is empty or its value is stale.
    #[default]
    FillIfEmpty,
    /// Always.
    Overwrite,
    /// Only if the value is newer than the one there.
    IfNewer,
    /// Only if the value is surer than the one there.
    IfMoreConfident,
    /// Add to the list if not already in it.
    Append,
    /// Never; only record what would have been written.
    Never,
}
