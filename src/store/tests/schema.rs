//! The schema, the file and its settings.

use sqlx::Row;

use super::*;
use crate::store::Error;

#[tokio::test]
async fn migrates_from_nothing_and_then_has_nothing_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _writer) = Store::connect(&options(&folder), Arc::new(SystemClock)).await.unwrap();
    assert!(store.migration_status().await.unwrap().iter().all(|(_, applied)| !applied));
    let mut names = Vec::new();
    store.migrate(&mut |name| names.push(name.to_owned())).await.unwrap();
    assert!(!names.is_empty());
    assert_eq!(store.migration_status().await.unwrap(), names.iter().map(|name| (name.clone(), true)).collect::<Vec<_>>());
    store.migrate(&mut |name| panic!("{name} again")).await.unwrap();
    store.ping().await.unwrap();
}

#[tokio::test]
async fn a_second_server_is_kept_out_and_a_reader_is_not() {
    let bench = bench_in_file().await;
    let options = options(&bench.folder);
    let refused = Store::connect(&options, Arc::new(SystemClock)).await.unwrap_err();
    assert!(matches!(refused, Error::InUse { .. }), "{refused:?}");
    let (reader, _) = Store::connect(&Options { exclusive: false, create: false, ..options.clone() }, Arc::new(SystemClock)).await.unwrap();
    reader.ping().await.unwrap();
    let Bench { store, writer, folder: _folder, .. } = bench;
    drop(store);
    writer.await.unwrap();
    Store::connect(&options, Arc::new(SystemClock)).await.unwrap();
}

#[tokio::test]
async fn a_missing_file_is_made_only_when_asked_and_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    for exclusive in [true, false] {
        let options = Options { create: false, exclusive, ..options(&folder) };
        let refused = Store::connect(&options, Arc::new(SystemClock)).await.map(|_| ()).unwrap_err();
        assert!(matches!(refused, Error::UnsupportedUrl { .. }), "{refused:?}");
    }
    std::fs::write(folder.path().join("text.db"), "not a database ".repeat(20)).unwrap();
    let text = Options { url: format!("sqlite:{}", folder.path().join("text.db").display()), ..options(&folder) };
    let refused = Store::connect(&text, Arc::new(SystemClock)).await.map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("text.db") && refused.contains("not a SQLite database"), "{refused}");
    Store::connect(&options(&folder), Arc::new(SystemClock)).await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.path().join("a.db")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_newer_database_is_refused_in_words() {
    let bench = bench_in_file().await;
    sqlx::query("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_1_future', 1)")
        .execute(&mut bench.raw().await)
        .await
        .unwrap();
    assert!(matches!(bench.store.migrate(&mut |_| ()).await, Err(Error::Newer)));
    assert!(matches!(bench.store.migration_status().await, Err(Error::Newer)));
}

#[tokio::test]
async fn every_enum_column_refuses_other_words() {
    let bench = bench_in_file().await;
    let mut raw = bench.raw().await;
    let tables = sqlx::query("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%status TEXT%'");
    for row in tables.fetch_all(&mut raw).await.unwrap() {
        let (name, sql): (String, String) = (row.get(0), row.get(1));
        assert!(sql.contains("CHECK (status IN"), "{name}");
    }
    let wrong = "INSERT INTO saas_admin_users (id, subject, role, created_at) VALUES ('a', 'a', 'king', '')";
    assert!(sqlx::query(wrong).execute(&mut raw).await.is_err());
}

#[tokio::test]
async fn updated_at_rises_even_when_a_statement_leaves_it_out_but_not_for_counters() {
    let bench = bench_in_file().await;
    let scope = bench.workspace("a").await;
    bench.connector(&scope, "c").await;
    let mut raw = bench.raw().await;
    let read = "SELECT updated_at FROM connectors";
    sqlx::query("UPDATE connectors SET updated_at = '2020-01-01T00:00:00+00:00'").execute(&mut raw).await.unwrap();
    sqlx::query("UPDATE connectors SET run_count = 1").execute(&mut raw).await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, String>(read).fetch_one(&mut raw).await.unwrap(), "2020-01-01T00:00:00+00:00");
    sqlx::query("UPDATE connectors SET name = 'x'").execute(&mut raw).await.unwrap();
    let text: String = sqlx::query_scalar(read).fetch_one(&mut raw).await.unwrap();
    let parsed: DateTime<Utc> = text.parse().unwrap();
    assert!((now() - parsed).num_seconds() < 10, "{text}");
    assert_eq!(crate::store::convert::time_text(parsed), text, "the trigger writes instants as the program does");
}

