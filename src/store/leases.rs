//! Leases after the claim: kept alive, given back, taken away; and what is due.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use connectors_entity::connector_execution as table;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{Error, Store, convert};
use crate::auth::{SystemScope, WorkspaceScope};
use crate::domain::execution::{Execution, ExecutionStatus};
use crate::domain::id::ExecutionId;
use crate::domain::lease::Lease;

/// Holds of the rows of a partial index alone: the words must be those of the index.
const UNFINISHED: &str = "\"status\" IN ('queued', 'running', 'waiting', 'cancelling')";

impl Store {
    /// Makes leases last until later; gives those that were lost.
    pub async fn renew(&self, leases: &[Arc<Lease>], until: DateTime<Utc>) -> Result<Vec<Arc<Lease>>, Error> {
        let tx = self.begin_unscoped().await?;
        let mut lost = Vec::new();
        for lease in leases {
            let update = table::Entity::update_many()
                .col_expr(table::Column::LeaseUntil, Expr::val(convert::ms(until)))
                .filter(table::Column::Id.eq(lease.execution_id.to_string()))
                .filter(table::Column::LeaseOwner.eq(&*lease.owner))
                .filter(table::Column::Fence.eq(lease.fence));
            if update.exec(&tx.db()).await?.rows_affected == 0 {
                lost.push(Arc::clone(lease));
            }
        }
        tx.commit().await?;
        Ok(lost)
    }

    /// Tells an execution to stop. A worker still has to wind it up, so it becomes cancelling and due at once.
    /// `None` when the workspace has no such execution; asking twice is no error and changes nothing.
    ///
    /// # Errors
    /// [`Error::Conflict`] `state` when it has ended already.
    pub async fn request_cancel(&self, scope: &WorkspaceScope, id: ExecutionId, now: DateTime<Utc>) -> Result<Option<Execution>, Error> {
        let tx = self.begin(scope).await?;
        let Some(execution) = tx.find_execution(id).await? else { return Ok(None) };
        if execution.status.is_final() {
            return Err(Error::Conflict { what: "state" });
        }
        if execution.status == ExecutionStatus::Cancelling {
            return Ok(Some(execution));
        }
        tracing::debug!(execution.id = %id, at = %now, "told to stop");
        table::Entity::update_many()
            .col_expr(table::Column::CancelRequested, Expr::val(true))
            .col_expr(table::Column::Status, Expr::val(ExecutionStatus::Cancelling.as_str()))
            .col_expr(table::Column::WakeAt, Expr::val(Option::<String>::None))
            .col_expr(table::Column::Revision, Expr::col(table::Column::Revision).add(1))
            .filter(table::Column::Id.eq(id.to_string()))
            .exec(&tx.db())
            .await?;
        let execution = tx.find_execution(id).await?;
        tx.commit().await?;
        Ok(execution)
    }

    /// Executions nobody works on that someone should, oldest first: queued, cancelling, waited long enough, or left behind.
    pub async fn due(&self, system: &SystemScope, now: DateTime<Utc>, limit: u32) -> Result<Vec<ExecutionId>, Error> {
        let free = Condition::any().add(table::Column::LeaseUntil.is_null()).add(table::Column::LeaseUntil.lte(now));
        let awake = Condition::any()
            .add(table::Column::Status.ne(ExecutionStatus::Waiting.as_str()))
            .add(table::Column::WakeAt.is_null())
            .add(table::Column::WakeAt.lte(now));
        let ids: Vec<String> = table::Entity::find()
            .select_only()
            .column(table::Column::Id)
            .filter(Expr::cust(UNFINISHED))
            .filter(free)
            .filter(awake)
            .order_by_asc(table::Column::QueuedAt)
            .order_by_asc(table::Column::Id)
            .limit(u64::from(limit))
            .into_tuple()
            .all(&self.read(system).await?.db())
            .await?;
        ids.iter().map(|id| convert::id(id)).collect()
    }

    /// The earliest instant at which a waiting execution goes on.
    pub async fn next_wake(&self, system: &SystemScope) -> Result<Option<DateTime<Utc>>, Error> {
        let earliest: Option<DateTime<Utc>> = table::Entity::find()
            .select_only()
            .column(table::Column::WakeAt)
            .filter(table::Column::WakeAt.is_not_null())
            .order_by_asc(table::Column::WakeAt)
            .into_tuple()
            .one(&self.read(system).await?.db())
            .await?;
        Ok(earliest)
    }

    /// Takes every lease away: right only while no other process works on the same rows. Gives how many there were.
    pub async fn free_leases(&self, system: &SystemScope) -> Result<u64, Error> {
        let tx = self.begin(system).await?;
        let nothing = || Expr::val(Option::<String>::None);
        let freed = table::Entity::update_many()
            .col_expr(table::Column::LeaseOwner, nothing())
            .col_expr(table::Column::LeaseUntil, nothing())
            .filter(Expr::cust(UNFINISHED))
            .filter(table::Column::LeaseOwner.is_not_null())
            .exec(&tx.db())
            .await?
            .rows_affected;
        tx.commit().await?;
        Ok(freed)
    }
}
