//! Opens a SQLite file: the address, the connections and their settings.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::{DatabaseConnection, SqlxSqliteConnector};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::ACQUIRE_TIMEOUT;
use crate::store::lock::LockFile;
use crate::store::{Error, Options};

/// How long a statement waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Size of a page of a new file: rows of steps are often over a kilobyte, and fill pages of this size better than smaller ones.
const PAGE_BYTES: u32 = 8192;
/// The first bytes of every SQLite file that is not empty.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Prepared statements kept per connection.
const STATEMENTS: usize = 256;

/// Everything that was opened.
pub(in crate::store) struct Opened {
    pub(in crate::store) reader: DatabaseConnection,
    pub(in crate::store) writer: DatabaseConnection,
    pub(in crate::store) group: SqliteConnection,
    pub(in crate::store) lock: Option<LockFile>,
}

pub(in crate::store) async fn open(options: &Options) -> Result<Opened, Error> {
    let path = path_of(&options.url)?;
    let lock = prepare(&path, options)?;
    let settings = settings(&path, options.create);
    // The first connection makes the file and turns the journal to WAL; only then can readers open it.
    let group = settings.clone().row_buffer_size(1024).connect().await;
    let group = group.map_err(|error| Error::Unavailable(format!("{}: {error}", path.display()).into()))?;
    // A connection to a file does not break while it rests, so it is not asked before each use.
    let one = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false).acquire_timeout(ACQUIRE_TIMEOUT);
    let writer = one.connect_lazy_with(settings.clone());
    let many = SqlitePoolOptions::new()
        .max_connections(options.max_connections.max(1))
        .test_before_acquire(false)
        .acquire_timeout(ACQUIRE_TIMEOUT);
    let reader = many.connect_lazy_with(settings.pragma("query_only", "ON"));
    Ok(Opened {
        reader: SqlxSqliteConnector::from_sqlx_sqlite_pool(reader),
        writer: SqlxSqliteConnector::from_sqlx_sqlite_pool(writer),
        group,
        lock,
    })
}

fn settings(path: &Path, create: bool) -> SqliteConnectOptions {
    let settings = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(create)
        .page_size(PAGE_BYTES)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS);
    // A debug build tells its statements at the level `debug`, for the test that judges how each is carried out.
    if cfg!(debug_assertions) { settings } else { settings.disable_statement_logging() }
}

/// Refuses what cannot be a database before anything is made beside it.
fn refuse_foreign(path: &Path) -> Result<(), Error> {
    let refuse = |reason| Err(Error::UnsupportedUrl { url: path.display().to_string(), reason });
    if path.is_dir() {
        return refuse("it is a folder; name a file in it");
    }
    let mut head = [0; MAGIC.len()];
    // A file that is missing or cannot be read is told by whoever opens it.
    match File::open(path).and_then(|mut file| file.read(&mut head)) {
        Ok(length) if length > 0 && head.get(..length) != Some(MAGIC) => refuse("the file is not a SQLite database; name another one"),
        _ => Ok(()),
    }
}

/// Takes the lock, if wanted, and makes a missing file readable to its owner alone, if wanted.
fn prepare(path: &Path, options: &Options) -> Result<Option<LockFile>, Error> {
    let unavailable =
        |error: std::io::Error| Error::Unavailable(Box::new(std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))));
    refuse_foreign(path)?;
    if let (true, Some(folder)) = (options.create, path.parent()) {
        std::fs::create_dir_all(folder).map_err(unavailable)?;
    }
    if !options.create && !path.exists() {
        let reason = "there is no such file; `connectors migrate up` makes one";
        return Err(Error::UnsupportedUrl { url: path.display().to_string(), reason });
    }
    let lock = options.exclusive.then(|| LockFile::take(path)).transpose()?;
    if options.create {
        let mut file = std::fs::OpenOptions::new();
        file.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
        file.open(path).map_err(unavailable)?;
    }
    Ok(lock)
}

/// The file an address names.
fn path_of(url: &str) -> Result<PathBuf, Error> {
    let refuse = |reason| {
        let shown = url.split_once("://").map_or_else(|| url.to_owned(), |(scheme, _)| format!("{scheme}://…"));
        Err(Error::UnsupportedUrl { url: shown, reason })
    };
    let path = match url.split_once(':') {
        Some(("sqlite", rest)) => rest.strip_prefix("//").unwrap_or(rest),
        Some((_, rest)) if rest.starts_with("//") => return refuse("use `sqlite:PATH` or `postgres://USER@HOST:PORT/DATABASE`"),
        // What follows may hold a password, so it is not shown.
        Some((scheme, _)) if is_server_scheme(scheme) => {
            return Err(Error::UnsupportedUrl {
                url: format!("{scheme}:…"), reason: "use `postgres://USER:PASSWORD@HOST:PORT/DATABASE`"
            });
        }
        _ => url,
    };
    match path {
        "" => refuse("the path is missing; use `sqlite:PATH`"),
        path if path.contains(":memory:") => refuse("a database in memory is lost with its connection; use a file"),
        path if path.contains('?') => refuse("settings in the address are not supported; use `sqlite:PATH`"),
        path => Ok(PathBuf::from(path)),
    }
}

/// Was a server meant, whose address goes on with two slashes?
fn is_server_scheme(scheme: &str) -> bool {
    ["postgres", "postgresql"].iter().any(|known| scheme.trim().eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_file_or_is_refused_with_a_reason() {
        for (url, path) in [
            ("sqlite:a.db", Some("a.db")),
            ("sqlite:///var/a.db", Some("/var/a.db")),
            ("/var/a.db", Some("/var/a.db")),
            ("mysql://host/db", None),
            ("postgres:host/db", None),
            ("PostgreSQL:/host/db", None),
            ("sqlite::memory:", None),
            ("sqlite:a.db?mode=ro", None),
            ("", None),
        ] {
            assert_eq!(path_of(url).ok(), path.map(PathBuf::from), "{url}");
        }
        let refusal = path_of("mysql://ann:secret@host/db").unwrap_err().to_string();
        assert!(refusal.contains("postgres://") && !refusal.contains("secret"), "{refusal}");
    }
}
