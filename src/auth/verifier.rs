//! From token to principal: signature, header, size; the claims' own rules stand in [`super::claims`].
//!
//! Also signs tokens, for the command line and for tests. Keys come from the configuration alone, never from a token's header.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};

use super::claims::Claims;
use super::{Error, Options, Principal, crypto};
use crate::clock::Clock;

/// How far clocks may differ: added to the end, and allowed before the beginning.
pub const LEEWAY: TimeDelta = TimeDelta::seconds(60);
/// Longest time between the beginning and the end of a token.
pub const MAXIMUM_LIFETIME: TimeDelta = TimeDelta::days(400);
/// Longest token in bytes; longer ones are refused unread.
const LONGEST_TOKEN: usize = 8 * 1024;
/// Shortest secret in bytes: the output size of SHA-256 (RFC 7518 section 3.2).
const SHORTEST_SECRET: usize = 32;
/// Fewer different bytes than this and a secret was typed, not drawn.
const FEWEST_DIFFERENT_BYTES: usize = 8;
/// What secrets copied from a manual contain.
const EXAMPLES: [&str; 8] =
    ["changeme", "change-me", "change_me", "replace-me", "replaceme", "example", "your-256-bit-secret", "placeholder"];

/// Judges tokens, and makes them. A cheap clone.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    options: Options,
    clock: Arc<dyn Clock>,
    decoding: DecodingKey,
    encoding: EncodingKey,
    validation: Validation,
}

/// What a token shall say.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Who: `sub`.
    pub subject: String,
    /// E-mail address.
    pub email: Option<String>,
    /// A program with a service token?
    pub service: bool,
    /// For how long, from now; at most [`MAXIMUM_LIFETIME`].
    pub lifetime: Duration,
}

impl Grant {
    /// A token for a person.
    pub fn user(subject: impl Into<String>, lifetime: Duration) -> Self {
        Self { subject: subject.into(), email: None, service: false, lifetime }
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Verifier").field("options", &self.0.options).finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier by these options.
    ///
    /// # Errors
    /// [`Error::WeakSecret`] when the secret is short or can be guessed.
    pub fn new(options: &Options, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        if is_weak(&options.jwt_secret) {
            return Err(Error::WeakSecret);
        }
        crypto::install();
        let mut validation = Validation::new(Algorithm::HS256);
        // The library would judge by the machine's clock and accept absent claims: Claims judges all of them.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let secret = options.jwt_secret.as_bytes();
        let (decoding, encoding) = (DecodingKey::from_secret(secret), EncodingKey::from_secret(secret));
        Ok(Self(Arc::new(Inner { options: options.clone(), clock, decoding, encoding, validation })))
    }

    /// The principal a token stands for, now.
    ///
    /// # Errors
    /// [`Error::Missing`] for an empty text, [`Error::Expired`] for a good token whose time is over, [`Error::Malformed`] for all else.
    pub fn verify(&self, token: &str) -> Result<Principal, Error> {
        if token.is_empty() {
            return Err(Error::Missing);
        }
        if token.len() > LONGEST_TOKEN {
            return Err(Error::Malformed);
        }
        let inner = &self.0;
        let decoded = jsonwebtoken::decode::<Claims>(token, &inner.decoding, &inner.validation).map_err(|_| Error::Malformed)?;
        if !is_plain(&decoded.header) {
            return Err(Error::Malformed);
        }
        decoded.claims.into_principal(&inner.options, inner.clock.now())
    }

    /// Signs a token.
    ///
    /// # Errors
    /// [`Error::Malformed`] when this verifier itself would not accept it: an unusable subject or too long a life.
    pub fn mint(&self, grant: &Grant) -> Result<String, Error> {
        let inner = &self.0;
        let now = inner.clock.now();
        let lifetime = TimeDelta::from_std(grant.lifetime).map_err(|_| Error::Malformed)?;
        if lifetime > MAXIMUM_LIFETIME {
            return Err(Error::Malformed);
        }
        let claims = Claims::made(&grant.subject, grant.email.as_deref(), grant.service, &inner.options);
        let claims = claims.valid_between(now, now + lifetime);
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &inner.encoding).map_err(|_| Error::Malformed)?;
        if token.len() > LONGEST_TOKEN {
            return Err(Error::Malformed);
        }
        claims.into_principal(&inner.options, now)?;
        Ok(token)
    }
}

/// Has the header nothing that would change how the token is to be read (RFC 7515 section 4.1.11)?
fn is_plain(header: &Header) -> bool {
    let typed = header.typ.as_deref().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt"));
    typed && header.crit.is_none() && header.zip.is_none() && header.enc.is_none()
}

/// Is the secret short, typed by hand, or out of a manual?
fn is_weak(secret: &str) -> bool {
    let bytes = secret.as_bytes();
    let mut different = bytes.to_vec();
    different.sort_unstable();
    different.dedup();
    let repeats = (1..=bytes.len() / 2).any(|period| bytes.iter().zip(bytes.iter().skip(period)).all(|(one, other)| one == other));
    let lower = secret.to_ascii_lowercase();
    bytes.len() < SHORTEST_SECRET
        || different.len() < FEWEST_DIFFERENT_BYTES
        || repeats
        || EXAMPLES.iter().any(|example| lower.contains(example))
}

#[cfg(test)]
#[path = "verifier_tests.rs"]
mod tests;
