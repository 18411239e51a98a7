//! What runs write to contacts. Few runs do, so contacts are written one by one; the ledger goes in with the group.

use super::bulk::Rows;
use super::session::{Session, Sql};
use super::{ContactWrite, NewContact};
use crate::domain::contact::{Contact, FieldChange};
use crate::domain::id::WorkspaceId;
use crate::store::Error;

const INSERT: Sql = Sql {
    sqlite: "\
        WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
        INSERT INTO contacts \
            (id, workspace_id, key, email, phone, first_name, last_name, company, attributes, revision, created_at, updated_at) \
        SELECT v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, v->>8, v->>9, v->>10, v->>11 FROM j",
    postgres: "\
        INSERT INTO contacts \
            (id, workspace_id, key, email, phone, first_name, last_name, company, attributes, revision, created_at, updated_at) \
        SELECT v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, (v->>8)::jsonb, (v->>9)::integer, \
            (v->>10)::timestamptz, (v->>11)::timestamptz \
        FROM jsonb_array_elements($1::jsonb) AS j(v)",
};

const UPDATE: Sql = Sql {
    sqlite: "\
        WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
        UPDATE contacts AS c SET key = v->>2, email = v->>3, phone = v->>4, first_name = v->>5, last_name = v->>6, company = v->>7, \
            attributes = v->>8, revision = revision + 1, updated_at = v->>11 \
        FROM j WHERE c.id = v->>0 AND c.workspace_id = v->>1 AND c.revision = v->>9",
    postgres: "\
        WITH j AS MATERIALIZED ( \
            SELECT v->>0 AS id, v->>1 AS workspace, (v->>9)::integer AS revision, v FROM jsonb_array_elements($1::jsonb) AS a(v)) \
        UPDATE contacts AS c SET key = v->>2, email = v->>3, phone = v->>4, first_name = v->>5, last_name = v->>6, company = v->>7, \
            attributes = (v->>8)::jsonb, revision = c.revision + 1, updated_at = (v->>11)::timestamptz \
        FROM j WHERE c.id = j.id AND c.workspace_id = j.workspace AND c.revision = j.revision",
};

const WAIT: Sql =
    Sql { sqlite: "", postgres: "SELECT pg_advisory_xact_lock(hashtextextended(v::text, 0)) FROM jsonb_array_elements($1::jsonb) AS j(v)" };

const BY_EMAIL: Sql = Sql {
    sqlite: "\
        WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
        SELECT 1 FROM j JOIN contacts AS c ON c.workspace_id = v->>0 AND c.email IS NOT NULL AND lower(c.email) = v->>1",
    postgres: "\
        WITH j AS MATERIALIZED (SELECT v->>0 AS workspace, v->>1 AS value FROM jsonb_array_elements($1::jsonb) AS a(v)) \
        SELECT 1 FROM j JOIN contacts AS c ON c.workspace_id = j.workspace AND c.email_key = j.value",
};

const BY_PHONE: Sql = Sql {
    sqlite: "\
        WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
        SELECT 1 FROM j JOIN contacts AS c ON c.workspace_id = v->>0 AND c.phone = v->>1",
    postgres: "\
        WITH j AS MATERIALIZED (SELECT v->>0 AS workspace, v->>1 AS value FROM jsonb_array_elements($1::jsonb) AS a(v)) \
        SELECT 1 FROM j JOIN contacts AS c ON c.workspace_id = j.workspace AND c.phone = j.value",
};

const BY_KEY: Sql = Sql {
    sqlite: "\
        WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
        SELECT 1 FROM j JOIN contacts AS c ON c.workspace_id = v->>0 AND c.key = v->>1",
    postgres: "\
        WITH j AS MATERIALIZED (SELECT v->>0 AS workspace, v->>1 AS value FROM jsonb_array_elements($1::jsonb) AS a(v)) \
        SELECT 1 FROM j JOIN contacts AS c ON c.workspace_id = j.workspace AND c.key = j.value",
};

pub(super) const INSERT_CHANGES: Sql = Sql {
    sqlite: "\
        WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
        INSERT INTO contact_field_changes \
            (id, workspace_id, contact_id, execution_id, field, \"before\", \"after\", outcome, reason, confidence, \
             step_path, source, stale_at, occurred_at) \
        SELECT v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, v->>8, v->>9, v->>10, v->>11, v->>12, v->>13 FROM j",
    postgres: "\
        INSERT INTO contact_field_changes \
            (id, workspace_id, contact_id, execution_id, field, \"before\", \"after\", outcome, reason, confidence, \
             step_path, source, stale_at, occurred_at) \
        SELECT v->>0, v->>1, v->>2, v->>3, v->>4, (v->>5)::jsonb, (v->>6)::jsonb, v->>7, v->>8, (v->>9)::double precision, \
            v->>10, v->>11, (v->>12)::timestamptz, (v->>13)::timestamptz \
        FROM jsonb_array_elements($1::jsonb) AS j(v)",
};

/// Says whether the contact could be written; if not, nothing was.
pub(super) async fn write(session: &mut Session<'_>, workspace: WorkspaceId, write: &ContactWrite) -> Result<bool, Error> {
    if let Some((contact, revision)) = &write.update
        && row(session, workspace, contact, *revision).execute(session, UPDATE).await? == 0
    {
        return Ok(false);
    }
    if let Some(NewContact { contact, unless }) = &write.insert {
        for (field, value) in unless {
            if has_come(session, workspace, field, value).await? {
                return Ok(false);
            }
        }
        row(session, workspace, contact, contact.revision).execute(session, INSERT).await?;
    }
    Ok(true)
}

/// Is there a contact with this value now? On SQLite the transaction keeps every other writer out; on PostgreSQL whoever
/// looks for the same value waits until this transaction ends.
async fn has_come(session: &mut Session<'_>, workspace: WorkspaceId, field: &str, value: &str) -> Result<bool, Error> {
    let (sql, value) = match field {
        "email" => (BY_EMAIL, value.to_ascii_lowercase()),
        "phone" => (BY_PHONE, value.to_owned()),
        "key" => (BY_KEY, value.to_owned()),
        _ => return Ok(false),
    };
    let rows = |session: &Session<'_>| {
        let mut rows = Rows::of(session);
        rows.row().text(workspace).add(&value).add(field);
        rows
    };
    if session.is_postgres() {
        rows(session).execute(session, WAIT).await?;
    }
    Ok(!rows(session).fetch(session, sql).await?.is_empty())
}

fn row(session: &Session<'_>, workspace: WorkspaceId, contact: &Contact, revision: i32) -> Rows {
    let mut rows = Rows::of(session);
    rows.row().text(contact.id).text(workspace).add(&contact.key).add(&contact.email).add(&contact.phone);
    rows.add(&contact.first_name).add(&contact.last_name).add(&contact.company).json(&contact.attributes).add(revision);
    rows.time(contact.created_at).time(contact.updated_at);
    rows
}

/// Gathers lines of the ledger.
pub(super) fn add_changes(rows: &mut Rows, workspace: WorkspaceId, changes: &[FieldChange]) {
    for change in changes {
        rows.row().text(change.id).text(workspace).maybe_text(change.contact_id).text(change.execution_id).add(&change.field);
        rows.json(&change.before).json(&change.after).add(change.outcome.as_str()).add(&change.reason).add(change.confidence);
        rows.add(&change.step_path).add(&change.source).maybe_time(change.stale_at).time(change.occurred_at);
    }
}
