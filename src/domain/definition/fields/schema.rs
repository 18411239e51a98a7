//! The language as JSON Schema 2020-12, for editors and form builders.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::kinds::STEP_KINDS;
use super::table::DEFINITION;
use super::{Field, Object, Shape};
use crate::domain::definition::SPEC;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
const DURATION: &str = r"^P(?=.)(\d+(\.\d{1,3})?W)?(\d+(\.\d{1,3})?D)?(T(?=.)(\d+(\.\d{1,3})?H)?(\d+(\.\d{1,3})?M)?(\d+(\.\d{1,3})?S)?)?$";
const EXPRESSION: &str = r"^\s*\{\{[\s\S]+\}\}\s*$";

/// The JSON Schema of a whole definition. What only a reading of the whole can tell (names, order, hosts) is not in it.
pub fn definition_schema() -> Value {
    let mut schemas = Schemas::default();
    let root = schemas.object(&DEFINITION, DEFINITION.all());
    schemas.finish(root, Some(format!("{SPEC} definition")))
}

/// The JSON Schema of the fields only one kind of step has.
pub(super) fn settings_schema(kind: &'static Object) -> Value {
    let mut schemas = Schemas::default();
    let root = schemas.object(kind, kind.fields.iter());
    schemas.finish(root, None)
}

/// Schemas of the objects met so far, by name.
#[derive(Default)]
struct Schemas {
    named: BTreeMap<&'static str, Value>,
}

impl Schemas {
    fn finish(self, root: Value, title: Option<String>) -> Value {
        let mut whole = Map::new();
        whole.insert("$schema".to_owned(), json!(DIALECT));
        whole.extend(title.map(|title| ("title".to_owned(), json!(title))));
        if let Value::Object(root) = root {
            whole.extend(root);
        }
        if !self.named.is_empty() {
            whole.insert("$defs".to_owned(), json!(self.named));
        }
        Value::Object(whole)
    }

    fn object(&mut self, object: &'static Object, fields: impl Iterator<Item = &'static Field>) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in fields.filter(|field| !matches!(field.shape, Shape::Later)) {
            properties.insert(field.name.to_owned(), self.field(object, field));
            if field.required {
                required.push(field.name);
            }
        }
        let mut schema = json!({
            "type": "object",
            "description": object.doc,
            "properties": properties,
            "patternProperties": {"^x-": true},
            "additionalProperties": false,
        });
        if let (false, Some(members)) = (required.is_empty(), schema.as_object_mut()) {
            members.insert("required".to_owned(), json!(required));
        }
        schema
    }

    fn field(&mut self, object: &Object, field: &Field) -> Value {
        let kind = STEP_KINDS.iter().find(|kind| field.name == "kind" && kind.object.name == object.name);
        let mut schema = kind.map_or_else(|| self.shape(field.shape), |kind| json!({"const": kind.key}));
        if let Some(members) = schema.as_object_mut() {
            members.insert("description".to_owned(), json!(field.doc));
            if let Some(default) = field.default.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
                members.insert("default".to_owned(), default);
            }
        }
        schema
    }

    fn reference(&mut self, object: &'static Object) -> Value {
        if !self.named.contains_key(object.name) {
            self.named.insert(object.name, Value::Null);
            let schema = self.object(object, object.all());
            self.named.insert(object.name, schema);
        }
        json!({"$ref": format!("#/$defs/{}", object.name)})
    }

    fn shape(&mut self, shape: Shape) -> Value {
        match shape {
            Shape::Spec => json!({"const": SPEC}),
            Shape::Text(max) => json!({"type": "string", "maxLength": max}),
            Shape::Label(max) => json!({"type": "string", "minLength": 1, "maxLength": max}),
            Shape::Pattern(pattern) => json!({"type": "string", "pattern": pattern.regex()}),
            Shape::Template => json!({"type": "string"}),
            Shape::Scalar => json!({"type": ["string", "number", "boolean"]}),
            Shape::Expression => json!({"type": "string", "pattern": EXPRESSION}),
            Shape::Share => json!({"anyOf": [{"type": "string", "pattern": EXPRESSION}, {"type": "number", "minimum": 0, "maximum": 1}]}),
            Shape::Amount => json!({"anyOf": [{"type": "string", "pattern": EXPRESSION}, {"type": "number", "minimum": 0}]}),
            Shape::Values | Shape::Json | Shape::Later => json!({}),
            Shape::JsonObject => json!({"type": "object"}),
            Shape::JsonSchema => json!({"type": "object", "properties": {"type": {"const": "object"}}}),
            Shape::JsonPath => json!({"type": "string", "pattern": "^\\$", "maxLength": super::table::MAX_PATH}),
            Shape::Duration { .. } => json!({"type": "string", "pattern": DURATION, "examples": ["PT10S"]}),
            Shape::Number(least, most) => json!({"type": "number", "minimum": least, "maximum": most}),
            Shape::Integer(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Shape::Bool => json!({"type": "boolean"}),
            Shape::Words { known, .. } => json!({"enum": known}),
            Shape::List { of, min, max } => json!({"type": "array", "items": self.shape(*of), "minItems": min, "maxItems": max}),
            Shape::Map { of, keys, max } => json!({
                "type": "object",
                "additionalProperties": self.shape(*of),
                "propertyNames": {"pattern": keys.regex()},
                "maxProperties": max,
            }),
            Shape::Object(object) => self.reference(object),
            Shape::Step => json!({"oneOf": STEP_KINDS.iter().map(|kind| self.reference(kind.object)).collect::<Vec<_>>()}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything a schema says is found by following its own references.
    fn check(schema: &Value, root: &Value) {
        match schema {
            Value::Object(members) => {
                if let Some(Value::String(place)) = members.get("$ref") {
                    assert!(root.pointer(place.trim_start_matches('#')).is_some_and(Value::is_object), "{place}");
                }
                members.values().for_each(|member| check(member, root));
            }
            Value::Array(items) => items.iter().for_each(|item| check(item, root)),
            _ => {}
        }
    }

    #[test]
    fn tells_the_language() {
        let schema = definition_schema();
        check(&schema, &schema);
        assert_eq!(schema["$schema"], DIALECT);
        assert_eq!(schema["required"], json!(["spec", "kind", "meta", "steps"]));
        assert_eq!(schema["properties"]["spec"]["const"], SPEC);
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["$defs"]["http_step"]["properties"]["kind"]["const"], "http");
        assert_eq!(schema["$defs"]["retry"]["properties"]["attempts"]["maximum"], 20);
        assert_eq!(schema["$defs"]["retry"]["properties"]["on"]["default"], json!(["transient", "rate_limited"]));
        assert!(schema["$defs"]["slot"]["properties"].get("scopes").is_none(), "what is refused is not offered");
    }

    #[test]
    fn every_field_is_described_and_every_default_is_json() {
        let schema = definition_schema();
        let objects = schema["$defs"].as_object().unwrap().iter().map(|(name, object)| (name.as_str(), object));
        for (name, object) in objects.chain([("definition", &schema)]) {
            for (field, shape) in object["properties"].as_object().unwrap() {
                assert!(shape["description"].as_str().is_some_and(|text| text.ends_with('.')), "{name}.{field}");
            }
        }
        let fields = DEFINITION.all().chain(super::super::table::STEP_BASE).chain(super::super::table::RETRY.all());
        for text in fields.filter_map(|field| field.default) {
            assert!(serde_json::from_str::<Value>(text).is_ok(), "{text}");
        }
    }
}
