//! Writes what runs did. Conditions are looked at before anything of an operation is written, so a miss costs nobody else.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteConnection;

use super::bulk::{Rows, get};
use super::contacts;
use super::group::{RecordOp, add_lines};
use super::{Record, Recorded};
use crate::domain::execution::{ExecutionKind, ExecutionStatus, StepRun};
use crate::domain::id::ConnectorId;
use crate::domain::lease::Lease;
use crate::store::{Error, convert};

/// Executions still under the lease the operation was made with.
const FIND_HELD: &str = "\
WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
SELECT e.id, e.revision, e.kind, e.connector_id, e.cancel_requested, e.last_log_sequence \
FROM j JOIN connector_executions AS e ON e.id = v->>0 \
WHERE e.workspace_id = v->>1 AND e.lease_owner = v->>2 AND e.fence = v->>3";

const UPDATE: &str = "\
WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
UPDATE connector_executions AS e SET status = v->>1, revision = v->>2, output = v->>3, result = v->>4, cost = v->>5, \
    error = v->>6, warning_count = v->>7, finished_steps = v->>8, current_step_path = v->>9, finished_at = v->>10, \
    wake_at = v->>11, last_log_sequence = v->>12, \
    lease_owner = CASE WHEN v->>13 THEN NULL ELSE lease_owner END, \
    lease_until = CASE WHEN v->>13 THEN NULL ELSE lease_until END, \
    recoveries = CASE WHEN v->>14 THEN 0 ELSE recoveries END \
FROM j WHERE e.id = v->>0";

/// `WHERE true` keeps the engine from reading the conflict clause as part of a join.
const UPSERT_STEPS: &str = "\
WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
INSERT INTO execution_steps \
    (id, workspace_id, execution_id, path, position, title, kind, status, started_at, finished_at, \
     attempts, cost, output, error, skip_reason) \
SELECT v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, v->>8, v->>9, \
    v->>10, v->>11, v->>12, v->>13, v->>14 FROM j WHERE true \
ON CONFLICT (execution_id, path) DO UPDATE SET position = excluded.position, title = excluded.title, kind = excluded.kind, \
    status = excluded.status, started_at = excluded.started_at, finished_at = excluded.finished_at, \
    attempts = excluded.attempts, cost = excluded.cost, output = excluded.output, error = excluded.error, \
    skip_reason = excluded.skip_reason";

const COUNT: &str = "\
WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
UPDATE connectors AS c SET run_count = run_count + (v->>1), success_count = success_count + (v->>2), \
    failure_count = failure_count + (v->>3), last_run_at = max(coalesce(last_run_at, ''), v->>4) \
FROM j WHERE c.id = v->>0";

/// What is known of an execution whose lease holds.
struct Held {
    revision: i32,
    live: bool,
    connector: Option<String>,
    cancel_requested: bool,
    last_log_sequence: i32,
}

/// Runs of one connector that ended in this group.
#[derive(Default)]
struct Ended {
    runs: i64,
    successes: i64,
    failures: i64,
    last: Option<DateTime<Utc>>,
}

/// Rows of the whole group, by statement.
struct Gathered<'a> {
    executions: Rows,
    steps: Rows,
    changes: Rows,
    ended: HashMap<ConnectorId, Ended>,
    lines: &'a mut Rows,
}

pub(super) async fn apply(
    connection: &mut SqliteConnection,
    ops: &[RecordOp],
    lines: &mut Rows,
) -> Result<Vec<Result<Recorded, Error>>, Error> {
    if ops.is_empty() {
        return Ok(Vec::new());
    }
    let mut held = find_held(connection, ops).await?;
    let (executions, steps, changes) = (Rows::new(), Rows::new(), Rows::new());
    let mut gathered = Gathered { executions, steps, changes, ended: HashMap::new(), lines };
    let mut results = Vec::with_capacity(ops.len());
    for (op, _) in ops {
        let (lease, record) = op.as_ref();
        let Some(held) = held.remove(&lease.execution_id.to_string()) else {
            results.push(Err(Error::Fenced));
            continue;
        };
        if let Some(write) = &record.contact {
            if !contacts::write(connection, lease.workspace_id, write).await? {
                results.push(Err(Error::Conflict { what: "contact" }));
                continue;
            }
            contacts::add_changes(&mut gathered.changes, lease.workspace_id, &write.changes);
        }
        results.push(gather(lease, record, &held, &mut gathered));
    }
    gathered.executions.execute(connection, UPDATE).await?;
    gathered.steps.execute(connection, UPSERT_STEPS).await?;
    gathered.changes.execute(connection, contacts::INSERT_CHANGES).await?;
    count(gathered.ended).execute(connection, COUNT).await?;
    Ok(results)
}

