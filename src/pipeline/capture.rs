//! Parts of an answer that a rule takes along, such as the id of what is there already.

use regex::Regex;
use serde_json::Value;

use super::compiler::Compiler;
use super::interpolate::to_text;
use super::path::Path;
use crate::domain::definition::Capture;
use crate::domain::exchange::Response;
use crate::domain::problem::pointer_join;

/// A part of an answer, compiled.
pub(crate) struct PlannedCapture {
    path: Option<Path>,
    header: Option<String>,
    pattern: Option<Regex>,
}

impl PlannedCapture {
    /// Is it read from a header of this name, in lower case?
    pub(crate) fn looks_at(&self, name: &str) -> bool {
        self.header.as_deref() == Some(name)
    }

    pub(crate) fn compile(compiler: &mut Compiler, capture: &Capture, pointer: &str) -> Self {
        Self {
            path: capture.body.as_ref().map(|path| compiler.path(path, &pointer_join(pointer, "body"))),
            header: capture.header.as_ref().map(|name| name.to_ascii_lowercase()),
            pattern: capture.pattern.as_ref().and_then(|text| compiler.pattern(text, &pointer_join(pointer, "match"))),
        }
    }

    /// The part, if it is there.
    pub(crate) fn take(&self, response: &Response, body: &Value) -> Option<String> {
        let text = match (&self.path, &self.header) {
            (Some(path), _) => to_text(path.find(body).ok()?.first().filter(|value| !value.is_null())?),
            (None, Some(name)) => response.header(name)?.to_owned(),
            (None, None) => return None,
        };
        let Some(pattern) = &self.pattern else { return Some(text) };
        let found = pattern.captures(&text)?;
        found.get(1).or_else(|| found.get(0)).map(|part| part.as_str().to_owned())
    }
}
