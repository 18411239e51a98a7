//! Writes what runs did. Conditions are looked at before anything of an operation is written, so a miss costs nobody else.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::bulk::Rows;
use super::contacts;
use super::group::{RecordOp, add_lines};
use super::session::{Session, Sql, get};
use super::{Record, Recorded};
use crate::domain::execution::{ExecutionKind, ExecutionStatus, StepRun};
use crate::domain::id::ConnectorId;
use crate::domain::lease::Lease;
use crate::store::{Error, convert};

/// Executions still under the lease the operation was made with.
///
/// On PostgreSQL an answer can be lost on its way, and the same record be sent again: it shows by its last line being
/// there already, under the same fencing token, even if the record gave the lease back.
const FIND_HELD: Sql = Sql {
    sqlite: "\
        WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
        SELECT e.id, e.revision, e.kind, e.connector_id, e.cancel_requested, e.last_log_sequence, e.status, TRUE, FALSE \
        FROM j JOIN connector_executions AS e ON e.id = v->>0 \
        WHERE e.workspace_id = v->>1 AND e.lease_owner = v->>2 AND e.fence = v->>3",
    postgres: "\
        WITH j AS MATERIALIZED ( \
            SELECT v->>0 AS id, v->>1 AS workspace, v->>2 AS owner, (v->>3)::bigint AS fence, \
                (v->>4)::integer AS sequence, (v->>5)::timestamptz AS logged_at, v->>6 AS message \
            FROM jsonb_array_elements($1::jsonb) AS a(v)) \
        SELECT e.id, e.revision, e.kind, e.connector_id, e.cancel_requested, e.last_log_sequence, e.status, \
            e.lease_owner IS NOT NULL, \
            e.last_log_sequence >= j.sequence AND EXISTS ( \
                SELECT FROM execution_logs AS l \
                WHERE l.workspace_id = j.workspace AND l.execution_id = j.id AND l.sequence = j.sequence \
                  AND l.logged_at = j.logged_at AND l.message = j.message) \
        FROM j JOIN connector_executions AS e ON e.id = j.id \
        WHERE e.workspace_id = j.workspace AND e.fence = j.fence AND (e.lease_owner = j.owner OR e.lease_owner IS NULL) \
        ORDER BY e.id FOR UPDATE OF e",
};

const UPDATE: Sql = Sql {
    sqlite: "\
        WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
        UPDATE connector_executions AS e SET status = v->>1, revision = v->>2, output = v->>3, result = v->>4, cost = v->>5, \
            error = v->>6, warning_count = v->>7, finished_steps = v->>8, current_step_path = v->>9, finished_at = v->>10, \
            wake_at = v->>11, last_log_sequence = v->>12, \
            lease_owner = CASE WHEN v->>13 THEN NULL ELSE lease_owner END, \
            lease_until = CASE WHEN v->>13 THEN NULL ELSE lease_until END, \
            recoveries = CASE WHEN v->>14 THEN 0 ELSE recoveries END \
        FROM j WHERE e.id = v->>0",
    postgres: "\
        WITH j AS MATERIALIZED (SELECT v->>0 AS id, v FROM jsonb_array_elements($1::jsonb) AS a(v)) \
        UPDATE connector_executions AS e SET status = v->>1, revision = (v->>2)::integer, output = (v->>3)::jsonb, result = v->>4, \
            cost = (v->>5)::double precision, error = (v->>6)::jsonb, warning_count = (v->>7)::integer, \
            finished_steps = (v->>8)::integer, current_step_path = v->>9, finished_at = (v->>10)::timestamptz, \
            wake_at = (v->>11)::timestamptz, last_log_sequence = (v->>12)::integer, \
            lease_owner = CASE WHEN (v->>13)::boolean THEN NULL ELSE lease_owner END, \
            lease_until = CASE WHEN (v->>13)::boolean THEN NULL ELSE lease_until END, \
            recoveries = CASE WHEN (v->>14)::boolean THEN 0 ELSE recoveries END \
        FROM j WHERE e.id = j.id",
};

/// `WHERE true` keeps SQLite from reading the conflict clause as part of a join.
const UPSERT_STEPS: Sql = Sql {
    sqlite: "\
        WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
        INSERT INTO execution_steps \
            (id, workspace_id, execution_id, path, position, title, kind, status, started_at, finished_at, \
             attempts, cost, output, error, skip_reason, memory, cached, parent_path) \
        SELECT v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, v->>8, v->>9, \
            v->>10, v->>11, v->>12, v->>13, v->>14, v->>15, v->>16, v->>17 FROM j WHERE true \
        ON CONFLICT (execution_id, path) DO UPDATE SET position = excluded.position, title = excluded.title, kind = excluded.kind, \
            status = excluded.status, started_at = excluded.started_at, finished_at = excluded.finished_at, \
            attempts = excluded.attempts, cost = excluded.cost, output = excluded.output, error = excluded.error, \
            skip_reason = excluded.skip_reason, memory = excluded.memory, cached = excluded.cached",
    postgres: "\
        INSERT INTO execution_steps \
            (id, workspace_id, execution_id, path, position, title, kind, status, started_at, finished_at, \
             attempts, cost, output, error, skip_reason, memory, cached, parent_path) \
        SELECT v->>0, v->>1, v->>2, v->>3, (v->>4)::integer, v->>5, v->>6, v->>7, (v->>8)::timestamptz, (v->>9)::timestamptz, \
            (v->>10)::jsonb, (v->>11)::double precision, (v->>12)::jsonb, (v->>13)::jsonb, v->>14, \
            (v->>15)::jsonb, (v->>16)::boolean, v->>17 \
        FROM jsonb_array_elements($1::jsonb) AS j(v) \
        ON CONFLICT (workspace_id, execution_id, path) DO UPDATE SET \
            position = excluded.position, title = excluded.title, kind = excluded.kind, \
            status = excluded.status, started_at = excluded.started_at, finished_at = excluded.finished_at, \
            attempts = excluded.attempts, cost = excluded.cost, output = excluded.output, error = excluded.error, \
            skip_reason = excluded.skip_reason, memory = excluded.memory, cached = excluded.cached",
};

