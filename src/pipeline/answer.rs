//! The body of an answer → a JSON value, within bounds and never quoted in an error.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::path::Path;
use crate::domain::definition::Decoder;
use crate::domain::exchange::Response;

/// How deep the JSON of an answer may nest.
const MAX_DEPTH: usize = 128;

/// Decodes a body; an empty one is null.
///
/// # Errors
/// A sentence with the content type, and nothing of the body.
pub(crate) fn decode(response: &Response, decoder: Decoder) -> Result<Value, String> {
    let body = response.body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&response.body);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    match decoder {
        Decoder::Text => Ok(Value::String(String::from_utf8_lossy(body).into_owned())),
        Decoder::Csv => rows(body).map(Value::Array),
        Decoder::Json | Decoder::Jsonl if depth(body) > MAX_DEPTH => Err(format!("The answer's JSON nests deeper than {MAX_DEPTH} levels")),
        Decoder::Json => serde_json::from_slice(body).map_err(|error| not_json(response, body, &error)),
        Decoder::Jsonl => lines(body).map(Value::Array),
    }
}

/// A JSON value a line.
fn lines(body: &[u8]) -> Result<Vec<Value>, String> {
    let numbered = (1..).zip(body.split(|byte| *byte == b'\n'));
    let filled = numbered.filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace));
    filled
        .map(|(number, line)| {
            serde_json::from_slice(line).map_err(|error| format!("Line {number} of the answer is not JSON: column {}", error.column()))
        })
        .collect()
}

/// Comma-separated values under a line of names, RFC 4180; each row an object of texts.
fn rows(body: &[u8]) -> Result<Vec<Value>, String> {
    let told = |error: &csv::Error| match error.position() {
        Some(position) => format!("The answer's CSV cannot be read: line {}", position.line()),
        None => "The answer's CSV cannot be read".to_owned(),
    };
    let mut reader = csv::ReaderBuilder::new().from_reader(body);
    let names: Vec<String> = reader.headers().map_err(|error| told(&error))?.iter().map(str::to_owned).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| told(&error))?;
        let members = names.iter().cloned().zip(record.iter().map(|field| Value::String(field.to_owned())));
        rows.push(Value::Object(members.collect()));
    }
    Ok(rows)
}

/// What the paths find of a body, each value in its place; of lists what is found moves together.
pub(crate) fn kept(body: &Value, paths: &[Path]) -> Value {
    // Found values are told apart by where they lie in memory, which the copy walks in step.
    let found: HashSet<*const Value> = paths.iter().flat_map(|path| path.find(body).unwrap_or_default()).map(std::ptr::from_ref).collect();
    copy_found(body, &found).unwrap_or(Value::Null)
}

fn copy_found(value: &Value, found: &HashSet<*const Value>) -> Option<Value> {
    if found.contains(&std::ptr::from_ref(value)) {
        return Some(value.clone());
    }
    match value {
        Value::Array(items) => {
            let items: Vec<Value> = items.iter().filter_map(|item| copy_found(item, found)).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(members) => {
            let kept = members.iter().filter_map(|(name, member)| Some((name.clone(), copy_found(member, found)?)));
            let kept: Map<String, Value> = kept.collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        _ => None,
    }
}

fn not_json(response: &Response, body: &[u8], error: &serde_json::Error) -> String {
    let declared = response.header("content-type").map(media_type).filter(|found| !found.is_empty());
    let named = declared.as_deref().map_or_else(|| "no content type".to_owned(), |found| format!("content type `{found}`"));
    let start: Vec<u8> = body.iter().copied().skip_while(u8::is_ascii_whitespace).take(14).map(|byte| byte.to_ascii_lowercase()).collect();
    let is_html = declared.as_deref().is_some_and(|found| found.contains("html"))
        || start.starts_with(b"<!doctype html")
        || start.starts_with(b"<html");
    if is_html {
        return format!("The answer is an HTML page where JSON was expected ({named}, status {})", response.status);
    }
    format!("The answer is not JSON ({named}, status {}): line {}, column {}", response.status, error.line(), error.column())
}

/// The media type without parameters, as far as it is one.
fn media_type(header: &str) -> String {
    let plain = |sign: &char| sign.is_ascii_alphanumeric() || "/+-._".contains(*sign);
    header.split(';').next().unwrap_or_default().trim().chars().take_while(plain).take(80).collect()
}

/// How deep brackets outside strings nest, in one pass over the bytes.
fn depth(body: &[u8]) -> usize {
    let (mut now, mut most, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' if !quoted => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample;
    use super::*;

    #[test]
    fn decodes_or_says_what_came_instead() {
        let read = |content_type: &str, body: &str, decoder: Decoder| {
            decode(&sample::response(200, &[("content-type", content_type)], body), decoder)
        };
        assert_eq!(read("application/json", "\u{feff}{\"a\":1}", Decoder::Json), Ok(json!({"a": 1})));
        assert_eq!(read("application/json", " \n", Decoder::Json), Ok(Value::Null));
        assert_eq!(read("text/plain", "{\"a\":1}", Decoder::Text), Ok(json!("{\"a\":1}")));
        let html = read("text/html; charset=utf-8", "<html>secret</html>", Decoder::Json).unwrap_err();
        assert!(html.contains("HTML") && html.contains("`text/html`") && !html.contains("secret"), "{html}");
        let broken = read("application/json", "{\"secret\":", Decoder::Json).unwrap_err();
        assert!(broken.contains("not JSON") && !broken.contains("secret"), "{broken}");
    }

    #[test]
    fn reads_lines_and_rows() {
        let read = |body: &str, decoder: Decoder| decode(&sample::response(200, &[], body), decoder);
        assert_eq!(read("{\"a\":1}\n\n[2]\r\n", Decoder::Jsonl), Ok(json!([{"a": 1}, [2]])));
        assert!(read("{}\n{secret", Decoder::Jsonl).is_err_and(|told| told.contains("Line 2") && !told.contains("secret")));
        assert_eq!(read("name,note\r\nAnn,\"a, \"\"b\"\"\nc\"\r\n", Decoder::Csv), Ok(json!([{"name": "Ann", "note": "a, \"b\"\nc"}])));
        assert!(read("a,b\nsecret\n", Decoder::Csv).is_err_and(|told| told.contains("line 2") && !told.contains("secret")));
    }

    #[test]
    fn keeps_what_paths_find_in_its_place() {
        let body = json!({"a": {"b": 1, "c": 2}, "list": [{"x": 1, "y": 1}, {"x": 2}], "other": 3});
        let check = |paths: &[&str], expected: Value| {
            let paths: Vec<Path> = paths.iter().map(|path| Path::compile(path).unwrap()).collect();
            assert_eq!(kept(&body, &paths), expected);
        };
        check(&["$"], body.clone());
        check(&["$.a.b", "$.list[*].y"], json!({"a": {"b": 1}, "list": [{"y": 1}]}));
        check(&["$.none"], Value::Null);
    }

    #[test]
    fn deep_json_is_refused_in_one_pass() {
        let body = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(decode(&sample::response(200, &[], &body), Decoder::Json).unwrap_err().contains("128"));
        let quoted = json!({"a": "[".repeat(500)}).to_string();
        assert!(decode(&sample::response(200, &[], &quoted), Decoder::Json).is_ok());
    }
}
