//! Failures of a whole request: their codes, and the status each gets.
//!
//! Failures of single fields belong to the schema's layer; here they only receive what they lack, a code and the request's id.

use super::RequestId;
use crate::graphql::Refusal;
use async_graphql::{ErrorExtensionValues, Pos, ServerError, Value};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use std::borrow::Cow;

/// A code of the public list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    /// As it stands in `extensions.code`.
    pub(super) name: &'static str,
    /// The status when the whole request fails.
    pub(super) status: StatusCode,
    /// Whether the request was a well-formed GraphQL request, which under `application/json` is answered with 200.
    pub(super) well_formed: bool,
}

impl Code {
    const fn transport(name: &'static str, status: StatusCode) -> Self {
        Self { name, status, well_formed: false }
    }
    const fn document(name: &'static str) -> Self {
        Self { name, status: StatusCode::BAD_REQUEST, well_formed: true }
    }

    pub(super) const UNAUTHENTICATED: Self = Self::transport("UNAUTHENTICATED", StatusCode::UNAUTHORIZED);
    pub(super) const TOKEN_EXPIRED: Self = Self::transport("TOKEN_EXPIRED", StatusCode::UNAUTHORIZED);
    pub(super) const FORBIDDEN: Self = Self::transport("FORBIDDEN", StatusCode::FORBIDDEN);
    pub(super) const BAD_REQUEST: Self = Self::transport("BAD_REQUEST", StatusCode::BAD_REQUEST);
    pub(super) const METHOD_NOT_ALLOWED: Self = Self::transport("METHOD_NOT_ALLOWED", StatusCode::METHOD_NOT_ALLOWED);
    pub(super) const NOT_ACCEPTABLE: Self = Self::transport("NOT_ACCEPTABLE", StatusCode::NOT_ACCEPTABLE);
    pub(super) const PAYLOAD_TOO_LARGE: Self = Self::transport("PAYLOAD_TOO_LARGE", StatusCode::PAYLOAD_TOO_LARGE);
    pub(super) const UNSUPPORTED_MEDIA_TYPE: Self = Self::transport("UNSUPPORTED_MEDIA_TYPE", StatusCode::UNSUPPORTED_MEDIA_TYPE);
    pub(super) const RATE_LIMITED: Self = Self::transport("RATE_LIMITED", StatusCode::TOO_MANY_REQUESTS);
    pub(super) const TIMEOUT: Self = Self::transport("TIMEOUT", StatusCode::GATEWAY_TIMEOUT);
    pub(super) const UNAVAILABLE: Self = Self::transport("UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE);
    pub(super) const INTERNAL: Self = Self::transport("INTERNAL", StatusCode::INTERNAL_SERVER_ERROR);
    pub(super) const PARSE_FAILED: Self = Self::document("GRAPHQL_PARSE_FAILED");
    pub(super) const VALIDATION_FAILED: Self = Self::document("GRAPHQL_VALIDATION_FAILED");
    pub(super) const OPERATION_RESOLUTION_FAILED: Self = Self::document("OPERATION_RESOLUTION_FAILED");
    pub(super) const BAD_USER_INPUT: Self = Self::document("BAD_USER_INPUT");
    pub(super) const SECRET_IN_DOCUMENT: Self = Self::document("SECRET_IN_DOCUMENT");
    pub(super) const PERSISTED_QUERY_NOT_FOUND: Self = Self::document("PERSISTED_QUERY_NOT_FOUND");
    pub(super) const QUERY_TOO_COMPLEX: Self = Self::document("QUERY_TOO_COMPLEX");

    const ALL: [Self; 19] = [
        Self::UNAUTHENTICATED,
        Self::TOKEN_EXPIRED,
        Self::FORBIDDEN,
        Self::BAD_REQUEST,
        Self::METHOD_NOT_ALLOWED,
        Self::NOT_ACCEPTABLE,
        Self::PAYLOAD_TOO_LARGE,
        Self::UNSUPPORTED_MEDIA_TYPE,
        Self::RATE_LIMITED,
        Self::TIMEOUT,
        Self::UNAVAILABLE,
        Self::INTERNAL,
        Self::PARSE_FAILED,
        Self::VALIDATION_FAILED,
        Self::OPERATION_RESOLUTION_FAILED,
        Self::BAD_USER_INPUT,
        Self::SECRET_IN_DOCUMENT,
        Self::PERSISTED_QUERY_NOT_FOUND,
        Self::QUERY_TOO_COMPLEX,
    ];

    /// The code of that name; one that is not on the list is a fault of ours.
    pub(super) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|code| code.name == name).unwrap_or(Self::INTERNAL)
    }

    /// The code an error carries already.
    pub(super) fn of(error: &ServerError) -> Option<Self> {
        match error.extensions.as_ref()?.get("code")? {
            Value::String(name) => Some(Self::named(name)),
            _ => None,
        }
    }
}

/// The sentence of every fault: what went wrong stands in the log, under the request's id.
pub(super) const FAULT: &str = "Something went wrong on our side. Quote the request id when you report it.";

/// Why a whole request is refused.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) code: Code,
    pub(super) message: Cow<'static, str>,
    pub(super) extensions: Vec<(&'static str, Value)>,
    pub(super) locations: Vec<Pos>,
    /// The methods that would be right, when the method is wrong.
    pub(super) allow: Option<&'static str>,
}

impl Failure {
    pub(super) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), extensions: Vec::new(), locations: Vec::new(), allow: None }
    }

    /// The method is wrong; `allow` lists the right ones.
    pub(super) fn method(allow: &'static str, message: &'static str) -> Self {
        Self { allow: Some(allow), ..Self::new(Code::METHOD_NOT_ALLOWED, message) }
    }

    pub(super) fn internal() -> Self {
        Self::new(Code::INTERNAL, FAULT)
    }

    /// What the status requires besides (RFC 9110): which methods are right, or how to sign in (RFC 6750).
    pub(super) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        if self.code == Code::UNAUTHENTICATED || self.code == Code::TOKEN_EXPIRED {
            return Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\"")));
        }
        self.allow.map(|methods| (header::ALLOW, HeaderValue::from_static(methods)))
    }

    /// The failure as an entry of `errors`.
    pub(super) fn into_error(self, id: &RequestId) -> ServerError {
        let mut values = ErrorExtensionValues::default();
        values.set("code", self.code.name);
        values.set("requestId", id.as_str());
        for (name, value) in self.extensions {
            values.set(name, value);
        }
        let mut error = ServerError::new(self.message, None);
        error.locations = self.locations;
        error.extensions = Some(values);
        error
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let extensions = vec![("limit", refusal.limit.into()), ("maximum", refusal.maximum.into()), ("actual", refusal.actual.into())];
        Self { extensions, ..Self::new(Code::named(refusal.code), refusal.message) }
    }
}
