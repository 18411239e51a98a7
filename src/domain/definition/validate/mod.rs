//! Reads JSON as a definition and tells every problem of shape and sense at once.
//!
//! First `shape` walks the document along the table of the language and makes a mended copy; then the other files look at
//! the sense of the copy. Nothing here calls a library for expressions, JSONPath or JSON Schema: planning does that.

mod characters;
mod expressions;
mod headers;
mod hosts;
mod limits;
mod mapping;
mod names;
mod recorded;
mod report;
mod schemas;
mod secrets;
mod shape;
mod slots;
mod steps;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::{Definition, MAX_BYTES};
use crate::domain::problem::Problem;
use report::Report;

/// Objects and lists that may stand within one another.
pub const MAX_DEPTH: usize = 64;

/// Bytes a member name may have, so that the pointers to what is wrong stay short.
pub const MAX_NAME: usize = 256;

/// Every code a problem of a reading can have.
pub const CODES: &[&str] = &[
    "attribute-field",
    "duplicate-mapping",
    "duplicate-step-id",
    "forbidden-header",
    "host-not-declared",
    "invalid-bind",
    "invalid-contact-field",
    "invalid-expression",
    "invalid-header",
    "invalid-inject",
    "invalid-paginate",
    "invalid-rule",
    "invalid-schema",
    "invalid-url",
    "invalid-value",
    "invalid-wait",
    "literal-secret",
    "missing-base-url",
    "missing-field",
    "missing-hosts",
    "missing-url",
    "odd-character",
    "required-with-default",
    "retry-not-idempotent",
    "too-large",
    "unknown-field",
    "unknown-filter",
    "unknown-function",
    "unknown-input",
    "unknown-limit",
    "unknown-slot",
    "unknown-spec",
    "unknown-test",
    "unknown-variable",
    "unsupported",
    "unused-extract",
    "unused-limit",
    "unused-slot",
    "url-and-path",
    "wrong-type",
];

/// What came of reading a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The definition; with problems of severity error, what could be made of the document.
    pub definition: Option<Definition>,
    /// Every problem, errors first and then as the document goes, 200 at most.
    pub problems: Vec<Problem>,
}

/// Reads a document.
///
/// A document beyond the limits of size or depth is not looked at any further.
pub fn read(source: &Value) -> Reading {
    let mut report = Report::default();
    if let Some(problem) = beyond_limits(source) {
        return Reading { definition: None, problems: vec![problem] };
    }
    let mended = shape::mend(source, &mut report);
    secrets::check(source, &mut report);
    let definition = match serde_json::from_value::<Definition>(mended) {
        Ok(definition) => {
            check_sense(&definition, &mut report);
            Some(definition)
        }
        Err(error) => {
            report.add(Problem::error("invalid-value", "", format!("the document cannot be read: {error}")));
            None
        }
    };
    Reading { definition, problems: report.finish(source) }
}

fn check_sense(definition: &Definition, report: &mut Report) {
    schemas::check(definition, report);
    expressions::check(definition, report);
    steps::check(definition, report);
    headers::check(definition, report);
    slots::check(definition, report);
    hosts::check(definition, report);
    limits::check(definition, report);
    mapping::check(definition, report);
    recorded::check(definition, report);
}

fn beyond_limits(source: &Value) -> Option<Problem> {
    // Without recursion: a document may be deeper than the stack.
    let mut open = vec![(source, 1_usize)];
    while let Some((value, depth)) = open.pop() {
        if depth > MAX_DEPTH {
            let message = format!("objects and lists may stand {MAX_DEPTH} deep in one another");
            return Some(Problem::error("too-large", "", message));
        }
        match value {
            Value::Object(members) if members.keys().any(|name| name.len() > MAX_NAME) => {
                return Some(Problem::error("too-large", "", format!("the name of a member may have {MAX_NAME} bytes")));
            }
            Value::Object(members) => open.extend(members.values().filter(|member| is_container(member)).map(|member| (member, depth + 1))),
            Value::Array(items) => open.extend(items.iter().filter(|item| is_container(item)).map(|item| (item, depth + 1))),
            _ => {}
        }
    }
    let bytes = source.to_string().len();
    (bytes > MAX_BYTES)
        .then(|| Problem::error("too-large", "", format!("a definition may have {MAX_BYTES} bytes of JSON, this one has {bytes}")))
}

fn is_container(value: &Value) -> bool {
    value.is_object() || value.is_array()
}
