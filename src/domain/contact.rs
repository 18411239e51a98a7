//! Contacts, and the ledger of what connectors wrote to their fields.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::id::{ContactId, ExecutionId, FieldChangeId, WorkspaceId};
use super::stored_enum;

/// A person or company whose data connectors enrich.
#[derive(Debug, Clone)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The host application's own key, unique in the workspace.
    pub key: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Phone number, E.164 where it could be understood.
    pub phone: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Company name.
    pub company: Option<String>,
    /// Everything else.
    pub attributes: Map<String, Value>,
    /// Rises with every change.
    pub revision: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Contact {
    /// Names of the fields that have a column of their own; every other field lives in `attributes`.
    pub const FIELDS: [&'static str; 6] = ["key", "email", "phone", "first_name", "last_name", "company"];

    /// The value of a field: a column by name, else a path of member names below `attributes`
    /// (`city` and `attributes.city` are the same field).
    pub fn field(&self, field: &str) -> Value {
        let text = |value: &Option<String>| value.clone().map_or(Value::Null, Value::String);
        match field {
            "key" => text(&self.key),
            "email" => text(&self.email),
            "phone" => text(&self.phone),
            "first_name" => text(&self.first_name),
            "last_name" => text(&self.last_name),
            "company" => text(&self.company),
            "full_name" => {
                let name = [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
                if name.is_empty() { Value::Null } else { Value::String(name) }
            }
            _ => {
                let mut members = field.strip_prefix("attributes.").unwrap_or(field).split('.');
                let first = members.next().and_then(|name| self.attributes.get(name));
                members.fold(first, |value, name| value.and_then(|value| value.get(name))).cloned().unwrap_or(Value::Null)
            }
        }
    }

    /// Puts a value into a field.
    ///
    /// # Errors
    /// A sentence saying why the value does not fit: columns take text or null, and a path cannot pass through
    /// something that is not an object.
    pub fn set_field(&mut self, field: &str, value: Value) -> Result<(), String> {
        let column = match field {
            "key" => Some(&mut self.key),
            "email" => Some(&mut self.email),
            "phone" => Some(&mut self.phone),
            "first_name" => Some(&mut self.first_name),
            "last_name" => Some(&mut self.last_name),
            "company" => Some(&mut self.company),
            _ => None,
        };
        if let Some(column) = column {
            *column = match value {
                Value::Null => None,
                Value::String(text) => Some(text),
                Value::Number(number) => Some(number.to_string()),
                other => return Err(format!("`{field}` takes text, not {}", json_type(&other))),
            };
            return Ok(());
        }
        let path = field.strip_prefix("attributes.").unwrap_or(field);
        let mut members: Vec<&str> = path.split('.').collect();
        let last = members.pop().unwrap_or(path);
        let mut place = &mut self.attributes;
        for member in members {
            let next = place.entry(member.to_owned()).or_insert_with(|| Value::Object(Map::new()));
            place = match next {
                Value::Object(map) => map,
                other => return Err(format!("`{field}` passes through `{member}`, which is {}", json_type(other))),
            };
        }
        place.insert(last.to_owned(), value);
        Ok(())
    }
}

/// What a JSON value is, in words fit for a sentence.
pub fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

stored_enum! {
    /// What became of a mapped value.
    pub enum FieldChangeOutcome {
        /// Written.
        Written = "written",
        /// Not written: it was the same.
        Unchanged = "unchanged",
        /// Not written: the mapping's policy kept the value that was there.
        Kept = "kept",
        /// Not written: there was no value.
        Empty = "empty",
        /// Not written: the value does not fit the field.
        Rejected = "rejected",
        /// Would have been written, had it not been a test.
        DryRun = "dry_run",
    }
}

/// What became of one mapped value; the ledger of provenance.
#[derive(Debug, Clone)]
pub struct FieldChange {
    /// Its id.
    pub id: FieldChangeId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The contact; `None` for a test without one.
    pub contact_id: Option<ContactId>,
    /// The execution that did it.
    pub execution_id: ExecutionId,
    /// The field, e.g. `email` or `attributes.city`.
    pub field: String,
    /// The value before.
    pub before: Value,
    /// The value the mapping gave.
    pub after: Value,
    /// What became of it.
    pub outcome: FieldChangeOutcome,
    /// Why it was not written, in words.
    pub reason: Option<String>,
    /// How sure the value is, 0 to 1.
    pub confidence: Option<f64>,
    /// The step it came from.
    pub step_path: Option<String>,
    /// The host it came from.
    pub source: Option<String>,
    /// When it counts as stale.
    pub stale_at: Option<DateTime<Utc>>,
    /// When.
    pub occurred_at: DateTime<Utc>,
}

/// A contact to make or change: `None` leaves a field, `Some(None)` empties it.
#[derive(Debug, Clone, Default)]
pub struct ContactDraft {
    /// The host application's own key.
    pub key: Option<Option<String>>,
    /// E-mail address.
    pub email: Option<Option<String>>,
    /// Phone number.
    pub phone: Option<Option<String>>,
    /// Given name.
    pub first_name: Option<Option<String>>,
    /// Family name.
    pub last_name: Option<Option<String>>,
    /// Company name.
    pub company: Option<Option<String>>,
    /// Merged into what is there, one level deep; a null member removes it.
    pub attributes: Option<Option<Map<String, Value>>>,
}

impl ContactDraft {
    /// Applies the draft to a contact.
    pub fn apply(self, contact: &mut Contact) {
        let fields = [
            (self.key, &mut contact.key),
            (self.email, &mut contact.email),
            (self.phone, &mut contact.phone),
            (self.first_name, &mut contact.first_name),
            (self.last_name, &mut contact.last_name),
            (self.company, &mut contact.company),
        ];
        for (draft, place) in fields {
            if let Some(value) = draft {
                *place = value;
            }
        }
        let Some(attributes) = self.attributes else { return };
        let Some(members) = attributes else { return contact.attributes.clear() };
        for (name, value) in members {
            if value.is_null() {
                contact.attributes.remove(&name);
            } else {
                contact.attributes.insert(name, value);
            }
        }
    }
}
