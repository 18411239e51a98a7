//! Executions, their steps and their log lines.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::dialect::{drop, run};

/// The step.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: &str = r#"
CREATE TABLE connector_executions (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('live', 'test')),
    status TEXT NOT NULL CHECK (status IN
        ('queued', 'running', 'waiting', 'cancelling', 'succeeded', 'failed', 'cancelled', 'timed_out', 'expired')),
    revision INTEGER NOT NULL,
    -- connector, version and contact without foreign keys: an execution outlives what it ran
    connector_id TEXT,
    version_id TEXT,
    "trigger" TEXT NOT NULL CHECK ("trigger" IN ('manual', 'api', 'flow', 'test')),
    started_by TEXT NOT NULL,
    contact_id TEXT,
    tags {json} NOT NULL,
    input {json} NOT NULL,
    output {json},
    result TEXT,
    cost DOUBLE PRECISION NOT NULL,
    error {json},
    config {json} NOT NULL,
    bindings {json} NOT NULL,
    definition {json},
    options {json},
    idempotency_key TEXT,
    idempotency_hash TEXT,
    warning_count INTEGER NOT NULL,
    finished_steps INTEGER NOT NULL,
    total_steps INTEGER NOT NULL,
    current_step_path TEXT,
    last_log_sequence INTEGER NOT NULL,
    cancel_requested BOOLEAN NOT NULL,
    lease_owner TEXT,
    lease_until {time},
    fence BIGINT NOT NULL DEFAULT 0,
    wake_at {time},
    queued_at {time} NOT NULL,
    started_at {time},
    finished_at {time},
    expires_at {time},
    CHECK ((idempotency_key IS NULL) = (idempotency_hash IS NULL)),
    -- a workspace's executions, newest first: ids sort by age
    UNIQUE (workspace_id, id)
);
-- a connector's executions, newest first
CREATE INDEX connector_executions_by_connector ON connector_executions (workspace_id, connector_id, id);
-- a contact's executions, newest first
CREATE INDEX connector_executions_by_contact ON connector_executions (workspace_id, contact_id, id) WHERE contact_id IS NOT NULL;
-- a repeated request
CREATE UNIQUE INDEX connector_executions_by_idempotency ON connector_executions (workspace_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
-- what is due, oldest first; finished rows cost nothing here
CREATE INDEX connector_executions_unfinished ON connector_executions (queued_at, id)
    WHERE status IN ('queued', 'running', 'waiting', 'cancelling');
-- the next instant at which something is due
CREATE INDEX connector_executions_by_wake_at ON connector_executions (wake_at) WHERE wake_at IS NOT NULL;

CREATE TABLE execution_steps (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    path TEXT NOT NULL,
    position INTEGER NOT NULL,
    title TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('running', 'retrying', 'succeeded', 'failed', 'skipped', 'cancelled')),
    started_at {time},
    finished_at {time},
    attempts {json} NOT NULL,
    cost DOUBLE PRECISION NOT NULL,
    output {json},
    error {json},
    skip_reason TEXT,
    FOREIGN KEY (workspace_id, execution_id) REFERENCES connector_executions (workspace_id, id) ON DELETE CASCADE,
    -- the steps of an execution, and the upsert of one
    UNIQUE (execution_id, path)
);

CREATE TABLE execution_logs (
    workspace_id TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    logged_at {time} NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('debug', 'info', 'warn', 'error')),
    kind TEXT NOT NULL CHECK (kind IN ('lifecycle', 'http', 'data', 'mapping', 'user')),
    message TEXT NOT NULL,
    step_path TEXT,
    attempt INTEGER,
    fields {json},
    -- replay of the lines after a sequence
    PRIMARY KEY (execution_id, sequence),
    FOREIGN KEY (workspace_id, execution_id) REFERENCES connector_executions (workspace_id, id) ON DELETE CASCADE
) {compact};
"#;

#[async_trait::async_trait]
#[expect(elided_lifetimes_in_paths, reason = "the trait elides it, and an anonymous lifetime would not match")]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, TABLES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["execution_logs", "execution_steps", "connector_executions"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
