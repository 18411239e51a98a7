//! What came of a recorded run against what was recorded: each difference is a sentence.

use serde_json::{Map, Value};

use super::recorded::End;
use crate::domain::contact::Contact;
use crate::domain::definition::{RecordedRequest, RecordedTest};
use crate::domain::exchange::Request;

/// Compares a request with the recorded one; members the recording leaves out are not compared.
pub(super) fn request(place: &str, recorded: &RecordedRequest, made: &Request, differences: &mut Vec<String>) {
    if recorded.method != made.method {
        differences.push(format!("{place}: method is {}, recorded is {}", made.method.as_str(), recorded.method.as_str()));
    }
    if !same_address(&recorded.url, &made.url) {
        differences.push(format!("{place}: address is {}, recorded is {}", made.url, recorded.url));
    }
    let Some(expected) = &recorded.body else { return };
    let found = made.body.as_ref().map_or(Value::Null, |body| {
        serde_json::from_slice(&body.bytes)
            .ok()
            .filter(|_| !expected.is_string())
            .unwrap_or_else(|| Value::String(String::from_utf8_lossy(&body.bytes).into_owned()))
    });
    if found != *expected {
        differences.push(format!("{place}: body is {found}, recorded is {expected}"));
    }
}

/// The same address, whatever the order of the query.
pub(super) fn same_address(recorded: &str, made: &url::Url) -> bool {
    let Ok(recorded) = url::Url::parse(recorded) else { return false };
    let pairs = |url: &url::Url| {
        let mut pairs: Vec<(String, String)> = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        pairs.sort();
        pairs
    };
    recorded.origin() == made.origin() && recorded.path() == made.path() && pairs(&recorded) == pairs(made)
}

/// Compares how a run ended with what the test expects.
pub(super) fn end(test: &RecordedTest, end: &End, contact: Option<&Contact>, differences: &mut Vec<String>) {
    let expect = &test.expect;
    let status = if end.error.is_some() { "failed" } else { "succeeded" };
    let usual = if expect.error.is_some() { "failed" } else { "succeeded" };
    let expected = expect.status.as_deref().unwrap_or(usual);
    if status != expected {
        let why = end.error.as_ref().map(|error| format!(": {}", error.message)).unwrap_or_default();
        differences.push(format!("status is {status}, expected is {expected}{why}"));
    }
    if expect.result.is_some() && expect.result != end.result {
        differences.push(format!("result is {}, expected is {}", shown(end.result.as_deref()), shown(expect.result.as_deref())));
    }
    let code = end.error.as_ref().map(|error| error.code.as_str());
    if let Some(expected) = &expect.error
        && !code.is_some_and(|code| code.eq_ignore_ascii_case(expected))
    {
        differences.push(format!("error is {}, expected is {expected}", shown(code)));
    }
    members("output", expect.outputs.as_ref(), |name| end.outputs.get(name).cloned(), differences);
    members("contact field", expect.contact.as_ref(), |name| contact.map(|contact| contact.field(name)), differences);
}

fn members(what: &str, expected: Option<&Map<String, Value>>, found: impl Fn(&str) -> Option<Value>, differences: &mut Vec<String>) {
    for (name, expected) in expected.into_iter().flatten() {
        let found = found(name).unwrap_or(Value::Null);
        let equal = found == *expected || (found.as_f64().is_some() && found.as_f64() == expected.as_f64());
        if !equal {
            differences.push(format!("{what} `{name}` is {found}, expected is {expected}"));
        }
    }
}

fn shown(word: Option<&str>) -> String {
    word.map_or_else(|| "none".to_owned(), |word| format!("`{word}`"))
}
