//! Row security of PostgreSQL: who may do what to which rows of which table. One line of [`RULES`] is one privilege
//! and the policy that bounds it, so there is neither a privilege without a policy nor the other way round.
//!
//! Row security is forced: it binds the owner of the tables too. A later step that changes rows of tenants must lift
//! it in its own transaction (`ALTER TABLE … NO FORCE ROW LEVEL SECURITY`) and put it back.

use sea_orm_migration::prelude::{ConnectionTrait, DbErr, SchemaManager};

use crate::roles::{ADMIN, API, WORKER};

/// Every table of the program.
const TABLES: [&str; 13] = [
    "workspaces",
    "workspace_members",
    "saas_admin_users",
    "connector_templates",
    "template_versions",
    "connectors",
    "connector_versions",
    "workspace_api_credentials",
    "connector_executions",
    "execution_steps",
    "execution_logs",
    "contacts",
    "contact_field_changes",
];

/// Rows of the workspaces that the transaction's subject may touch. Each scalar select is evaluated once a statement.
const OURS: &str = "({workspace} = ANY ((SELECT app_workspaces())::text[]) \
    OR (SELECT current_setting('app.caller', true) = 'service' AND COALESCE(current_setting('app.workspace_id', true), '') = ''))";

/// Rows of the workspaces whose runs the transaction is about; none unless it names them.
const OF_RUNS: &str = "({workspace} = ANY ((SELECT string_to_array(NULLIF(current_setting('app.workspace_ids', true), ''), ','))::text[]))";

/// Anyone who said who they are.
const SIGNED_IN: &str = "(SELECT COALESCE(current_setting('app.subject', true), '') <> '')";

const ADMINS: &str = "(SELECT app_is_saas_admin())";

const ALL: &str = "true";

/// Whose privilege it is.
#[derive(Clone, Copy)]
enum To {
    Api,
    Worker,
    Admin,
    /// Whoever owns the tables, for the functions that run with the owner's rights.
    Owner,
}

