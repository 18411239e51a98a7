//! Functions and triggers of PostgreSQL.
//!
//! Those marked SECURITY DEFINER run with the owner's rights, so each pins its search path, looks at the settings of
//! the transaction itself or gives away nothing but ids, and may be called by the one role that needs it.

use sea_orm_migration::prelude::{ConnectionTrait, DbErr, SchemaManager};
use sea_orm_migration::sea_orm::Statement;

/// Sets `updated_at` where a statement left it out.
pub(crate) const UPDATE_UPDATED_AT: &str = "
CREATE OR REPLACE FUNCTION update_updated_at_column() RETURNS trigger
LANGUAGE plpgsql SET search_path = {path} AS $$
BEGIN
    NEW.updated_at := date_trunc('milliseconds', clock_timestamp());
    RETURN NEW;
END $$";

/// Counts live executions that ended, for a whole statement at once. Only the worker ends one, so nobody else gets to
/// the update. Connectors are taken in the order of their ids, so that two processes never wait for each other.
pub(crate) const INCREMENT_CONNECTOR_STATS: &str = "
CREATE FUNCTION increment_connector_stats() RETURNS trigger
LANGUAGE plpgsql SET search_path = {path} AS $$
DECLARE
    final CONSTANT text[] := ARRAY['succeeded', 'failed', 'cancelled', 'timed_out', 'expired'];
BEGIN
    IF NOT EXISTS (
        SELECT FROM after_update AS n JOIN before_update AS o USING (id)
        WHERE n.status = ANY (final) AND NOT o.status = ANY (final)
    ) THEN
        RETURN NULL;
    END IF;
    UPDATE connectors AS c SET
        run_count = c.run_count + e.runs,
        success_count = c.success_count + e.successes,
        failure_count = c.failure_count + e.failures,
        last_run_at = GREATEST(c.last_run_at, e.last)
    FROM (
        SELECT n.workspace_id, n.connector_id, count(*) AS runs,
            count(*) FILTER (WHERE n.status = 'succeeded') AS successes,
            count(*) FILTER (WHERE n.status IN ('failed', 'timed_out')) AS failures,
            max(n.finished_at) AS last
        FROM after_update AS n JOIN before_update AS o USING (id)
        WHERE n.kind = 'live' AND n.status = ANY (final) AND NOT o.status = ANY (final)
        GROUP BY n.workspace_id, n.connector_id ORDER BY n.connector_id
    ) AS e
    WHERE c.workspace_id = e.workspace_id AND c.id = e.connector_id;
    RETURN NULL;
END $$;
CREATE TRIGGER connector_executions_stats AFTER UPDATE ON connector_executions
REFERENCING OLD TABLE AS before_update NEW TABLE AS after_update
FOR EACH STATEMENT EXECUTE FUNCTION increment_connector_stats()";

/// Counts an installation of a template, which the installing member may not change otherwise.
pub(crate) const COUNT_INSTALLATION: &str = "
CREATE FUNCTION count_installation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {path} AS $$
BEGIN
    UPDATE connector_templates SET install_count = install_count + 1 WHERE id = NEW.template_id;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION count_installation() FROM PUBLIC;
CREATE TRIGGER connectors_installation AFTER INSERT ON connectors
FOR EACH ROW WHEN (NEW.template_id IS NOT NULL) EXECUTE FUNCTION count_installation()";

/// The workspaces the transaction may touch: those of its subject, or the one it named if that is among them.
/// A service belongs to whichever workspace it named.
pub(crate) const WORKSPACES: &str = "
CREATE FUNCTION app_workspaces() RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {path} AS $$
    SELECT CASE
        WHEN current_setting('app.caller', true) = 'service' THEN ARRAY[NULLIF(current_setting('app.workspace_id', true), '')]
        ELSE (
            SELECT array_agg(workspace_id) FROM workspace_members
            WHERE subject = NULLIF(current_setting('app.subject', true), '')
              AND workspace_id = COALESCE(NULLIF(current_setting('app.workspace_id', true), ''), workspace_id)
        )
    END
