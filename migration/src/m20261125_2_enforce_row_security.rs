//! The wall inside PostgreSQL: roles, row security, and the functions and indexes that go with them.
//!
//! SQLite knows neither roles nor policies; there this step only has installations counted by a trigger, as here.

use sea_orm_migration::prelude::{ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::dialect::{is_postgres, run};
use crate::{functions, rls, roles};

/// The step.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const FUNCTIONS: [&str; 8] = [
    functions::INCREMENT_CONNECTOR_STATS,
    functions::COUNT_INSTALLATION,
    functions::WORKSPACES,
    functions::IS_NEW_WORKSPACE,
    functions::IS_SAAS_ADMIN,
    functions::DUE,
    functions::NEXT_WAKE,
    functions::CLAIM_WORKSPACES,
];

/// Below a policy only conditions that cannot leak rows use an index, which calls such as `lower` do not count as, so
/// the lower-case address is a column of its own. Every key of a tenant's table begins with its workspace.
const KEYS: &str = r"
ALTER TABLE execution_steps DROP CONSTRAINT execution_steps_execution_id_path_key;
-- the steps of an execution, and the upsert of one
ALTER TABLE execution_steps ADD UNIQUE (workspace_id, execution_id, path);
ALTER TABLE execution_logs DROP CONSTRAINT execution_logs_pkey;
-- replay of the lines after a sequence
ALTER TABLE execution_logs ADD PRIMARY KEY (workspace_id, execution_id, sequence);
DROP INDEX contacts_by_email;
ALTER TABLE contacts ADD COLUMN email_key TEXT GENERATED ALWAYS AS (lower(email)) STORED;
-- one contact by e-mail address, whatever its case
CREATE INDEX contacts_by_email_key ON contacts (workspace_id, email_key, id) WHERE email_key IS NOT NULL;
-- a workspace's executions in some states, newest first
CREATE INDEX connector_executions_by_status ON connector_executions (workspace_id, status, id);
-- a workspace's executions of a stretch of time
CREATE INDEX connector_executions_by_queued_at ON connector_executions (workspace_id, queued_at, id);
";

const OLD_KEYS: &str = r"
DROP INDEX connector_executions_by_queued_at;
DROP INDEX connector_executions_by_status;
ALTER TABLE contacts DROP COLUMN email_key;
CREATE INDEX contacts_by_email ON contacts (workspace_id, lower(email), id) WHERE email IS NOT NULL;
ALTER TABLE execution_logs DROP CONSTRAINT execution_logs_pkey;
ALTER TABLE execution_logs ADD PRIMARY KEY (execution_id, sequence);
ALTER TABLE execution_steps DROP CONSTRAINT execution_steps_workspace_id_execution_id_path_key;
ALTER TABLE execution_steps ADD UNIQUE (execution_id, path);
";

const DROP_FUNCTIONS: &str = "
DROP FUNCTION app_claim_workspaces(text[]), app_next_wake(), app_due(timestamptz, bigint), app_is_saas_admin(),
    app_is_new_workspace(text), app_workspaces();
DROP FUNCTION count_installation(), increment_connector_stats() CASCADE";

const COUNT_INSTALLATION: &str = "
CREATE TRIGGER connectors_installation AFTER INSERT ON connectors FOR EACH ROW WHEN NEW.template_id IS NOT NULL
BEGIN UPDATE connector_templates SET install_count = install_count + 1 WHERE id = NEW.template_id; END";

#[async_trait::async_trait]
#[expect(elided_lifetimes_in_paths, reason = "the trait elides it, and an anonymous lifetime would not match")]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return run(manager, COUNT_INSTALLATION).await;
        }
        roles::ensure(manager).await?;
        run(manager, KEYS).await?;
        for function in FUNCTIONS {
            functions::create(manager, function).await?;
        }
        rls::enforce(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return run(manager, "DROP TRIGGER connectors_installation").await;
        }
        rls::lift(manager).await?;
        manager.get_connection().execute_unprepared(DROP_FUNCTIONS).await?;
        run(manager, OLD_KEYS).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
