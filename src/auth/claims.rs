//! The JWT as on the wire (RFC 7519 section 4.1), and the rules each claim is held to.
//!
//! Only the signature is checked elsewhere; instants are judged against the caller's clock, never the machine's.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::verifier::{LEEWAY, MAXIMUM_LIFETIME};
use super::{Error, Options, Principal};

/// Value of `role` that marks a program rather than a person.
const SERVICE_ROLE: &str = "service_role";
/// Longest `sub` and `email` in characters.
const LONGEST_NAME: usize = 255;
/// The last second of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// Claims this server reads; a claim given twice is refused, unknown ones are passed over.
#[derive(Deserialize, Serialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    pub(super) exp: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nbf: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) iat: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) iss: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) aud: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<String>,
}

impl Claims {
    /// Claims of a token this server makes.
    pub(super) fn made(subject: &str, email: Option<&str>, service: bool, options: &Options) -> Self {
        Self {
            sub: subject.to_owned(),
            exp: Value::Null,
            nbf: None,
            iat: None,
            iss: options.issuer.clone(),
            aud: options.audience.clone().map(Value::String),
            email: email.map(str::to_owned),
            role: service.then(|| SERVICE_ROLE.to_owned()),
        }
    }

    /// The same with its time of validity.
    pub(super) fn valid_between(mut self, from: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        self.iat = Some(Value::from(from.timestamp()));
        self.exp = Value::from(until.timestamp());
        self
    }

    /// The principal these claims stand for at this instant.
    pub(super) fn into_principal(self, options: &Options, now: DateTime<Utc>) -> Result<Principal, Error> {
        let expires_at = self.judge_times(now)?;
        self.judge_parties(options)?;
        if self.sub.is_empty() || !is_plain(&self.sub) {
            return Err(Error::Malformed);
        }
        if now >= expires_at + LEEWAY {
            return Err(Error::Expired);
        }
        let service = self.role.as_deref() == Some(SERVICE_ROLE);
        let email = self.email.filter(|email| !email.is_empty() && is_plain(email));
        Ok(Principal::new(self.sub, email, service, expires_at))
    }

    /// Checks that all instants are sensible and the token has begun; gives its end.
    fn judge_times(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
        let expires_at = instant(&self.exp)?;
        let not_before = self.nbf.as_ref().map(instant).transpose()?;
        let issued_at = self.iat.as_ref().map(instant).transpose()?;
        if [not_before, issued_at].into_iter().flatten().any(|begin| begin > now + LEEWAY) {
            return Err(Error::Malformed);
        }
        let begin = issued_at.map_or(now, |issued_at| issued_at.min(now));
        if expires_at - begin > MAXIMUM_LIFETIME + TimeDelta::seconds(1) {
            return Err(Error::Malformed);
        }
        Ok(expires_at)
    }

    /// Checks issuer and audience against what is configured, to the letter.
    fn judge_parties(&self, options: &Options) -> Result<(), Error> {
        let issuer_fits = options.issuer.as_ref().is_none_or(|wanted| self.iss.as_ref() == Some(wanted));
        let audience_fits = options.audience.as_ref().is_none_or(|wanted| match &self.aud {
            Some(Value::String(given)) => given == wanted,
            Some(Value::Array(given)) => matches!(given.as_slice(), [Value::String(only)] if only == wanted),
            _ => false,
        });
        if issuer_fits && audience_fits { Ok(()) } else { Err(Error::Malformed) }
    }
}

/// Within length and free of control characters?
fn is_plain(text: &str) -> bool {
    text.chars().count() <= LONGEST_NAME && !text.chars().any(char::is_control)
}

/// A `NumericDate`: seconds since 1970, between then and the end of the year 9999; parts of a second are cut.
fn instant(value: &Value) -> Result<DateTime<Utc>, Error> {
    let seconds = match (value.as_i64(), value.as_f64()) {
        (Some(seconds), _) => seconds,
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "bounded before the cast")]
        (None, Some(seconds)) if seconds.is_finite() && (0.0..=LAST_SECOND as f64).contains(&seconds) => seconds as i64,
        _ => return Err(Error::Malformed),
    };
    if !(0..=LAST_SECOND).contains(&seconds) {
        return Err(Error::Malformed);
    }
    DateTime::from_timestamp(seconds, 0).ok_or(Error::Malformed)
}
