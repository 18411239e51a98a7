//! The id under which a request appears in the log, in `X-Request-Id` and in errors.

use crate::clock::Clock;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;

/// The header that carries it, both ways.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// 8 to 64 of `[A-Za-z0-9-]`: the caller's own, or a fresh one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Keeps the id the caller sent if it has the right form, else makes one.
    pub fn of(headers: &HeaderMap, clock: &dyn Clock) -> Self {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok()).filter(|text| well_formed(text));
        given.map_or_else(|| Self::fresh(clock), |text| Self(text.into()))
    }

    /// A new id.
    pub fn fresh(clock: &dyn Clock) -> Self {
        let mut buffer = uuid::Uuid::encode_buffer();
        Self((&*clock.fresh_id().simple().encode_lower(&mut buffer)).into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as the value of a header.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

fn well_formed(text: &str) -> bool {
    (8..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn keeps_a_well_formed_id_and_replaces_any_other() {
        for (given, kept) in [
            ("abcdEF-1", true),
            ("short-7", false),
            (&"a".repeat(64), true),
            (&"a".repeat(65), false),
            ("with space", false),
            ("under_score", false),
        ] {
            let headers = HeaderMap::from_iter([(HEADER, HeaderValue::from_str(given).unwrap())]);
            let id = RequestId::of(&headers, &SystemClock);
            assert_eq!(id.as_str() == given, kept, "{given}");
            assert!(well_formed(id.as_str()), "{}", id.as_str());
        }
    }
}