async fn find_held(connection: &mut SqliteConnection, ops: &[RecordOp]) -> Result<HashMap<String, Held>, Error> {
    let mut leases = Rows::new();
    for (op, _) in ops {
        leases.row().text(op.0.execution_id).text(op.0.workspace_id).add(&op.0.owner).add(op.0.fence);
    }
    let mut held = HashMap::with_capacity(ops.len());
    for row in leases.fetch(connection, FIND_HELD).await? {
        let live = get::<&str>(&row, 2)? == ExecutionKind::Live.as_str();
        let (revision, connector) = (get(&row, 1)?, get(&row, 3)?);
        let (cancel_requested, last_log_sequence) = (get(&row, 4)?, get(&row, 5)?);
        held.insert(get(&row, 0)?, Held { revision, live, connector, cancel_requested, last_log_sequence });
    }
    Ok(held)
}

fn gather(lease: &Lease, record: &Record, held: &Held, gathered: &mut Gathered<'_>) -> Result<Recorded, Error> {
    let (id, workspace) = (lease.execution_id.to_string(), lease.workspace_id.to_string());
    let change = &record.execution;
    let done = change.status.is_final();
    let stopping = held.cancel_requested && !done;
    let status = if stopping { ExecutionStatus::Cancelling } else { change.status };
    let revision = held.revision + 1;
    let last = record.entries.iter().map(|entry| entry.sequence).max().unwrap_or(0).max(held.last_log_sequence);
    let finished_at = if done { change.finished_at.or(Some(record.now)) } else { change.finished_at };
    let wake_at = if stopping || done { None } else { change.wake_at };
    let rows = &mut gathered.executions;
    rows.row().add(&id).add(status.as_str()).add(revision).maybe_json(change.output.as_ref()).add(&change.result).add(change.cost);
    rows.maybe_json(change.error.as_ref()).add(change.warning_count).add(change.finished_steps).add(&change.current_step_path);
    rows.maybe_time(finished_at).maybe_time(wake_at).add(last).add(change.release_lease || done);
    rows.add(record.step.as_ref().is_some_and(|step| step.status.is_final()));
    if let Some(step) = &record.step {
        add_step(&mut gathered.steps, &workspace, &id, step);
    }
    add_lines(gathered.lines, &workspace, &id, &record.entries);
    if let (true, true, Some(connector)) = (done, held.live, &held.connector) {
        let ended = gathered.ended.entry(convert::id(connector)?).or_default();
        ended.runs += 1;
        ended.successes += i64::from(status == ExecutionStatus::Succeeded);
        ended.failures += i64::from(matches!(status, ExecutionStatus::Failed | ExecutionStatus::TimedOut));
        ended.last = ended.last.max(finished_at);
    }
    Ok(Recorded { status, revision, cancel_requested: held.cancel_requested })
}

fn add_step(rows: &mut Rows, workspace: &str, execution: &str, step: &StepRun) {
    rows.row().text(step.id).add(workspace).add(execution).add(&step.path).add(step.position).add(&step.title).add(&step.kind);
    rows.add(step.status.as_str()).maybe_time(step.started_at).maybe_time(step.finished_at).json(&step.attempts).add(step.cost);
    rows.maybe_json(step.output.as_ref()).maybe_json(step.error.as_ref()).add(&step.skip_reason);
}

fn count(ended: HashMap<ConnectorId, Ended>) -> Rows {
    let mut rows = Rows::new();
    for (connector, ended) in ended {
        rows.row().text(connector).add(ended.runs).add(ended.successes).add(ended.failures).maybe_time(ended.last);
    }
    rows
}
