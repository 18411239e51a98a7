//! Bodies of several parts: `multipart/form-data`, RFC 7578.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::interpolate::{is_empty, to_text};

/// One part, ready to be written.
struct Part {
    name: String,
    filename: Option<String>,
    content_type: Option<String>,
    content: Vec<u8>,
}

/// Writes the parts of an object: a plain value is a field; an object with `content` or `base64` is a file, with
/// `filename` and `content_type`; a list gives several parts of one name. Gives the media type and the bytes.
///
/// # Errors
/// A sentence that holds no value.
pub(crate) fn write(value: &Value, omit_empty: bool) -> Result<(String, Vec<u8>), String> {
    let Value::Object(members) = value else { return Err("The body cannot be made: a multipart body is an object".to_owned()) };
    let mut parts = Vec::new();
    for (name, value) in members {
        let values = if let Value::Array(items) = value { items.iter().collect() } else { vec![value] };
        for value in values.into_iter().filter(|value| !(value.is_null() || (omit_empty && is_empty(value)))) {
            parts.push(part(name, value)?);
        }
    }
    let boundary = boundary(&parts);
    let mut bytes = Vec::new();
    for part in &parts {
        bytes.extend_from_slice(head(part, &boundary).as_bytes());
        bytes.extend_from_slice(&part.content);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok((format!("multipart/form-data; boundary={boundary}"), bytes))
}

fn part(name: &str, value: &Value) -> Result<Part, String> {
    let plain = |content: Vec<u8>| Part { name: name.to_owned(), filename: None, content_type: None, content };
    let Value::Object(file) = value else { return Ok(plain(to_text(value).into_bytes())) };
    let text = |member: &str| file.get(member).filter(|value| !value.is_null()).map(to_text);
    let content = match (file.get("content"), file.get("base64")) {
        (Some(content), None) => to_text(content).into_bytes(),
        (None, Some(encoded)) => STANDARD
            .decode(to_text(encoded).trim())
            .map_err(|_| format!("The part `{name}` cannot be made: what is under `base64` is no base64"))?,
        _ => return Ok(json_part(name, file)),
    };
    Ok(Part { filename: text("filename"), content_type: text("content_type"), ..plain(content) })
}

/// An object that is no file is sent as JSON.
fn json_part(name: &str, value: &Map<String, Value>) -> Part {
    let content = Value::Object(value.clone()).to_string().into_bytes();
    Part { name: name.to_owned(), filename: None, content_type: Some("application/json".to_owned()), content }
}

fn head(part: &Part, boundary: &str) -> String {
    let filename = part.filename.as_ref().map(|filename| format!("; filename=\"{}\"", quoted(filename))).unwrap_or_default();
    let content_type = part.content_type.as_ref().map(|content_type| {
        let plain: String = content_type.chars().filter(|letter| letter.is_ascii_graphic() || *letter == ' ').collect();
        format!("\r\nContent-Type: {plain}")
    });
    let name = quoted(&part.name);
    let content_type = content_type.unwrap_or_default();
    format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{filename}{content_type}\r\n\r\n")
}

/// A name within quotes: line breaks and quotes are percent-encoded, as browsers do it (RFC 7578 section 2).
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

/// A boundary that follows from the parts, so that a repeated request is the same to the byte, and is in none of them.
fn boundary(parts: &[Part]) -> String {
    let mut round = 0_u32;
    loop {
        let mut hash = Sha256::new().chain_update(round.to_be_bytes());
        for part in parts {
            hash.update(part.name.as_bytes());
            hash.update(&part.content);
        }
        let made = URL_SAFE_NO_PAD.encode(hash.finalize()).replace('_', "-");
        let within = |content: &[u8]| content.windows(made.len()).any(|window| window == made.as_bytes());
        if !parts.iter().any(|part| within(&part.content)) {
            return made;
        }
        round += 1;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn writes_fields_and_files() {
        let value = json!({"name": "Ann", "tags": ["a", "b"], "none": null, "meta": {"x": 1},
            "file": {"filename": "a\"\r\nb.txt", "content_type": "text/plain\r\nX: y", "content": "hello"}, "raw": {"base64": "AAEC"}});
        let (media, bytes) = write(&value, false).unwrap();
        let boundary = media.strip_prefix("multipart/form-data; boundary=").unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let parts: Vec<&str> = text.split(&format!("--{boundary}\r\n")).skip(1).collect();
        assert_eq!(parts.len(), 6);
        assert_eq!(parts[0], "Content-Disposition: form-data; name=\"name\"\r\n\r\nAnn\r\n");
        assert_eq!(parts[2], "Content-Disposition: form-data; name=\"tags\"\r\n\r\nb\r\n");
        assert!(parts[3].contains("Content-Type: application/json\r\n\r\n{\"x\":1}"));
        assert!(parts[4].starts_with(
            "Content-Disposition: form-data; name=\"file\"; filename=\"a%22%0D%0Ab.txt\"\r\nContent-Type: text/plainX: y\r\n"
        ));
        assert!(text.contains("\u{0}\u{1}\u{2}\r\n") && text.ends_with(&format!("--{boundary}--\r\n")));
        assert_eq!(write(&value, false).unwrap().1, bytes, "a repetition is the same");
        assert!(write(&json!({"raw": {"base64": "?"}}), false).is_err() && write(&json!([]), false).is_err());
    }
}
