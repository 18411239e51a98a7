//! Where a request goes: a fixed origin, path segments and query values, each filled and encoded by itself.
//!
//! An expression fills one path segment or one query value. Whatever it gives, the origin stays and the path stays below
//! the segments written in the definition.

use serde_json::Value;
use url::Url;

use super::compiler::Compiler;
use super::context::Scope;
use super::error::Error;
use super::interpolate::{Body, Expression, Part, Tree, to_text};

/// A compiled address.
pub(crate) struct Address {
    /// Missing only in a plan that is thrown away.
    origin: Option<Url>,
    /// The whole address without its query, when no segment holds an expression.
    fixed: Option<Url>,
    segments: Vec<Vec<Part>>,
    pointer: String,
    source: String,
}

impl Address {
    /// Compiles an absolute address, and gives the values of its query beside it.
    pub(crate) fn compile(compiler: &mut Compiler, text: &str, pointer: &str) -> (Self, Vec<(String, Tree)>) {
        let parts = compiler.parts(text, pointer);
        let (origin, rest) = match split_origin(parts) {
            Ok(split) => split,
            Err((code, message)) => {
                compiler.error(code, pointer, message, "write it like `https://api.example.com/people/{{ inputs.id }}`");
                return (Self::nowhere(pointer), Vec::new());
            }
        };
        if rest.iter().any(|part| matches!(part, Part::Literal(text) if text.contains(['#', '\\']))) {
            compiler.error("url-invalid", pointer, "the address holds `#` or `\\`", "leave the fragment out, and use `/` between segments");
        }
        let (path, query) = split_once(rest, '?');
        let segments: Vec<Vec<Part>> = split(path, '/').into_iter().skip(1).collect();
        if segments.iter().any(|segment| is_dots(&literal(segment))) {
            compiler.error("url-invalid", pointer, "a segment of the address is `.` or `..`", "write the path without them");
        }
        let mut address = Self { origin: Some(origin), fixed: None, segments, pointer: pointer.to_owned(), source: text.to_owned() };
        if address.segments.iter().flatten().all(|part| matches!(part, Part::Literal(_))) {
            let path = address.segments.iter().map(|segment| literal(segment)).collect::<Vec<_>>().join("/");
            address.fixed = address.origin.as_ref().and_then(|origin| origin.join(&format!("/{path}")).ok());
        }
        let pairs = query.map(|query| pairs(compiler, query, pointer)).unwrap_or_default();
        (address, pairs)
    }

    /// Stands in for an address that was refused; its plan is never run.
    fn nowhere(pointer: &str) -> Self {
        Self { origin: None, fixed: None, segments: Vec::new(), pointer: pointer.to_owned(), source: String::new() }
    }

    /// Fills the path.
    pub(crate) fn build(&self, scope: Scope<'_>) -> Result<Url, Error> {
        if let Some(fixed) = &self.fixed {
            return Ok(fixed.clone());
        }
        let Some(origin) = &self.origin else { return Err(self.refuse("it was refused")) };
        let mut path = String::with_capacity(self.source.len() + 64);
        for segment in &self.segments {
            path.push('/');
            self.fill(segment, scope, &mut path)?;
        }
        let url = origin.join(&path).map_err(|_| self.refuse("the address it makes is none"))?;
        let kept = url.origin() == origin.origin() && url.path_segments().is_some_and(|found| found.count() == self.segments.len());
        if kept { Ok(url) } else { Err(self.refuse("a value would change where the request goes")) }
    }

    fn fill(&self, segment: &[Part], scope: Scope<'_>, path: &mut String) -> Result<(), Error> {
        let start = path.len();
        let mut filled = false;
        for part in segment {
            match part {
                Part::Literal(text) => path.push_str(text),
                Part::Code(code) => {
                    filled = true;
                    match code.value(scope, &self.pointer)? {
                        Value::Null => return Err(self.refuse("a value in its path is missing")),
                        Value::Array(_) | Value::Object(_) => return Err(self.refuse("a value in its path is a list or an object")),
                        value => path.push_str(&encode(&to_text(&value))),
                    }
                }
            }
        }
        let made = path.get(start..).unwrap_or_default();
        if filled && made.is_empty() {
            return Err(self.refuse("a value in its path is empty"));
        }
        if filled && is_dots(made) {
            return Err(self.refuse("a value in its path is `.` or `..`"));
        }
        Ok(())
    }