$$;
REVOKE ALL ON FUNCTION app_workspaces() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app_workspaces() TO connectors_api";

/// Was the workspace made by this very transaction, and has it no member yet? Then its first owner may be named.
pub(crate) const IS_NEW_WORKSPACE: &str = "
CREATE FUNCTION app_is_new_workspace(workspace text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {path} AS $$
    SELECT EXISTS (SELECT FROM workspaces WHERE id = workspace AND xmin = pg_current_xact_id()::xid)
       AND NOT EXISTS (SELECT FROM workspace_members WHERE workspace_id = workspace)
$$;
REVOKE ALL ON FUNCTION app_is_new_workspace(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app_is_new_workspace(text) TO connectors_api";

/// Is the subject a SaaS admin at this moment, or is it the server itself?
pub(crate) const IS_SAAS_ADMIN: &str = "
CREATE FUNCTION app_is_saas_admin() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {path} AS $$
    SELECT COALESCE(current_setting('app.caller', true), '') = 'server'
        OR EXISTS (SELECT FROM saas_admin_users WHERE subject = NULLIF(current_setting('app.subject', true), ''))
$$;
REVOKE ALL ON FUNCTION app_is_saas_admin() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app_is_saas_admin() TO connectors_admin";

/// Executions of all workspaces that nobody works on and someone should, oldest first: their ids alone.
/// Leases are judged by the clock of the database, waiting by that of whoever asks, who set it.
pub(crate) const DUE: &str = "
CREATE FUNCTION app_due(moment timestamptz, most bigint) RETURNS TABLE (id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {path} AS $$
    SELECT e.id FROM connector_executions AS e
    WHERE e.status IN ('queued', 'running', 'waiting', 'cancelling')
      AND (e.lease_until IS NULL OR e.lease_until <= statement_timestamp())
      AND (e.status <> 'waiting' OR e.wake_at IS NULL OR e.wake_at <= moment)
    ORDER BY e.queued_at, e.id LIMIT most
$$;
REVOKE ALL ON FUNCTION app_due(timestamptz, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app_due(timestamptz, bigint) TO connectors_worker";

/// The earliest instant at which a waiting execution of any workspace goes on.
pub(crate) const NEXT_WAKE: &str = "
CREATE FUNCTION app_next_wake() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {path} AS $$
    SELECT min(wake_at) FROM connector_executions WHERE wake_at IS NOT NULL
$$;
REVOKE ALL ON FUNCTION app_next_wake() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app_next_wake() TO connectors_worker";

/// The workspaces of executions someone wants to work on.
pub(crate) const CLAIM_WORKSPACES: &str = "
CREATE FUNCTION app_claim_workspaces(ids text[]) RETURNS TABLE (workspace_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {path} AS $$
    SELECT DISTINCT e.workspace_id FROM connector_executions AS e
    WHERE e.id = ANY (ids) AND e.status IN ('queued', 'running', 'waiting', 'cancelling')
$$;
REVOKE ALL ON FUNCTION app_claim_workspaces(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app_claim_workspaces(text[]) TO connectors_worker";

/// Makes a function; its search path is the schema the tables are in and nothing a caller could add to.
pub(crate) async fn create(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let ask = Statement::from_string(manager.get_database_backend(), "SELECT quote_ident(current_schema()) AS schema");
    let row = connection.query_one_raw(ask).await?.ok_or_else(|| DbErr::Migration("no schema to make tables in".to_owned()))?;
    let schema: Option<String> = row.try_get("", "schema")?;
    let schema = schema.ok_or_else(|| DbErr::Migration("the search path names no schema that exists".to_owned()))?;
    connection.execute_unprepared(&sql.replace("{path}", &format!("pg_catalog, {schema}, pg_temp"))).await.map(|_| ())
}
