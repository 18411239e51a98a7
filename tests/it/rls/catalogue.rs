//! What the catalogue of PostgreSQL says of the wall, and that a server with a gap in it is not used.

use std::sync::Arc;

use connectors::clock::SystemClock;
use connectors::store::{Options, Store};
use sqlx::Executor as _;

use crate::support::database::Database;
use crate::support::postgres::{self, Cluster};

async fn rows(database: &postgres::Database, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(&mut database.raw().await).await.unwrap()
}

async fn database() -> postgres::Database {
    let Database::Server(database) = Database::on_server().await else { panic!("no server") };
    database
}

/// What a start says of the database, or nothing when it may be used.
async fn verdict(url: String) -> Option<String> {
    let (store, _writer) = Store::connect(&Options { url, ..Options::default() }, Arc::new(SystemClock)).await.unwrap();
    store.verify().await.err().map(|error| error.to_string())
}

#[tokio::test]
async fn rls_2_every_table_is_walled_and_every_privilege_has_its_policy() {
    let database = database().await;
    assert_eq!(verdict(database.url()).await, None);
    assert_eq!(verdict(database.owner_url()).await, None, "one login may do both");
    let policies: Vec<String> = rows(&database, "SELECT tablename || '.' || policyname FROM pg_policies").await;
    assert!(policies.len() >= 60, "{}", policies.len());
    let unguarded = "SELECT c.relname::text FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'workspace_id' \
        WHERE c.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indkey[0] = a.attnum)";
    assert_eq!(rows(&database, unguarded).await, Vec::<String>::new(), "an index begins with the workspace");
    let bare = "SELECT policyname || coalesce(qual, '') || coalesce(with_check, '') FROM pg_policies \
        WHERE roles <> '{connectors_owner}' AND coalesce(qual, '') || coalesce(with_check, '') ~ 'current_setting|app_' \
          AND coalesce(qual, '') || coalesce(with_check, '') !~ '\\( SELECT'";
    assert_eq!(rows(&database, bare).await, Vec::<String>::new(), "settings are read once a statement");
}

#[tokio::test]
async fn rls_2_a_start_names_every_gap_and_how_to_close_it() {
    for (gap, told) in [
        ("ALTER TABLE contacts NO FORCE ROW LEVEL SECURITY", "the table contacts has no forced row security; run ALTER TABLE contacts"),
        ("ALTER TABLE contacts DISABLE ROW LEVEL SECURITY", "the table contacts has no forced row security"),
        ("DROP POLICY api_update ON contacts", "the table contacts lacks the policy api_update; run CREATE POLICY api_update ON contacts"),
        ("GRANT DELETE ON execution_logs TO connectors_worker", "run REVOKE DELETE ON execution_logs FROM connectors_worker"),
        ("GRANT TRUNCATE ON contacts TO connectors_api", "pass row security by TRUNCATE"),
        ("CREATE POLICY open ON contacts USING (true)", "run DROP POLICY open ON contacts"),
        ("CREATE TABLE extra (workspace_id text)", "the table extra has no forced row security"),
    ] {
        let database = database().await;
        database.raw().await.execute(gap).await.unwrap();
        let verdict = verdict(database.url()).await.unwrap_or_default();
        assert!(verdict.contains(told), "{gap}: {verdict}");
    }
}

#[tokio::test]
async fn rls_2_a_start_refuses_roles_that_could_look_over_the_wall() {
    let cluster = Cluster::private();
    let database = postgres::Database::empty_on(cluster).await;
    let (store, _) = Store::connect(&Options { url: database.owner_url(), ..Options::default() }, Arc::new(SystemClock)).await.unwrap();
    store.migrate(&mut |_| ()).await.unwrap();
    let refused = verdict(database.url()).await.unwrap_or_default();
    assert!(refused.contains("cannot be taken by connectors_server; run GRANT connectors_api TO connectors_server"), "{refused}");
    cluster.let_in().await;
    assert_eq!(verdict(database.url()).await, None);
    for (change, undo, told) in [
        ("ALTER ROLE connectors_api SUPERUSER", "ALTER ROLE connectors_api NOSUPERUSER", "is a superuser; run ALTER ROLE"),
        ("ALTER ROLE connectors_worker BYPASSRLS", "ALTER ROLE connectors_worker NOBYPASSRLS", "bypasses row security; run ALTER ROLE"),
        ("ALTER ROLE connectors_admin LOGIN", "ALTER ROLE connectors_admin NOLOGIN", "can log in by itself"),
        ("GRANT connectors_worker TO connectors_api", "REVOKE connectors_worker FROM connectors_api", "is a member of another role"),
        ("CREATE DATABASE theirs OWNER connectors_api", "DROP DATABASE theirs", "owns something"),
    ] {
        cluster.command(change).await;
        let verdict = verdict(database.url()).await.unwrap_or_default();
        cluster.command(undo).await;
        assert!(verdict.contains(told), "{change}: {verdict}");
    }
    assert_eq!(verdict(database.url()).await, None);
}

