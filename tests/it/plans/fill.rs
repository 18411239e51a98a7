//! Makes many rows of one: each table is filled by one statement, with copies of a real row that differ where it counts.

use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use crate::support::database::Database;

use super::{EXECUTIONS, FEW, Scene, Watch, postgres, sqlite};

/// One table: copies for each execution, which row they are copies of, and what differs.
///
/// `n` counts copies from 1, the oldest; `{id PREFIX}` is an id that grows with it, `{id PREFIX EXPRESSION}` another
/// number's; `{ago SECONDS}` an instant; `{in a}` the id of a workspace by its key.
type Copies = (&'static str, f64, &'static str, &'static [(&'static str, &'static str)]);

/// Of a hundred copies, 50 are in workspace a. The newest thousandth waits or is worked on elsewhere; of those, some are
/// left behind.
const PLACE: &str = "CASE WHEN n > {fresh} THEN CASE WHEN n % 2 = 0 THEN {in a} ELSE {in c} END \
    WHEN n % 10 < 5 THEN {in a} WHEN n % 10 < 8 THEN {in b} WHEN n % 10 < 9 THEN {in c} ELSE {in d} END";

const COPIES: &[Copies] = &[
    ("workspaces", 0.02, "key = 'd'", &[("id", "{id ws}"), ("key", "'w-' || n"), ("name", "'w-' || n")]),
    (
        "workspace_members",
        0.005,
        "subject = 'ann'",
        &[("id", "{id mem}"), ("subject", "'m-' || n"), ("role", "'viewer'"), ("workspace_id", PLACE)],
    ),
    (
        "connectors",
        0.01,
        "id = '{Connector}'",
        &[
            ("id", "{id cnr}"),
            ("workspace_id", "CASE WHEN n % 2 = 0 THEN {in a} ELSE {in b} END"),
            ("key", "'c-' || n"),
            ("name", "'C-' || n"),
            ("created_at", "{ago 60}"),
            ("updated_at", "{ago 50}"),
            ("last_run_at", "CASE WHEN n % 3 = 0 THEN NULL ELSE {ago 10} END"),
        ],
    ),
    (
        "connector_versions",
        0.02,
        "connector_id = '{Connector}'",
        &[("id", "{id cnv}"), ("number", "n + 1"), ("connector_id", "CASE WHEN n % 20 = 0 THEN connector_id ELSE {id cnr (n % 5000)} END")],
    ),
    (
        "workspace_api_credentials",
        0.005,
        "id = '{Credential}'",
        &[("id", "{id crd}"), ("name", "'key-' || n"), ("workspace_id", "CASE WHEN n % 2 = 0 THEN {in a} ELSE {in b} END")],
    ),
    (
        "contacts",
        0.1,
        "id = '{Contact}'",
        &[
            ("id", "{id con}"),
            ("workspace_id", PLACE),
            ("key", "'k-' || n"),
            ("email", "'P-' || n || '@x.example'"),
            ("phone", "'+' || n"),
            ("created_at", "{ago 40}"),
            ("updated_at", "{ago 40}"),
        ],
    ),
    (
        "connector_executions",
        1.0,
        "id = '{Execution}'",
        &[
            ("id", "{id exe}"),
            ("workspace_id", PLACE),
            ("number", "n + 1"),
            ("kind", "CASE WHEN n % 50 = 0 AND n <= {fresh} THEN 'test' ELSE 'live' END"),
            (
                "status",
                "CASE WHEN n > {fresh} THEN CASE WHEN n % 2 = 0 THEN 'waiting' ELSE 'running' END WHEN n % 25 < 20 THEN 'succeeded' \
                 WHEN n % 25 < 23 THEN 'failed' WHEN n % 25 < 24 THEN 'cancelled' ELSE 'timed_out' END",
            ),
            ("connector_id", "CASE WHEN n % 3 = 0 THEN '{Connector}' ELSE {id cnr (n % 200 + 1)} END"),
            ("contact_id", "CASE WHEN n % 2 = 0 THEN {id con (n % 1000 + 1)} WHEN n % 9 = 0 THEN '{Contact}' ELSE NULL END"),
            ("\"trigger\"", "CASE n % 3 WHEN 0 THEN 'api' WHEN 1 THEN 'manual' ELSE 'flow' END"),
            ("output", "NULL"),
            ("idempotency_key", "'i-' || n"),
            ("idempotency_hash", "'h'"),
            ("queued_at", "{ago 3}"),
            ("started_at", "{ago 3}"),
            ("finished_at", "CASE WHEN n > {fresh} THEN NULL ELSE {ago 2} END"),
            ("wake_at", "CASE WHEN n > {fresh} AND n % 2 = 0 THEN {ago -9} ELSE NULL END"),
            ("lease_owner", "CASE WHEN n > {fresh} AND n % 2 = 1 THEN 'elsewhere' ELSE NULL END"),
            ("lease_until", "CASE WHEN n > {fresh} AND n % 2 = 1 THEN CASE WHEN n % 20 = 1 THEN {ago 1} ELSE {ago -9} END ELSE NULL END"),
        ],
    ),
    ("execution_steps", 0.2, "execution_id = '{Execution}'", &[("id", "{id stp}"), ("workspace_id", PLACE), ("execution_id", "{id exe}")]),
    (
        "execution_logs",
        0.2,
        "execution_id = '{Execution}' AND sequence = 1",
        &[
            ("workspace_id", "CASE WHEN n % 25 = 0 THEN {in a} ELSE {in b} END"),
            ("execution_id", "CASE WHEN n % 25 = 0 THEN '{Execution}' ELSE {id exe (n % 200000)} END"),
            ("sequence", "n + 100"),
        ],
    ),
    (
        "contact_field_changes",
        0.2,
        "contact_id = '{Contact}'",
        &[
            ("id", "{id fch}"),
            ("workspace_id", "CASE WHEN n % 50 = 0 THEN {in a} ELSE {in b} END"),
            ("contact_id", "CASE WHEN n % 50 = 0 THEN '{Contact}' ELSE {id con (n % 100000 + 1)} END"),
            ("execution_id", "{id exe}"),
        ],
    ),
];

/// Fills the database; what is sent from now on is watched.
pub(super) async fn fill(database: &Database, scene: &Scene) -> Watch {
    match database {
        Database::File(_) => {
            let mut connection = database.file().await;
            connection.execute("PRAGMA foreign_keys = OFF").await.unwrap();
            for copies in COPIES {
                let columns = "SELECT name FROM pragma_table_info(?)";
                let columns: Vec<String> = sqlx::query_scalar(columns).bind(copies.0).fetch_all(&mut connection).await.unwrap();
                let sql = statement(copies, &columns, scene, (FEW, false));
                connection.execute(AssertSqlSafe(sql)).await.unwrap();
            }
            Watch::File(sqlite::Watch::over(connection))
        }
        Database::Server(server) => {
            let mut raw = server.raw().await;
            raw.execute("SET session_replication_role = replica; SET maintenance_work_mem = '128MB'").await.unwrap();
            for copies in COPIES {
                fill_table(&mut raw, copies, scene).await;
            }
            raw.execute("ANALYZE").await.unwrap();
            Watch::Server(postgres::Watch::over(server).await)
        }
    }
}

/// Indexes are built once the rows are there, which is several times faster.
async fn fill_table(raw: &mut PgConnection, copies: &Copies, scene: &Scene) {
    let columns = "SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 \
        AND attgenerated = '' AND NOT attisdropped";
    let columns: Vec<String> = sqlx::query_scalar(columns).bind(copies.0).fetch_all(&mut *raw).await.unwrap();
    let indexes = "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index AS i WHERE indrelid = $1::text::regclass \
        AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid)";
    let indexes: Vec<(String, String)> = sqlx::query_as(indexes).bind(copies.0).fetch_all(&mut *raw).await.unwrap();
    for (name, _) in &indexes {
        raw.execute(AssertSqlSafe(format!("DROP INDEX {name}"))).await.unwrap();
    }
    let sql = statement(copies, &columns, scene, (EXECUTIONS, true));
    raw.execute(AssertSqlSafe(sql.clone())).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
    for (_, definition) in indexes {
        raw.execute(AssertSqlSafe(definition)).await.unwrap();
    }
}

fn statement((table, share, of, differing): &Copies, columns: &[String], scene: &Scene, (executions, server): (u32, bool)) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    let count = (f64::from(executions) * share) as u32;
    let values: Vec<&str> = columns
        .iter()
        .map(|column| {
            let bare = |name: &str| name.trim_matches('"').to_owned();
            differing.iter().find(|(name, _)| bare(name) == bare(column)).map_or(column.as_str(), |(_, value)| value)
        })
        .collect();
    let series = if server {
        format!("generate_series(1, {count}) AS s(n)")
    } else {
        format!("(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) SELECT n FROM s)")
    };
    let quoted: Vec<String> = columns.iter().map(|column| format!("\"{}\"", column.trim_matches('"'))).collect();
    let sql = format!(
        "INSERT INTO {table} ({}) SELECT {} FROM (SELECT * FROM {table} WHERE {of} LIMIT 1) AS base, {series}",
        quoted.join(", "),
        values.join(", ")
    );
    let fresh = executions - executions / 1000;
    let sql = scene.ids.iter().fold(sql, |sql, (kind, id)| sql.replace(&format!("{{{kind}}}"), id));
    places(&sql.replace("{fresh}", &fresh.to_string()), server, count)
}

/// Fills the places in curly brackets in the words of the engine.
fn places(sql: &str, server: bool, count: u32) -> String {
    let Some((before, rest)) = sql.split_once('{') else { return sql.to_owned() };
    let (place, after) = rest.split_once('}').unwrap();
    let words: Vec<&str> = place.splitn(3, ' ').collect();
    let number = words.get(2).copied().unwrap_or("n");
    let filled = match (words[0], server) {
        ("id", true) => format!("'{}_06f9m' || lpad(to_hex({number}), 21, '0')", words[1]),
        ("id", false) => format!("'{}_06f9m' || printf('%021x', {number})", words[1]),
        ("in", _) => format!("(SELECT id FROM workspaces WHERE key = '{}')", words[1]),
        ("ago", true) => format!("date_trunc('second', now()) - ({count} + 1 - n) * interval '{} seconds'", words[1]),
        ("ago", false) => format!("strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', (-({count} + 1 - n) * {}) || ' seconds')", words[1]),
        other => panic!("no place {other:?}"),
    };
    format!("{before}{filled}{}", places(after, server, count))
}
