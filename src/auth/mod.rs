//! Who asks, and proofs of what they may do.
//!
//! A token (RFC 7519) proves who calls and nothing more: [`Verifier`] turns it into a [`Principal`].
//! What the principal may do is read from the database for each operation and becomes a scope
//! ([`UserScope`], [`WorkspaceScope`], [`AdminScope`]); without one no transaction can be opened.
//! This folder reads no database and knows no HTTP.

mod claims;
mod crypto;
mod error;
mod principal;
mod role;
mod scope;
mod verifier;

use serde::Deserialize;

pub use error::{Error, Forbidden};
pub use principal::Principal;
pub use role::Permission;
pub use scope::{Access, AdminScope, SystemScope, UserScope, WorkspaceScope};
pub use verifier::{Grant, LEEWAY, MAXIMUM_LIFETIME, Verifier};

/// Text of a newly drawn secret for [`Options::jwt_secret`].
///
/// # Errors
/// [`Error::NoRandomness`].
pub fn generate_secret() -> Result<String, Error> {
    crypto::draw_secret().ok_or(Error::NoRandomness)
}

/// What tokens must be like.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The HS256 secret (RFC 7518 section 3.2): at least 32 bytes, drawn at random. Required.
    pub jwt_secret: String,
    /// What `iss` must be; not checked when absent.
    pub issuer: Option<String>,
    /// What `aud` must be, alone; not checked when absent.
    pub audience: Option<String>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Options").field("jwt_secret", &"***").field("issuer", &self.issuer).field("audience", &self.audience).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn debug_masks_the_secret() {
        let options = Options { jwt_secret: "canary-3f9a".to_owned(), issuer: Some("host".to_owned()), audience: None };
        let text = format!("{options:?}");
        assert!(!text.contains("canary") && text.contains("host"), "{text}");
    }
}