#[tokio::test]
async fn rls_5_no_view_shows_tenants_and_functions_above_the_wall_are_pinned_and_closed() {
    let database = database().await;
    let views = "SELECT relname::text FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace";
    assert_eq!(rows(&database, views).await, Vec::<String>::new());
    let definers =
        rows(&database, "SELECT proname::text FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace ORDER BY 1").await;
    let known = [
        "app_claim_workspaces",
        "app_due",
        "app_is_new_workspace",
        "app_is_saas_admin",
        "app_next_wake",
        "app_workspaces",
        "count_installation",
    ];
    assert_eq!(definers, known);
    let loose = "SELECT proname::text FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace \
        AND (proconfig IS DISTINCT FROM ARRAY['search_path=pg_catalog, public, pg_temp'] OR has_function_privilege('public', oid, 'EXECUTE'))";
    assert_eq!(rows(&database, loose).await, Vec::<String>::new());
}

#[tokio::test]
async fn ten_5_every_reference_between_tenants_tables_carries_the_workspace() {
    let database = database().await;
    let narrow = "SELECT conrelid::regclass || ' ' || conname FROM pg_constraint AS k \
        JOIN pg_attribute AS child ON child.attrelid = conrelid AND child.attname = 'workspace_id' \
        LEFT JOIN pg_attribute AS parent ON parent.attrelid = confrelid \
            AND parent.attname = CASE WHEN confrelid = 'workspaces'::regclass THEN 'id' ELSE 'workspace_id' END \
        WHERE contype = 'f' AND confrelid <> 'connector_templates'::regclass \
          AND (NOT child.attnum = ANY (conkey) OR parent.attnum IS NULL OR NOT parent.attnum = ANY (confkey))";
    assert_eq!(rows(&database, narrow).await, Vec::<String>::new());
    let mut raw = database.raw().await;
    let row = "INSERT INTO workspaces (id, key, name, revision, max_concurrent_executions, created_at, updated_at) VALUES ('x', 'x', 'x', 1, 1, now(), now())";
    raw.execute(row).await.unwrap();
    let child = "INSERT INTO connector_versions (id, workspace_id, connector_id, number, definition, hash, published_by, published_at) \
                 VALUES ('v', 'x', 'elsewhere', 1, '{}', 'h', 'system', now())";
    assert!(raw.execute(child).await.unwrap_err().as_database_error().unwrap().is_foreign_key_violation());
}

#[tokio::test]
async fn ten_9_what_is_unique_is_unique_in_its_workspace() {
    let database = database().await;
    let wide = "SELECT i.indexrelid::regclass::text FROM pg_index AS i \
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attname = 'workspace_id' \
        WHERE i.indisunique AND i.indkey[0] <> a.attnum \
          AND NOT (i.indnatts = 1 AND i.indkey[0] = (SELECT attnum FROM pg_attribute WHERE attrelid = i.indrelid AND attname = 'id'))";
    assert_eq!(rows(&database, wide).await, Vec::<String>::new(), "but for ids, which the server makes");
}

#[tokio::test]
async fn migrating_is_safe_for_many_at_once() {
    let database = postgres::Database::empty().await;
    let migrate = || async {
        let (store, _) = Store::connect(&Options { url: database.owner_url(), ..Options::default() }, Arc::new(SystemClock)).await.unwrap();
        let mut applied = 0;
        store.migrate(&mut |_| applied += 1).await.unwrap();
        (applied, store.migration_status().await.unwrap().len())
    };
    let counts = futures_util::future::join_all((0..5).map(|_| migrate())).await;
    let (applied, steps) = (counts.iter().map(|(applied, _)| applied).sum::<usize>(), counts[0].1);
    assert_eq!(applied, steps, "each step once: {counts:?}");
    let roles = "SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'connectors_%' AND NOT rolcanlogin AND NOT rolinherit ORDER BY 1";
    assert_eq!(rows(&database, roles).await, ["connectors_admin", "connectors_api", "connectors_worker"]);
}
