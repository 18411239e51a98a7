//! The one way out for failures.
//!
//! What the caller can mend goes into a payload's `userErrors`; the rest becomes a top-level error with a code, a fixed
//! sentence and the request's id. Causes are logged here, once, and never leave. [`Error`] has no `Display` on purpose:
//! the library would turn any `Display` into a message for clients.

use async_graphql::{ErrorExtensionValues, PathSegment, Response, ServerError};

use crate::app;

/// Errors a response may carry; a broken document could have thousands.
const MAX_ERRORS: usize = 20;
/// How long a client should wait before it tries again, in milliseconds.
const RETRY_AFTER_MS: i32 = 1_000;

/// A failure that is not the input's fault, or that no payload can carry.
#[derive(Debug, Clone)]
pub(crate) enum Error {
    /// No token, or one that cannot be verified.
    Unauthenticated,
    /// The token is past its end.
    TokenExpired,
    /// The role is too low.
    Forbidden {
        /// The role that would do.
        required: &'static str,
    },
    /// There is no such thing for the caller, where neither null nor a payload can say so.
    NotFound,
    /// A malformed id or cursor, or a page out of range.
    BadUserInput(String),
    /// The store is away.
    Unavailable,
    /// A fault, already logged.
    Internal,
}

/// What resolvers give.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    const fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::Forbidden { .. } => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::BadUserInput(_) => "BAD_USER_INPUT",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Unauthenticated => "A valid bearer token is required.".to_owned(),
            Self::TokenExpired => "The bearer token has expired.".to_owned(),
            Self::Forbidden { required } => format!("This needs the role {required}."),
            Self::NotFound => "There is no such thing, or you may not see it.".to_owned(),
            Self::BadUserInput(message) => message.clone(),
            Self::Unavailable => "The server cannot answer at the moment.".to_owned(),
            Self::Internal => "Something went wrong in the server.".to_owned(),
        }
    }
}

impl From<Error> for async_graphql::Error {
    fn from(error: Error) -> Self {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", error.code());
        match &error {
            Error::Forbidden { required } => extensions.set("requiredRole", *required),
            Error::Unavailable => extensions.set("retryAfterMs", RETRY_AFTER_MS),
            _ => {}
        }
        Self { message: error.message(), source: None, extensions: Some(extensions) }
    }
}

impl From<app::Error> for Error {
    fn from(error: app::Error) -> Self {
        match error {
            app::Error::NotFound { .. } => Self::NotFound,
            app::Error::Forbidden { required } => Self::Forbidden { required },
            app::Error::TokenExpired => Self::TokenExpired,
            app::Error::Invalid(mistakes) => Self::BadUserInput(
                mistakes.into_iter().next().map_or_else(|| "The input is not valid.".to_owned(), |mistake| mistake.message),
            ),
            app::Error::Unavailable(_) => {
                tracing::warn!(error = %chain(&error), "the store is not available");
                Self::Unavailable
            }
            app::Error::Internal { .. } => {
                tracing::error!(error = %chain(&error), "a request failed by a fault of the server");
                Self::Internal
            }
        }
    }
}

/// A loader shares one failure among all who waited for it.
impl From<std::sync::Arc<Error>> for Error {
    fn from(error: std::sync::Arc<Error>) -> Self {
        (*error).clone()
    }
}

/// An error and its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// What the caller may see, or nothing: reading what is not there is no error.
pub(crate) fn seen<T>(result: app::Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(app::Error::NotFound { .. }) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// An error about a whole request, before anything of it ran.
pub fn request_error(code: &str, message: impl Into<String>) -> ServerError {
    with_code(ServerError::new(message, None), code)
}

/// The same error with a code, unless it has one.
pub(super) fn with_code(mut error: ServerError, code: &str) -> ServerError {
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_none() {
        extensions.set("code", code);
    }
    error
}

/// Gives every error of a response its code and the request's id, and bounds their number. They come in the order of the
/// document: fields that are resolved together fail as they happen to be ready.
pub(super) fn finish(mut response: Response, request_id: &str) -> Response {
    response.errors.sort_by_cached_key(place);
    response.errors.truncate(MAX_ERRORS);
    for error in &mut response.errors {
        // What the library reports by itself at this point is about values: arguments and variables it could not read.
        let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        if extensions.get("code").is_none() {
            extensions.set("code", "BAD_USER_INPUT");
        }
        extensions.set("requestId", request_id);
    }
    response
}

/// Line and column in the document, and the steps through the answer: an index, or a name.
type Place = (Option<(usize, usize)>, Vec<(usize, String)>);

/// Where an error stands.
fn place(error: &ServerError) -> Place {
    let step = |segment: &PathSegment| match segment {
        PathSegment::Field(name) => (0, name.clone()),
        PathSegment::Index(index) => (*index, String::new()),
    };
    (error.locations.first().map(|at| (at.line, at.column)), error.path.iter().map(step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outward(error: Error) -> (String, String) {
        let error = async_graphql::Error::from(error);
        let code = error.extensions.and_then(|values| values.get("code").map(ToString::to_string)).unwrap_or_default();
        (code.trim_matches('"').to_owned(), error.message)
    }

    #[test]
    fn causes_stay_inside() {
        let cause = std::io::Error::other("canary-51f0 /var/lib/secret");
        let error = app::Error::Internal { what: "canary-51f0 step", source: Some(Box::new(cause)) };
        let (code, message) = outward(error.into());
        assert_eq!(code, "INTERNAL");
        assert!(!message.contains("canary"), "{message}");
    }

    #[test]
    fn every_kind_has_its_code() {
        for (error, code) in [
            (app::Error::not_found("cnr_1", &[]), "NOT_FOUND"),
            (app::Error::Forbidden { required: "EDITOR" }, "FORBIDDEN"),
            (app::Error::TokenExpired, "TOKEN_EXPIRED"),
            (app::Error::internal("x"), "INTERNAL"),
            (app::Mistake::invalid(&[], "Too small.").into(), "BAD_USER_INPUT"),
        ] {
            assert_eq!(outward(error.into()).0, code);
        }
        assert_eq!(outward(Error::Unauthenticated).0, "UNAUTHENTICATED");
    }

    #[test]
    fn responses_are_bounded_and_carry_the_request() {
        let errors = (0..50).map(|_| ServerError::new("x", None)).collect();
        let response = finish(Response::from_errors(errors), "req-1");
        assert_eq!(response.errors.len(), MAX_ERRORS);
        let json = serde_json::to_value(&response.errors[0]).unwrap();
        assert_eq!(json["extensions"]["code"], "BAD_USER_INPUT");
        assert_eq!(json["extensions"]["requestId"], "req-1");
    }

    #[test]
    fn errors_come_in_the_order_of_the_document() {
        let failed = |line, index| {
            let at = Some(async_graphql::Pos { line, column: 3 });
            ServerError::new("x", at).with_path(vec![PathSegment::Field("list".to_owned()), PathSegment::Index(index)])
        };
        let response = finish(Response::from_errors(vec![failed(2, 10), failed(2, 9), failed(1, 11)]), "req-1");
        let places: Vec<_> = response.errors.iter().map(|error| (error.locations[0].line, error.path[1].clone())).collect();
        assert_eq!(places, [(1, PathSegment::Index(11)), (2, PathSegment::Index(9)), (2, PathSegment::Index(10))]);
    }

    #[test]
    fn reading_what_is_not_there_is_no_error() {
        assert!(matches!(seen::<()>(Err(app::Error::not_found("x", &[]))), Ok(None)));
        assert!(seen::<()>(Err(app::Error::Forbidden { required: "ADMIN" })).is_err());
    }
}
