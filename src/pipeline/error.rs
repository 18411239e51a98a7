//! Why a compiled piece of a definition could not be carried out.
//!
//! An error names the place and the expression. It never carries a value: what flows through a run may be private.

use crate::domain::execution::{ErrorClass, ExecutionError, ExecutionErrorCode};

/// A piece of a definition failed on the values of this run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    code: ExecutionErrorCode,
    class: ErrorClass,
    pointer: String,
    message: String,
    hint: Option<&'static str>,
}

impl Error {
    /// An expression could not be evaluated.
    pub(crate) fn template(pointer: &str, source: &str, reason: &str) -> Self {
        let message = format!("`{}` could not be evaluated: {reason}", shortened(source));
        Self::new(ExecutionErrorCode::Template, ErrorClass::Data, pointer, message)
    }

    /// A value does not fit the place it is rendered into.
    pub(crate) fn place(pointer: &str, reason: impl Into<String>) -> Self {
        Self::new(ExecutionErrorCode::Template, ErrorClass::Data, pointer, reason.into())
    }

    /// A value could not be taken from an answer.
    pub(crate) fn extraction(pointer: &str, reason: impl Into<String>) -> Self {
        Self::new(ExecutionErrorCode::Extraction, ErrorClass::Data, pointer, reason.into())
    }

    /// An answer says that it could not be done, or is not what the definition says it must be.
    pub(crate) fn upstream(pointer: &str, reason: impl Into<String>) -> Self {
        Self::new(ExecutionErrorCode::ResponseInvalid, ErrorClass::Upstream, pointer, reason.into())
    }

    /// Something took more room or work than a run may have.
    pub(crate) fn limit(pointer: &str, reason: impl Into<String>) -> Self {
        Self::new(ExecutionErrorCode::Limit, ErrorClass::Configuration, pointer, reason.into())
    }

    fn new(code: ExecutionErrorCode, class: ErrorClass, pointer: &str, message: String) -> Self {
        Self { code, class, pointer: pointer.to_owned(), message, hint: None }
    }

    /// The same with what to do about it.
    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Where in the definition the cause lies, a JSON Pointer.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// As a run records it.
    pub fn into_execution_error(self) -> ExecutionError {
        let error = ExecutionError::new(self.code, self.class, self.message).at(self.pointer);
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// The start of an expression, for a sentence.
fn shortened(source: &str) -> String {
    let source = source.trim();
    if source.chars().count() <= 120 { source.to_owned() } else { source.chars().take(119).chain(['…']).collect() }
}
