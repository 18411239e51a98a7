//! Steps within steps: which step holds which, what one wants to know of itself when its run is taken up again, and
//! whether its result came from the cache.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::dialect::run;

/// The step.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const UP: &str = "
ALTER TABLE execution_steps ADD COLUMN parent_path TEXT;
ALTER TABLE execution_steps ADD COLUMN memory {json};
ALTER TABLE execution_steps ADD COLUMN cached BOOLEAN NOT NULL DEFAULT FALSE;
-- the top steps of an execution, and pages of those within a step
CREATE INDEX execution_steps_by_parent ON execution_steps (execution_id, parent_path, position, id);
";

const DOWN: &str = "
DROP INDEX execution_steps_by_parent;
ALTER TABLE execution_steps DROP COLUMN parent_path;
ALTER TABLE execution_steps DROP COLUMN memory;
ALTER TABLE execution_steps DROP COLUMN cached;
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
