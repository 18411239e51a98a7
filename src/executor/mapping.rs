//! Brings a run's results to its contact: finds it, decides field by field, prepares what is written with the last commit.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::Error;
use super::journal::Line;
use super::run::{Run, is_within};
use crate::domain::contact::{Contact, FieldChange, FieldChangeOutcome};
use crate::domain::definition::{Mapping, MissingContact};
use crate::domain::execution::{ErrorClass, ExecutionError, ExecutionErrorCode};
use crate::domain::id::{ContactId, FieldChangeId};
use crate::domain::step_log::{LogKind, LogLevel};
use crate::pipeline::{Context, Decision, MappedValue, decide};
use crate::store::{ContactRef, ContactWrite, NewContact};

/// The contact as found or begun.
struct Target {
    contact: Contact,
    /// Revision read; `None` for one that is new.
    revision: Option<i32>,
    /// Fields and values by which it was looked for in vain.
    looked_for: Vec<(String, String)>,
    ledger: Vec<FieldChange>,
}

impl Run<'_> {
    /// What the mapping writes. `Ok(None)` when there is nothing to write; the inner error fails the run.
    pub(super) async fn map_contact(&self, context: &Context) -> Result<Result<Option<ContactWrite>, ExecutionError>, Error> {
        let plan = &self.unit.plan;
        let Some(mapping) = &plan.definition.mapping else { return Ok(Ok(None)) };
        let values = match plan.mapped_values(context) {
            Ok(values) => values,
            Err(error) => return Ok(Err(error.into_execution_error())),
        };
        let Some(mut target) = self.find_target(mapping, &values).await? else {
            if mapping.on_missing == MissingContact::Fail {
                let message = "There is no contact to write the results to";
                return Ok(Err(ExecutionError::new(ExecutionErrorCode::Mapping, ErrorClass::Data, message)));
            }
            self.write(Line { kind: LogKind::Mapping, ..Line::run(LogLevel::Info, "No contact; nothing written") });
            return Ok(Ok(None));
        };
        let now = self.shared.parts.clock.now();
        let mut changes: Vec<_> = values.iter().map(|value| self.apply(&mut target, value, now)).collect();
        self.tell_mapping(&changes);
        let any_written = changes.iter().any(|change| change.outcome == FieldChangeOutcome::Written);
        if target.revision.is_none() && !any_written {
            // The contact was only thought of; the ledger must not name it.
            for change in &mut changes {
                change.contact_id = None;
            }
        }
        let write = match target.revision {
            _ if !any_written => ContactWrite { insert: None, update: None, changes },
            None => {
                let new = NewContact { contact: target.contact, unless: target.looked_for };
                ContactWrite { insert: Some(new), update: None, changes }
            }
            Some(revision) => ContactWrite { insert: None, update: Some((target.contact, revision)), changes },
        };
        Ok(Ok(Some(write)))
    }

    /// Finds the contact by the mapping's match fields in their order; begins a new one where the mapping says so.
    async fn find_target(&self, mapping: &Mapping, values: &[MappedValue]) -> Result<Option<Target>, Error> {
        let tx = self.shared.parts.store.read(&self.scope).await?;
        let (mut found, mut looked_for) = (None, Vec::new());
        for field in &mapping.match_fields {
            found = match (field.as_str(), self.execution.contact_id) {
                ("id", Some(id)) => tx.find_contact(&ContactRef::Id(id)).await?,
                ("id", None) => None,
                (name, _) => match values.iter().find(|value| value.to == name).and_then(|value| value.value.as_str()) {
                    Some(text) => {
                        looked_for.push((name.to_owned(), text.to_owned()));
                        tx.find_contact_by_field(name, text).await?
                    }
                    None => None,
                },
            };
            if found.is_some() {
                break;
            }
        }
        match found {
            Some(contact) => {
                let ledger = tx.newest_changes(contact.id).await?;
                Ok(Some(Target { revision: Some(contact.revision), contact, looked_for, ledger }))
            }
            None if mapping.on_missing == MissingContact::Create && values.iter().any(|value| !value.value.is_null()) => {
                Ok(Some(Target { contact: self.new_contact(), revision: None, looked_for, ledger: Vec::new() }))
            }
            None => Ok(None),
        }
    }

    fn new_contact(&self) -> Contact {
        let now = self.shared.parts.clock.now();
        Contact {
            id: ContactId::fresh(&*self.shared.parts.clock),
            workspace_id: self.execution.workspace_id,
            key: None,
            email: None,
            phone: None,
            first_name: None,
            last_name: None,
            company: None,
            attributes: Map::new(),
            revision: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Decides one field, writes it into the target's copy, and gives its line of the ledger.
    fn apply(&self, target: &mut Target, value: &MappedValue, now: DateTime<Utc>) -> FieldChange {
        let field = ledger_name(&value.to);
        let before = target.contact.field(&field);
        let newest = target.ledger.iter().find(|change| change.field == field);
        let masked = self.unit.plan.redactor().json(&value.value);
        let value = MappedValue { value: masked, ..value.clone() };
        let (outcome, after, reason) = match decide(value.policy, &before, newest, &value, now) {
            Decision::Write(_) if self.is_dry() => (FieldChangeOutcome::DryRun, value.value.clone(), None),
            Decision::Write(after) => match target.contact.set_field(&field, after.clone()) {
                Ok(()) => (FieldChangeOutcome::Written, after, None),
                Err(reason) => (FieldChangeOutcome::Rejected, after, Some(reason)),
            },
            Decision::Unchanged => (FieldChangeOutcome::Unchanged, value.value.clone(), None),
            Decision::Keep { reason } => (FieldChangeOutcome::Kept, value.value.clone(), Some(reason.to_owned())),
            Decision::Empty => (FieldChangeOutcome::Empty, Value::Null, None),
        };
        FieldChange {
            id: FieldChangeId::fresh(&*self.shared.parts.clock),
            workspace_id: self.execution.workspace_id,
            contact_id: Some(target.contact.id),
            execution_id: self.execution.id,
            field,
            before,
            after,
            outcome,
            reason,
            confidence: value.confidence,
            source: value.step_path.as_ref().and_then(|step| self.source(step)),
            step_path: value.step_path,
            stale_at: value.ttl.map(|ttl| now + ttl),
            occurred_at: now,
        }
    }

    /// The host a value came from: the one its step called, or the last that a step within it called.
    fn source(&self, step: &str) -> Option<String> {
        let state = self.state();
        let within = || {
            let calls = state.hosts.iter().filter(|(path, _)| is_within(path, step));
            calls.max_by_key(|(path, _)| state.rows.get(*path).map(|row| row.position)).map(|(_, host)| host)
        };
        state.hosts.get(step).or_else(within).cloned()
    }

    fn tell_mapping(&self, changes: &[FieldChange]) {
        let names = |outcome: FieldChangeOutcome| {
            changes.iter().filter(|change| change.outcome == outcome).map(|change| change.field.as_str()).collect::<Vec<_>>().join(", ")
        };
        let told = [
            (FieldChangeOutcome::Written, LogLevel::Info, "Wrote"),
            (FieldChangeOutcome::DryRun, LogLevel::Info, "Would have written"),
            (FieldChangeOutcome::Kept, LogLevel::Info, "Kept"),
            (FieldChangeOutcome::Rejected, LogLevel::Warn, "Could not write"),
        ];
        for (outcome, level, verb) in told {
            let names = names(outcome);
            if !names.is_empty() {
                self.write(Line { kind: LogKind::Mapping, ..Line::run(level, format!("{verb} {names}")) });
            }
        }
    }
}

/// One name a field in the ledger: a column as it is, everything else below `attributes`.
fn ledger_name(field: &str) -> String {
    if Contact::FIELDS.contains(&field) || field.starts_with("attributes.") { field.to_owned() } else { format!("attributes.{field}") }
}
