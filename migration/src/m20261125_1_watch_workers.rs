//! What workers need to know of each other: how often one was lost with an execution, so that one that keeps ending its
//! process is told from one that was unlucky, and how many executions of a workspace are worked on at one time.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::dialect::run;

/// The step.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const UP: &str = "
ALTER TABLE connector_executions ADD COLUMN recoveries INTEGER NOT NULL DEFAULT 0;
-- how many of a workspace are worked on now
CREATE INDEX connector_executions_leased ON connector_executions (workspace_id) WHERE lease_owner IS NOT NULL;
";

const DOWN: &str = "
DROP INDEX connector_executions_leased;
ALTER TABLE connector_executions DROP COLUMN recoveries;
";

#[async_trait::async_trait]
#[expect(elided_lifetimes_in_paths, reason = "the trait elides it, and an anonymous lifetime would not match")]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, DOWN).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
