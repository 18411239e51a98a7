//! Roles of PostgreSQL: what the program is while it reads and writes. None can log in, owns anything, or is above
//! row security. Whoever runs the migrations owns the tables and becomes a member of each.
//!
//! Roles belong to the whole cluster, so another database may have made them already, even at this moment.

use sea_orm_migration::prelude::{ConnectionTrait, DbErr, SchemaManager};

/// Serves members and services of workspaces.
pub(crate) const API: &str = "connectors_api";
/// Runs executions.
pub(crate) const WORKER: &str = "connectors_worker";
/// Looks after the catalogue; sees no workspace.
pub(crate) const ADMIN: &str = "connectors_admin";

/// A login that may not make roles goes on when an administrator made them and it is a member.
const ENSURE: &str = "
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE {role} NOLOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the role {role} is missing and % may not make it; let an administrator run: CREATE ROLE {role} NOLOGIN NOINHERIT; GRANT {role} TO %',
            current_user, quote_ident(current_user);
END $$;
DO $$ BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        GRANT {role} TO CURRENT_USER;
    END IF;
EXCEPTION
    -- given by an administrator, or just now by a migration of another database
    WHEN insufficient_privilege OR unique_violation OR internal_error THEN NULL;
END $$";

/// Makes the roles that are missing.
pub(crate) async fn ensure(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    for role in [API, WORKER, ADMIN] {
        manager.get_connection().execute_unprepared(&ENSURE.replace("{role}", role)).await?;
    }
    Ok(())
}
