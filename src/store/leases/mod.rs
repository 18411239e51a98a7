//! Leases after the claim: kept alive, given back, taken away; and what is due.
//!
//! On SQLite one process owns the file and its clock decides. On PostgreSQL several processes work on the same rows,
//! so the clock of the database decides, and what concerns all workspaces goes through functions that give ids alone.

mod postgres;
mod sqlite;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use connectors_entity::connector_execution as table;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{Engine, Error, Store};
use crate::auth::{SystemScope, WorkspaceScope};
use crate::domain::execution::{Execution, ExecutionStatus};
use crate::domain::id::ExecutionId;
use crate::domain::lease::Lease;

impl Store {
    /// Makes leases last until later; gives those that were lost.
    pub async fn renew(&self, system: &SystemScope, leases: &[Arc<Lease>], until: DateTime<Utc>) -> Result<Vec<Arc<Lease>>, Error> {
        match &self.inner.engine {
            Engine::Sqlite { .. } => sqlite::renew(self.begin(system).await?, leases, until).await,
            Engine::Postgres { pool, .. } => postgres::renew(pool, leases, until - self.inner.clock.now()).await,
        }
    }

    /// Tells an execution to stop. A worker still has to wind it up, so it becomes cancelling and due at once.
    /// `None` when the workspace has no such execution; asking twice is no error and changes nothing.
    ///
    /// # Errors
    /// [`Error::Conflict`] `state` when it has ended already.
    pub async fn request_cancel(&self, scope: &WorkspaceScope, id: ExecutionId, now: DateTime<Utc>) -> Result<Option<Execution>, Error> {
        let tx = self.begin(scope).await?;
        let unfinished = ExecutionStatus::ALL.iter().filter(|status| !status.is_final()).map(|status| status.as_str());
        // Judged by the statement that changes it: another process may end the run at this very moment.
        let told = table::Entity::update_many()
            .col_expr(table::Column::CancelRequested, Expr::val(true))
            .col_expr(table::Column::Status, Expr::val(ExecutionStatus::Cancelling.as_str()))
            .col_expr(table::Column::WakeAt, Expr::val(Option::<DateTime<Utc>>::None))
            .col_expr(table::Column::Revision, Expr::col(table::Column::Revision).add(1))
            .filter(table::Column::Id.eq(id.to_string()))
            .filter(tx.within(table::Column::WorkspaceId))
            .filter(table::Column::Status.is_in(unfinished))
            .filter(table::Column::Status.ne(ExecutionStatus::Cancelling.as_str()))
            .exec(&tx.db())
            .await?
            .rows_affected;
        let execution = tx.find_execution(id).await?;
        if execution.as_ref().is_some_and(|execution| execution.status.is_final()) {
            return Err(Error::Conflict { what: "state" });
        }
        if told > 0 {
            tracing::debug!(execution.id = %id, at = %now, "told to stop");
            tx.commit().await?;
        }
        Ok(execution)
    }

    /// Executions nobody works on that someone should, oldest first: queued, cancelling, waited long enough, or left behind.
    pub async fn due(&self, system: &SystemScope, now: DateTime<Utc>, limit: u32) -> Result<Vec<ExecutionId>, Error> {
        let tx = self.read(system).await?;
        match &self.inner.engine {
            Engine::Sqlite { .. } => sqlite::due(&tx, now, limit).await,
            Engine::Postgres { .. } => postgres::due(&tx, now, limit).await,
        }
    }

    /// The earliest instant at which a waiting execution goes on.
    pub async fn next_wake(&self, system: &SystemScope) -> Result<Option<DateTime<Utc>>, Error> {
        let tx = self.read(system).await?;
        match &self.inner.engine {
            Engine::Sqlite { .. } => sqlite::next_wake(&tx).await,
            Engine::Postgres { .. } => postgres::next_wake(&tx).await,
        }
    }

    /// Takes every lease of an earlier process away, where this process is known to be the only one. Gives how many
    /// there were. Where there may be others, leases run out by themselves.
    pub async fn free_leases(&self, system: &SystemScope) -> Result<u64, Error> {
        match &self.inner.engine {
            Engine::Sqlite { .. } => sqlite::free(self.begin(system).await?).await,
            Engine::Postgres { .. } => Ok(0),
        }
    }
}