#[tokio::test]
async fn deleting_a_workspace_takes_everything_in_it_and_nothing_else() {
    let bench = bench_in_file().await;
    let (gone, kept) = (bench.workspace("gone").await, bench.workspace("kept").await);
    for scope in [&gone, &kept] {
        let connector = bench.connector(scope, "c").await;
        let contact = bench.contact(scope, "p").await;
        credentials::insert(&bench, scope, "key").await;
        connectors::insert_version(&bench, scope, connector.id, 1).await;
        let claimed = bench.claim(bench.start(scope, Some(connector.id)).await).await;
        records::record_everything(&bench, &claimed, &contact).await;
    }
    let tx = bench.begin(&gone).await;
    tx.delete_workspace().await.unwrap();
    assert!(matches!(tx.delete_workspace().await, Err(Error::NotFound)));
    tx.commit().await.unwrap();
    let mut raw = bench.raw().await;
    let scoped = sqlx::query(
        "SELECT m.name FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c ON c.name = 'workspace_id' WHERE m.type = 'table'",
    );
    let tables = scoped.fetch_all(&mut raw).await.unwrap();
    assert_eq!(tables.len(), 9);
    for table in tables {
        let name: String = table.get(0);
        let sql = format!("SELECT DISTINCT workspace_id FROM {name}");
        let left: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&mut raw).await.unwrap();
        assert_eq!(left, [kept.workspace_id().to_string()], "{name}");
    }
}

#[tokio::test]
async fn a_reader_cannot_write_and_a_dropped_transaction_leaves_nothing() {
    let bench = bench_in_file().await;
    let scope = bench.workspace("a").await;
    let connector = connector_value(scope.workspace_id(), "c");
    assert!(matches!(bench.read(&scope).await.insert_connector(&connector).await, Err(Error::Unavailable(_))));
    let tx = bench.begin(&scope).await;
    tx.insert_connector(&connector).await.unwrap();
    drop(tx);
    assert!(bench.read(&scope).await.find_connector(connector.id).await.unwrap().is_none());
    bench.connector(&scope, "c").await;
}

#[tokio::test]
async fn each_frequent_query_has_an_index() {
    let bench = bench_in_file().await;
    let mut raw = bench.raw().await;
    for (sql, index) in [
        (
            "SELECT * FROM connector_executions WHERE workspace_id = '' AND id < '' ORDER BY id DESC",
            "sqlite_autoindex_connector_executions_2",
        ),
        (
            "SELECT * FROM connector_executions WHERE workspace_id = '' AND connector_id = '' ORDER BY id DESC",
            "connector_executions_by_connector",
        ),
        (
            "SELECT id FROM connector_executions WHERE \"status\" IN ('queued', 'running', 'waiting', 'cancelling') ORDER BY queued_at, id",
            "connector_executions_unfinished",
        ),
        ("SELECT wake_at FROM connector_executions WHERE wake_at IS NOT NULL ORDER BY wake_at", "connector_executions_by_wake_at"),
        ("SELECT * FROM connectors WHERE workspace_id = '' ORDER BY updated_at, id", "connectors_by_updated_at"),
        ("SELECT * FROM contacts WHERE workspace_id = '' AND email IS NOT NULL AND lower(email) = '' ORDER BY id", "contacts_by_email"),
        (
            "SELECT max(id) FROM contact_field_changes WHERE workspace_id = '' AND contact_id = '' AND outcome = 'written' GROUP BY field",
            "_written",
        ),
        ("SELECT * FROM execution_logs WHERE execution_id = '' AND sequence > 3 ORDER BY sequence", "PRIMARY KEY"),
    ] {
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(&mut raw).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        let plan = plan.join("; ");
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
}

#[tokio::test]
async fn a_survey_sees_every_table_that_belongs_to_workspaces() {
    let bench = bench_in_file().await;
    let (scope, _other) = (bench.workspace("a").await, bench.workspace("b").await);
    let rows = bench.read(&scope).await.survey().await.unwrap();
    let tables = "SELECT name FROM sqlite_master AS m WHERE type = 'table' \
        AND (name = 'workspaces' OR EXISTS (SELECT 1 FROM pragma_table_info(m.name) AS c WHERE c.name = 'workspace_id')) ORDER BY name";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut bench.raw().await).await.unwrap();
    assert_eq!(rows.keys().copied().collect::<Vec<_>>(), tables);
    assert!(matches!(&rows["workspaces"][..], [row] if row.contains(&scope.workspace_id().to_string())), "its own row alone");
    assert!(bench.store.engine().await.unwrap().starts_with("SQLite 3."));
}
