//! Workspaces, their members, and the people who look after templates.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::dialect::{drop, keep_updated_at, run};

/// The step.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: &str = r"
CREATE TABLE workspaces (
    id TEXT NOT NULL PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    max_concurrent_executions INTEGER NOT NULL CHECK (max_concurrent_executions >= 0),
    last_execution_number BIGINT NOT NULL DEFAULT 0,
    created_at {time} NOT NULL,
    updated_at {time} NOT NULL
);

CREATE TABLE workspace_members (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    subject TEXT NOT NULL,
    display_name TEXT,
    email TEXT,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'editor', 'admin', 'owner')),
    added_by TEXT,
    created_at {time} NOT NULL,
    updated_at {time} NOT NULL DEFAULT ({now}),
    UNIQUE (workspace_id, id),
    -- access of a subject to one workspace: read by nearly every operation
    UNIQUE (workspace_id, subject)
);
-- the workspaces of a subject
CREATE INDEX workspace_members_by_subject ON workspace_members (subject, workspace_id);

CREATE TABLE saas_admin_users (
    id TEXT NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL UNIQUE,
    display_name TEXT,
    role TEXT NOT NULL CHECK (role IN ('reviewer', 'publisher', 'owner')),
    created_at {time} NOT NULL,
    updated_at {time} NOT NULL DEFAULT ({now})
);
";

#[async_trait::async_trait]
#[expect(elided_lifetimes_in_paths, reason = "the trait elides it, and an anonymous lifetime would not match")]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, TABLES).await?;
        keep_updated_at(manager, "workspaces", "key, name, revision, max_concurrent_executions").await?;
        keep_updated_at(manager, "workspace_members", "subject, display_name, email, role, added_by").await?;
        keep_updated_at(manager, "saas_admin_users", "subject, display_name, role").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["saas_admin_users", "workspace_members", "workspaces"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
