//! Steps that start a job at a provider and ask until it is done.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::duration::IsoDuration;
use super::pages::BodyCheck;
use super::request::{HttpRequest, Response, Rule};
use super::step::{Extraction, HttpStep};

/// Starts a job and asks for it until it is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PollStep {
    /// Starts the job; the body of its answer is `steps.<id>.created` for the other requests.
    pub create: HttpRequest,
    /// Asks how far the job is.
    pub status: PollStatus,
    /// Between two askings.
    #[serde(default = "five_seconds")]
    pub every: IsoDuration,
    /// Fetches the result; the last answer to `status` has it unless told.
    #[serde(default)]
    pub result: Option<HttpRequest>,
    /// Gives the job up when it takes too long.
    #[serde(default)]
    pub abort: Option<HttpRequest>,
    /// Credential slot; `defaults.auth` unless told.
    #[serde(default)]
    pub auth: Option<String>,
    /// Name of a budget; `defaults.limit` unless told.
    #[serde(default)]
    pub limit: Option<String>,
    /// How answers are read.
    #[serde(default)]
    pub response: Response,
    /// What answers mean; the first that fits wins.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Name → value taken from the result.
    #[serde(default)]
    pub extract: BTreeMap<String, Extraction>,
    /// What the result must be like.
    #[serde(default)]
    pub schema: Option<BodyCheck>,
}

const fn five_seconds() -> IsoDuration {
    IsoDuration::from_secs(5)
}

/// Asks how far a job is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PollStatus {
    /// The request.
    #[serde(flatten)]
    pub request: HttpRequest,
    /// JSONPath of the job's state.
    pub state: String,
    /// What states mean.
    pub states: PollStates,
}

/// What states of a job mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollStates {
    /// The result is there.
    pub done: Vec<String>,
    /// There will be none.
    #[serde(default)]
    pub failed: Vec<String>,
    /// It is being worked on; every other state, unless some are named.
    #[serde(default)]
    pub running: Vec<String>,
}

/// The requests of a job, each as a step of its own.
#[derive(Debug, Clone)]
pub struct PollParts {
    /// Starts it.
    pub create: HttpStep,
    /// Asks for it.
    pub status: HttpStep,
    /// Fetches the result.
    pub result: Option<HttpStep>,
    /// Gives it up.
    pub abort: Option<HttpStep>,
}

impl PollStep {
    /// Its requests as steps. Values are taken from the result, wherever it comes from.
    pub fn parts(&self) -> PollParts {
        let part = |request: &HttpRequest, takes: bool| HttpStep {
            request: request.clone(),
            auth: self.auth.clone(),
            response: self.response.clone(),
            rules: self.rules.clone(),
            extract: if takes { self.extract.clone() } else { BTreeMap::new() },
            paginate: None,
            schema: self.schema.clone().filter(|_| takes),
            idempotency: None,
            limit: self.limit.clone(),
        };
        let mut create = part(&self.create, false);
        create.response.keep = vec!["$".to_owned()];
        PollParts {
            create,
            status: part(&self.status.request, self.result.is_none()),
            result: self.result.as_ref().map(|request| part(request, true)),
            abort: self.abort.as_ref().map(|request| part(request, false)),
        }
    }
}
