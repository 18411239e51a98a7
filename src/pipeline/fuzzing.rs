//! What is fuzzed: every reader of foreign text as a function over any bytes.
//!
//! A target must neither panic nor exhaust the stack, and what it asserts must hold for every input. The programs in
//! `fuzz/` give the bytes by libFuzzer; the tests here give the corpus of `fuzz/corpus/` and a fixed number of mutations of
//! it. Only built for the two.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Path, compile, pages, preview_path, preview_template, wait};
use crate::domain::page::Cursor;

#[cfg(test)]
mod tests;

/// A target: any bytes in, nothing out.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its corpus and its program.
pub const TARGETS: [(&str, Target); 6] = [
    ("cursor", cursor),
    ("definition", definition),
    ("expression", expression),
    ("jsonpath", jsonpath),
    ("link", link),
    ("retry_after", retry_after),
];

/// Reads and compiles a definition; what it says about a problem can be shown.
pub fn definition(data: &[u8]) {
    let Ok(source) = serde_json::from_slice::<Value>(data) else { return };
    let compiled = compile(&source);
    for problem in &compiled.problems {
        assert!(problem.span.is_none_or(|(start, end)| start <= end), "{problem:?}");
        assert!(problem.pointer.is_empty() || problem.pointer.starts_with('/'), "{problem:?}");
    }
    assert_eq!(compiled.hash, compile(&source).hash);
}

/// Compiles and evaluates a text with expressions; the same text gives the same.
pub fn expression(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let names = json!({
        "inputs": {"a": "text", "b": [1, 2.5, {"c": null}], "big": "x".repeat(1_000), "n": i64::MAX},
        "steps": {"one": {"id": 7}}, "run": {"id": "run"}
    });
    let preview = preview_template(&text, &names);
    let length = text.chars().count();
    for problem in &preview.problems {
        assert!(problem.span.is_none_or(|(start, end)| start <= end && end <= length), "{text}: {problem:?}");
    }
    assert!(preview.value.as_ref().is_none_or(|value| value.to_string().len() < 64 * 1024 * 1024), "{text}");
    assert_eq!(preview, preview_template(&text, &names), "{text}");
}

/// Compiles a path and walks documents along it.
pub fn jsonpath(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let document = json!({"a": [{"b": 1, "c": "x"}, {"b": [null, true]}, "a.b", -0.5], "o": {"p": {"q": "\u{1F600}"}}, "": 0});
    let Ok(path) = Path::compile(&text) else {
        assert!(!preview_path(&text, &document).problems.is_empty(), "{text}");
        return;
    };
    let found = path.find(&document).map(|found| found.len());
    assert!(!path.is_singular() || found.is_ok_and(|found| found <= 1), "{text}");
    assert!(path.find(&Value::Null).is_ok(), "{text}");
}

/// Reads how long to wait, in every format; an answer is a wait that a deadline can be made of or none.
pub fn retry_after(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for now in [DateTime::UNIX_EPOCH, DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC] {
        wait::read_all(&text, now);
    }
}

/// Reads a `Link` header; every target stands in it.
pub fn link(data: &[u8]) {
    let line = String::from_utf8_lossy(data);
    for (target, relations) in pages::links(&line) {
        assert!(line.contains(&target), "{line}: {target}");
        assert!(relations.iter().all(|relation| !relation.contains([' ', '\t', '\n'])), "{line}: {relations:?}");
    }
}

/// Decodes a cursor; what is taken is written as it was.
pub fn cursor(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for list in ["connectors.updated", ""] {
        if let Ok(cursor) = Cursor::decode(&text, list) {
            assert_eq!(cursor.list, list, "{text}");
            assert_eq!(cursor.encode(), text, "{text}");
        }
    }
}
