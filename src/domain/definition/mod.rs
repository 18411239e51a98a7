//! The document a connector or template is: `connectors/v1`, as types.
//!
//! [`read`] turns JSON into a [`Definition`] and reports every problem of shape and sense at once.
//! What needs a library to judge (expression syntax, JSONPath, JSON Schema) is judged by `pipeline::plan`.

pub mod duration;
pub mod expression;
pub mod fields;
pub mod flow;
pub mod limit;
pub mod mapping;
pub mod pages;
pub mod poll;
pub mod request;
pub mod retry;
pub mod slot;
pub mod step;
pub mod tree;
pub mod validate;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use duration::IsoDuration;
pub use flow::{BranchStep, CallStep, Case, ForeachStep, ParallelStep, Provider, WaitStep, WaterfallStep, WaterfallStrategy};
pub use limit::{Limit, LimitHeaders, LimitScope, Rate};
pub use mapping::{FieldMapping, Mapping, MissingContact, WritePolicy};
pub use pages::{BodyCheck, Idempotency, OnMismatch, PageInject, PageKind, PagePlace, PageSize, Paginate};
pub use poll::{PollParts, PollStates, PollStatus, PollStep};
pub use request::{
    Body, BodyKind, Capture, Decoder, FollowUp, HttpRequest, Response, Rule, RuleAction, RuleCondition, RuleWait, WaitFormat,
};
pub use retry::{Backoff, BackoffKind, Retry};
pub use slot::{Inject, InjectPlace, Slot, TestRequest};
pub use step::{Extraction, HttpStep, OnError, SetStep, Step, StepAction, StopStep, Take, ValueType};
pub use tree::{Block, Placed, PlacedCall};
pub use validate::{Reading, read};

/// The format this server understands.
pub const SPEC: &str = "connectors/v1";

/// Steps a definition may have, those within others counted.
pub const MAX_STEPS: usize = 200;

/// Steps that may stand within one another.
pub const MAX_STEP_DEPTH: usize = 8;

/// Credential slots a definition may have.
pub const MAX_SLOTS: usize = 20;

/// Bytes of JSON a definition may have.
pub const MAX_BYTES: usize = 256 * 1024;

/// What the document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// Of one workspace.
    Connector,
    /// Of the catalogue.
    Template,
}

/// A definition whose shape is known to be right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// `connectors/v1`.
    pub spec: String,
    /// Connector or template.
    pub kind: DocumentKind,
    /// Name and texts.
    pub meta: Meta,
    /// JSON Schema 2020-12 of what one run is given; `x-bind` on a property names the contact field it comes from.
    #[serde(default = "empty_object")]
    pub inputs: Value,
    /// JSON Schema of what is set once, at install.
    #[serde(default = "empty_object")]
    pub config: Value,
    /// Name → what comes out.
    #[serde(default)]
    pub outputs: BTreeMap<String, Output>,
    /// Slot name → slot.
    #[serde(default)]
    pub credentials: BTreeMap<String, Slot>,
    /// Merged into every http step.
    #[serde(default)]
    pub defaults: Defaults,
    /// Name → budget of calls.
    #[serde(default)]
    pub limits: BTreeMap<String, Limit>,
    /// The steps, run in order.
    pub steps: Vec<Step>,
    /// How results reach contacts.
    #[serde(default)]
    pub mapping: Option<Mapping>,
    /// Each a JSONPath whose values are never stored.
    #[serde(default)]
    pub redact: Vec<String>,
    /// How long payloads are kept.
    #[serde(default)]
    pub retain: Option<Retain>,
    /// Recorded runs.
    #[serde(default)]
    pub tests: Vec<RecordedTest>,
}

fn empty_object() -> Value {
    Value::Object(Map::new())
}

/// Name and texts of a definition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Name for addresses: `a-z`, `0-9`, `-`.
    pub slug: String,
    /// Name to show.
    pub title: String,
    /// One sentence.
    #[serde(default)]
    pub summary: Option<String>,
    /// An emoji or the name of an icon.
    #[serde(default)]
    pub icon: Option<String>,
    /// Category slug.
    #[serde(default)]
    pub category: Option<String>,
    /// Free labels.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Who runs the API.
    #[serde(default)]
    pub provider: Option<String>,
    /// Address of the API's documentation.
    #[serde(default)]
    pub docs: Option<String>,
}

/// One output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// JSON type of the value.
    #[serde(rename = "type", default)]
    pub value_type: Option<ValueType>,
    /// Expression giving the value.
    pub value: Value,
}

/// What every http step has unless it says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Defaults {
    /// Address that `path` of a request is joined to.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Header name → template.
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    /// Most time for one attempt.
    #[serde(default)]
    pub timeout: Option<IsoDuration>,
    /// When to try again.
    #[serde(default)]
    pub retry: Option<Retry>,
    /// Credential slot.
    #[serde(default)]
    pub auth: Option<String>,
    /// Name of a budget.
    #[serde(default)]
    pub limit: Option<String>,
}

/// How long payloads of runs are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retain {
    /// Of runs that succeeded.
    #[serde(default)]
    pub success: Option<IsoDuration>,
    /// Of the others.
    #[serde(default)]
    pub failure: Option<IsoDuration>,
}

/// A recorded run: inputs, the exchanges it makes, and what must come of it. Needs no network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedTest {
    /// Name to show.
    pub name: String,
    /// What the run is given.
    #[serde(default = "empty_object")]
    pub inputs: Value,
    /// Values of `config`.
    #[serde(default = "empty_object")]
    pub config: Value,
    /// The contact the run is for, by field name.
    #[serde(default)]
    pub contact: Option<Map<String, Value>>,
    /// Calls expected, in order, with their answers.
    #[serde(default)]
    pub exchanges: Vec<RecordedExchange>,
    /// What must come of it.
    pub expect: Expectation,
}

/// One recorded call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedExchange {
    /// What is sent; only members given are compared.
    pub request: RecordedRequest,
    /// What is answered.
    pub response: RecordedResponse,
}

/// What a recorded call looks like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedRequest {
    /// Method.
    pub method: super::exchange::Method,
    /// Absolute address with its query, credentials left out.
    pub url: String,
    /// Body, if it is to be compared.
    #[serde(default)]
    pub body: Option<Value>,
}

/// A recorded answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedResponse {
    /// Status.
    pub status: u16,
    /// Header lines.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Body: JSON, or a string sent as it is.
    #[serde(default)]
    pub body: Value,
}

/// What must come of a recorded run; members left out are not compared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// Final status, `succeeded` or `failed`; `succeeded` unless told.
    #[serde(default)]
    pub status: Option<String>,
    /// Result word.
    #[serde(default)]
    pub result: Option<String>,
    /// Outputs; only members given are compared.
    #[serde(default)]
    pub outputs: Option<Map<String, Value>>,
    /// Contact fields after the run; only those given are compared.
    #[serde(default)]
    pub contact: Option<Map<String, Value>>,
    /// Code of the error.
    #[serde(default)]
    pub error: Option<String>,
}
