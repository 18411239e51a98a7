//! Brings the schema up to date.

use connectors_migration::Migrator;
use sea_orm::DbErr;
use sea_orm_migration::MigrationStatus;
use sea_orm_migration::MigratorTrait;

use super::{Error, Store};

impl Store {
    /// Applies what is missing, one step in one transaction each; `progress` hears the name of each step applied.
    ///
    /// # Errors
    /// [`Error::Newer`]; [`Error::Migration`], where steps before the failing one stay applied.
    pub async fn migrate(&self, progress: &mut dyn FnMut(&str)) -> Result<(), Error> {
        let _turn = self.inner.gate.lock().await;
        let pending = Migrator::get_pending_migrations(&self.inner.writer).await.map_err(failed)?;
        for step in pending {
            Migrator::up(&self.inner.writer, Some(1)).await.map_err(failed)?;
            progress(step.name());
        }
        Ok(())
    }

    /// Every step by name, oldest first, and whether it was applied.
    pub async fn migration_status(&self) -> Result<Vec<(String, bool)>, Error> {
        let steps = Migrator::get_migration_with_status_read_only(&self.inner.reader).await.map_err(failed)?;
        Ok(steps.iter().map(|step| (step.name().to_owned(), step.status() == MigrationStatus::Applied)).collect())
    }
}

fn failed(error: DbErr) -> Error {
    // The library has no error of its own for this.
    if error.to_string().contains("has been applied but its file is missing") { Error::Newer } else { Error::Migration(Box::new(error)) }
}
