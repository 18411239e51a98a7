//! What is wrong with an answer, told without the answer's text: a leak must not be repeated in a report.

use std::fmt;

use serde_json::Value;

use super::callers::Caller;
use super::judge::{Expect, Kind};

/// Answers to a question that was badly put: they would be the same for every id and so prove nothing.
const BADLY_PUT: [&str; 9] = [
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "OPERATION_RESOLUTION_FAILED",
    "QUERY_TOO_COMPLEX",
    "SECRET_IN_DOCUMENT",
    "BAD_REQUEST",
    "RATE_LIMITED",
    "UNAVAILABLE",
    "INTERNAL",
];

/// One wrong answer.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What sort of question it was.
    pub kind: Kind,
    /// Who asked.
    pub caller: Caller,
    /// The body of the request.
    pub asked: String,
    /// What is wrong with the answer, in a sentence.
    pub wrong: String,
    /// The answer, and where it was compared the other one: for those who mend it, not for reports.
    pub answers: Vec<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { caller, asked, wrong, answers, .. } = self;
        write!(out, "{caller:?} asked {asked}\n  {wrong}:\n  {}", answers.join("\n  "))
    }
}

/// What an answer should have been and is not.
pub(super) fn misfit(expect: Expect, body: &str) -> Option<String> {
    let Ok(answer) = serde_json::from_str::<Value>(body) else { return Some("the answer is no JSON".to_owned()) };
    let has = |code: &str| body.contains(&format!("\"code\":\"{code}\""));
    if let Some(code) = BADLY_PUT.iter().find(|code| has(code)) {
        return Some(format!("the question itself was refused with {code}"));
    }
    let has_data = !answer.get("data").and_then(Value::as_object).is_none_or(|data| data.values().all(Value::is_null));
    match expect {
        Expect::Same => None,
        Expect::SameAndUnderstood => has("BAD_USER_INPUT").then(|| "it was not understood".to_owned()),
        Expect::Refused(code) => (!has(code) || has_data).then(|| format!("it was not refused with {code}")),
        Expect::Forbidden(role) => {
            let told = has("FORBIDDEN") && body.contains(&format!("\"requiredRole\":\"{role}\""));
            (!told || has_data).then(|| format!("it was not refused for want of {role}"))
        }
        Expect::Own => miscounted(&answer).map(|_| "a list counts more than there is".to_owned()),
        Expect::Found => (!has_data || answer.get("errors").is_some()).then(|| "it was not found by those whose it is".to_owned()),
    }
}

/// A whole list in the answer whose count is not that of its items.
fn miscounted(value: &Value) -> Option<&Value> {
    let page = value.get("pageInfo");
    let is_end = |name| page.and_then(|page| page.get(name)) == Some(&Value::Bool(false));
    let items = value.get("edges").and_then(Value::as_array).map(|edges| edges.len() as u64);
    if is_end("hasNextPage") && is_end("hasPreviousPage") && value.get("totalCount").and_then(Value::as_u64) != items {
        return Some(value);
    }
    match value {
        Value::Array(items) => items.iter().find_map(miscounted),
        Value::Object(members) => members.values().find_map(miscounted),
        _ => None,
    }
}
