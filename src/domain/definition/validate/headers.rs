//! Headers a definition may send: well formed, not those of the connection, and none with a secret in it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::report::Report;
use crate::domain::definition::expression::is_template;
use crate::domain::definition::fields::Pattern;
use crate::domain::definition::{Definition, Placed, PlacedCall};
use crate::domain::problem::{Problem, pointer_join};

/// Headers that belong to the connection or to the client, RFC 9110 section 7.6.
const FORBIDDEN: &[&str] =
    &["host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"];

pub(super) fn check(definition: &Definition, report: &mut Report) {
    headers(&definition.defaults.headers, "/defaults/headers", report);
    for Placed { step, pointer, .. } in definition.placed() {
        for PlacedCall { request, call, owns_rules } in step.calls() {
            headers(&call.request.headers, &format!("{pointer}{request}/headers"), report);
            for (number, rule) in call.rules.iter().enumerate().filter(|_| owns_rules) {
                if let Some(own) = rule.retry_as.as_ref().and_then(|next| next.headers.as_ref()) {
                    headers(own, &format!("{pointer}/rules/{number}/retry_as/headers"), report);
                }
            }
        }
    }
}

/// Is it a header no definition may set?
pub(super) fn is_forbidden(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    FORBIDDEN.contains(&name.as_str()) || name.starts_with("proxy-")
}

fn headers(headers: &BTreeMap<String, Value>, place: &str, report: &mut Report) {
    for (name, value) in headers {
        let place = pointer_join(place, name);
        if !Pattern::Header.matches(name) {
            report.follow(Problem::error("invalid-header", place.as_str(), format!("the name must be {}", Pattern::Header.what())));
        } else if is_forbidden(name) {
            let message = format!("`{name}` is set by the connection and cannot be set by a definition");
            report.follow(Problem::error("forbidden-header", place.as_str(), message));
        }
        let Value::String(text) = value else { continue };
        if let Some(at) = text.chars().position(|letter| matches!(letter, '\r' | '\n' | '\0')) {
            let message = "a header value has no line breaks and no zero characters";
            report.follow(Problem::error("invalid-header", place.as_str(), message).span(at, at + 1));
        }
        let carries_credentials = ["authorization", "cookie"].iter().any(|known| name.eq_ignore_ascii_case(known));
        if carries_credentials && !text.is_empty() && !is_template(text) {
            let problem = Problem::error("literal-secret", place, format!("a definition holds no secrets, and `{name}` looks like one"));
            report.follow(problem.suggest("declare a slot in `credentials` and name it in `auth`"));
        }
    }
}
