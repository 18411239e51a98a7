//! Two workspaces, A of ann and B of bob, with a row in every table, and the ways to step in front of the wall.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::support::database::Database;
use crate::support::postgres;

/// The rows of one workspace; `{x}` is its letter, `{who}` its owner.
const ROWS: &str = r#"
INSERT INTO workspaces (id, key, name, revision, max_concurrent_executions, created_at, updated_at)
    VALUES ('workspace-{x}', '{x}', '{x}', 1, 5, now(), now());
INSERT INTO workspace_members (id, workspace_id, subject, role, created_at)
    VALUES ('member-{x}', 'workspace-{x}', '{who}', 'owner', now());
INSERT INTO connectors (id, workspace_id, key, name, tags, status, revision, draft, config, bindings, created_by, created_at, updated_by, updated_at)
    VALUES ('connector-{x}', 'workspace-{x}', 'c', 'c', '[]', 'active', 1, '{}', '{}', '{}', 'system', now(), 'system', now());
INSERT INTO connector_versions (id, workspace_id, connector_id, number, definition, hash, published_by, published_at)
    VALUES ('version-{x}', 'workspace-{x}', 'connector-{x}', 1, '{}', 'h', 'system', now());
INSERT INTO workspace_api_credentials (id, workspace_id, name, kind, fields, allowed_hosts, health, sealed, revision, created_by, created_at, rotated_at)
    VALUES ('credential-{x}', 'workspace-{x}', 'key', 'bearer', '[]', '[]', 'ok', '\x00', 1, 'system', now(), now());
INSERT INTO connector_executions (id, workspace_id, number, kind, status, revision, connector_id, "trigger", started_by, tags, input, cost,
        config, bindings, warning_count, finished_steps, total_steps, last_log_sequence, cancel_requested, queued_at)
    VALUES ('execution-{x}', 'workspace-{x}', 1, 'live', 'queued', 1, 'connector-{x}', 'api', 'system', '[]', '{}', 0,
        '{}', '{}', 0, 0, 1, 1, false, now());
INSERT INTO execution_steps (id, workspace_id, execution_id, path, position, title, kind, status, attempts, cost)
    VALUES ('step-{x}', 'workspace-{x}', 'execution-{x}', 'one', 0, 'one', 'http', 'running', '[]', 0);
INSERT INTO execution_logs (workspace_id, execution_id, sequence, logged_at, level, kind, message)
    VALUES ('workspace-{x}', 'execution-{x}', 1, now(), 'info', 'lifecycle', 'secret of {x}');
INSERT INTO contacts (id, workspace_id, key, email, attributes, revision, created_at, updated_at)
    VALUES ('contact-{x}', 'workspace-{x}', 'k', 'p@{x}.example', '{}', 1, now(), now());
INSERT INTO contact_field_changes (id, workspace_id, contact_id, execution_id, field, "before", "after", outcome, occurred_at)
    VALUES ('change-{x}', 'workspace-{x}', 'contact-{x}', 'execution-{x}', 'email', 'null', '"a"', 'written', now());
"#;

const CATALOGUE: &str = "
INSERT INTO connector_templates (id, slug, name, summary, tags, official, featured, status, revision, created_at, updated_at)
    VALUES ('template', 't', 't', 't', '[]', true, false, 'published', 1, now(), now());
INSERT INTO template_versions (id, template_id, version, status, definition, hash, breaking, created_at)
    VALUES ('out', 'template', '1.0.0', 'published', '{}', 'h', false, now()), ('draft', 'template', '2.0.0', 'draft', '{}', 'h', false, now());
INSERT INTO saas_admin_users (id, subject, role, created_at) VALUES ('admin', 'root', 'owner', now());
";

/// The two workspaces and what is known of the tables.
pub struct Scene {
    database: postgres::Database,
    /// Workspace A.
    pub a: String,
    /// Workspace B.
    pub b: String,
    /// Each table of tenants with the columns that can be written.
    tables: Vec<(String, Vec<String>)>,
}

