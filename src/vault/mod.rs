//! Secrets at rest: AES-256-GCM (NIST SP 800-38D) under a master key that never enters the database.
//!
//! [`Vault::seal`] turns the parts of a credential into one opaque envelope bound to its workspace, row and revision;
//! [`Vault::open`] gives them back, or refuses when anything differs. Who may ask is not decided here.

mod error;
mod keyring;
mod seal;
mod secret;

use serde::Deserialize;

pub use error::{Error, KeyFault};
pub use seal::{Bound, Vault};
pub use secret::{Secret, Secrets};

/// The keys, each as text `id:base64` with 32 random bytes.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The key everything new is sealed under. Required.
    pub key: Option<String>,
    /// Keys of earlier times, for opening only.
    pub previous_keys: Vec<String>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = self.key.as_ref().map(|_| "***");
        out.debug_struct("Options").field("key", &key).field("previous_keys", &self.previous_keys.len()).finish()
    }
}
