//! The body of an answer → a JSON value, within bounds and never quoted in an error.

use serde_json::Value;

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
    if decoder == Decoder::Text {
        return Ok(Value::String(String::from_utf8_lossy(body).into_owned()));
    }
    if depth(body) > MAX_DEPTH {
        return Err(format!("The answer's JSON nests deeper than {MAX_DEPTH} levels"));
    }
    serde_json::from_slice(body).map_err(|error| not_json(response, body, &error))
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
    fn deep_json_is_refused_in_one_pass() {
        let body = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(decode(&sample::response(200, &[], &body), Decoder::Json).unwrap_err().contains("128"));
        let quoted = json!({"a": "[".repeat(500)}).to_string();
        assert!(decode(&sample::response(200, &[], &quoted), Decoder::Json).is_ok());
    }
}
