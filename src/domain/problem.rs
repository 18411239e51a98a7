//! What is wrong or doubtful in a document, said so that a person can mend it.

use serde::Serialize;

/// How bad a problem is; the order is worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Cannot be published or run.
    Error,
    /// Can run, but probably not as meant.
    Warning,
    /// Good to know.
    Info,
}

/// One problem of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad.
    pub severity: Severity,
    /// Stable, for programs, e.g. `unknown-variable`; each has a heading in `docs/errors.md`.
    pub code: &'static str,
    /// One sentence, for people.
    pub message: String,
    /// Where: a JSON Pointer (RFC 6901) into the document.
    pub pointer: String,
    /// The step it is in.
    pub step_path: Option<String>,
    /// Part of the text at `pointer`, in characters: first, and end not included.
    pub span: Option<(usize, usize)>,
    /// What would mend it.
    pub suggestion: Option<String>,
}

impl Problem {
    /// An error at a place.
    pub fn error(code: &'static str, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            pointer: pointer.into(),
            step_path: None,
            span: None,
            suggestion: None,
        }
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, pointer, message) }
    }

    /// The same with the part of the text that is meant.
    #[must_use]
    pub fn span(mut self, start: usize, end: usize) -> Self {
        self.span = Some((start, end));
        self
    }

    /// The same with what would mend it.
    #[must_use]
    pub fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// The same within a step.
    #[must_use]
    pub fn in_step(mut self, path: impl Into<String>) -> Self {
        self.step_path = Some(path.into());
        self
    }
}

/// Appends one member name to a JSON Pointer, escaped as RFC 6901 asks.
pub fn pointer_join(pointer: &str, member: impl std::fmt::Display) -> String {
    format!("{pointer}/{}", member.to_string().replace('~', "~0").replace('/', "~1"))
}

/// The known name nearest to a mistyped one, if any is near enough to be meant.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = given.chars().count().div_ceil(3).clamp(1, 3);
    known
        .into_iter()
        .map(|name| (distance(given, name), name))
        .filter(|(far, _)| *far <= limit)
        .min_by_key(|(far, _)| *far)
        .map(|(_, name)| name)
}

/// Levenshtein distance of two short texts, in characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, a) in left.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (slot, b) in row.iter_mut().skip(1).zip(&right) {
            let change = diagonal + usize::from(a != *b);
            diagonal = *slot;
            before = change.min(before + 1).min(*slot + 1);
            *slot = before;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_nearest_name() {
        let known = ["inputs", "config", "contact", "steps"];
        assert_eq!(nearest("input", known), Some("inputs"));
        assert_eq!(nearest("stpes", known), Some("steps"));
        assert_eq!(nearest("zebra", known), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn escapes_pointer_members() {
        assert_eq!(pointer_join("/steps/0", "a/b~c"), "/steps/0/a~1b~0c");
    }
}
