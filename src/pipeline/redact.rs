//! Masks secrets, and values the definition calls private, in whatever is recorded.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Map, Value};

use super::address::encode;
use super::path::Path;

/// What stands in place of a masked value.
const MASK: &str = "***";

/// Shorter secrets are masked as they are, but not in their encoded forms, which would fit everywhere.
const ENCODED_FROM: usize = 4;

/// Masks the secrets of one run and the values at the definition's `redact` paths. A clone shares both.
#[derive(Clone)]
pub struct Redactor {
    /// Every form of every secret, longest first.
    needles: Arc<[String]>,
    paths: Arc<[Path]>,
}

impl Redactor {
    /// Prepares all forms in which the secrets may appear: as they are, base64 (also inside other base64), hexadecimal,
    /// percent-encoded and escaped as JSON.
    pub fn new(secrets: &[&str], paths: &[Path]) -> Self {
        Self { needles: needles(secrets), paths: paths.into() }
    }

    /// The same paths with these secrets instead.
    #[must_use]
    pub fn with_secrets(&self, secrets: &[&str]) -> Self {
        Self { needles: needles(secrets), paths: Arc::clone(&self.paths) }
    }

    /// Is there any secret to mask?
    pub fn has_secrets(&self) -> bool {
        !self.needles.is_empty()
    }

    /// A text with every form of every secret masked.
    pub fn text(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for needle in self.needles.iter() {
            if masked.contains(needle.as_str()) {
                masked = masked.replace(needle.as_str(), MASK);
            }
        }
        masked
    }

    /// A value with the private paths and every secret masked.
    pub fn json(&self, value: &Value) -> Value {
        // Found values are told apart by where they lie in memory, which the copy below walks in step.
        let private: HashSet<*const Value> =
            self.paths.iter().flat_map(|path| path.find(value).unwrap_or_else(|_| vec![value])).map(std::ptr::from_ref).collect();
        if private.is_empty() && self.needles.is_empty() {
            return value.clone();
        }
        self.copy(value, &private)
    }

    fn copy(&self, value: &Value, private: &HashSet<*const Value>) -> Value {
        if private.contains(&std::ptr::from_ref(value)) {
            return Value::String(MASK.to_owned());
        }
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Number(number) if self.needles.iter().any(|needle| *needle == number.to_string()) => Value::String(MASK.to_owned()),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.copy(item, private)).collect()),
            Value::Object(members) => {
                let masked: Map<String, Value> = members.iter().map(|(name, value)| (self.text(name), self.copy(value, private))).collect();
                Value::Object(masked)
            }
            other => other.clone(),
        }
    }

    /// A body as text: JSON by its private paths and its values, any other text by its values alone.
    pub fn body(&self, text: &str) -> String {
        if self.paths.is_empty() {
            return self.text(text);
        }
        match serde_json::from_str::<Value>(text) {
            Ok(value) => self.json(&value).to_string(),
            Err(_) => self.text(text),
        }
    }

    /// The value of a header line: masked whole where the name alone says that it is secret.
    pub fn header(&self, name: &str, value: &str) -> String {
        if is_sensitive(name) { MASK.to_owned() } else { self.text(value) }
    }
}

/// Does a header of this name hold a secret by its nature?
fn is_sensitive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words =
        ["authorization", "cookie", "token", "secret", "password", "api-key", "apikey", "api_key", "signature", "credential", "session"];
    words.iter().any(|word| name.contains(word))
}

/// All forms of all secrets, longest first, each once.
fn needles(secrets: &[&str]) -> Arc<[String]> {
    let mut needles: Vec<String> = secrets.iter().filter(|secret| !secret.is_empty()).flat_map(|secret| forms(secret)).collect();
    needles.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
    needles.dedup();
    needles.into()
}

