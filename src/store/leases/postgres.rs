//! Leases on a server that several processes share.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, QueryResult, Statement};
use serde_json::json;

use crate::auth::SystemScope;
use crate::domain::id::ExecutionId;
use crate::domain::lease::Lease;
use crate::store::setting::Setting;
use crate::store::tx::enter;
use crate::store::{Error, Tx, convert};

const RENEW: &str = "\
UPDATE connector_executions AS e SET lease_until = clock_timestamp() + $2 * interval '1 millisecond' \
FROM jsonb_to_recordset($1) AS l(id text, workspace text, owner text, fence bigint) \
WHERE e.id = l.id AND e.workspace_id = l.workspace AND e.lease_owner = l.owner AND e.fence = l.fence RETURNING e.id, e.fence";

pub(super) async fn renew(pool: &DatabaseConnection, leases: &[Arc<Lease>], length: TimeDelta) -> Result<Vec<Arc<Lease>>, Error> {
    let rows: Vec<_> = leases
        .iter()
        .map(|lease| json!({ "id": lease.execution_id, "workspace": lease.workspace_id, "owner": &*lease.owner, "fence": lease.fence }))
        .collect();
    let setting = Setting::worker(leases.iter().map(|lease| lease.workspace_id));
    let tx = enter(pool, &setting, false).await?;
    let values = [serde_json::Value::from(rows).into(), length.num_milliseconds().into()];
    let renewed = tx.query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, RENEW, values)).await?;
    let key = |row: &QueryResult| Ok::<_, DbErr>((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
    let renewed: HashSet<(String, i64)> = renewed.iter().map(key).collect::<Result<_, _>>()?;
    tx.commit().await?;
    Ok(leases.iter().filter(|lease| !renewed.contains(&(lease.execution_id.to_string(), lease.fence))).cloned().collect())
}

pub(super) async fn due(tx: &Tx<SystemScope>, now: DateTime<Utc>, limit: u32) -> Result<Vec<ExecutionId>, Error> {
    let values = [now.into(), i64::from(limit).into()];
    let found = Statement::from_sql_and_values(DbBackend::Postgres, "SELECT id FROM app_due($1, $2)", values);
    let rows = tx.db().query_all_raw(found).await?;
    rows.iter().map(|row| convert::id(&row.try_get_by_index::<String>(0)?)).collect()
}

pub(super) async fn next_wake(tx: &Tx<SystemScope>) -> Result<Option<DateTime<Utc>>, Error> {
    let row = tx.db().query_one_raw(Statement::from_string(DbBackend::Postgres, "SELECT app_next_wake()")).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.flatten())
}
