//! The configuration: every layer's `Options`, read from one place and checked before anything starts.
//!
//! A flag wins over the environment, the environment over `connectors.toml`, and that over `default.toml`, which lists every key there
//! is. A key that is not in it is refused with the name of its source and of the nearest key there is, so that a typing error never
//! silently means "default".
//!
//! ```no_run
//! use connectors::config::{Config, Overrides};
//!
//! let config = Config::load(Overrides::default())?;
//! println!("listening on {}", config.server.bind);
//! # Ok::<(), connectors::config::Error>(())
//! ```

mod error;
mod nearest;
mod sections;
mod sources;
mod units;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use sections::Server;
pub use sources::{Flag, Overrides};

use crate::{auth, egress, executor, graphql, http, store, telemetry, vault};
use figment::Figment;
use sections::Sections;
use sources::{DEFAULTS, Surroundings, known_keys};

/// Keys whose values are never shown.
const SECRETS: [&str; 3] = ["auth.jwt_secret", "encryption.key", "encryption.previous_keys"];

/// Everything that can be set. `Debug` masks secrets.
#[derive(Debug, Clone)]
pub struct Config {
    /// The listener.
    pub server: Server,
    /// The edge's behaviour.
    pub http: http::Options,
    /// The edge's bounds, from `limits` and `graphql.timeout`.
    pub http_limits: http::Limits,
    /// The store.
    pub database: store::Options,
    /// Tokens.
    pub auth: auth::Options,
    /// Secrets at rest.
    pub encryption: vault::Options,
    /// The schema, with its bounds from `limits`.
    pub graphql: graphql::Options,
    /// The executor.
    pub worker: executor::Options,
    /// Calls to third parties.
    pub egress: egress::Options,
    /// The server's own log.
    pub log: telemetry::Options,
    settings: Vec<Setting>,
}

/// One key, for showing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// E.g. `server.bind`.
    pub key: String,
    /// As TOML; `"***"` for a secret that is set.
    pub value: String,
    /// E.g. `environment variable CONNECTORS_SERVER__BIND`, or `default`.
    pub source: String,
}

impl Config {
    /// Reads the process's environment and the configuration file.
    ///
    /// # Errors
    /// Each names the key, where it was set, and what to write instead.
    pub fn load(overrides: Overrides) -> Result<Self, Error> {
        Self::load_in(overrides, &Surroundings::of_process())
    }

    /// The defaults alone, whatever file or environment there is.
    ///
    /// # Errors
    /// None in a build whose tests pass: the defaults are read like any other source.
    pub fn built_in() -> Result<Self, Error> {
        Self::load_in(Overrides::default(), &Surroundings::default())
    }

    /// The same, in surroundings that need not be the process's own.
    fn load_in(overrides: Overrides, surroundings: &Surroundings) -> Result<Self, Error> {
        let figment = sources::gather(overrides, surroundings)?;
        let sections: Sections = figment.extract().map_err(|error| Error::of_figment(error, &figment))?;
        let settings = settings(&figment)?;
        sections.into_config(settings).map_err(|(key, advice)| Error::Invalid {
            key: key.to_owned(),
            origin: source_of(&figment, key),
            advice,
        })
    }

    /// Every key with its value and where that came from, secrets masked.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// The commented list of every key and its default, for `config init`.
    pub const fn template() -> &'static str {
        DEFAULTS
    }
}

fn settings(figment: &Figment) -> Result<Vec<Setting>, Error> {
    let entry = |key: String| {
        let value = figment.find_value(&key).map_err(|error| Error::of_figment(error, figment))?;
        let shown = sources::as_toml(&value);
        let empty = matches!(shown.as_str(), "\"\"" | "[]");
        let value = if SECRETS.contains(&key.as_str()) && !empty { "\"***\"".to_owned() } else { shown };
        Ok(Setting { source: source_of(figment, &key), key, value })
    };
    known_keys()?.into_iter().map(entry).collect()
}

fn source_of(figment: &Figment, key: &str) -> String {
    figment.find_metadata(key).map_or_else(|| sources::DEFAULT.to_owned(), |metadata| metadata.name.to_string())
}
