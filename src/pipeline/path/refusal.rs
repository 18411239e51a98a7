//! Why a path is refused when a definition is saved.

/// Why a path was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathRefusal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) suggestion: Option<&'static str>,
}

/// It is no path.
pub(super) fn syntax(message: impl Into<String>) -> PathRefusal {
    PathRefusal { code: "jsonpath-syntax", message: message.into(), suggestion: Some("paths follow RFC 9535, e.g. `$.items[0].email`") }
}

/// It could take too long on some document.
pub(super) fn cost(message: impl Into<String>, suggestion: &'static str) -> PathRefusal {
    PathRefusal { code: "jsonpath-cost", message: message.into(), suggestion: Some(suggestion) }
}

/// It has a meaning this server would not give it.
pub(super) fn unsupported(message: impl Into<String>, suggestion: &'static str) -> PathRefusal {
    PathRefusal { code: "jsonpath-unsupported", message: message.into(), suggestion: Some(suggestion) }
}
