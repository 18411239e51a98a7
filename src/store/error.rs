//! What can go wrong with rows, by what the caller can do about it.

use sea_orm::{DbErr, RuntimeErr};

use crate::domain::page::MalformedCursor;

/// Why an operation on rows failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such row where the scope looks.
    #[error("no such row")]
    NotFound,
    /// Something else is in the way.
    #[error("conflict: {what}")]
    Conflict {
        /// The column that must be unique (`key`, `name`, `slug`, …), or `revision`, `contact`, `state`, `idempotency`.
        what: &'static str,
    },
    /// The lease was lost: whoever holds it now goes on.
    #[error("the lease was lost")]
    Fenced,
    /// The cursor belongs to another list or was made up.
    #[error(transparent)]
    Cursor(#[from] MalformedCursor),
    /// The database does not answer or refused.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row holds something the program never wrote.
    #[error("a row cannot be read: {what}")]
    Corrupt {
        /// Which value, in words; never the value of a secret.
        what: String,
    },
    /// The schema could not be brought up to date.
    #[error("the schema could not be migrated")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The file holds steps of the schema that this program does not know.
    #[error("the database was brought up to date by a newer version of this program; run that one, or go back to a backup")]
    Newer,
    /// The address of the database, or the file there, is of a kind this server does not speak.
    #[error("`{url}` cannot be used as a database: {reason}")]
    UnsupportedUrl {
        /// The address without user and password.
        url: String,
        /// What would do.
        reason: &'static str,
    },
    /// The database is not fit for use, and what to do about it.
    #[error("the database cannot be used: {0}")]
    Refused(String),
    /// Another process works on the same file.
    #[error("the database `{path}` is in use by another server process; stop that one first")]
    InUse {
        /// The file.
        path: String,
    },
}

/// Ends of SQLite's message about a unique key or of PostgreSQL's name of one, and what is then in the way.
const UNIQUE: [(&str, &str); 16] = [
    (".idempotency_key", "idempotency"),
    (".key", "key"),
    (".name", "name"),
    (".slug", "slug"),
    (".version", "version"),
    (".number", "version"),
    (".subject", "subject"),
    (".sequence", "sequence"),
    ("_by_idempotency", "idempotency"),
    ("_key_key", "key"),
    ("_name_key", "name"),
    ("_slug_key", "slug"),
    ("_version_key", "version"),
    ("_number_key", "version"),
    ("_subject_key", "subject"),
    ("execution_logs_pkey", "sequence"),
];

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match &error {
            DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
                constraint(cause).unwrap_or_else(|| Self::Unavailable(Box::new(error)))
            }
            DbErr::RecordNotFound(_) => Self::NotFound,
            _ => Self::Unavailable(Box::new(error)),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        constraint(&error).unwrap_or_else(|| Self::Unavailable(Box::new(error)))
    }
}

/// Is a connection to PostgreSQL of no more use, so that the same may go well on another one? The server may end a session,
/// stop being the primary, or still know statements that the schema has left behind.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(cause) => cause
            .code()
            .is_some_and(|code| matches!(&*code, "57P01" | "57P02" | "57P03" | "57P05" | "25006" | "0A000") || code.starts_with("08")),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

/// What a violated constraint means, if that is what happened.
fn constraint(error: &sqlx::Error) -> Option<Error> {
    let error = error.as_database_error()?;
    if error.is_foreign_key_violation() {
        return Some(Error::NotFound);
    }
    if error.code().is_some_and(|code| code == "42501") {
        // Whoever asks learns what they would of a row that is not there; whoever runs the server that a wall held.
        tracing::error!(error = error.message(), "row security refused a statement");
        return Some(Error::NotFound);
    }
    if !error.is_unique_violation() {
        return None;
    }
    let key = error.constraint().unwrap_or_else(|| error.message());
    let what = UNIQUE.iter().find(|(end, _)| key.ends_with(end)).map_or("id", |(_, what)| what);
    Some(Error::Conflict { what })
}
