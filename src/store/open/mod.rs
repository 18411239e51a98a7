//! Opens a database: a SQLite file, or a PostgreSQL server.

mod postgres;
mod sqlite;
mod version;

use std::time::Duration;

use super::{Error, Options};

pub(super) use postgres::{Login, open as open_postgres};
pub(super) use sqlite::open as open_sqlite;

/// How long someone waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Does the address name a PostgreSQL server?
pub(super) fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

impl Options {
    /// Where the rows are, for people to read: never with a password.
    pub fn place(&self) -> String {
        match Login::of(&self.url) {
            Ok(login) => login.to_string(),
            Err(_) => self.url.strip_prefix("sqlite:").unwrap_or(&self.url).to_owned(),
        }
    }

    /// Is it a server, not a file?
    pub fn is_server(&self) -> bool {
        is_postgres(&self.url)
    }
}
