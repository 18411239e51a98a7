//! Adds executions: repeated requests are found, numbers are given out, rows are written, once for the whole group.

use std::collections::HashMap;

use super::bulk::Rows;
use super::group::{Insert, add_lines};
use super::room::Room;
use super::session::{Session, Sql, get};
use super::values::FIRST_FENCE;
use super::{Inserted, NewExecution};
use crate::domain::execution::ExecutionStatus;
use crate::domain::id::{ExecutionId, WorkspaceId};
use crate::domain::lease::LeaseRequest;
use crate::store::{Error, convert};

/// What a key stands for: an execution and the hash of its request.
type Repeats = HashMap<(WorkspaceId, String), (ExecutionId, String)>;

const FIND_REPEATED: Sql = Sql {
    sqlite: "\
        WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
        SELECT e.workspace_id, e.idempotency_key, e.id, e.idempotency_hash FROM j \
        JOIN connector_executions AS e ON e.workspace_id = v->>0 AND e.idempotency_key = v->>1",
    postgres: "\
        WITH j AS MATERIALIZED (SELECT v->>0 AS workspace, v->>1 AS key FROM jsonb_array_elements($1::jsonb) AS a(v)) \
        SELECT e.workspace_id, e.idempotency_key, e.id, e.idempotency_hash FROM j \
        JOIN connector_executions AS e ON e.workspace_id = j.workspace AND e.idempotency_key = j.key",
};

/// Workspaces in the order of their ids, so that two processes never wait for each other.
const TAKE_NUMBERS: Sql = Sql {
    sqlite: "\
        WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
        UPDATE workspaces AS w SET last_execution_number = last_execution_number + (v->>1) \
        FROM j WHERE w.id = v->>0 RETURNING id, last_execution_number",
    postgres: "\
        WITH j AS MATERIALIZED (SELECT v->>0 AS id, (v->>1)::bigint AS count FROM jsonb_array_elements($1::jsonb) AS a(v) ORDER BY 1) \
        UPDATE workspaces AS w SET last_execution_number = w.last_execution_number + j.count \
        FROM j WHERE w.id = j.id RETURNING w.id, w.last_execution_number",
};