fn forms(secret: &str) -> Vec<String> {
    let mut found = vec![secret.to_owned()];
    let quoted = Value::String(secret.to_owned()).to_string();
    found.extend(quoted.get(1..quoted.len() - 1).map(str::to_owned));
    if secret.len() < ENCODED_FROM {
        return found;
    }
    let hex = hexadecimal(secret);
    let percent = encode(secret);
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    found.extend([hex.to_uppercase(), hex, lower_escapes(&percent), percent, lower_escapes(&form), form]);
    // The first escape of a JSON writer that escapes slashes too.
    found.push(quoted.trim_matches('"').replace('/', "\\/"));
    for shift in 0..3_usize {
        let mut bytes = vec![0_u8; shift];
        bytes.extend_from_slice(secret.as_bytes());
        // Characters that also depend on what stands before or after are left out.
        let (first, last) = ((shift * 8).div_ceil(6), bytes.len() * 8 / 6);
        for text in [STANDARD.encode(&bytes), URL_SAFE.encode(&bytes)] {
            found.extend(text.get(first..last).filter(|core| core.len() >= ENCODED_FROM).map(str::to_owned));
        }
    }
    found
}

fn hexadecimal(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The same with percent escapes in lower case.
fn lower_escapes(text: &str) -> String {
    let mut left = 0;
    text.chars()
        .map(|character| {
            let escaped = left > 0;
            left = if character == '%' { 2 } else { usize::saturating_sub(left, 1) };
            if escaped { character.to_ascii_lowercase() } else { character }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn masks_paths_names_and_numbers() {
        let paths = [Path::compile("$..ssn").unwrap(), Path::compile("$.list[1]").unwrap()];
        let redactor = Redactor::new(&["hunter22", "123456"], &paths);
        let value = json!({"a": {"ssn": {"deep": 1}}, "ssn": 5, "list": [1, 2], "pin": 123_456, "hunter22": "is hunter22!", "ok": true});
        assert_eq!(
            redactor.json(&value),
            json!({"a": {"ssn": "***"}, "ssn": "***", "list": [1, "***"], "pin": "***", "***": "is ***!", "ok": true})
        );
        assert_eq!(Redactor::new(&[], &[]).json(&value), value);
        assert!(redactor.has_secrets() && !Redactor::new(&[""], &[]).has_secrets());
    }

    #[test]
    fn masks_headers_by_name() {
        let redactor = Redactor::new(&["hunter22"], &[]);
        let check = |name: &str, value: &str, expected: &str| assert_eq!(redactor.header(name, value), expected, "{name}");
        check("Authorization", "Basic abc", "***");
        check("X-Api-Key", "abc", "***");
        check("Set-Cookie", "a=b", "***");
        check("x-trace", "about hunter22", "about ***");
        check("content-type", "text/html", "text/html");
    }

    #[test]
    fn finds_secrets_inside_basic_authorization() {
        let redactor = Redactor::new(&["hunter22"], &[]);
        for user in ["a", "ab", "abc"] {
            let masked = redactor.text(&STANDARD.encode(format!("{user}:hunter22")));
            assert!(masked.contains("***"), "{masked}");
        }
    }

    proptest! {
        #[test]
        fn no_form_of_a_secret_survives(secret in "[ -~é]{4,24}", before in "[a-z ]{0,9}", after in "[a-z ]{0,9}") {
            prop_assume!(!"***".contains(secret.as_str()) && !secret.contains('*'));
            let redactor = Redactor::new(&[&secret], &[]);
            let hex = hexadecimal(&secret);
            let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            for shape in [secret.clone(), hex.clone(), hex.to_uppercase(), encode(&secret), form, STANDARD.encode(&secret).trim_end_matches('=').to_owned(), json!(secret).to_string()] {
                let masked = redactor.text(&format!("{before}{shape}{after}"));
                prop_assert!(masked.contains(MASK), "{shape}");
                prop_assert!(!masked.contains(&shape), "{shape}");
            }
            let value = json!({"a": [format!("{before}{secret}{after}")]});
            prop_assert!(!redactor.json(&value).to_string().contains(&secret));
        }
    }
}
