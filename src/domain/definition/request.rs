//! The call of an http step, how its answer is read, and what answers mean.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::duration::IsoDuration;
use crate::domain::exchange::Method;
use crate::domain::execution::ErrorClass;

/// A call: either a whole `url`, or a `path` below `defaults.base_url`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// Method; GET unless told.
    #[serde(default = "get")]
    pub method: Method,
    /// Absolute address; each expression in it fills one path segment or query value, encoded for that place.
    #[serde(default)]
    pub url: Option<String>,
    /// Below `defaults.base_url`.
    #[serde(default)]
    pub path: Option<String>,
    /// Query name → expression or JSON value; a list repeats the name.
    #[serde(default)]
    pub query: BTreeMap<String, Value>,
    /// Header name → expression or text.
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    /// Body.
    #[serde(default)]
    pub body: Option<Body>,
    /// Leave out query values, headers and body members that came out null or empty.
    #[serde(default)]
    pub omit_empty: bool,
}

const fn get() -> Method {
    Method::Get
}

/// A body to send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// How it is written.
    #[serde(default)]
    pub kind: BodyKind,
    /// JSON with expressions in it; for `form`, `multipart` and `graphql` an object, for `text` a string.
    pub value: Value,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyKind {
    /// `application/json`.
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`, RFC 7578.
    Multipart,
    /// `text/plain`.
    Text,
    /// A GraphQL request as JSON: `query`, `variables`, `operationName`.
    Graphql,
}

/// How an answer is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// How the body is decoded.
    #[serde(default)]
    pub decode: Decoder,
    /// Bytes accepted; the server's limit unless told.
    #[serde(default)]
    pub max_bytes: Option<u64>,
    /// `JSONPath`s of what is kept of the body under `steps.<id>.body`; with any, `status` and `headers` are kept as well.
    #[serde(default)]
    pub keep: Vec<String>,
}

/// How a body is decoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decoder {
    /// One JSON value.
    #[default]
    Json,
    /// A JSON value a line; a list.
    Jsonl,
    /// Lines of comma-separated values under a line of names, RFC 4180; a list of objects.
    Csv,
    /// Text.
    Text,
}

/// What answers of a kind mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Which answers.
    #[serde(rename = "if")]
    pub condition: RuleCondition,
    /// What they mean.
    pub then: RuleAction,
    /// Where the answer says how long to wait.
    #[serde(default)]
    pub wait: Option<RuleWait>,
    /// The error's class, for `fail` and `retry`.
    #[serde(default)]
    pub class: Option<ErrorClass>,
    /// The error's sentence.
    #[serde(default)]
    pub message: Option<String>,
    /// For `conflict`: name under `conflict` → what of the answer it is.
    #[serde(default)]
    pub take: BTreeMap<String, Capture>,
    /// For `conflict`: the request made next; what it does not say is as in the step's own.
    #[serde(default)]
    pub retry_as: Option<FollowUp>,
}

/// A part of an answer, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// JSONPath into the body.
    #[serde(default)]
    pub body: Option<String>,
    /// Header name.
    #[serde(default)]
    pub header: Option<String>,
    /// Regular expression; its first group, or all it fits, is taken.
    #[serde(rename = "match", default)]
    pub pattern: Option<String>,
}

/// A request made in place of one that met a conflict.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FollowUp {
    /// Method.
    #[serde(default)]
    pub method: Option<Method>,
    /// Absolute address.
    #[serde(default)]
    pub url: Option<String>,
    /// Below `defaults.base_url`.
    #[serde(default)]
    pub path: Option<String>,
    /// Query.
    #[serde(default)]
    pub query: Option<BTreeMap<String, Value>>,
    /// Headers.
    #[serde(default)]
    pub headers: Option<BTreeMap<String, Value>>,
    /// Body.
    #[serde(default)]
    pub body: Option<Body>,
}

impl FollowUp {
    /// The whole request, with what it does not say taken from another.
    pub fn over(&self, request: &HttpRequest) -> HttpRequest {
        let address = self.url.is_some() || self.path.is_some();
        HttpRequest {
            method: self.method.unwrap_or(request.method),
            url: if address { self.url.clone() } else { request.url.clone() },
            path: if address { self.path.clone() } else { request.path.clone() },
            query: self.query.clone().unwrap_or_else(|| request.query.clone()),
            headers: self.headers.clone().unwrap_or_else(|| request.headers.clone()),
            body: self.body.clone().or_else(|| request.body.clone()),
            omit_empty: request.omit_empty,
        }
    }
}

/// Which answers a rule is about; all members given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCondition {
    /// One of these statuses.
    #[serde(default)]
    pub status: Option<Vec<u16>>,
    /// A header of this name is present; with `match`, its value fits.
    #[serde(default)]
    pub header: Option<String>,
    /// Expression over `response`; with `match`, its text fits, else it must come out true.
    #[serde(default)]
    pub body: Option<String>,
    /// Regular expression.
    #[serde(rename = "match", default)]
    pub pattern: Option<String>,
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleAction {
    /// Good, whatever its status.
    Succeed,
    /// Good, and there is nothing in it: extracts come out null.
    Empty,
    /// As `empty`, and the body is not read.
    Ignore,
    /// Try again.
    Retry,
    /// Try again once the service allows it.
    RateLimited,
    /// Try again at once with the credential as it is by then, renewed where its kind allows; once an attempt.
    RefreshAuth,
    /// It is there already: make the request of `retry_as`.
    Conflict,
    /// The step fails.
    Fail,
}

/// Where an answer says how long to wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleWait {
    /// Header name.
    #[serde(default)]
    pub header: Option<String>,
    /// JSONPath into the body.
    #[serde(default)]
    pub body: Option<String>,
    /// How the value is written.
    #[serde(default)]
    pub format: WaitFormat,
    /// A longer wait fails the step.
    #[serde(default)]
    pub max: Option<IsoDuration>,
}

/// How a wait is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFormat {
    /// As `Retry-After`, RFC 9110 section 10.2.3: seconds or an HTTP date.
    #[default]
    SecondsOrDate,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Seconds since 1970.
    EpochSeconds,
}
