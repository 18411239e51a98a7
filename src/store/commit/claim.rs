//! Gives out leases. The transaction keeps every other writer out, so looking and then taking is one act.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use connectors_entity::connector_execution::Model;
use sea_orm::{FromQueryResult, QueryResult};
use serde_json::Value;

use super::Claim;
use super::bulk::Rows;
use super::group::ClaimOp;
use super::room::Room;
use super::session::{Session, Sql};
use crate::domain::execution::ExecutionStatus;
use crate::domain::lease::{Claimed, Lease, LeaseRequest};
use crate::store::{Error, convert};

/// Executions that are due and free, each judged at the instant of its own claim; on PostgreSQL leases are judged by
/// the clock of the database, which is the same for every process, and a row that another process has in hand is
/// passed over.
const FIND: Sql = Sql {
    sqlite: "\
        WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
        SELECT e.* FROM j JOIN connector_executions AS e ON e.id = v->>0 \
        WHERE e.status IN ('queued', 'running', 'waiting', 'cancelling') \
          AND (e.lease_until IS NULL OR e.lease_until <= v->>1) \
          AND (e.status <> 'waiting' OR e.wake_at IS NULL OR e.wake_at <= v->>1)",
    postgres: "\
        WITH j AS MATERIALIZED (SELECT v->>0 AS id, (v->>1)::timestamptz AS now FROM jsonb_array_elements($1::jsonb) AS a(v)) \
        SELECT e.* FROM j JOIN connector_executions AS e ON e.id = j.id \
        WHERE e.status IN ('queued', 'running', 'waiting', 'cancelling') \
          AND (e.lease_until IS NULL OR e.lease_until <= clock_timestamp()) \
          AND (e.status <> 'waiting' OR e.wake_at IS NULL OR e.wake_at <= j.now) \
        FOR UPDATE OF e SKIP LOCKED",
};

const TAKE: Sql = Sql {
    sqlite: "\
        WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
        UPDATE connector_executions AS e SET status = v->>1, revision = v->>2, fence = v->>3, lease_owner = v->>4, \
            lease_until = v->>5, started_at = v->>6, recoveries = v->>7, wake_at = NULL \
        FROM j WHERE e.id = v->>0",
    postgres: "\
        WITH j AS MATERIALIZED (SELECT v->>0 AS id, v FROM jsonb_array_elements($1::jsonb) AS a(v)) \
        UPDATE connector_executions AS e SET status = v->>1, revision = (v->>2)::integer, fence = (v->>3)::bigint, lease_owner = v->>4, \
            lease_until = clock_timestamp() + (v->>8)::bigint * interval '1 millisecond', started_at = (v->>6)::timestamptz, \
            recoveries = (v->>7)::integer, wake_at = NULL \
        FROM j WHERE e.id = j.id",
};

pub(super) async fn apply(session: &mut Session<'_>, ops: &[ClaimOp]) -> Result<Vec<Result<Claim, Error>>, Error> {
    if ops.is_empty() {
        return Ok(Vec::new());
    }
    let mut wanted = Rows::of(session);
    for (claim, _) in ops {
        wanted.row().text(claim.0).time(claim.2);
    }
    let mut due = HashMap::new();
    for row in wanted.fetch(session, FIND).await? {
        let row = Model::from_query_result(&QueryResult::from(row), "")?;
        due.insert(row.id.clone(), row);
    }
    let crowding = due.values().filter(|row| needs_room(row)).map(|row| convert::id(&row.workspace_id)).collect::<Result<Vec<_>, _>>()?;
    let mut room = Room::kept(session, crowding).await?;
    let mut taken = Rows::of(session);
    let mut results = Vec::with_capacity(ops.len());
    for (claim, _) in ops {
        let (id, request, now) = claim.as_ref();
        let Some(row) = due.remove(&id.to_string()) else {
            results.push(Ok(Claim::Nothing));
            continue;
        };
        let workspace = convert::id(&row.workspace_id)?;
        let allowed = !needs_room(&row) || room.take(workspace);
        results.push(if allowed { take(row, request, *now, &mut taken).map(Claim::Taken) } else { Ok(Claim::Full(workspace)) });
    }
    taken.execute(session, TAKE).await?;
    Ok(results)
}

/// One that is to stop only has to be wound up, and one whose lease ran out was never given up.
fn needs_room(row: &Model) -> bool {
    row.lease_owner.is_none() && row.status != ExecutionStatus::Cancelling.as_str()
}

/// The execution as it is once taken, and the row that makes it so.
fn take(mut row: Model, request: &LeaseRequest, now: DateTime<Utc>, taken: &mut Rows) -> Result<Box<Claimed>, Error> {
    let interrupted = row.status == ExecutionStatus::Running.as_str();
    let config = std::mem::take(&mut row.config);
    let bindings = serde_json::from_value(std::mem::take(&mut row.bindings));
    let bindings = bindings.map_err(|error| Error::Corrupt { what: error.to_string() })?;
    let definition = row.definition.take();
    let options = row.options.take().unwrap_or(Value::Null);
    let (fence, recoveries) = (row.fence + 1, row.recoveries + i32::from(interrupted));
    let mut execution = convert::execution(row)?;
    if execution.status != ExecutionStatus::Cancelling {
        execution.status = ExecutionStatus::Running;
    }
    execution.revision += 1;
    execution.started_at = execution.started_at.or_else(|| Some(convert::ms(now)));
    execution.wake_at = None;
    let lease = Lease { execution_id: execution.id, workspace_id: execution.workspace_id, owner: Arc::clone(&request.owner), fence };
    taken.row().text(execution.id).add(execution.status.as_str()).add(execution.revision).add(fence);
    taken.add(&request.owner).time(request.until).maybe_time(execution.started_at).add(recoveries);
    taken.add((request.until - now).num_milliseconds());
    Ok(Box::new(Claimed { execution, config, bindings, definition, options, lease: Arc::new(lease), interrupted, recoveries }))
}
