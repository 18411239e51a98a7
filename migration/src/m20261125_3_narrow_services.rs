//! A service that names no workspace passes no policy but for the one row it says it looks for. Before, it passed them all.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::dialect::is_postgres;
use crate::{functions, rls};

/// The step.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// A service belongs to whichever workspace it named; one that named none belongs where it is a member, as everyone.
pub(crate) const WORKSPACES: &str = "
CREATE OR REPLACE FUNCTION app_workspaces() RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {path} AS $$
    SELECT CASE
        WHEN current_setting('app.caller', true) = 'service' AND current_setting('app.workspace_id', true) <> ''
            THEN ARRAY[current_setting('app.workspace_id', true)]
        ELSE (
            SELECT array_agg(workspace_id) FROM workspace_members
            WHERE subject = NULLIF(current_setting('app.subject', true), '')
              AND workspace_id = COALESCE(NULLIF(current_setting('app.workspace_id', true), ''), workspace_id)
        )
    END
$$";

#[async_trait::async_trait]
#[expect(elided_lifetimes_in_paths, reason = "the trait elides it, and an anonymous lifetime would not match")]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return Ok(());
        }
        functions::create(manager, WORKSPACES).await?;
        rls::narrow(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return Ok(());
        }
        rls::widen(manager).await?;
        functions::create(manager, &functions::WORKSPACES.replacen("CREATE", "CREATE OR REPLACE", 1)).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
