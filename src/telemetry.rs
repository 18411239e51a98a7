//! Sets up tracing; knows no layer.

use std::io::IsTerminal as _;

use serde::Deserialize;
use tracing_subscriber::EnvFilter;

/// How the server's own log is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// What is logged, e.g. `info` or `connectors=debug,warn`.
    pub level: String,
    /// One JSON object a line, or text.
    pub format: Format,
}

impl Default for Options {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: Format::Text }
    }
}

/// How a line of the server's log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Sends log lines to standard error. Does nothing when a subscriber is already set, as in tests.
pub fn start(options: &Options) {
    // The server tells about its schema itself; `sea_orm_migration=info` in the level brings these lines back.
    let filter = EnvFilter::try_new(format!("sea_orm_migration=warn,{}", options.level)).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let outcome = match options.format {
        Format::Text if !std::io::stderr().is_terminal() => builder.with_ansi(false).try_init(),
        Format::Text => builder.try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "log output was already set up");
    }
}
