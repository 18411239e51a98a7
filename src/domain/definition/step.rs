//! Steps: what they share, and the kinds `http`, `set`, `stop`. Those that hold steps are in [`super::flow`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::duration::IsoDuration;
use super::flow::{BranchStep, CallStep, ForeachStep, ParallelStep, WaitStep, WaterfallStep};
use super::pages::{BodyCheck, Idempotency, Paginate};
use super::poll::PollStep;
use super::request::{HttpRequest, Response, Rule};
use super::retry::Retry;

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Name, unique in the definition: `a-z`, `0-9`, `_`, first a letter.
    pub id: String,
    /// Name to show.
    #[serde(default)]
    pub title: Option<String>,
    /// Expression; the step runs only if it comes out true.
    #[serde(default)]
    pub when: Option<String>,
    /// What follows when it fails for good.
    #[serde(default)]
    pub on_error: OnError,
    /// Most time for one attempt.
    #[serde(default)]
    pub timeout: Option<IsoDuration>,
    /// When to try again.
    #[serde(default)]
    pub retry: Option<Retry>,
    /// What one run of it costs, in units of the definition.
    #[serde(default)]
    pub cost: f64,
    /// What it does.
    #[serde(flatten)]
    pub action: StepAction,
}

/// What follows when a step fails for good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The execution fails.
    #[default]
    Fail,
    /// The next step runs; the failed one has no result.
    Continue,
    /// The execution ends as succeeded with a warning.
    Stop,
}

/// What a step does, by `kind`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepAction {
    /// Calls an API.
    Http(Box<HttpStep>),
    /// Computes values.
    Set(SetStep),
    /// Runs the steps of the first case that fits.
    Branch(BranchStep),
    /// Runs its steps for each item of a list.
    Foreach(ForeachStep),
    /// Runs several lists of steps side by side.
    Parallel(ParallelStep),
    /// Asks providers until the result of one is accepted.
    Waterfall(WaterfallStep),
    /// Starts a job and asks for it until it is done.
    Poll(Box<PollStep>),
    /// Lets time pass.
    Wait(WaitStep),
    /// Calls another connector.
    Call(CallStep),
    /// Ends the run.
    Stop(StopStep),
}

impl StepAction {
    /// The word in `kind`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Set(_) => "set",
            Self::Branch(_) => "branch",
            Self::Foreach(_) => "foreach",
            Self::Parallel(_) => "parallel",
            Self::Waterfall(_) => "waterfall",
            Self::Poll(_) => "poll",
            Self::Wait(_) => "wait",
            Self::Call(_) => "call",
            Self::Stop(_) => "stop",
        }
    }
}

/// Calls an API and takes values from the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpStep {
    /// The call.
    pub request: HttpRequest,
    /// Credential slot; `defaults.auth` unless told.
    #[serde(default)]
    pub auth: Option<String>,
    /// How the answer is read.
    #[serde(default)]
    pub response: Response,
    /// What answers mean; the first that fits wins.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Name → value taken from the answer.
    #[serde(default)]
    pub extract: BTreeMap<String, Extraction>,
    /// Through the pages of a list.
    #[serde(default)]
    pub paginate: Option<Paginate>,
    /// What the answer must be like.
    #[serde(default)]
    pub schema: Option<BodyCheck>,
    /// How repetitions are made known to the service.
    #[serde(default)]
    pub idempotency: Option<Idempotency>,
    /// Name of a budget; `defaults.limit` unless told.
    #[serde(default)]
    pub limit: Option<String>,
}

/// Computes values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetStep {
    /// Name → expression or JSON with expressions in it.
    pub values: BTreeMap<String, Value>,
}

/// Ends the run as succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopStep {
    /// The run's result word.
    pub result: String,
}

/// One value taken from an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extraction {
    /// JSONPath, RFC 9535.
    pub path: String,
    /// Which of several matches.
    #[serde(default)]
    pub take: Take,
    /// Does the step fail when nothing is there?
    #[serde(default)]
    pub required: bool,
    /// Used when nothing is there.
    #[serde(default)]
    pub default: Option<Value>,
    /// The value is turned into this type, or the step fails.
    #[serde(rename = "type", default)]
    pub value_type: Option<ValueType>,
}

/// Which of several matches an extraction takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// The only one; more than one is an error.
    One,
    /// The first.
    #[default]
    First,
    /// All, as a list.
    All,
}

/// JSON types a value can be turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// Text.
    String,
    /// Number.
    Number,
    /// Whole number.
    Integer,
    /// True or false.
    Boolean,
    /// Object.
    Object,
    /// List.
    Array,
}
