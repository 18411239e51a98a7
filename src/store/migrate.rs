//! Brings the schema up to date.

use connectors_migration::Migrator;
use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};
use sea_orm_migration::MigrationStatus;
use sea_orm_migration::MigratorTrait;
use sqlx::Connection;

use super::open::Login;
use super::{Engine, Error, Store};

/// Names the lock that whoever changes the schema of a database holds; the number itself means nothing.
const LOCK: i64 = 7_310_582_036;

impl Store {
    /// Applies what is missing, one step in one transaction each; `progress` hears the name of each step applied.
    /// Of several processes that try at the same time one does it and the others wait.
    ///
    /// # Errors
    /// [`Error::Newer`]; [`Error::Refused`] when the login may not change the schema; [`Error::Migration`], where steps
    /// before the failing one stay applied.
    pub async fn migrate(&self, progress: &mut (dyn FnMut(&str) + Send)) -> Result<(), Error> {
        match &self.inner.engine {
            Engine::Sqlite { writer, gate, .. } => {
                let _turn = gate.lock().await;
                apply(writer, progress).await
            }
            Engine::Postgres { owner, .. } => {
                // Whoever owns nothing may still start when there is nothing to do.
                if self.migration_status().await?.iter().all(|(_, applied)| *applied) {
                    return Ok(());
                }
                let connection = owner.single();
                let done = locked(owner, &connection, progress).await;
                drop(connection.close().await);
                done
            }
        }
    }

    /// Every step by name, oldest first, and whether it was applied.
    pub async fn migration_status(&self) -> Result<Vec<(String, bool)>, Error> {
        let steps = Migrator::get_migration_with_status_read_only(self.reader()).await.map_err(failed)?;
        Ok(steps.iter().map(|step| (step.name().to_owned(), step.status() == MigrationStatus::Applied)).collect())
    }
}

/// Applies what is missing while a second connection keeps other processes waiting.
async fn locked(owner: &Login, connection: &DatabaseConnection, progress: &mut (dyn FnMut(&str) + Send)) -> Result<(), Error> {
    let mut holder = owner.connect().await?;
    sqlx::query("SET lock_timeout = '5min'").execute(&mut holder).await?;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut holder).await?;
    let done = apply(connection, progress).await;
    drop(holder.close().await);
    done.map_err(|error| match error {
        Error::Migration(source) if is_denied(&*source) => Error::Refused(format!(
            "the schema is behind and the login of {owner} may not change it ({source}); run `connectors migrate up` as the owner of the \
             database, or set `database.owner_url`"
        )),
        other => other,
    })
}

async fn apply(connection: &DatabaseConnection, progress: &mut (dyn FnMut(&str) + Send)) -> Result<(), Error> {
    let pending = Migrator::get_pending_migrations(connection).await.map_err(failed)?;
    for step in pending {
        Migrator::up(connection, Some(1)).await.map_err(failed)?;
        progress(step.name());
    }
    Ok(())
}

fn failed(error: DbErr) -> Error {
    // The library has no error of its own for this.
    if error.to_string().contains("has been applied but its file is missing") { Error::Newer } else { Error::Migration(Box::new(error)) }
}

/// Was it refused for want of a privilege?
fn is_denied(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let Some(DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause))) = error.downcast_ref::<DbErr>() else {
        return false;
    };
    cause.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "42501")
}
