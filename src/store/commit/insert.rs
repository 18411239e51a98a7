//! Adds executions: repeated requests are found, numbers are given out, rows are written, once for the whole group.

use std::collections::HashMap;

use sqlx::sqlite::SqliteConnection;

use super::bulk::{Rows, get};
use super::group::{Insert, add_lines};
use super::room::Room;
use super::values::FIRST_FENCE;
use super::{Inserted, NewExecution};
use crate::domain::execution::ExecutionStatus;
use crate::domain::id::{ExecutionId, WorkspaceId};
use crate::domain::lease::LeaseRequest;
use crate::store::{Error, convert};

/// What a key stands for: an execution and the hash of its request.
type Repeats = HashMap<(WorkspaceId, String), (ExecutionId, String)>;

const FIND_REPEATED: &str = "\
WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
SELECT e.workspace_id, e.idempotency_key, e.id, e.idempotency_hash FROM j \
JOIN connector_executions AS e ON e.workspace_id = v->>0 AND e.idempotency_key = v->>1";

const TAKE_NUMBERS: &str = "\
UPDATE workspaces SET last_execution_number = last_execution_number + ?2 WHERE id = ?1 RETURNING last_execution_number";

const INSERT: &str = "\
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
    v->>27, v->>28, v->>29, v->>30, v->>31, v->>32, v->>33, v->>34, v->>35, v->>36 FROM j";

pub(super) async fn apply(
    connection: &mut SqliteConnection,
    ops: &[Insert],
    lines: &mut Rows,
) -> Result<Vec<Result<Inserted, Error>>, Error> {
    if ops.is_empty() {
        return Ok(Vec::new());
    }
    let mut repeats = find_repeats(connection, ops).await?;
    let found: Vec<_> = ops.iter().map(|op| check_repeat(&op.new, &mut repeats)).collect();
    let mut wanted: HashMap<WorkspaceId, i64> = HashMap::new();
    for (op, found) in ops.iter().zip(&found) {
        if found.is_none() {
            *wanted.entry(op.new.execution.workspace_id).or_default() += 1;
        }
    }
    let mut numbers = take_numbers(connection, wanted).await?;
    let seated = ops.iter().filter(|op| op.lease.is_some()).map(|op| op.new.execution.workspace_id);
    let mut room = Room::of(connection, seated).await?;
    let mut rows = Rows::new();
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
    rows.execute(connection, INSERT).await?;
    Ok(results)
}

async fn find_repeats(connection: &mut SqliteConnection, ops: &[Insert]) -> Result<Repeats, Error> {
    let mut keys = Rows::new();
    for Insert { new, .. } in ops {
        if let Some((key, _)) = &new.idempotency {
            keys.row().text(new.execution.workspace_id).add(key);
        }
    }
    let mut repeats = Repeats::new();
    for row in keys.fetch(connection, FIND_REPEATED).await? {
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
async fn take_numbers(connection: &mut SqliteConnection, wanted: HashMap<WorkspaceId, i64>) -> Result<HashMap<WorkspaceId, i64>, Error> {
    let mut first = HashMap::with_capacity(wanted.len());
    for (workspace, count) in wanted {
        let row = sqlx::query(TAKE_NUMBERS).bind(workspace.to_string()).bind(count).fetch_optional(&mut *connection).await?;
        if let Some(row) = row {
            let last: i64 = get(&row, 0)?;
            first.insert(workspace, last - count + 1);
        }
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
}
