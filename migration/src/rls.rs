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

/// Stands for the rows of the workspaces that the transaction's subject may touch.
const OURS: &str = "{ours}";

/// Whose rows they are. Each scalar select is evaluated once a statement.
const OURS_NOW: &str = "({workspace} = ANY ((SELECT app_workspaces())::text[]))";

/// As it was at first: a service that named no workspace passed everywhere.
const OURS_AT_FIRST: &str = "({workspace} = ANY ((SELECT app_workspaces())::text[]) \
    OR (SELECT current_setting('app.caller', true) = 'service' AND COALESCE(current_setting('app.workspace_id', true), '') = ''))";

/// What a service looks for by its id, before it knows the workspace: that one row, when it said so.
const LOOKED_FOR: &str = "(SELECT CASE WHEN current_setting('app.caller', true) = 'service' \
    AND COALESCE(current_setting('app.workspace_id', true), '') = '' THEN NULLIF(current_setting('app.object', true), '') END)";

/// Tables whose rows a request names without their workspace.
const FOUND_BY_ID: [&str; 9] = [
    "workspaces",
    "workspace_members",
    "connectors",
    "connector_versions",
    "workspace_api_credentials",
    "connector_executions",
    "execution_steps",
    "contacts",
    "contact_field_changes",
];

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
    sql.extend(RULES.iter().map(|rule| format!("{};\n{};\n", grant(rule), policy(rule, OURS_AT_FIRST))));
    manager.get_connection().execute_unprepared(&sql).await.map(|_| ())
}

/// Lets a service that named no workspace see the one row it says it looks for, and nothing else.
pub(crate) async fn narrow(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut sql = bounds_of_ours(OURS_NOW);
    sql.extend(FOUND_BY_ID.iter().map(|table| format!("{};\n", finding(table))));
    manager.get_connection().execute_unprepared(&sql).await.map(|_| ())
}

/// Lets it pass everywhere again.
pub(crate) async fn widen(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut sql = bounds_of_ours(OURS_AT_FIRST);
    sql.extend(FOUND_BY_ID.iter().map(|table| format!("DROP POLICY api_find ON {table};\n")));
    manager.get_connection().execute_unprepared(&sql).await.map(|_| ())
}

/// Policies that speak of the subject's workspaces, with other words for which these are.
fn bounds_of_ours(ours: &str) -> String {
    let of_ours = RULES.iter().filter(|(.., rows)| rows.contains(OURS));
    let mut sql = String::new();
    sql.extend(of_ours.map(|rule| format!("ALTER POLICY {} ON {} {};\n", name(rule), rule.1, bound(rule, ours))));
    sql
}

/// A privilege that a role must have, and the policy that bounds it.
#[derive(Debug)]
pub struct Privilege {
    /// Who; `None` for the owner of the tables, who has all privileges.
    pub role: Option<&'static str>,
    /// On which table.
    pub table: &'static str,
    /// To do what: `SELECT`, `INSERT`, `UPDATE` or `DELETE`.
    pub command: &'static str,
    /// Of which columns alone; empty for all.
    pub columns: Vec<&'static str>,
    /// The statement that gives it.
    pub grant: String,
    /// The name of its policy.
    pub policy: String,
    /// The statement that makes the policy.
    pub create_policy: String,
}

/// Everything the newest schema lets anyone do.
pub fn privileges() -> Vec<Privilege> {
    let finds = FOUND_BY_ID.iter().map(|table| Privilege {
        role: Some(API),
        table,
        command: "SELECT",
        columns: Vec::new(),
        grant: grant(&(To::Api, table, "SELECT", "")),
        policy: "api_find".to_owned(),
        create_policy: finding(table),
    });
    RULES.iter().map(privilege).chain(finds).collect()
}

fn privilege(rule: &Rule) -> Privilege {
    let (to, table, privilege, _) = rule;
    let columns = privilege.split_once('(').map_or("", |(_, columns)| columns.trim_end_matches(')'));
    Privilege {
        role: (!matches!(to, To::Owner)).then(|| holder(*to).1),
        table,
        command: command(privilege),
        columns: columns.split(", ").filter(|column| !column.is_empty()).collect(),
        grant: grant(rule),
        policy: name(rule),
        create_policy: policy(rule, OURS_NOW),
    }
}

/// Takes all of it back.
pub(crate) async fn lift(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut sql = String::new();
    for (to, table, privilege, _) in RULES {
        let (name, role) = holder(*to);
        sql.extend([
            format!("DROP POLICY {name}_{} ON {table};\n", command(privilege).to_lowercase()),
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

fn command(privilege: &'static str) -> &'static str {
    privilege.split(' ').next().unwrap_or(privilege)
}

fn grant((to, table, privilege, _): &Rule) -> String {
    format!("GRANT {privilege} ON {table} TO {}", holder(*to).1)
}

fn name((to, _, privilege, _): &Rule) -> String {
    format!("{}_{}", holder(*to).0, command(privilege).to_lowercase())
}

fn policy(rule: &Rule, ours: &str) -> String {
    let (to, table, privilege, _) = rule;
    let (name, command, holder) = (name(rule), command(privilege), holder(*to).1);
    format!("CREATE POLICY {name} ON {table} AS PERMISSIVE FOR {command} TO {holder} {}", bound(rule, ours))
}

fn bound((_, table, privilege, whose): &Rule, ours: &str) -> String {
    let workspace = if *table == "workspaces" { "id" } else { "workspace_id" };
    let rows = whose.replace(OURS, ours).replace("{workspace}", workspace);
    match command(privilege) {
        "INSERT" => format!("WITH CHECK ({rows})"),
        // Whoever may see a row to change may leave it only where they could see it.
        "UPDATE" => format!("USING ({rows}) WITH CHECK ({rows})"),
        _ => format!("USING ({rows})"),
    }
}

fn finding(table: &str) -> String {
    // A workspace is also looked for by its key.
    let rows = if table == "workspaces" { format!("id = {LOOKED_FOR} OR key = {LOOKED_FOR}") } else { format!("id = {LOOKED_FOR}") };
    format!("CREATE POLICY api_find ON {table} AS PERMISSIVE FOR SELECT TO {API} USING ({rows})")
}