    fn refuse(&self, reason: &str) -> Error {
        Error::place(&self.pointer, format!("The address `{}` cannot be made: {reason}", self.source))
    }
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
pub(crate) fn encode(text: &str) -> String {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let digit = |value: u8| HEX.get(usize::from(value)).copied().unwrap_or('0');
    let mut encoded = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    encoded
}

/// Would a URL parser take the segment for `.` or `..`?
fn is_dots(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// The literal text of a segment; an expression counts as a character that is no dot.
fn literal(segment: &[Part]) -> String {
    segment.iter().map(|part| if let Part::Literal(text) = part { text.as_str() } else { "\0" }).collect()
}

type Refused = (&'static str, String);

/// Takes scheme and authority, which must be written out, from the front.
fn split_origin(mut parts: Vec<Part>) -> Result<(Url, Vec<Part>), Refused> {
    let host = || ("url-host", "the host of an address must be written out".to_owned());
    let more = parts.len() > 1;
    let Some(Part::Literal(first)) = parts.first_mut() else { return Err(host()) };
    let after = first.find("://").map_or(0, |place| place + 3);
    let end = first.get(after..).and_then(|rest| rest.find(['/', '?', '#', '\\'])).map(|place| after + place);
    if end.is_none() && more {
        return Err(host());
    }
    let rest = first.split_off(end.unwrap_or(first.len()));
    let origin = Url::parse(first).map_err(|_| ("url-invalid", "this is no absolute address".to_owned()))?;
    if !matches!(origin.scheme(), "http" | "https") || origin.host_str().is_none_or(str::is_empty) {
        return Err(("url-invalid", "an address begins with `https://` or `http://` and a host".to_owned()));
    }
    if !origin.username().is_empty() || origin.password().is_some() {
        return Err(("url-invalid", "an address holds no user name or password".to_owned()));
    }
    *first = if rest.is_empty() { "/".to_owned() } else { rest };
    Ok((origin, parts))
}

/// Splits at each separator that stands in literal text.
fn split(parts: Vec<Part>, separator: char) -> Vec<Vec<Part>> {
    let mut found = Vec::new();
    let mut current = Vec::new();
    for part in parts {
        match part {
            Part::Literal(text) => {
                for (place, piece) in text.split(separator).enumerate() {
                    if place > 0 {
                        found.push(std::mem::take(&mut current));
                    }
                    if !piece.is_empty() {
                        current.push(Part::Literal(piece.to_owned()));
                    }
                }
            }
            code @ Part::Code(_) => current.push(code),
        }
    }
    found.push(current);
    found
}

/// Splits at the first separator that stands in literal text.
fn split_once(parts: Vec<Part>, separator: char) -> (Vec<Part>, Option<Vec<Part>>) {
    let mut before = Vec::new();
    let mut after: Option<Vec<Part>> = None;
    for part in parts {
        match (&mut after, part) {
            (Some(after), part) => after.push(part),
            (None, Part::Literal(text)) => match text.split_once(separator) {
                None => before.push(Part::Literal(text)),
                Some((left, right)) => {
                    before.extend((!left.is_empty()).then(|| Part::Literal(left.to_owned())));
                    after = Some((!right.is_empty()).then(|| Part::Literal(right.to_owned())).into_iter().collect());
                }
            },
            (None, code) => before.push(code),
        }
    }
    (before, after)
}

fn pairs(compiler: &mut Compiler, query: Vec<Part>, pointer: &str) -> Vec<(String, Tree)> {
    let mut found = Vec::new();
    for pair in split(query, '&').into_iter().filter(|pair| !pair.is_empty()) {
        let (name, value) = split_once(pair, '=');
        let [Part::Literal(name)] = name.as_slice() else {
            compiler.error(
                "url-invalid",
                pointer,
                "the name of a query value must be written out",
                "write it like `?email={{ inputs.email }}`",
            );
            continue;
        };
        let mut parts: Vec<Part> = value.unwrap_or_default();
        for part in &mut parts {
            if let Part::Literal(text) = part {
                *text = decode(text);
            }
        }
        found.push((decode(name), value_of(parts, pointer)));
    }
    found
}

fn value_of(mut parts: Vec<Part>, pointer: &str) -> Tree {
    let body = match (parts.len(), parts.pop()) {
        (_, None) => return Tree::Literal(Value::String(String::new())),
        (1, Some(Part::Literal(text))) => return Tree::Literal(Value::String(text)),
        (1, Some(Part::Code(code))) => Body::Single(code),
        (_, Some(last)) => {
            parts.push(last);
            Body::Text(parts)
        }
    };
    Tree::Expression(Expression { source: String::new(), pointer: pointer.to_owned(), body })
}

/// A name or value of a query as the author meant it.
fn decode(text: &str) -> String {
    let pair = format!("v={}", text.replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}
