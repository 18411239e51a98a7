//! The schemas of `inputs` and `config`, as far as the language itself asks something of them.

use serde_json::Value;

use super::names::{is_open, properties};
use super::report::Report;
use crate::domain::definition::Definition;
use crate::domain::problem::{Problem, pointer_join};

pub(super) fn check(definition: &Definition, report: &mut Report) {
    for (place, schema) in [("/inputs", &definition.inputs), ("/config", &definition.config)] {
        if schema.as_object().is_some_and(|members| !members.is_empty()) {
            schema_of_object(schema, place, report);
        }
    }
    for (name, property) in properties(&definition.inputs).into_iter().flatten() {
        if let Some(bind) = property.get("x-bind") {
            let field = bind.as_str().and_then(|text| text.strip_prefix("contact."));
            if field.is_none_or(|field| field.split('.').any(str::is_empty)) {
                let place = pointer_join(&pointer_join("/inputs/properties", name), "x-bind");
                let problem = Problem::error("invalid-bind", place, "`x-bind` names a contact field, beginning with `contact.`");
                report.follow(match bind.as_str() {
                    Some(text) if !text.is_empty() && !text.starts_with("contact") => {
                        problem.suggest(format!("did you mean `contact.{text}`?"))
                    }
                    _ => problem,
                });
            }
        }
    }
}

fn schema_of_object(schema: &Value, place: &str, report: &mut Report) {
    let mut wrong = |below: &str, message: &str| report.follow(Problem::error("invalid-schema", format!("{place}{below}"), message));
    match schema.get("type") {
        None => wrong("", "the schema must have `\"type\": \"object\"`"),
        Some(kind) if kind != "object" => wrong("/type", "the schema must be of type `object`"),
        _ => {}
    }
    match schema.get("properties") {
        Some(Value::Object(known)) => {
            for name in known.iter().filter(|(_, property)| !property.is_object() && !property.is_boolean()).map(|(name, _)| name) {
                wrong(&pointer_join("/properties", name), "a property is described by a JSON Schema: an object or a boolean");
            }
        }
        Some(_) => wrong("/properties", "`properties` must be an object"),
        None => {}
    }
    let names = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    for (number, name) in names.enumerate() {
        let is_known = name.as_str().is_some_and(|name| properties(schema).is_some_and(|known| known.contains_key(name)));
        let may_be_more = is_open(schema) && name.is_string();
        if !is_known && !may_be_more {
            wrong(&format!("/required/{number}"), "what is required must be one of the properties");
        }
    }
}
