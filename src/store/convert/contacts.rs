//! Contacts and the ledger of their fields.

use connectors_entity::{contact, contact_field_change};
use serde_json::Value;

use super::{Error, id, maybe_id, ms, typed, word};
use crate::domain::contact::{Contact, FieldChange, FieldChangeOutcome};

pub(in super::super) fn contact(row: contact::Model) -> Result<Contact, Error> {
    Ok(Contact {
        id: id(&row.id)?,
        workspace_id: id(&row.workspace_id)?,
        key: row.key,
        email: row.email,
        phone: row.phone,
        first_name: row.first_name,
        last_name: row.last_name,
        company: row.company,
        attributes: typed(row.attributes)?,
        revision: row.revision,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

pub(in super::super) fn contact_row(value: &Contact) -> contact::Model {
    contact::Model {
        id: value.id.to_string(),
        workspace_id: value.workspace_id.to_string(),
        key: value.key.clone(),
        email: value.email.clone(),
        phone: value.phone.clone(),
        first_name: value.first_name.clone(),
        last_name: value.last_name.clone(),
        company: value.company.clone(),
        attributes: Value::Object(value.attributes.clone()),
        revision: value.revision,
        created_at: ms(value.created_at),
        updated_at: ms(value.updated_at),
    }
}

pub(in super::super) fn change(row: contact_field_change::Model) -> Result<FieldChange, Error> {
    Ok(FieldChange {
        id: id(&row.id)?,
        workspace_id: id(&row.workspace_id)?,
        contact_id: maybe_id(row.contact_id.as_ref())?,
        execution_id: id(&row.execution_id)?,
        field: row.field,
        before: row.before,
        after: row.after,
        outcome: word(&row.outcome, FieldChangeOutcome::from_stored)?,
        reason: row.reason,
        confidence: row.confidence,
        step_path: row.step_path,
        source: row.source,
        stale_at: row.stale_at,
        occurred_at: row.occurred_at,
    })
}
