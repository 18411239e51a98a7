//! The wall inside PostgreSQL, tried in plain SQL: what a program could do whose own wall has fallen.
//!
//! Each test is a server that has logged in and takes a role as the program does; nothing here goes through the program.

mod catalogue;
mod scene;

use scene::{Scene, as_admin, as_member, as_nobody, as_worker, is_denied};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};

/// Runs a statement inside the open transaction and undoes it; gives the rows it changed.
async fn undone(connection: &mut PgConnection, sql: &str) -> Result<u64, sqlx::Error> {
    connection.execute("SAVEPOINT before").await.unwrap();
    let outcome = connection.execute(AssertSqlSafe(sql.to_owned())).await;
    connection.execute("ROLLBACK TO before; RELEASE before").await.unwrap();
    outcome.map(|done| done.rows_affected())
}

/// How many rows of the workspace there are in a table, as far as this connection may see; a refusal counts as none.
async fn seen(connection: &mut PgConnection, table: &str, workspace: Option<&str>) -> u64 {
    let column = if table == "workspaces" { "id" } else { "workspace_id" };
    let filter = workspace.map(|id| format!(" WHERE {column} = '{id}'")).unwrap_or_default();
    would_change(connection, &format!("SELECT FROM {table}{filter}")).await
}

/// The rows a statement would change or give, none if it is refused.
async fn would_change(connection: &mut PgConnection, sql: &str) -> u64 {
    undone(connection, sql).await.unwrap_or_else(|error| {
        assert!(is_denied(&error), "{sql}: {error}");
        0
    })
}

/// Every way to change the workspace's rows of a table: none of them may do anything.
async fn changes_nothing(connection: &mut PgConnection, scene: &Scene, table: &str) {
    let (column, copy) = (if table == "workspaces" { "id" } else { "workspace_id" }, scene.copy_of_b(table));
    let update = format!("UPDATE {table} SET {column} = {column} WHERE {column} = '{}'", scene.b);
    let update_all = format!("UPDATE {table} SET {column} = {column}");
    let delete = format!("DELETE FROM {table} WHERE {column} = '{}'", scene.b);
    for sql in [update, update_all, delete, format!("DELETE FROM {table}"), format!("TRUNCATE {table} CASCADE"), copy] {
        assert_eq!(would_change(connection, &sql).await, 0, "{sql}");
    }
}

#[tokio::test]
async fn rls_1_without_a_setting_or_with_an_empty_one_no_table_of_tenants_can_be_read_or_written() {
    let scene = Scene::set().await;
    let mut connection = scene.login().await;
    for role in ["connectors_api", "connectors_worker", "connectors_admin"] {
        for earlier in [false, true] {
            if earlier {
                // What an earlier transaction leaves behind is an empty text, not nothing.
                as_member(&mut connection, "ann", &scene.a).await;
                connection.execute("ROLLBACK").await.unwrap();
            }
            as_nobody(&mut connection, role).await;
            for table in scene.tables() {
                assert_eq!(seen(&mut connection, table, None).await, 0, "{role} reads {table}");
                changes_nothing(&mut connection, &scene, table).await;
            }
            connection.execute("ROLLBACK").await.unwrap();
        }
    }
}

#[tokio::test]
async fn rls_1_a_member_meets_their_own_workspace_alone_whatever_they_say() {
    let scene = Scene::set().await;
    let mut connection = scene.login().await;
    let before = scene.hash_of_b().await;
    // In A; wherever ann belongs; and naming B, of which she is no member.
    for (workspace, own) in [(scene.a.as_str(), 1), ("", 1), (scene.b.as_str(), 0)] {
        as_member(&mut connection, "ann", workspace).await;
        for table in scene.tables() {
            let (mine, theirs) = (seen(&mut connection, table, Some(&scene.a)).await, seen(&mut connection, table, Some(&scene.b)).await);
            assert_eq!((mine.min(1), theirs), (own, 0), "{table} in {workspace:?}");
            changes_nothing_of_b(&mut connection, &scene, table).await;
        }
        connection.execute("ROLLBACK").await.unwrap();
    }
    assert_eq!(scene.hash_of_b().await, before);
}

