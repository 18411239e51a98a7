//! What runs write to contacts. Few runs do, so contacts are written one by one; the ledger goes in with the group.

use sqlx::sqlite::SqliteConnection;

use super::bulk::Rows;
use super::{ContactWrite, NewContact};
use crate::domain::contact::{Contact, FieldChange};
use crate::domain::id::WorkspaceId;
use crate::store::{Error, convert};

const INSERT: &str = "\
INSERT INTO contacts (id, workspace_id, key, email, phone, first_name, last_name, company, attributes, revision, created_at, updated_at) \
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

const UPDATE: &str = "\
UPDATE contacts SET key = ?3, email = ?4, phone = ?5, first_name = ?6, last_name = ?7, company = ?8, attributes = ?9, \
    revision = revision + 1, updated_at = ?12 \
WHERE id = ?1 AND workspace_id = ?2 AND revision = ?10 AND ?11 IS NOT NULL";

pub(super) const INSERT_CHANGES: &str = "\
WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
INSERT INTO contact_field_changes \
    (id, workspace_id, contact_id, execution_id, field, \"before\", \"after\", outcome, reason, confidence, \
     step_path, source, stale_at, occurred_at) \
SELECT v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, v->>8, v->>9, v->>10, v->>11, v->>12, v->>13 FROM j";

/// Says whether the contact could be written; if not, nothing was.
pub(super) async fn write(connection: &mut SqliteConnection, workspace: WorkspaceId, write: &ContactWrite) -> Result<bool, Error> {
    if let Some((contact, revision)) = &write.update
        && run(connection, UPDATE, workspace, contact, *revision).await? == 0
    {
        return Ok(false);
    }
    if let Some(NewContact { contact, unless }) = &write.insert {
        for (field, value) in unless {
            if has_come(connection, workspace, field, value).await? {
                return Ok(false);
            }
        }
        run(connection, INSERT, workspace, contact, contact.revision).await?;
    }
    Ok(true)
}

/// Is there a contact with this value now? The transaction keeps every other writer out.
async fn has_come(connection: &mut SqliteConnection, workspace: WorkspaceId, field: &str, value: &str) -> Result<bool, Error> {
    let sql = match field {
        "email" => "SELECT 1 FROM contacts WHERE workspace_id = ?1 AND email IS NOT NULL AND lower(email) = lower(?2)",
        "phone" => "SELECT 1 FROM contacts WHERE workspace_id = ?1 AND phone = ?2",
        "key" => "SELECT 1 FROM contacts WHERE workspace_id = ?1 AND key = ?2",
        _ => return Ok(false),
    };
    Ok(sqlx::query(sql).bind(workspace.to_string()).bind(value).fetch_optional(connection).await?.is_some())
}

async fn run(
    connection: &mut SqliteConnection,
    sql: &'static str,
    workspace: WorkspaceId,
    contact: &Contact,
    revision: i32,
) -> Result<u64, Error> {
    let query = sqlx::query(sql)
        .bind(contact.id.to_string())
        .bind(workspace.to_string())
        .bind(contact.key.as_deref())
        .bind(contact.email.as_deref())
        .bind(contact.phone.as_deref())
        .bind(contact.first_name.as_deref())
        .bind(contact.last_name.as_deref())
        .bind(contact.company.as_deref())
        .bind(serde_json::to_string(&contact.attributes).map_err(|error| Error::Corrupt { what: error.to_string() })?)
        .bind(revision)
        .bind(convert::time_text(contact.created_at))
        .bind(convert::time_text(contact.updated_at));
    Ok(query.execute(connection).await?.rows_affected())
}

/// Gathers lines of the ledger.
pub(super) fn add_changes(rows: &mut Rows, workspace: WorkspaceId, changes: &[FieldChange]) {
    for change in changes {
        rows.row().text(change.id).text(workspace).maybe_text(change.contact_id).text(change.execution_id).add(&change.field);
        rows.json(&change.before).json(&change.after).add(change.outcome.as_str()).add(&change.reason).add(change.confidence);
        rows.add(&change.step_path).add(&change.source).maybe_time(change.stale_at).time(change.occurred_at);
    }
}
