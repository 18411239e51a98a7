//! What is wrong with the configuration, said so that it can be put right. A value is repeated only where it cannot be a secret.

use super::source_of;
use figment::{Figment, error::Kind};
use std::path::PathBuf;

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody knows this key.
    #[error("`{key}`, set in {origin}, is not a key of the configuration{}", suggestion(nearest.as_deref()))]
    UnknownKey {
        /// As it was written.
        key: String,
        /// Where.
        origin: String,
        /// What may have been meant, in the same notation.
        nearest: Option<String>,
    },
    /// The value does not fit.
    #[error("`{key}`, set in {origin}: {advice}")]
    Invalid {
        /// The key.
        key: String,
        /// Where it was set.
        origin: String,
        /// What to write.
        advice: String,
    },
    /// Both the value and a file for it are given.
    #[error("`{key}` is set twice: keep either {variable} or {variable}_FILE")]
    Twice {
        /// The key.
        key: String,
        /// The variable without `_FILE`.
        variable: String,
    },
    /// A file cannot be read.
    #[error("{}, named by {named_by}, cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What asked for it.
        named_by: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{origin}, line {line}, is not valid TOML: {problem}")]
    Syntax {
        /// The file.
        origin: String,
        /// Counted from 1.
        line: usize,
        /// What the parser says.
        problem: String,
    },
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|key| format!("; did you mean `{key}`?")).unwrap_or_default()
}

impl Error {
    /// Names the key and its source, and says what was expected.
    pub(super) fn of_figment(error: figment::Error, figment: &Figment) -> Self {
        let key = error.path.join(".");
        let advice = match error.kind {
            Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => format!("write {expected}"),
            Kind::UnknownVariant(_, allowed) => format!("write one of {}", allowed.join(", ")),
            Kind::Message(advice) => advice,
            other => other.to_string(),
        };
        let origin = source_of(figment, &key);
        Self::Invalid { key, origin, advice }
    }
}