/// As a member of A: B's rows stay, and nothing is added to them.
async fn changes_nothing_of_b(connection: &mut PgConnection, scene: &Scene, table: &str) {
    let column = if table == "workspaces" { "id" } else { "workspace_id" };
    for sql in [
        format!("UPDATE {table} SET {column} = {column} WHERE {column} = '{}'", scene.b),
        format!("DELETE FROM {table} WHERE {column} = '{}'", scene.b),
        scene.copy_of_b(table),
    ] {
        if table != "workspaces" || !sql.starts_with("INSERT") {
            assert_eq!(would_change(connection, &sql).await, 0, "{sql}");
        }
    }
}

#[tokio::test]
async fn rls_1_a_service_that_named_a_workspace_meets_no_other() {
    let scene = Scene::set().await;
    let mut connection = scene.login().await;
    scene::enter(&mut connection, "connectors_api", &[("app.caller", "service"), ("app.subject", "crm"), ("app.workspace_id", &scene.a)])
        .await;
    for table in scene.tables() {
        let (mine, theirs) = (seen(&mut connection, table, Some(&scene.a)).await, seen(&mut connection, table, Some(&scene.b)).await);
        assert_eq!((mine.min(1), theirs), (1, 0), "{table}");
    }
}

#[tokio::test]
async fn rls_1_a_service_that_named_no_workspace_meets_nothing_but_the_row_it_looks_for() {
    let scene = Scene::set().await;
    let mut connection = scene.login().await;
    let before = scene.hash_of_b().await;
    for (caller, object, found_in) in [
        ("service", "", ""),
        ("service", "contact-b", "contacts"),
        ("service", "b", "workspaces"),
        ("service", "execution-b", "connector_executions"),
        ("user", "contact-b", ""),
    ] {
        let settings = [("app.caller", caller), ("app.subject", "crm"), ("app.workspace_id", ""), ("app.object", object)];
        scene::enter(&mut connection, "connectors_api", &settings).await;
        for table in scene.tables() {
            assert_eq!(seen(&mut connection, table, None).await, u64::from(table == found_in), "{table} for {caller} {object:?}");
            changes_nothing_of_b(&mut connection, &scene, table).await;
        }
        connection.execute("ROLLBACK").await.unwrap();
    }
    assert_eq!(scene.hash_of_b().await, before);
}

#[tokio::test]
async fn rls_4_rows_cannot_be_put_into_moved_to_or_laid_over_another_workspace() {
    let scene = Scene::set().await;
    let mut connection = scene.login().await;
    let before = scene.hash_of_b().await;
    as_member(&mut connection, "ann", &scene.a).await;
    let mut refusals = std::collections::BTreeSet::new();
    for sql in [
        scene.copy_of_b("connectors"),
        scene.copy_of_b("contacts"),
        format!("UPDATE contacts SET workspace_id = '{}' WHERE workspace_id = '{}'", scene.b, scene.a),
        format!("UPDATE contacts SET workspace_id = '{}'", scene.b),
        format!("{} ON CONFLICT (workspace_id, id) DO UPDATE SET company = 'mine now'", scene.over_b("contacts")),
        format!("{} ON CONFLICT (workspace_id, key) DO UPDATE SET workspace_id = '{}'", scene.over_b("contacts"), scene.a),
    ] {
        let error = undone(&mut connection, &sql).await.expect_err(&sql);
        assert!(is_denied(&error), "{sql}: {error}");
        refusals.insert(error.as_database_error().unwrap().code().unwrap().into_owned());
    }
    connection.execute("COMMIT").await.unwrap();
    assert_eq!(refusals.len(), 1, "every refusal looks like any other");
    assert_eq!(scene.hash_of_b().await, before);
}

