//! The function that policies ask keeps its plan. In plain SQL it is planned anew for each statement, which takes longer
//! than many a statement it is asked for.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::dialect::is_postgres;
use crate::{functions, m20261125_3_narrow_services};

/// The step.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Says the same as the one before it.
const WORKSPACES: &str = "
CREATE OR REPLACE FUNCTION app_workspaces() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = {path} AS $$
BEGIN
    IF current_setting('app.caller', true) = 'service' AND current_setting('app.workspace_id', true) <> '' THEN
        RETURN ARRAY[current_setting('app.workspace_id', true)];
    END IF;
    RETURN (
        SELECT array_agg(workspace_id) FROM workspace_members
        WHERE subject = NULLIF(current_setting('app.subject', true), '')
          AND workspace_id = COALESCE(NULLIF(current_setting('app.workspace_id', true), ''), workspace_id)
    );
END
$$";

#[async_trait::async_trait]
#[expect(elided_lifetimes_in_paths, reason = "the trait elides it, and an anonymous lifetime would not match")]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) { functions::create(manager, WORKSPACES).await } else { Ok(()) }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) { functions::create(manager, m20261125_3_narrow_services::WORKSPACES).await } else { Ok(()) }
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
