//! Sets up tracing; knows no layer.

use std::io::IsTerminal as _;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use tracing_subscriber::EnvFilter;

/// How the server's own log is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// What is logged, e.g. `info` or `connectors=debug,warn`. A word that is no level is refused when this is read.
    #[serde(deserialize_with = "level")]
    pub level: String,
    /// One JSON object a line, or text.
    pub format: Format,
}

impl Default for Options {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: Format::Text }
    }
}

/// Words for how much is logged, least first.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Reads a level: words alone or after `TARGET=`, separated by commas. The library would take any other word alone for a target.
fn level<'de, D: Deserializer<'de>>(source: D) -> Result<String, D::Error> {
    let text = String::deserialize(source)?;
    let words = text.split(',').map(|part| part.rsplit_once('=').map_or(part, |(_, level)| level).trim());
    let mut unknown = words.filter(|word| !LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word)));
    if unknown.next().is_none() && EnvFilter::try_new(&text).is_ok() {
        return Ok(text);
    }
    let levels = LEVELS.join(", ");
    Err(D::Error::custom(format_args!(
        "`{text}` is not a level; write one of {levels}, or TARGET=LEVEL for a part of the program, separated by commas"
    )))
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
