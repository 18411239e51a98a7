//! Scalars beyond the built-in ones, and the reading of ids.

use std::str::FromStr;

use async_graphql::{ID, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{SecondsFormat, Utc};

use crate::app;
use crate::domain::id::MalformedId;

use super::error::Error;

/// An id of the kind wanted.
///
/// # Errors
/// [`Error::BadUserInput`] for a text that is no id of that kind.
pub(crate) fn parse_id<T: FromStr<Err = MalformedId>>(id: &ID) -> Result<T, Error> {
    id.parse().map_err(|error: MalformedId| Error::BadUserInput(format!("Bad id: {error}.")))
}

/// The same for an id that may be left out.
pub(crate) fn parse_optional_id<T: FromStr<Err = MalformedId>>(id: Option<&ID>) -> Result<Option<T>, Error> {
    id.map(parse_id).transpose()
}

/// A point in time as RFC 3339 writes it, in UTC, to the millisecond: `2026-03-01T09:30:00.123Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DateTime(pub(crate) chrono::DateTime<Utc>);

/// A point in time as RFC 3339 writes it, e.g. `2026-03-01T09:30:00.123Z`. Given back in UTC.
#[Scalar(name = "DateTime", specified_by_url = "https://scalars.graphql.org/andimarek/date-time")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Ok(Self(chrono::DateTime::parse_from_rfc3339(text)?.with_timezone(&Utc))),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// Gives a scalar over a JSON value.
macro_rules! json_scalar {
    ($(#[$doc:meta])* $name:ident as $graphql:literal $(, $url:literal)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub(crate) struct $name(pub(crate) serde_json::Value);

        $(#[$doc])*
        #[Scalar(name = $graphql $(, specified_by_url = $url)?)]
        impl ScalarType for $name {
            fn parse(value: Value) -> InputValueResult<Self> {
                Ok(Self(value.into_json()?))
            }

            fn to_value(&self) -> Value {
                Value::from_json(self.0.clone()).unwrap_or_default()
            }
        }
    };
}

json_scalar! {
    /// Whatever JSON can say: an object, a list, a text, a number, true, false or null.
    Json as "JSON", "https://www.rfc-editor.org/rfc/rfc8259"
}

json_scalar! {
    /// A connector's definition: a JSON object in the format `definitionSchema` describes. Secrets are never in it; it
    /// names the slots they go to.
    ConnectorDefinition as "ConnectorDefinition"
}

/// Gives a scalar over a text.
macro_rules! text_scalar {
    ($(#[$doc:meta])* $name:ident as $graphql:literal $(, $url:literal)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub(crate) struct $name(pub(crate) String);

        $(#[$doc])*
        #[Scalar(name = $graphql $(, specified_by_url = $url)?)]
        impl ScalarType for $name {
            fn parse(value: Value) -> InputValueResult<Self> {
                match value {
                    Value::String(text) => Ok(Self(text)),
                    other => Err(InputValueError::expected_type(other)),
                }
            }

            fn to_value(&self) -> Value {
                Value::String(self.0.clone())
            }
        }
    };
}

text_scalar! {
    /// Selects values inside a JSON document, as RFC 9535 defines, e.g. `$.data.people[0].email`.
    JsonPath as "JSONPath", "https://www.rfc-editor.org/rfc/rfc9535"
}

text_scalar! {
    /// Names one place inside a JSON document, as RFC 6901 defines, e.g. `/steps/0/request/url`.
    JsonPointer as "JSONPointer", "https://www.rfc-editor.org/rfc/rfc6901"
}

text_scalar! {
    /// A text whose `{{ expression }}` places are filled when a step runs.
    TemplateString as "TemplateString"
}

/// A whole number that may need more than 32 bits, up to 2^53 - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SafeInt(pub(crate) i64);

/// A whole number that may need more than 32 bits, sent as a JSON number. JavaScript holds it exactly: it stays below 2^53.
#[Scalar(name = "SafeInt")]
impl ScalarType for SafeInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) => match number.as_i64() {
                Some(number) if number.unsigned_abs() < 1 << 53 => Ok(Self(number)),
                _ => Err(InputValueError::custom("not a whole number below 2^53")),
            },
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        const LIMIT: i64 = (1 << 53) - 1;
        Value::from(self.0.clamp(-LIMIT, LIMIT))
    }
}

/// A version number of the form `MAJOR.MINOR.PATCH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SemVer(pub(crate) semver::Version);

/// A version number of the form `MAJOR.MINOR.PATCH`.
#[Scalar(name = "SemVer", specified_by_url = "https://semver.org/spec/v2.0.0.html")]
impl ScalarType for SemVer {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Ok(Self(text.parse()?)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A secret on its way in. There is no way out: it is never given back, shown or logged.
#[derive(Debug, Clone)]
pub(crate) struct Secret(pub(crate) app::Secret);

/// A secret on its way in, such as an API key. It must come in a variable: written into the document it is refused. It
/// is never given back and never logged.
#[Scalar(name = "Secret")]
impl ScalarType for Secret {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(app::Secret::new(text))),
            // The library's own message would repeat the value.
            _ => Err(InputValueError::custom("a secret is given as text")),
        }
    }

    fn to_value(&self) -> Value {
        Value::Null
    }
}

/// Milliseconds that fit GraphQL's `Int`.
pub(crate) fn milliseconds(span: std::time::Duration) -> i32 {
    i32::try_from(span.as_millis()).unwrap_or(i32::MAX)
}

/// Milliseconds between two instants, never below zero.
pub(crate) fn between(from: chrono::DateTime<Utc>, to: chrono::DateTime<Utc>) -> i32 {
    milliseconds((to - from).to_std().unwrap_or_default())
}

/// A count that fits GraphQL's `Int`.
pub(crate) fn int(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::ConnectorId;

    #[test]
    fn times_go_out_in_utc_with_milliseconds() {
        let parsed = DateTime::parse(Value::from("2026-03-01T10:30:00.123+01:00")).unwrap();
        assert_eq!(parsed.to_value(), Value::from("2026-03-01T09:30:00.123Z"));
        assert!(DateTime::parse(Value::from("yesterday")).is_err());
    }

    #[test]
    fn a_secret_never_comes_out() {
        let secret = Secret::parse(Value::from("canary-88aa")).unwrap();
        assert_eq!(secret.to_value(), Value::Null);
        assert!(!format!("{secret:?}").contains("canary"));
        let error = Secret::parse(Value::from(424_242)).err().unwrap();
        assert!(!format!("{error:?}").contains("424242"));
    }

    #[test]
    fn ids_are_read_by_kind() {
        assert!(parse_id::<ConnectorId>(&ID::from("exe_06f9m3v8q0xk7d2hj5s1wz4ncg")).is_err());
        assert!(parse_id::<ConnectorId>(&ID::from("cnr_06f9m3v8q0xk7d2hj5s1wz4ncg")).is_ok());
        assert!(SafeInt::parse(Value::from(1_i64 << 53)).is_err());
    }
}
