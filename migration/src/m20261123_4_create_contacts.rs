//! Contacts, and the ledger of what was written to their fields.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::dialect::{drop, keep_updated_at, run};

/// The step.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: &str = r#"
CREATE TABLE contacts (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    key TEXT,
    email TEXT,
    phone TEXT,
    first_name TEXT,
    last_name TEXT,
    company TEXT,
    attributes {json} NOT NULL,
    revision INTEGER NOT NULL,
    created_at {time} NOT NULL,
    updated_at {time} NOT NULL,
    -- the list of contacts, newest first: ids sort by age
    UNIQUE (workspace_id, id),
    -- one contact by its key
    UNIQUE (workspace_id, key)
);
-- one contact by e-mail address, whatever its case
CREATE INDEX contacts_by_email ON contacts (workspace_id, lower(email), id) WHERE email IS NOT NULL;
-- one contact by phone number
CREATE INDEX contacts_by_phone ON contacts (workspace_id, phone, id) WHERE phone IS NOT NULL;

CREATE TABLE contact_field_changes (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    contact_id TEXT,
    -- no foreign key: where a value came from stays known after the run is cleared away
    execution_id TEXT NOT NULL,
    field TEXT NOT NULL,
    "before" {json} NOT NULL,
    "after" {json} NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('written', 'unchanged', 'kept', 'empty', 'rejected', 'dry_run')),
    reason TEXT,
    confidence DOUBLE PRECISION,
    step_path TEXT,
    source TEXT,
    stale_at {time},
    occurred_at {time} NOT NULL,
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id) ON DELETE CASCADE
);
-- the changes of a contact, newest first
CREATE INDEX contact_field_changes_by_contact ON contact_field_changes (workspace_id, contact_id, id);
-- the newest written change of each field of a contact
CREATE INDEX contact_field_changes_written ON contact_field_changes (workspace_id, contact_id, field, id) WHERE outcome = 'written';
-- the changes made by an execution
CREATE INDEX contact_field_changes_by_execution ON contact_field_changes (workspace_id, execution_id, id);
"#;

#[async_trait::async_trait]
#[expect(elided_lifetimes_in_paths, reason = "the trait elides it, and an anonymous lifetime would not match")]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, TABLES).await?;
        keep_updated_at(manager, "contacts", "key, email, phone, first_name, last_name, company, attributes, revision").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["contact_field_changes", "contacts"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
