//! Who asks: the bearer token of a request or of a socket's first message (RFC 6750).
//!
//! Tokens are read from the header alone, never from the address, which ends up in logs.

use super::error::{Code, Failure};
use crate::auth::{self, Principal, Verifier};
use axum::http::{HeaderMap, header};

/// The principal a request's header names.
///
/// A request without the header goes through as [`auth::Error::Missing`], because a few fields are open to everyone; a header that does
/// not hold a valid token refuses the whole request.
pub(super) fn of_headers(verifier: &Verifier, headers: &HeaderMap) -> Result<Result<Principal, auth::Error>, Failure> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(Err(auth::Error::Missing)) };
    if values.next().is_some() {
        return Err(failure(auth::Error::Malformed));
    }
    let text = value.to_str().map_err(|_| failure(auth::Error::Malformed))?;
    of_text(verifier, text).map(Ok).map_err(failure)
}

/// The principal that `Bearer <token>` names.
pub(super) fn of_text(verifier: &Verifier, text: &str) -> Result<Principal, auth::Error> {
    match text.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => verifier.verify(token.trim_start()),
        _ => Err(auth::Error::Malformed),
    }
}

fn failure(error: auth::Error) -> Failure {
    match error {
        auth::Error::Expired => Failure::new(Code::TOKEN_EXPIRED, "The token has expired."),
        _ => Failure::new(Code::UNAUTHENTICATED, "The token cannot be verified."),
    }
}
