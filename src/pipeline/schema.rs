//! `inputs` and `config`: JSON Schema 2020-12, with values bound to contact fields and defaults.
//!
//! Nothing outside the document is ever fetched, and patterns run in linear time.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

use super::compiler::Compiler;
use crate::domain::contact::Contact;
use crate::domain::definition::{BodyCheck, OnMismatch};
use crate::domain::problem::{Problem, pointer_join};

/// Bytes one compiled pattern of a schema may take.
const PATTERN_BYTES: usize = 512 * 1024;
/// Problems of one value that are listed.
const MAX_LISTED: usize = 20;

/// What the body of an answer must be like, compiled.
pub(crate) struct PlannedCheck {
    /// Missing only in a plan that is thrown away.
    validator: Option<Validator>,
    pub(crate) on_mismatch: OnMismatch,
    pub(crate) pointer: String,
}

impl PlannedCheck {
    pub(crate) fn compile(compiler: &mut Compiler, check: &BodyCheck, pointer: &str) -> Self {
        Self { validator: validator(compiler, &check.body, pointer), on_mismatch: check.on_mismatch, pointer: pointer.to_owned() }
    }

    /// What is not as the schema says, in a sentence that holds no value.
    pub(crate) fn mismatch(&self, body: &Value) -> Option<String> {
        let errors = self.validator.iter().flat_map(|validator| validator.iter_errors(body));
        let told: Vec<String> = errors
            .take(3)
            .map(|error| {
                let (place, sentence) = described(&error);
                if place.is_empty() { sentence } else { format!("`{place}`: {sentence}") }
            })
            .collect();
        (!told.is_empty()).then(|| format!("The answer is not as `schema` says: {}", told.join("; ")))
    }
}

/// Compiles a schema; `None` for one that is none.
fn validator(compiler: &mut Compiler, schema: &Value, pointer: &str) -> Option<Validator> {
    let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES);
    let built = jsonschema::options().with_draft(Draft::Draft202012).offline().with_pattern_options(patterns).build(schema);
    built
        .map_err(|error| {
            let place = format!("{pointer}{}", error.instance_path().as_str());
            let problem = Problem::error("schema-invalid", place, format!("this is no JSON Schema: {}", error.masked()));
            compiler.report(problem.suggest("schemas follow JSON Schema 2020-12 and refer to nothing outside the document"));
        })
        .ok()
}

/// A schema, compiled.
pub(crate) struct PlannedSchema {
    /// Missing only in a plan that is thrown away.
    validator: Option<Validator>,
    /// Name of a property and the contact field its value comes from.
    bound: Vec<(String, String)>,
    schema: Value,
}

impl PlannedSchema {
    pub(crate) fn compile(compiler: &mut Compiler, schema: &Value, pointer: &str) -> Self {
        let validator = validator(compiler, schema, pointer);
        let properties = schema.get("properties").and_then(Value::as_object);
        let field = |(name, property): (&String, &Value)| {
            Some((name.clone(), property.get("x-bind")?.as_str()?.strip_prefix("contact.")?.to_owned()))
        };
        Self { validator, bound: properties.into_iter().flatten().filter_map(field).collect(), schema: schema.clone() }
    }

    /// Fills in bound values and defaults, then validates.
    ///
    /// # Errors
    /// Pairs of a JSON Pointer into the value and a sentence that holds no value.
    pub(crate) fn resolve(&self, given: &Value, contact: Option<&Contact>) -> Result<Value, Vec<(String, String)>> {
        let mut value = if given.is_null() { Value::Object(Map::new()) } else { given.clone() };
        if let (Value::Object(members), Some(contact)) = (&mut value, contact) {
            for (name, field) in &self.bound {
                let found = contact_field(contact, field);
                if !members.contains_key(name) && !found.is_null() {
                    members.insert(name.clone(), found);
                }
            }
        }
        fill_defaults(&self.schema, &mut value);
        let problems: Vec<(String, String)> = self
            .validator
            .iter()
            .flat_map(|validator| validator.iter_errors(&value))
            .take(MAX_LISTED)
            .map(|error| described(&error))
            .collect();
        if problems.is_empty() { Ok(value) } else { Err(problems) }
    }
}

fn contact_field(contact: &Contact, field: &str) -> Value {
    if field == "id" { Value::String(contact.id.to_string()) } else { contact.field(field) }
}

/// Puts `default` in place of missing members, at any depth that has an object.
fn fill_defaults(schema: &Value, value: &mut Value) {
    let Value::Object(members) = value else { return };
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        match (members.get_mut(name), property.get("default")) {
            (Some(member), _) => fill_defaults(property, member),
            (None, Some(default)) => {
                members.insert(name.clone(), default.clone());
            }
            (None, None) => {}
        }
    }
}

fn described(error: &jsonschema::ValidationError<'_>) -> (String, String) {
    let place = error.instance_path().as_str();
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            (pointer_join(place, name), format!("`{name}` is required"))
        }
        _ => (place.to_owned(), error.masked().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample;
    use super::*;

    fn planned(schema: &Value) -> (PlannedSchema, Vec<Problem>) {
        let mut compiler = Compiler::new();
        let planned = PlannedSchema::compile(&mut compiler, schema, "/inputs");
        (planned, compiler.finish())
    }

    #[test]
    fn binds_defaults_and_validates() {
        let schema = json!({"type": "object", "required": ["phone"], "additionalProperties": false, "properties": {
            "phone": {"type": "string", "x-bind": "contact.phone"}, "country": {"type": "string", "default": "US"},
            "deep": {"type": "object", "properties": {"n": {"default": 1}}}, "city": {"x-bind": "contact.city"}}});
        let (planned, problems) = planned(&schema);
        assert_eq!(problems, []);
        let contact = sample::contact();
        let check = |given: Value, contact: Option<&Contact>, expected: Value| assert_eq!(planned.resolve(&given, contact), Ok(expected));
        check(json!({}), Some(&contact), json!({"phone": "+14155550100", "city": "Rome", "country": "US"}));
        check(Value::Null, Some(&contact), json!({"phone": "+14155550100", "city": "Rome", "country": "US"}));
        check(json!({"phone": "1", "country": "DE", "deep": {}}), None, json!({"phone": "1", "country": "DE", "deep": {"n": 1}}));
        assert_eq!(planned.resolve(&json!({}), None), Err(vec![("/phone".to_owned(), "`phone` is required".to_owned())]));
        let wrong = planned.resolve(&json!({"phone": 12_345}), None).unwrap_err();
        assert_eq!(wrong[0].0, "/phone");
        assert!(!wrong[0].1.contains("12345"), "{wrong:?}");
        assert!(planned.resolve(&json!([1]), None).is_err());
    }

    #[test]
    fn refuses_what_is_no_schema_or_lies_elsewhere() {
        for schema in [
            json!({"type": "objet"}),
            json!({"$ref": "https://example.com/s.json"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"pattern": "("}),
            json!(5),
        ] {
            let (_, problems) = planned(&schema);
            assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["schema-invalid"], "{schema}");
        }
    }
}
