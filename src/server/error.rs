//! Why a server could not be put together or kept running; each says what to do.

use crate::{app, auth, egress, executor, store, vault};

/// Why a server could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The token secret.
    #[error("tokens cannot be verified with this auth.jwt_secret")]
    Auth(#[from] auth::Error),
    /// The encryption keys.
    #[error("credentials cannot be sealed with this encryption.key")]
    Vault(#[from] vault::Error),
    /// The HTTP client.
    #[error("the HTTP client cannot be built")]
    Egress(#[from] egress::Error),
    /// The executor.
    #[error("executions cannot be run")]
    Executor(#[from] executor::Error),
    /// The catalogue of templates.
    #[error("the catalogue cannot be loaded")]
    Catalogue(#[source] app::Error),
    /// A document of the catalogue is broken.
    #[error("the catalogue's document `{name}` is broken: {reason}")]
    Document {
        /// Its slug or file.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The schema is behind and was not to be brought up to date.
    #[error("the database's schema is behind: run `connectors migrate up`, or `connectors serve` without --no-migrate")]
    SchemaBehind,
    /// Keys that someone must choose.
    #[error("not set: {}; `connectors serve --dev` makes its own, for trying things out on this machine", missing.join(" and "))]
    KeysMissing {
        /// Each with the command that makes it.
        missing: Vec<&'static str>,
    },
}