/// The last value is how long a lease lasts from now, for an engine that judges leases by its own clock.
const INSERT: Sql = Sql {
    sqlite: "\
        WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
        INSERT INTO connector_executions \
            (id, workspace_id, number, kind, status, revision, connector_id, version_id, \"trigger\", started_by, \
             contact_id, tags, input, output, result, cost, error, config, bindings, definition, \
             options, idempotency_key, idempotency_hash, warning_count, finished_steps, total_steps, current_step_path, \
             last_log_sequence, cancel_requested, wake_at, queued_at, started_at, finished_at, expires_at, \
             lease_owner, lease_until, fence) \
        SELECT v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, v->>8, v->>9, \
            v->>10, v->>11, v->>12, v->>13, v->>14, v->>15, v->>16, v->>17, v->>18, v->>19, \
            v->>20, v->>21, v->>22, v->>23, v->>24, v->>25, v->>26, \
            v->>27, v->>28, v->>29, v->>30, v->>31, v->>32, v->>33, v->>34, v->>35, v->>36 FROM j",
    postgres: "\
        INSERT INTO connector_executions \
            (id, workspace_id, number, kind, status, revision, connector_id, version_id, \"trigger\", started_by, \
             contact_id, tags, input, output, result, cost, error, config, bindings, definition, \
             options, idempotency_key, idempotency_hash, warning_count, finished_steps, total_steps, current_step_path, \
             last_log_sequence, cancel_requested, wake_at, queued_at, started_at, finished_at, expires_at, \
             lease_owner, lease_until, fence) \
        SELECT v->>0, v->>1, (v->>2)::bigint, v->>3, v->>4, (v->>5)::integer, v->>6, v->>7, v->>8, v->>9, \
            v->>10, (v->>11)::jsonb, (v->>12)::jsonb, (v->>13)::jsonb, v->>14, (v->>15)::double precision, (v->>16)::jsonb, \
            (v->>17)::jsonb, (v->>18)::jsonb, (v->>19)::jsonb, (v->>20)::jsonb, v->>21, v->>22, (v->>23)::integer, \
            (v->>24)::integer, (v->>25)::integer, v->>26, (v->>27)::integer, (v->>28)::boolean, (v->>29)::timestamptz, \
            (v->>30)::timestamptz, (v->>31)::timestamptz, (v->>32)::timestamptz, (v->>33)::timestamptz, \
            v->>34, clock_timestamp() + (v->>37)::bigint * interval '1 millisecond', (v->>36)::bigint \
        FROM jsonb_array_elements($1::jsonb) AS j(v)",
};

pub(super) async fn apply(session: &mut Session<'_>, ops: &[Insert], lines: &mut Rows) -> Result<Vec<Result<Inserted, Error>>, Error> {
    if ops.is_empty() {
        return Ok(Vec::new());
    }
    let mut repeats = find_repeats(session, ops).await?;
    let found: Vec<_> = ops.iter().map(|op| check_repeat(&op.new, &mut repeats)).collect();
    let mut wanted: HashMap<WorkspaceId, i64> = HashMap::new();
    for (op, found) in ops.iter().zip(&found) {
        if found.is_none() {
            *wanted.entry(op.new.execution.workspace_id).or_default() += 1;
        }
    }
    let mut numbers = take_numbers(session, &wanted).await?;
    // The workspaces are locked by now, where others could give out places meanwhile.
    let seated = ops.iter().filter(|op| op.lease.is_some()).map(|op| op.new.execution.workspace_id);
    let mut room = Room::of(session, seated).await?;
    let mut rows = Rows::of(session);
    let mut results = Vec::with_capacity(ops.len());
    for (op, found) in ops.iter().zip(found) {
        results.push(match (found, numbers.get_mut(&op.new.execution.workspace_id)) {
            (Some(answer), _) => answer,
            (None, None) => Err(Error::NotFound),
            (None, Some(next)) => {
                let number = *next;
                *next += 1;
                let lease = op.lease.as_ref().filter(|_| room.take(op.new.execution.workspace_id));
                add_row(&mut rows, (&op.new, lease), number, lines);
                Ok(Inserted::New { number, leased: lease.is_some() })
            }
        });
    }
    rows.execute(session, INSERT).await?;
    Ok(results)
}

async fn find_repeats(session: &mut Session<'_>, ops: &[Insert]) -> Result<Repeats, Error> {
    let mut keys = Rows::of(session);
    for Insert { new, .. } in ops {
        if let Some((key, _)) = &new.idempotency {
            keys.row().text(new.execution.workspace_id).add(key);
        }
    }
    let mut repeats = Repeats::new();
    for row in keys.fetch(session, FIND_REPEATED).await? {
        let workspace = convert::id(get(&row, 0)?)?;
        let execution = convert::id(get(&row, 2)?)?;
        repeats.insert((workspace, get(&row, 1)?), (execution, get(&row, 3)?));
    }
    Ok(repeats)
}

/// The answer for a key already known; else the key stands for this request from now on, in this group too.
fn check_repeat(new: &NewExecution, repeats: &mut Repeats) -> Option<Result<Inserted, Error>> {
    let (key, hash) = new.idempotency.as_ref()?;
    let place = (new.execution.workspace_id, key.clone());
    match repeats.get(&place) {
        Some((id, known)) if known == hash => Some(Ok(Inserted::Repeated(*id))),
        Some(_) => Some(Err(Error::Conflict { what: "idempotency" })),
        None => {
            repeats.insert(place, (new.execution.id, hash.clone()));
            None
        }
    }
}

/// The first number for each workspace that is still there.
async fn take_numbers(session: &mut Session<'_>, wanted: &HashMap<WorkspaceId, i64>) -> Result<HashMap<WorkspaceId, i64>, Error> {
    let mut rows = Rows::of(session);
    for (workspace, count) in wanted {
        rows.row().text(workspace).add(count);
    }
    let mut first = HashMap::with_capacity(wanted.len());
    for row in rows.fetch(session, TAKE_NUMBERS).await? {
        let workspace = convert::id(get(&row, 0)?)?;
        let last: i64 = get(&row, 1)?;
        first.insert(workspace, last + 1 - wanted.get(&workspace).copied().unwrap_or(0));
    }
    Ok(first)
}

fn add_row(rows: &mut Rows, (new, lease): (&NewExecution, Option<&LeaseRequest>), number: i64, lines: &mut Rows) {
    let NewExecution { execution: e, .. } = new;
    let status = if lease.is_some() { ExecutionStatus::Running } else { e.status };
    let started_at = lease.map(|_| e.queued_at).or(e.started_at);
    let (id, workspace) = (e.id.to_string(), e.workspace_id.to_string());
    add_lines(lines, &workspace, &id, &new.entries);
    let (key, hash) = new.idempotency.as_ref().map(|(key, hash)| (key, hash)).unzip();
    rows.row().add(&id).add(&workspace).add(number).add(e.kind.as_str()).add(status.as_str()).add(e.revision);
    rows.maybe_text(e.connector_id).maybe_text(e.version_id).add(e.trigger.as_str()).add(e.started_by.stored());
    rows.maybe_text(e.contact_id).json(&e.tags).json(&e.input).maybe_json(e.output.as_ref()).add(&e.result).add(e.cost);
    rows.maybe_json(e.error.as_ref()).json(&new.config).json(&new.bindings).maybe_json(new.definition.as_ref());
    rows.json_unless_null(&new.options).add(key).add(hash).add(e.warning_count).add(e.finished_steps).add(e.total_steps);
    rows.add(&e.current_step_path).add(new.last_log_sequence()).add(e.cancel_requested).maybe_time(e.wake_at).time(e.queued_at);
    rows.maybe_time(started_at).maybe_time(e.finished_at).maybe_time(e.expires_at);
    rows.add(lease.map(|lease| &lease.owner)).maybe_time(lease.map(|lease| lease.until));
    rows.add(if lease.is_some() { FIRST_FENCE } else { 0 });
    rows.add(lease.map(|lease| (lease.until - e.queued_at).num_milliseconds()));
}
