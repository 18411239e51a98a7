//! Paths against RFC 9535, and what they may cost.

use serde_json::{Value, json};

use super::walk::Walk;
use super::{MAX_VISITS, Path};

mod cost;
mod library;
mod rfc9535;

/// What a path finds.
fn found(path: &str, document: &Value) -> Value {
    let compiled = Path::compile(path).unwrap_or_else(|refusal| panic!("{path}: {}", refusal.message));
    json!(compiled.find(document).unwrap_or_else(|reason| panic!("{path}: {reason}")))
}

/// Each path finds these values in the document, in this order.
fn finds(document: &Value, cases: &[(&str, Value)]) {
    for (path, expected) in cases {
        assert_eq!(found(path, document), *expected, "{path}");
    }
}

/// Each path is refused with this code.
fn refuses(cases: &[(&str, &str)]) {
    for (path, code) in cases {
        match Path::compile(path) {
            Ok(compiled) => panic!("{path} is taken: {compiled:?}"),
            Err(refusal) => assert_eq!(refusal.code, *code, "{path}: {}", refusal.message),
        }
    }
}

/// How many values are looked at.
fn visits(path: &str, document: &Value) -> usize {
    let compiled = Path::compile(path).unwrap_or_else(|refusal| panic!("{path}: {}", refusal.message));
    let mut walk = Walk::new(document, MAX_VISITS);
    walk.nodes(&compiled.query, document).unwrap_or_else(|_| panic!("{path} uses up the visits"));
    MAX_VISITS - walk.left
}