/// One privilege: to whom, on which table, to do what (columns of an update in brackets), on which rows.
type Rule = (To, &'static str, &'static str, &'static str);

const RULES: &[Rule] = &[
    (To::Api, "workspaces", "SELECT", OURS),
    (To::Api, "workspaces", "INSERT", SIGNED_IN),
    (To::Api, "workspaces", "UPDATE (key, name, revision, max_concurrent_executions, updated_at)", OURS),
    (To::Api, "workspaces", "DELETE", OURS),
    (To::Worker, "workspaces", "SELECT", OF_RUNS),
    (To::Worker, "workspaces", "UPDATE (last_execution_number)", OF_RUNS),
    (To::Owner, "workspaces", "SELECT", ALL),
    (To::Api, "workspace_members", "SELECT", OURS),
    (To::Api, "workspace_members", "INSERT", "({ours} OR (role = 'owner' AND app_is_new_workspace(workspace_id)))"),
    (To::Api, "workspace_members", "UPDATE (display_name, email, role)", OURS),
    (To::Api, "workspace_members", "DELETE", OURS),
    (To::Owner, "workspace_members", "SELECT", ALL),
    (To::Api, "saas_admin_users", "SELECT", "subject = (SELECT NULLIF(current_setting('app.subject', true), ''))"),
    (To::Admin, "saas_admin_users", "SELECT", ADMINS),
    (To::Admin, "saas_admin_users", "INSERT", ADMINS),
    (To::Owner, "saas_admin_users", "SELECT", ALL),
    (To::Api, "connector_templates", "SELECT", "status IN ('published', 'deprecated')"),
    (To::Admin, "connector_templates", "SELECT", ADMINS),
    (To::Admin, "connector_templates", "INSERT", ADMINS),
    (To::Admin, "connector_templates", "UPDATE", ADMINS),
    (To::Owner, "connector_templates", "SELECT", ALL),
    (To::Owner, "connector_templates", "UPDATE (install_count)", ALL),
    // The inner look is bounded by the policy above.
    (To::Api, "template_versions", "SELECT", "(status = 'published' AND template_id IN (SELECT t.id FROM connector_templates AS t))"),
    (To::Admin, "template_versions", "SELECT", ADMINS),
    (To::Admin, "template_versions", "INSERT", ADMINS),
    (To::Admin, "template_versions", "UPDATE", ADMINS),
    (To::Api, "connectors", "SELECT", OURS),
    (To::Api, "connectors", "INSERT", OURS),
    // Everything but the counters and where it belongs.
    (
        To::Api,
        "connectors",
        "UPDATE (key, name, description, icon, tags, status, revision, draft, published_version_id, published_hash, \
         config, bindings, max_concurrency, template_id, template_version_id, updated_by, updated_at)",
        OURS,
    ),
    (To::Api, "connectors", "DELETE", OURS),
    (To::Worker, "connectors", "SELECT", OF_RUNS),
    (To::Worker, "connectors", "UPDATE (run_count, success_count, failure_count, last_run_at)", OF_RUNS),
    (To::Api, "connector_versions", "SELECT", OURS),
    (To::Api, "connector_versions", "INSERT", OURS),
    (To::Worker, "connector_versions", "SELECT", OF_RUNS),
    (To::Api, "workspace_api_credentials", "SELECT", OURS),
    (To::Api, "workspace_api_credentials", "INSERT", OURS),
    (To::Api, "workspace_api_credentials", "DELETE", OURS),
    (To::Worker, "workspace_api_credentials", "SELECT", OF_RUNS),
    (To::Api, "connector_executions", "SELECT", OURS),
    // To tell a run to stop, and nothing else.
    (To::Api, "connector_executions", "UPDATE (cancel_requested, status, wake_at, revision)", OURS),
    (To::Worker, "connector_executions", "SELECT", OF_RUNS),
    (To::Worker, "connector_executions", "INSERT", OF_RUNS),
    (To::Worker, "connector_executions", "UPDATE", OF_RUNS),
    (To::Owner, "connector_executions", "SELECT", ALL),
    (To::Api, "execution_steps", "SELECT", OURS),
    (To::Worker, "execution_steps", "SELECT", OF_RUNS),
    (To::Worker, "execution_steps", "INSERT", OF_RUNS),
    (To::Worker, "execution_steps", "UPDATE", OF_RUNS),
    (To::Api, "execution_logs", "SELECT", OURS),
    (To::Worker, "execution_logs", "SELECT", OF_RUNS),
    (To::Worker, "execution_logs", "INSERT", OF_RUNS),
    (To::Api, "contacts", "SELECT", OURS),
    (To::Api, "contacts", "INSERT", OURS),
    (To::Api, "contacts", "UPDATE", OURS),
    (To::Api, "contacts", "DELETE", OURS),
    (To::Worker, "contacts", "SELECT", OF_RUNS),
    (To::Worker, "contacts", "INSERT", OF_RUNS),
    (To::Worker, "contacts", "UPDATE", OF_RUNS),
    (To::Api, "contact_field_changes", "SELECT", OURS),
    (To::Worker, "contact_field_changes", "SELECT", OF_RUNS),
    (To::Worker, "contact_field_changes", "INSERT", OF_RUNS),
];

/// Turns row security on for every table and makes every privilege with its policy.
pub(crate) async fn enforce(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut sql = String::from("GRANT SELECT ON seaql_migrations TO PUBLIC;\n");
    for table in TABLES {
        sql.extend([
            format!("REVOKE ALL ON {table} FROM PUBLIC;\n"),
            format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;\n"),
        ]);
    }
    sql.extend(RULES.iter().map(rule));
    manager.get_connection().execute_unprepared(&sql).await.map(|_| ())
}

/// Takes all of it back.
pub(crate) async fn lift(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut sql = String::new();
    for (to, table, privilege, _) in RULES {
        let (name, role) = holder(*to);
        let command = command(privilege);
        sql.extend([
            format!("DROP POLICY {name}_{} ON {table};\n", command.to_lowercase()),
            format!("REVOKE ALL ON {table} FROM {role};\n"),
        ]);
    }
    // The owner lost its own rights with the rest.
    for table in TABLES {
        sql.extend([
            format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;\n"),
            format!("GRANT ALL ON {table} TO CURRENT_USER;\n"),
        ]);
    }
    manager.get_connection().execute_unprepared(&sql).await.map(|_| ())
}

/// The word for a holder in names of policies, and the role.
fn holder(to: To) -> (&'static str, &'static str) {
    match to {
        To::Api => ("api", API),
        To::Worker => ("worker", WORKER),
        To::Admin => ("admin", ADMIN),
        To::Owner => ("owner", "CURRENT_USER"),
    }
}

fn command(privilege: &str) -> &str {
    privilege.split(' ').next().unwrap_or(privilege)
}

fn rule((to, table, privilege, rows): &Rule) -> String {
    let (name, role) = holder(*to);
    let command = command(privilege);
    let workspace = if *table == "workspaces" { "id" } else { "workspace_id" };
    let rows = rows.replace("{ours}", OURS).replace("{workspace}", workspace);
    let bound = match command {
        "INSERT" => format!("WITH CHECK ({rows})"),
        // Whoever may see a row to change may leave it only where they could see it.
        "UPDATE" => format!("USING ({rows}) WITH CHECK ({rows})"),
        _ => format!("USING ({rows})"),
    };
    let lower = command.to_lowercase();
    format!(
        "GRANT {privilege} ON {table} TO {role};\n\
         CREATE POLICY {name}_{lower} ON {table} AS PERMISSIVE FOR {command} TO {role} {bound};\n"
    )
}