impl Scene {
    /// Sets it up in a database of its own.
    pub async fn set() -> Self {
        let Database::Server(database) = Database::on_server().await else { panic!("no server") };
        let mut raw = database.raw().await;
        for (x, who) in [("a", "ann"), ("b", "bob")] {
            raw.execute(AssertSqlSafe(ROWS.replace("{x}", x).replace("{who}", who))).await.unwrap();
        }
        raw.execute(CATALOGUE).await.unwrap();
        // From the catalogue, so that a table that is added later is tried as well.
        let tables = sqlx::query_as(
            "SELECT c.relname::text, array_agg(w.attname::text ORDER BY w.attnum) FROM pg_class AS c \
             JOIN pg_attribute AS w ON w.attrelid = c.oid AND w.attnum > 0 AND w.attgenerated = '' AND NOT w.attisdropped \
             WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND (c.relname = 'workspaces' \
                OR EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'workspace_id')) \
             GROUP BY c.relname ORDER BY c.relname",
        );
        let tables: Vec<(String, Vec<String>)> = tables.fetch_all(&mut raw).await.unwrap();
        assert_eq!(tables.len(), 10, "every table of tenants has a row in the scene");
        Self { database, a: "workspace-a".to_owned(), b: "workspace-b".to_owned(), tables }
    }

    /// Names of the tables that hold rows of tenants.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(|(name, _)| name.as_str())
    }

    /// A connection as a server logs in.
    pub async fn login(&self) -> PgConnection {
        PgConnection::connect(&self.database.url()).await.unwrap()
    }

    /// A connection that sees everything.
    pub async fn superuser(&self) -> PgConnection {
        self.database.raw().await
    }

    /// An insert of what B's row is, under another id.
    pub fn copy_of_b(&self, table: &str) -> String {
        self.insert(table, "-copy")
    }

    /// An insert of exactly B's row.
    pub fn over_b(&self, table: &str) -> String {
        self.insert(table, "-b")
    }

    fn insert(&self, table: &str, suffix: &str) -> String {
        let columns = &self.tables.iter().find(|(name, _)| name == table).unwrap().1;
        // The values are written out, since whoever inserts may not read them.
        let sample = ROWS.replace("{x}", "b").replace("{who}", "bob");
        let start = sample.find(&format!("INSERT INTO {table} (")).unwrap();
        let statement = sample[start..].split(';').next().unwrap().to_owned();
        assert!(columns.iter().any(|column| statement.contains(column.as_str())));
        let own = statement.split("VALUES ('").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        let copied =
            if own == self.b { statement } else { statement.replace(&format!("'{own}'"), &format!("'{}'", own.replace("-b", suffix))) };
        if suffix == "-copy" {
            copied.replace("'k'", "'k2'").replace("'c', 'c'", "'c2', 'c2'").replace("'execution-b', 1,", "'execution-b', 7,")
        } else {
            copied
        }
    }

    /// Everything of B, as one number.
    pub async fn hash_of_b(&self) -> i64 {
        let mut raw = self.superuser().await;
        let mut hash = 0_i64;
        for table in self.tables() {
            let column = if table == "workspaces" { "id" } else { "workspace_id" };
            let sql = format!(
                "SELECT coalesce(sum(hashtextextended(t::text, 0) / 1000), 0)::bigint FROM {table} AS t WHERE {column} = '{}'",
                self.b
            );
            hash = hash.wrapping_mul(31).wrapping_add(sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).fetch_one(&mut raw).await.unwrap());
        }
        hash
    }
}

/// Opens a transaction in a role with settings, all of it local to the transaction.
pub async fn enter(connection: &mut PgConnection, role: &str, settings: &[(&str, &str)]) {
    connection.execute("BEGIN").await.unwrap();
    for (name, value) in settings.iter().chain([&("role", role)]) {
        sqlx::query("SELECT set_config($1, $2, true)").bind(name).bind(value).execute(&mut *connection).await.unwrap();
    }
}

/// In a role, having said nothing.
pub async fn as_nobody(connection: &mut PgConnection, role: &str) {
    enter(connection, role, &[]).await;
}

/// As a person, in a workspace or in none in particular.
pub async fn as_member(connection: &mut PgConnection, subject: &str, workspace: &str) {
    enter(connection, "connectors_api", &[("app.caller", "user"), ("app.subject", subject), ("app.workspace_id", workspace)]).await;
}

/// As someone who says to look after the catalogue.
pub async fn as_admin(connection: &mut PgConnection, subject: &str) {
    enter(connection, "connectors_admin", &[("app.caller", "user"), ("app.subject", subject)]).await;
}

/// As the worker, about runs of these workspaces.
pub async fn as_worker(connection: &mut PgConnection, workspaces: &str) {
    enter(connection, "connectors_worker", &[("app.caller", "server"), ("app.workspace_ids", workspaces)]).await;
}

/// Was it refused by a privilege or a policy?
pub fn is_denied(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "42501")
}
