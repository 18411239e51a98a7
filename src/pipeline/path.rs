//! JSONPath (RFC 9535), bounded.
//!
//! A path is compiled once. Its text is checked first, because the parser is exponential in nested calls; then it is parsed
//! by the library, read into a query of our own, and what multiplies or would not mean what the RFC says is refused. The
//! query is walked here and not by the library, which compiles patterns for each value, counts nothing and gives wrong
//! values in a few cases; every value looked at is counted, so that no document makes a path expensive.

mod pattern;
mod program;
mod reading;
mod refusal;
mod walk;
mod written;

#[cfg(test)]
mod tests;

use jsonpath_rust::parser::parse_json_path;
use serde_json::Value;

use program::Query;
pub(crate) use refusal::PathRefusal;
use refusal::syntax;
use walk::Walk;

/// Characters of a path.
const MAX_LENGTH: usize = 512;
/// Segments of a path.
const MAX_SEGMENTS: usize = 32;
/// Values one use of a path may look at.
const MAX_VISITS: usize = 1_000_000;

/// A compiled JSONPath.
#[derive(Debug, Clone)]
pub struct Path {
    text: String,
    query: Query,
}

impl Path {
    /// Checks and compiles a path.
    pub(crate) fn compile(text: &str) -> Result<Self, PathRefusal> {
        written::check(text)?;
        let parsed = parse_json_path(text).map_err(|_| syntax("this is no JSONPath"))?;
        Ok(Self { text: text.to_owned(), query: reading::read(&parsed)? })
    }

    /// A path that finds the whole document.
    pub(crate) fn root() -> Self {
        Self { text: "$".to_owned(), query: Query { from_root: true, segments: Vec::new() } }
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Is it made of names and places, so that it finds one value at most?
    pub(crate) fn is_singular(&self) -> bool {
        self.query.is_singular()
    }

    /// The values it finds, in document order.
    ///
    /// # Errors
    /// When it would have to look at too many values of the document.
    pub(crate) fn find<'a>(&self, document: &'a Value) -> Result<Vec<&'a Value>, &'static str> {
        Walk::new(document, MAX_VISITS)
            .nodes(&self.query, document)
            .map_err(|walk::Exhausted| "the document is too large for what the path does")
    }
}
