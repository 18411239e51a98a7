//! Indexes for orders and filters of lists that had none: without them a page sorts what its workspace has, or walks past it.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::dialect::{is_postgres, run};

/// The step.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// What stands for never, in the words of the list's query: the index on it fits the same words alone.
fn up(never: &str) -> String {
    format!(
        "-- connectors by age\n\
         CREATE INDEX connectors_by_created_at ON connectors (workspace_id, created_at, id);\n\
         -- connectors by their last run; those never run are the oldest\n\
         CREATE INDEX connectors_by_last_run_at ON connectors (workspace_id, coalesce(last_run_at, {never}), id);"
    )
}

/// SQLite walks along the index of the order, since it does not know which words are rare.
const POSTGRES: &str = r#"
-- a workspace's tests, newest first: few among its live runs
CREATE INDEX connector_executions_tests ON connector_executions (workspace_id, id) WHERE kind = 'test';
-- a workspace's executions set going in some way, newest first
CREATE INDEX connector_executions_by_trigger ON connector_executions (workspace_id, "trigger", id);
"#;

const POSTGRES_DOWN: &str = "
DROP INDEX connector_executions_by_trigger;
DROP INDEX connector_executions_tests;
";

const DOWN: &str = "
DROP INDEX connectors_by_last_run_at;
DROP INDEX connectors_by_created_at;
";

#[async_trait::async_trait]
#[expect(elided_lifetimes_in_paths, reason = "the trait elides it, and an anonymous lifetime would not match")]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let never = if is_postgres(manager) { "'1970-01-01 00:00:00+00'::timestamptz" } else { "'1970-01-01T00:00:00+00:00'" };
        run(manager, &up(never)).await?;
        if is_postgres(manager) { run(manager, POSTGRES).await } else { Ok(()) }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            run(manager, POSTGRES_DOWN).await?;
        }
        run(manager, DOWN).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