#[tokio::test]
async fn rls_5_functions_above_the_wall_cannot_be_misled_and_are_called_by_the_worker_alone() {
    let scene = Scene::set().await;
    let mut connection = scene.login().await;
    // A table of one's own with the name of one the function reads.
    connection.execute("CREATE TEMP TABLE workspace_members (workspace_id text, subject text)").await.unwrap();
    sqlx::query("INSERT INTO pg_temp.workspace_members VALUES ($1, 'ann')").bind(&scene.b).execute(&mut connection).await.unwrap();
    connection.execute("GRANT SELECT ON pg_temp.workspace_members TO PUBLIC").await.unwrap();
    as_member(&mut connection, "ann", "").await;
    let mine: Vec<String> = sqlx::query_scalar("SELECT unnest(app_workspaces())").fetch_all(&mut connection).await.unwrap();
    assert_eq!(mine, std::slice::from_ref(&scene.a));
    for call in ["app_due(now(), 10)", "app_next_wake()", "app_claim_workspaces(ARRAY['x'])", "app_is_saas_admin()"] {
        let error = undone(&mut connection, &format!("SELECT * FROM {call}")).await.expect_err(call);
        assert!(is_denied(&error), "{call}: {error}");
    }
    connection.execute("ROLLBACK").await.unwrap();
    as_worker(&mut connection, "").await;
    let due = sqlx::query("SELECT * FROM app_due(now(), 10)").fetch_all(&mut connection).await.unwrap();
    assert_eq!((due.len(), due[0].len()), (2, 1), "ids of both workspaces, and nothing but ids");
}

#[tokio::test]
async fn rls_6_a_worker_meets_the_rows_of_its_runs_workspace_alone() {
    let scene = Scene::set().await;
    let mut connection = scene.login().await;
    let before = scene.hash_of_b().await;
    as_worker(&mut connection, &scene.a).await;
    for table in scene.tables().filter(|table| *table != "workspace_members") {
        let (mine, theirs) = (seen(&mut connection, table, Some(&scene.a)).await, seen(&mut connection, table, Some(&scene.b)).await);
        assert_eq!((mine.min(1), theirs), (1, 0), "{table}");
    }
    for sql in [
        "UPDATE connector_executions SET status = 'failed' WHERE id = 'execution-b'".to_owned(),
        "UPDATE execution_steps SET status = 'failed' WHERE execution_id = 'execution-b'".to_owned(),
        scene.copy_of_b("execution_logs"),
        scene.copy_of_b("connector_executions"),
        "DELETE FROM execution_logs".to_owned(),
        format!("UPDATE workspace_api_credentials SET name = 'x' WHERE workspace_id = '{}'", scene.a),
    ] {
        assert_eq!(would_change(&mut connection, &sql).await, 0, "{sql}");
    }
    // The line says A, the execution is B's: no parent of that name in A.
    let mixed = "INSERT INTO execution_logs (workspace_id, execution_id, sequence, logged_at, level, kind, message) \
                 VALUES ('workspace-a', 'execution-b', 9, now(), 'info', 'user', 'x')";
    let error = connection.execute(mixed).await.map(|_| ()).unwrap_err();
    assert!(error.as_database_error().unwrap().is_foreign_key_violation(), "{error}");
    connection.execute("ROLLBACK").await.unwrap();
    assert_eq!(scene.hash_of_b().await, before);
}

#[tokio::test]
async fn rls_7_one_prepared_statement_serves_each_workspace_its_own_rows_a_thousand_times() {
    let scene = Scene::set().await;
    let mut connection = scene.login().await;
    for turn in 0..1000 {
        let (subject, workspace, id) = if turn % 2 == 0 { ("ann", &scene.a, "contact-a") } else { ("bob", &scene.b, "contact-b") };
        // Now and then the worker comes between, whose policies are others.
        if turn % 7 == 0 {
            as_worker(&mut connection, workspace).await;
        } else {
            as_member(&mut connection, subject, workspace).await;
        }
        let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM contacts ORDER BY id").fetch_all(&mut connection).await.unwrap();
        assert_eq!(ids, [id], "turn {turn}");
        connection.execute("COMMIT").await.unwrap();
    }
}

