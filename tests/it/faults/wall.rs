//! Starts on a database whose inner wall has a gap: refused, with the statement that closes it, which does close it.

use std::sync::Arc;

use connectors::clock::SystemClock;
use connectors::store::{Options, Store};
use sqlx::{AssertSqlSafe, Executor as _};

use crate::support::database::Database;
use crate::support::postgres;

/// What a start says of the database, or nothing when it may be used.
async fn verdict(url: String) -> Option<String> {
    let (store, _writer) = Store::connect(&Options { url, ..Options::default() }, Arc::new(SystemClock)).await.unwrap();
    store.verify().await.err().map(|error| error.to_string())
}

/// Runs what the verdict says to run, as the owner.
async fn mend(database: &postgres::Database, verdict: &str) {
    let mut raw = database.raw().await;
    raw.execute("SET ROLE connectors_owner").await.unwrap();
    let (_, statement) = verdict.split_once("; run ").unwrap_or_else(|| panic!("no statement: {verdict}"));
    raw.execute(AssertSqlSafe(statement.to_owned())).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

#[tokio::test]
async fn rls_2_a_lost_privilege_or_policy_is_named_with_the_statement_that_brings_it_back() {
    let Database::Server(database) = Database::on_server().await else { panic!("no server") };
    for (gap, told) in [
        ("REVOKE SELECT ON contacts FROM connectors_api", "the table contacts may not be used by connectors_api for SELECT"),
        (
            "REVOKE UPDATE (run_count) ON connectors FROM connectors_worker",
            "the table connectors may not be used by connectors_worker for UPDATE",
        ),
        ("DROP POLICY api_update ON contacts", "the table contacts lacks the policy api_update"),
        ("DROP POLICY worker_insert ON execution_logs", "the table execution_logs lacks the policy worker_insert"),
        ("DROP POLICY owner_select ON workspace_members", "the table workspace_members lacks the policy owner_select"),
        ("DROP POLICY api_find ON contacts", "the table contacts lacks the policy api_find"),
        ("ALTER TABLE contacts NO FORCE ROW LEVEL SECURITY", "the table contacts has no forced row security"),
    ] {
        database.raw().await.execute(gap).await.unwrap();
        let said = verdict(database.url()).await.unwrap_or_default();
        assert!(said.contains(told) && said.lines().count() == 1, "{gap}: {said}");
        mend(&database, &said).await;
        assert_eq!(verdict(database.url()).await, None, "{gap}");
    }
}

#[tokio::test]
async fn rls_2_a_role_that_is_missing_or_not_granted_is_named_with_the_statement_to_run() {
    let (Database::Server(database), cluster) = Database::on_own_server().await else { panic!("no server") };
    cluster.command("REVOKE connectors_worker FROM connectors_server").await;
    let said = verdict(database.url()).await.unwrap_or_default();
    assert!(said.contains("cannot be taken by connectors_server; run GRANT connectors_worker TO connectors_server"), "{said}");
    cluster.let_in().await;
    assert_eq!(verdict(database.url()).await, None);
    database.raw().await.execute("DROP OWNED BY connectors_admin; DROP ROLE connectors_admin").await.unwrap();
    let said = verdict(database.url()).await.unwrap_or_default();
    assert!(said.contains("the role connectors_admin does not exist; run CREATE ROLE connectors_admin NOLOGIN NOINHERIT"), "{said}");
}