/// PostgreSQL counts by the trigger `increment_connector_stats()`.
const COUNT: Sql = Sql {
    sqlite: "\
        WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
        UPDATE connectors AS c SET run_count = run_count + (v->>1), success_count = success_count + (v->>2), \
            failure_count = failure_count + (v->>3), last_run_at = max(coalesce(last_run_at, ''), v->>4) \
        FROM j WHERE c.id = v->>0",
    postgres: "",
};

/// What is known of an execution whose lease holds.
struct Held {
    revision: i32,
    status: ExecutionStatus,
    /// Was this very record written before?
    repeated: bool,
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

pub(super) async fn apply(session: &mut Session<'_>, ops: &[RecordOp], lines: &mut Rows) -> Result<Vec<Result<Recorded, Error>>, Error> {
    if ops.is_empty() {
        return Ok(Vec::new());
    }
    let mut held = find_held(session, ops).await?;
    let (executions, steps, changes) = (Rows::of(session), Rows::of(session), Rows::of(session));
    let mut gathered = Gathered { executions, steps, changes, ended: HashMap::new(), lines };
    let mut results = Vec::with_capacity(ops.len());
    for (op, _) in ops {
        let (lease, record) = op.as_ref();
        let Some(held) = held.remove(&lease.execution_id.to_string()) else {
            results.push(Err(Error::Fenced));
            continue;
        };
        if held.repeated {
            results.push(Ok(Recorded { status: held.status, revision: held.revision, cancel_requested: held.cancel_requested }));
            continue;
        }
        if let Some(write) = &record.contact {
            if !contacts::write(session, lease.workspace_id, write).await? {
                results.push(Err(Error::Conflict { what: "contact" }));
                continue;
            }
            contacts::add_changes(&mut gathered.changes, lease.workspace_id, &write.changes);
        }
        results.push(gather(lease, record, &held, &mut gathered));
    }
    gathered.executions.execute(session, UPDATE).await?;
    gathered.steps.execute(session, UPSERT_STEPS).await?;
    gathered.changes.execute(session, contacts::INSERT_CHANGES).await?;
    if !session.is_postgres() {
        count(session, gathered.ended).execute(session, COUNT).await?;
    }
    Ok(results)
}

async fn find_held(session: &mut Session<'_>, ops: &[RecordOp]) -> Result<HashMap<String, Held>, Error> {
    let mut leases = Rows::of(session);
    for (op, _) in ops {
        let (lease, record) = op.as_ref();
        leases.row().text(lease.execution_id).text(lease.workspace_id).add(&lease.owner).add(lease.fence);
        if let Some(line) = record.entries.last().filter(|_| session.is_postgres()) {
            leases.add(line.sequence).time(line.logged_at).add(&line.message);
        }
    }
    let mut held = HashMap::with_capacity(ops.len());
    for row in leases.fetch(session, FIND_HELD).await? {
        let live = get::<&str>(&row, 2)? == ExecutionKind::Live.as_str();
        let (revision, connector) = (get(&row, 1)?, get(&row, 3)?);
        let (cancel_requested, last_log_sequence) = (get(&row, 4)?, get(&row, 5)?);
        let status = convert::word(get(&row, 6)?, ExecutionStatus::from_stored)?;
        let (holds, repeated): (bool, Option<bool>) = (get(&row, 7)?, get(&row, 8)?);
        let repeated = repeated.unwrap_or(false);
        if holds || repeated {
            let known = Held { revision, status, repeated, live, connector, cancel_requested, last_log_sequence };
            held.insert(get(&row, 0)?, known);
        }
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
    rows.add(record.steps.iter().any(|step| step.status.is_final()));
    for step in &record.steps {
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
    rows.maybe_json(step.memory.as_ref()).add(step.cached).add(&step.parent_path);
}

fn count(session: &Session<'_>, ended: HashMap<ConnectorId, Ended>) -> Rows {
    let mut rows = Rows::of(session);
    for (connector, ended) in ended {
        rows.row().text(connector).add(ended.runs).add(ended.successes).add(ended.failures).maybe_time(ended.last);
    }
    rows
}
