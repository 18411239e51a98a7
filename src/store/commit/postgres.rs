//! Commits on PostgreSQL: one connection that is nothing but the worker, found again when the server was lost.
//!
//! A connection can break while a transaction is being committed, and then nobody knows whether it was. So each
//! transaction remembers its number, and the server is asked afterwards what became of it: what was committed is
//! answered as such, what was not is made again.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor};
use tokio::time::{Instant, sleep, timeout};

use super::group::{Group, Outcome};
use super::session::Session;
use super::writer::Refusal;
use crate::store::Error;
use crate::store::error::is_lost;
use crate::store::open::Login;

/// How long a group waits for a server that is away. Whoever sent the operations may try again after that.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one transaction may take before its connection counts as broken.
const TRANSACTION: Duration = Duration::from_mins(1);
/// Pause before the server is asked again.
const PAUSE: Duration = Duration::from_millis(100);
/// How often a transaction that stood in another one's way is made again.
const COLLISIONS: u32 = 5;

/// A session that is the worker, and finds each row by its key: plans are kept, and may be made while tables are small.
const SET_UP: &str = "\
SET ROLE connectors_worker; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
SET enable_bitmapscan = off; SET enable_material = off; \
SET plan_cache_mode = force_generic_plan; SET statement_timeout = '45s'";

/// Which rows the transaction may touch: those of the workspaces named and of the executions to be claimed. Its number
/// comes along.
const ENTER: &str = "\
SELECT set_config('app.workspace_ids', concat_ws(',', \
    NULLIF($1, ''), (SELECT string_agg(workspace_id, ',') FROM app_claim_workspaces($2))), true), pg_current_xact_id()::text";

/// The connection and how to make another.
#[derive(Debug)]
pub(in crate::store) struct Postgres {
    login: Login,
    connection: Option<PgConnection>,
    /// Transactions committed on it.
    commits: u64,
}

/// Why a transaction was not committed, as far as is known.
enum Failure {
    /// It was not, and the connection is sound.
    Refused(Error),
    /// The connection is broken and nothing was committed.
    Lost(String),
    /// The connection broke while the transaction of this number was being committed.
    Unknown(String, Box<Outcome>),
}

impl Postgres {
    pub(in crate::store) fn new(login: Login) -> Self {
        Self { login, connection: None, commits: 0 }
    }

    /// One transaction, made again as long as it is sure that it was not committed and there is hope.
    pub(super) async fn attempt(&mut self, group: &Group) -> Result<Outcome, Refusal> {
        let until = Instant::now() + PATIENCE;
        let mut collisions = 0;
        loop {
            let connection = self.connect(until).await?;
            match transaction(connection, group).await {
                Ok(outcome) => {
                    self.plan_anew().await;
                    return Ok(outcome);
                }
                Err(Failure::Refused(error)) if is_collision(&error) && collisions < COLLISIONS => collisions += 1,
                Err(Failure::Refused(error)) => return Err(Refusal::Operation(error)),
                Err(Failure::Lost(reason)) => self.lose(until, &reason).await?,
                Err(Failure::Unknown(number, outcome)) => {
                    self.lose(until, "the connection broke while a transaction was being committed").await?;
                    if self.was_committed(&number, until).await? {
                        return Ok(*outcome);
                    }
                }
            }
        }
    }

    /// Has statements planned anew after 1, 2, 4, 8 … commits. While a table is empty every index looks as good as any
    /// other, and a plan made then, of the checks of foreign keys too, would be kept until the server's next look at its
    /// statistics: by then it reads the whole workspace for each row.
    async fn plan_anew(&mut self) {
        self.commits += 1;
        if let (true, Some(connection)) = (self.commits.is_power_of_two(), &mut self.connection)
            && let Err(error) = connection.execute("DISCARD PLANS").await
        {
            // What was committed is; whether the connection is sound shows with the next group.
            tracing::debug!(error = &error as &dyn std::error::Error, "plans were not discarded");
        }
    }

    /// Takes leave of the server.
    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        match self.connection {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }

    async fn lose(&mut self, until: Instant, reason: &str) -> Result<(), Refusal> {
        tracing::warn!(reason, "the database was lost; connecting again");
        self.connection = None;
        wait(until, reason).await
    }

