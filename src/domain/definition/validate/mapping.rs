//! The mapping: which contact fields it writes, each once.

use std::collections::BTreeMap;

use super::report::Report;
use crate::domain::contact::Contact;
use crate::domain::definition::Definition;
use crate::domain::problem::{Problem, Severity, nearest};

/// Names of a contact that no mapping can write.
const FIXED: &[&str] = &["id", "workspace_id", "full_name", "attributes", "revision", "created_at", "updated_at"];

pub(super) fn check(definition: &Definition, report: &mut Report) {
    let mut written = BTreeMap::new();
    for (number, field) in definition.mapping.iter().flat_map(|mapping| &mapping.fields).enumerate() {
        let place = format!("/mapping/fields/{number}/to");
        if let Some(problem) = judge(&field.to, &place) {
            report.follow(problem);
        }
        let name = field.to.strip_prefix("attributes.").filter(|rest| !Contact::FIELDS.contains(rest)).unwrap_or(&field.to);
        if let Some(earlier) = written.insert(name, number) {
            let message = format!("`{}` is already written by field {} of this mapping", field.to, earlier + 1);
            report.follow(Problem::error("duplicate-mapping", place, message));
        }
    }
}

fn judge(field: &str, place: &str) -> Option<Problem> {
    let path = field.strip_prefix("attributes.").unwrap_or(field);
    let is_path =
        path.split('.').all(|part| !part.is_empty() && part.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-')));
    if !is_path || FIXED.contains(&field) {
        let known = Contact::FIELDS.map(|known| format!("`{known}`")).join(", ");
        let message = format!("this is no field a mapping can write: those are {known} and `attributes.…`");
        return Some(Problem::error("invalid-contact-field", place, message));
    }
    if Contact::FIELDS.contains(&field) || field.starts_with("attributes.") {
        return None;
    }
    let info = Problem {
        severity: Severity::Info,
        ..Problem::error("attribute-field", place, format!("this is written to `attributes.{field}`"))
    };
    Some(match nearest(field, Contact::FIELDS) {
        Some(known) => info.suggest(format!("did you mean `{known}`?")),
        None => info,
    })
}