#[tokio::test]
async fn adm_1_nobody_makes_themselves_an_admin_or_writes_the_catalogue() {
    let scene = Scene::set().await;
    let mut connection = scene.login().await;
    let grant = "INSERT INTO saas_admin_users (id, subject, role, created_at) VALUES ('x', 'ann', 'owner', now())";
    let writes = [
        grant,
        "UPDATE saas_admin_users SET subject = 'ann'",
        "DELETE FROM saas_admin_users",
        "UPDATE connector_templates SET official = true, status = 'published'",
        "UPDATE connector_templates SET install_count = 9",
        "UPDATE template_versions SET status = 'published'",
        "DELETE FROM connector_templates",
        "INSERT INTO template_versions (id, template_id, version, status, definition, hash, breaking, created_at) \
         VALUES ('x', 'template', '9.0.0', 'published', '{}', 'h', false, now())",
    ];
    as_member(&mut connection, "ann", &scene.a).await;
    for sql in writes {
        assert_eq!(would_change(&mut connection, sql).await, 0, "{sql}");
    }
    let drafts: i64 =
        sqlx::query_scalar("SELECT count(*) FROM template_versions WHERE status = 'draft'").fetch_one(&mut connection).await.unwrap();
    assert_eq!((drafts, seen(&mut connection, "saas_admin_users", None).await), (0, 0));
    connection.execute("ROLLBACK").await.unwrap();
    // Even in the role of admins: the database asks whether she is one.
    as_admin(&mut connection, "ann").await;
    for sql in writes {
        assert_eq!(would_change(&mut connection, sql).await, 0, "{sql}");
    }
    assert_eq!(seen(&mut connection, "connector_templates", None).await, 0);
}

#[tokio::test]
async fn adm_4_an_admin_sees_the_catalogue_and_no_tenant_and_is_one_only_as_long_as_the_row_says() {
    let scene = Scene::set().await;
    let mut connection = scene.login().await;
    as_admin(&mut connection, "root").await;
    assert_eq!(would_change(&mut connection, "UPDATE connector_templates SET featured = true").await, 1);
    assert_eq!(seen(&mut connection, "template_versions", None).await, 2, "drafts too");
    for table in scene.tables() {
        assert_eq!(seen(&mut connection, table, None).await, 0, "{table}");
        changes_nothing(&mut connection, &scene, table).await;
    }
    scene.superuser().await.execute("DELETE FROM saas_admin_users WHERE subject = 'root'").await.unwrap();
    assert_eq!(would_change(&mut connection, "UPDATE connector_templates SET featured = true").await, 0, "from the next statement on");
    assert_eq!(seen(&mut connection, "template_versions", None).await, 0);
}

#[tokio::test]
async fn ten_2_the_first_owner_is_named_once_and_only_by_whoever_makes_the_workspace() {
    let scene = Scene::set().await;
    let mut connection = scene.login().await;
    let workspace = "INSERT INTO workspaces (id, key, name, revision, max_concurrent_executions, created_at, updated_at) \
                     VALUES ('workspace-n', 'n', 'n', 1, 1, now(), now())";
    let owner = |id: &str, of: &str| {
        format!(
            "INSERT INTO workspace_members (id, workspace_id, subject, role, created_at) VALUES ('{id}', '{of}', 'ann', 'owner', now())"
        )
    };
    as_member(&mut connection, "ann", "").await;
    assert_eq!(would_change(&mut connection, &owner("m", &scene.b)).await, 0, "a workspace that has members");
    connection.execute(workspace).await.unwrap();
    connection.execute("COMMIT").await.unwrap();
    as_member(&mut connection, "ann", "").await;
    assert_eq!(would_change(&mut connection, &owner("m", "workspace-n")).await, 0, "made by an earlier transaction");
    connection.execute(AssertSqlSafe(workspace.replace("'n'", "'o'").replace("-n", "-o"))).await.unwrap();
    connection.execute(AssertSqlSafe(owner("m", "workspace-o"))).await.unwrap();
    connection.execute("COMMIT").await.unwrap();
}