    /// The connection there is, or a new one.
    async fn connect(&mut self, until: Instant) -> Result<&mut PgConnection, Refusal> {
        while self.connection.is_none() {
            match timeout(PATIENCE, open(&self.login)).await {
                Ok(Ok(connection)) => (self.connection, self.commits) = (Some(connection), 0),
                Ok(Err(error)) => wait(until, &error.to_string()).await?,
                Err(_) => wait(until, "no answer").await?,
            }
        }
        self.connection.as_mut().ok_or_else(|| Refusal::Server("no connection".to_owned()))
    }

    /// Asks the server what became of a transaction; one still under way is waited for.
    async fn was_committed(&mut self, number: &str, until: Instant) -> Result<bool, Refusal> {
        loop {
            let connection = self.connect(until).await?;
            let asked = sqlx::query_scalar("SELECT pg_xact_status($1::text::xid8)").bind(number).fetch_one(connection);
            let lost = match timeout(PATIENCE, asked).await {
                Ok(Ok(status)) => {
                    let status: Option<String> = status;
                    match status.as_deref() {
                        Some("committed") => return Ok(true),
                        Some("aborted") => return Ok(false),
                        _ => wait(until, "a transaction is still being committed").await?,
                    }
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer".to_owned(),
            };
            self.lose(until, &lost).await?;
        }
    }
}

async fn open(login: &Login) -> Result<PgConnection, sqlx::Error> {
    let mut connection = login.connect().await?;
    connection.execute(SET_UP).await?;
    Ok(connection)
}

/// A pause, unless the time is over.
async fn wait(until: Instant, reason: &str) -> Result<(), Refusal> {
    if Instant::now() + PAUSE >= until {
        return Err(Refusal::Server(format!("the database does not answer: {reason}")));
    }
    sleep(PAUSE).await;
    Ok(())
}

async fn transaction(connection: &mut PgConnection, group: &Group) -> Result<Outcome, Failure> {
    let made = timeout(TRANSACTION, prepare(connection, group)).await;
    let (number, outcome) = match made {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(error)) if is_broken(&error) => return Err(Failure::Lost(error.to_string())),
        Ok(Err(error)) => return Err(roll_back(connection, error).await),
        Err(_) => return Err(Failure::Lost("no answer in time".to_owned())),
    };
    match timeout(TRANSACTION, connection.execute("COMMIT")).await {
        Ok(Ok(_)) => Ok(outcome),
        // An answer of the server itself says that it did not commit.
        Ok(Err(error)) if error.as_database_error().is_some() && !is_lost(&error) => Err(roll_back(connection, error.into()).await),
        Ok(Err(_)) | Err(_) => Err(Failure::Unknown(number, Box::new(outcome))),
    }
}

/// Everything up to the commit; gives the transaction's number too.
async fn prepare(connection: &mut PgConnection, group: &Group) -> Result<(String, Outcome), Error> {
    connection.execute("BEGIN").await?;
    let claims: Vec<String> = group.claims.iter().map(|(claim, _)| claim.0.to_string()).collect();
    let (_, number): (String, String) = sqlx::query_as(ENTER).bind(group.workspaces()).bind(claims).fetch_one(&mut *connection).await?;
    let outcome = group.apply(&mut Session::Postgres(connection)).await?;
    Ok((number, outcome))
}

async fn roll_back(connection: &mut PgConnection, error: Error) -> Failure {
    match connection.execute("ROLLBACK").await {
        Ok(_) => Failure::Refused(error),
        Err(broken) => Failure::Lost(broken.to_string()),
    }
}

/// The cause inside the store's error, if it came from the server or the way there.
fn cause(error: &Error) -> Option<&sqlx::Error> {
    match error {
        Error::Unavailable(source) => source.downcast_ref(),
        _ => None,
    }
}

/// Is the connection no longer of use?
fn is_broken(error: &Error) -> bool {
    cause(error).is_some_and(is_lost)
}

/// Was it in the way of another transaction, of another process?
fn is_collision(error: &Error) -> bool {
    let code = cause(error).and_then(sqlx::Error::as_database_error).and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| matches!(&*code, "40001" | "40P01"))
}
