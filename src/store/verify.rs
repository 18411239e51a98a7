//! Looks at a PostgreSQL server before anything is served: does the wall inside it stand? Every finding says what to do.

use connectors_migration::{Privilege, privileges};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, TransactionTrait};
use serde_json::json;

use super::{Engine, Error, Store};

/// What transactions become.
const ROLES: [&str; 3] = ["connectors_api", "connectors_worker", "connectors_admin"];

/// Roles that are missing, above row security, owners of anything, or members of anything.
const WEAK_ROLES: &str = "
SELECT wanted.name, CASE
    WHEN r.oid IS NULL THEN 'does not exist; run CREATE ROLE ' || wanted.name || ' NOLOGIN NOINHERIT, then GRANT ' || wanted.name || ' TO ' || quote_ident(current_user)
    WHEN r.rolsuper THEN 'is a superuser; run ALTER ROLE ' || wanted.name || ' NOSUPERUSER'
    WHEN r.rolbypassrls THEN 'bypasses row security; run ALTER ROLE ' || wanted.name || ' NOBYPASSRLS'
    WHEN r.rolcanlogin THEN 'can log in by itself; run ALTER ROLE ' || wanted.name || ' NOLOGIN'
    WHEN EXISTS (SELECT FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = r.oid AND deptype = 'o')
        THEN 'owns something; run REASSIGN OWNED BY ' || wanted.name || ' TO the owner of the database'
    WHEN EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid)
        THEN 'is a member of another role; revoke that from ' || wanted.name
    WHEN NOT pg_has_role(current_user, r.oid, 'MEMBER')
        THEN 'cannot be taken by ' || current_user || '; run GRANT ' || wanted.name || ' TO ' || quote_ident(current_user)
    END AS finding
FROM unnest(string_to_array($1, ',')) AS wanted(name) LEFT JOIN pg_roles AS r ON r.rolname = wanted.name";

/// Privileges the program needs and does not have, and their policies.
const MISSING: &str = "
WITH wanted AS (
    SELECT w.*, to_regclass(quote_ident(w.tab)) AS relation FROM jsonb_to_recordset($1) AS w (
        role text, tab text, command text, columns jsonb, privilege text, policy text, policy_sql text)
)
SELECT tab AS name, 'lacks the policy ' || policy || '; run ' || policy_sql AS finding FROM wanted
WHERE NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = relation AND polname = policy)
UNION
SELECT tab, 'may not be used by ' || role || ' for ' || command || '; run ' || privilege FROM wanted
WHERE role IS NOT NULL AND NOT CASE
    WHEN columns = '[]' THEN has_table_privilege(role, relation, command)
    ELSE (SELECT bool_and(has_column_privilege(role, relation, name, command)) FROM jsonb_array_elements_text(columns) AS c (name))
END";

/// Tables without forced row security, privileges without a policy or past all policies, and policies for everyone.
const OPEN_TABLES: &str = "
WITH tables AS (
    SELECT oid, relname, relrowsecurity, relforcerowsecurity FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relname <> 'seaql_migrations'
), roles AS (
    SELECT oid, rolname FROM pg_roles WHERE rolname = ANY (string_to_array($1, ','))
), privileges (privilege, command) AS (
    VALUES ('SELECT', 'r'::\"char\"), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd')
)
SELECT relname AS name, 'has no forced row security; run ALTER TABLE ' || relname || ' ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY'
    AS finding
FROM tables WHERE NOT (relrowsecurity AND relforcerowsecurity)
UNION ALL
SELECT t.relname, 'has no ' || p.privilege || ' policy for ' || r.rolname || ', which may do that; run REVOKE ' || p.privilege
    || ' ON ' || t.relname || ' FROM ' || r.rolname
FROM tables AS t, roles AS r, privileges AS p
WHERE (has_table_privilege(r.oid, t.oid, p.privilege)
       OR CASE WHEN p.privilege <> 'DELETE' THEN has_any_column_privilege(r.oid, t.oid, p.privilege) ELSE false END)
  AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = t.oid AND polcmd IN (p.command, '*') AND r.oid = ANY (polroles))
