//! Opens a PostgreSQL server: the address, the wait for a server that is still starting, and the pool.

use std::fmt;
use std::io::ErrorKind;
use std::str::FromStr;
use std::time::Duration;

use sea_orm::{DatabaseConnection, SqlxPostgresConnector};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use tokio::time::{Instant, sleep, timeout};

use super::{ACQUIRE_TIMEOUT, is_postgres, version};
use crate::store::{Error, Options};

/// Ends a statement that takes longer: its caller has gone by then.
const STATEMENT_TIMEOUT: &str = "30s";
/// Ends a transaction that nobody goes on with.
const IDLE_TIMEOUT: &str = "60s";
/// As for disks without moving parts: rows are taken by the index that names them, rather than found by walking along
/// another one past the rows of other workspaces.
const RANDOM_PAGE_COST: &str = "1.1";
/// A connection that rested this long is asked whether it still works before it is used.
const RESTED: Duration = Duration::from_secs(1);
/// Between two tries to reach a server that is away.
const PAUSE: Duration = Duration::from_millis(500);
/// How often it is told that a server is still away.
const TELLING: Duration = Duration::from_secs(5);
/// Prepared statements kept per connection.
const STATEMENTS: usize = 256;

/// How to reach a database and as whom; shows neither password nor anything else that is secret.
#[derive(Clone)]
pub(in crate::store) struct Login {
    options: PgConnectOptions,
}

impl fmt::Display for Login {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        write!(out, "postgres://{}@", options.get_username())?;
        match options.get_socket() {
            Some(folder) => write!(out, "{}", folder.display())?,
            None => write!(out, "{}:{}", options.get_host(), options.get_port())?,
        }
        write!(out, "/{}", options.get_database().unwrap_or_else(|| options.get_username()))
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

/// Opens the pool once the server answers; at most `options.connect_timeout` is waited for that.
pub(in crate::store) async fn open(options: &Options) -> Result<(Login, DatabaseConnection), Error> {
    let login = Login::of(&options.url)?;
    let mut connection = login.reach(options.connect_timeout).await?;
    let number: String = sqlx::query_scalar("SHOW server_version_num").fetch_one(&mut connection).await?;
    version::check(number.parse().unwrap_or(0))?;
    drop(connection.close().await);
    let pool = login.pool(options.max_connections.max(1));
    Ok((login, pool))
}

impl Login {
    /// What an address says.
    pub(in crate::store) fn of(url: &str) -> Result<Self, Error> {
        let refuse = |reason| Error::UnsupportedUrl { url: "postgres://…".to_owned(), reason };
        if !is_postgres(url) {
            return Err(refuse("this is no address of a PostgreSQL server"));
        }
        // What the parser says may repeat parts of the address, a password among them.
        let options = PgConnectOptions::from_str(url).map_err(|_| refuse("use `postgres://USER:PASSWORD@HOST:PORT/DATABASE`"))?;
        Ok(Self { options: options.application_name("connectors").statement_cache_capacity(STATEMENTS).disable_statement_logging() })
    }

    /// A connection of one's own, without limits on what a statement may take.
    pub(in crate::store) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        self.options.connect().await
    }

    /// Many connections for short transactions.
    fn pool(&self, size: u32) -> DatabaseConnection {
        let settings = [
            ("statement_timeout", STATEMENT_TIMEOUT),
            ("idle_in_transaction_session_timeout", IDLE_TIMEOUT),
            ("random_page_cost", RANDOM_PAGE_COST),
        ];
        let pool = PgPoolOptions::new()
            .max_connections(size)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > RESTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(self.options.clone().options(settings));
        SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
    }

    /// One connection for statements that may take their time.
    pub(in crate::store) fn single(&self) -> DatabaseConnection {
        let one = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
        SqlxPostgresConnector::from_sqlx_postgres_pool(one.connect_lazy_with(self.options.clone()))
    }

    /// A first connection; a server that is starting or not there yet is waited for.
    pub(in crate::store) async fn reach(&self, patience: Duration) -> Result<PgConnection, Error> {
        let until = Instant::now() + patience;
        let mut tell_at = Instant::now();
        loop {
            let left = until.saturating_duration_since(Instant::now()).max(PAUSE);
            let error = match timeout(left, self.connect()).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => error,
                Err(_) => sqlx::Error::Io(ErrorKind::TimedOut.into()),
            };
            let now = Instant::now();
            if !may_pass(&error) || now + PAUSE > until {
                return Err(self.refusal(&error));
            }
            if now >= tell_at {
                let seconds = (until - now).as_secs();
                tracing::warn!(database = %self, error = plain(&error), seconds, "the database does not answer yet; waiting for it");
                tell_at = now + TELLING;
            }
            sleep(PAUSE).await;
        }
    }

    /// Why there is no connection, and what to do about it.
    fn refusal(&self, error: &sqlx::Error) -> Error {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(|code| code.to_string());
        let hint = match code.as_deref() {
            Some("28P01" | "28000") => "check user and password of `database.url`, and pg_hba.conf of the server",
            Some("3D000") => "make the database first (`createdb`), or name another one in `database.url`",
            Some("42501") => "give the login the right to connect: GRANT CONNECT ON DATABASE … TO …",
            Some("53300") => "raise max_connections of the server, or lower `database.max_connections`",
            Some(_) => "see the log of the server",
            None => "check host and port of `database.url`, and that the server runs",
        };
        Error::Unavailable(format!("{self}: {}; {hint}", plain(error)).into())
    }
}

/// What the server said, or what the system said on the way there.
fn plain(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())
}

/// Will it perhaps be better in a moment?
fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => matches!(
            error.kind(),
            ErrorKind::ConnectionRefused
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::TimedOut
                | ErrorKind::UnexpectedEof
                | ErrorKind::NotFound
        ),
        sqlx::Error::Database(error) => error.code().is_some_and(|code| matches!(&*code, "57P03" | "53300")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Login;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        for (url, shown) in [
            ("postgres://ann:secret@db.example:6432/app?sslmode=disable", "postgres://ann@db.example:6432/app"),
            ("postgresql://ann:secret@localhost/app?host=/run/pg", "postgres://ann@/run/pg/app"),
            ("postgres://ann@localhost", "postgres://ann@localhost:5432/ann"),
        ] {
            let login = Login::of(url).unwrap();
            assert_eq!(login.to_string(), shown);
            assert_eq!(format!("{login:?}"), shown);
        }
        let refused = Login::of("postgres://ann:secret@host:notaport/db").unwrap_err().to_string();
        assert!(refused.contains("postgres://USER") && !refused.contains("secret"), "{refused}");
    }
}
