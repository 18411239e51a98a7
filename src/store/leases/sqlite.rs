//! Leases in a file that one process owns.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use connectors_entity::connector_execution as table;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::auth::SystemScope;
use crate::domain::execution::ExecutionStatus;
use crate::domain::id::ExecutionId;
use crate::domain::lease::Lease;
use crate::store::{Error, Tx, convert};

/// Holds of the rows of a partial index alone: the words must be those of the index.
const UNFINISHED: &str = "\"status\" IN ('queued', 'running', 'waiting', 'cancelling')";

pub(super) async fn renew(tx: Tx<SystemScope>, leases: &[Arc<Lease>], until: DateTime<Utc>) -> Result<Vec<Arc<Lease>>, Error> {
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

pub(super) async fn due(tx: &Tx<SystemScope>, now: DateTime<Utc>, limit: u32) -> Result<Vec<ExecutionId>, Error> {
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
        .all(&tx.db())
        .await?;
    ids.iter().map(|id| convert::id(id)).collect()
}

pub(super) async fn next_wake(tx: &Tx<SystemScope>) -> Result<Option<DateTime<Utc>>, Error> {
    let earliest: Option<DateTime<Utc>> = table::Entity::find()
        .select_only()
        .column(table::Column::WakeAt)
        .filter(table::Column::WakeAt.is_not_null())
        .order_by_asc(table::Column::WakeAt)
        .into_tuple()
        .one(&tx.db())
        .await?;
    Ok(earliest)
}

pub(super) async fn free(tx: Tx<SystemScope>) -> Result<u64, Error> {
    let freed = table::Entity::update_many()
        .col_expr(table::Column::LeaseOwner, Expr::val(Option::<String>::None))
        .col_expr(table::Column::LeaseUntil, Expr::val(Option::<DateTime<Utc>>::None))
        .filter(Expr::cust(UNFINISHED))
        .filter(table::Column::LeaseOwner.is_not_null())
        .exec(&tx.db())
        .await?
        .rows_affected;
    tx.commit().await?;
    Ok(freed)
}