UNION ALL
SELECT t.relname, 'lets ' || r.rolname || ' pass row security by ' || p.privilege || '; run REVOKE ' || p.privilege
    || ' ON ' || t.relname || ' FROM ' || r.rolname
FROM tables AS t, roles AS r, (VALUES ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')) AS p (privilege)
WHERE has_table_privilege(r.oid, t.oid, p.privilege)
UNION ALL
SELECT t.relname, 'has the policy ' || polname || ' for everyone; run DROP POLICY ' || polname || ' ON ' || t.relname
FROM tables AS t JOIN pg_policy ON polrelid = t.oid WHERE 0 = ANY (polroles)";

/// Tables that the role, once taken, sees without row security.
const INACTIVE: &str = "
SELECT relname AS name, 'is not under row security for ' || current_user || '; see row_security in the server''s settings' AS finding
FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relname <> 'seaql_migrations'
  AND NOT row_security_active(oid)";

/// Is the login itself above row security?
const ABOVE: &str = "SELECT rolname AS name, '' AS finding FROM pg_roles WHERE rolname = session_user AND (rolsuper OR rolbypassrls)";

impl Store {
    /// Does the database hold what this program relies on? On SQLite there is nothing to look at.
    ///
    /// # Errors
    /// [`Error::Refused`] with everything that is wrong and how to put it right.
    pub async fn verify(&self) -> Result<(), Error> {
        let Engine::Postgres { pool, .. } = &self.inner.engine else { return Ok(()) };
        refuse("role", &look(pool, WEAK_ROLES, Some(ROLES.join(",").into())).await?)?;
        refuse("table", &look(pool, MISSING, Some(needed().into())).await?)?;
        refuse("table", &look(pool, OPEN_TABLES, Some(ROLES.join(",").into())).await?)?;
        for role in ROLES {
            let transaction = pool.begin().await?;
            transaction.execute_unprepared(&format!("SET LOCAL ROLE {role}")).await.map_err(|error| {
                Error::Refused(format!("the role {role} cannot be taken ({error}); run GRANT {role} TO the login of `database.url`"))
            })?;
            refuse("table", &look(&transaction, INACTIVE, None).await?)?;
        }
        if let Some((login, _)) = look(pool, ABOVE, None).await?.pop() {
            tracing::warn!(
                login,
                "the login is above row security until it takes a role; give the server a login of its own, see docs/operations.md"
            );
        }
        Ok(())
    }
}

/// What the program needs, as rows.
fn needed() -> serde_json::Value {
    let row = |of: Privilege| {
        json!({ "role": of.role, "tab": of.table, "command": of.command, "columns": of.columns, "privilege": of.grant,
                "policy": of.policy, "policy_sql": of.create_policy })
    };
    privileges().into_iter().map(row).collect()
}

/// Names and findings; a name without a finding is in order.
async fn look(connection: &impl ConnectionTrait, sql: &str, about: Option<sea_orm::Value>) -> Result<Vec<(String, String)>, Error> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, about);
    let found = |row: &QueryResult| Ok::<_, Error>((row.try_get("", "name")?, row.try_get::<Option<String>>("", "finding")?));
    let rows = connection.query_all_raw(statement).await?.iter().map(found).collect::<Result<Vec<_>, _>>()?;
    Ok(rows.into_iter().filter_map(|(name, finding)| Some((name, finding?))).collect())
}

fn refuse(kind: &str, findings: &[(String, String)]) -> Result<(), Error> {
    if findings.is_empty() {
        return Ok(());
    }
    let each: Vec<String> = findings.iter().map(|(name, finding)| format!("the {kind} {name} {finding}")).collect();
    Err(Error::Refused(each.join("; ")))
}
