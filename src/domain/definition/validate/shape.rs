//! Walks a document along the table of the language: every wrong place is reported, and a mended copy is made of the rest.
//!
//! In the copy unknown and wrong members are left out, and what must be there is filled with something harmless,
//! so that the sense of the rest can still be looked at. Such places are tainted: nothing more is said about them.

use serde_json::{Map, Value, json};

use super::characters::odd_character;
use super::report::Report;
use crate::domain::contact::json_type;
use crate::domain::definition::expression::{is_template, only_expression, segments};
use crate::domain::definition::fields::table::{DEFINITION, MAX_PATH};
use crate::domain::definition::fields::{Object, Pattern, STEP_KINDS, Shape};
use crate::domain::definition::{IsoDuration, SPEC};
use crate::domain::problem::{Problem, pointer_join};

/// Checks the shape of a document; gives its mended copy.
pub(super) fn mend(source: &Value, report: &mut Report) -> Value {
    Walk { report }.object(&DEFINITION, source, "").unwrap_or_else(|| placeholder(Shape::Object(&DEFINITION)))
}

/// The harmless value that stands for one that is missing or wrong.
fn placeholder(shape: Shape) -> Value {
    match shape {
        Shape::Spec => json!(SPEC),
        Shape::Pattern(Pattern::Host) => json!("unknown.invalid"),
        Shape::JsonPath => json!("$"),
        Shape::Expression => json!("{{ true }}"),
        Shape::Duration { .. } => json!("PT1S"),
        Shape::Number(least, _) => json!(least),
        Shape::Integer(least, _) => json!(least),
        Shape::Bool => json!(false),
        Shape::Words { known, .. } => json!(known.first()),
        Shape::List { .. } => json!([]),
        Shape::Map { .. } | Shape::JsonObject | Shape::JsonSchema => json!({}),
        Shape::Values | Shape::Json | Shape::Share | Shape::Amount | Shape::Later => Value::Null,
        Shape::Step => json!({"id": "unnamed", "kind": "set", "values": {}}),
        Shape::Object(object) => {
            let required = object.all().filter(|field| field.required);
            Value::Object(required.map(|field| (field.name.to_owned(), placeholder(field.shape))).collect())
        }
        Shape::Text(_) | Shape::Label(_) | Shape::Pattern(_) | Shape::Template | Shape::Scalar => json!("unnamed"),
    }
}

struct Walk<'a> {
    report: &'a mut Report,
}

impl Walk<'_> {
    fn wrong_type(&mut self, pointer: &str, expected: &str, found: &Value) -> Option<Value> {
        self.report.add(Problem::error("wrong-type", pointer, format!("this must be {expected}, not {}", json_type(found))));
        None
    }

    fn invalid(&mut self, pointer: &str, message: impl Into<String>) -> Option<Value> {
        self.report.add(Problem::error("invalid-value", pointer, message));
        None
    }

    fn unsupported(&mut self, pointer: &str, what: &str) -> Option<Value> {
        let message = format!("{what} is part of the language, but this server does not run it yet");
        self.report.add(Problem::error("unsupported", pointer, message));
        None
    }

    /// The value if it is right, or its mended copy; `None` if nothing can be made of it.
    fn shape(&mut self, shape: Shape, value: &Value, pointer: &str) -> Option<Value> {
        match shape {
            Shape::Json | Shape::Values | Shape::Later => Some(value.clone()),
            Shape::JsonObject | Shape::JsonSchema if value.is_object() => Some(value.clone()),
            Shape::JsonObject | Shape::JsonSchema => self.wrong_type(pointer, "an object", value),
            Shape::Bool if value.is_boolean() => Some(value.clone()),
            Shape::Bool => self.wrong_type(pointer, "a boolean", value),
            Shape::Scalar if value.is_number() || value.is_boolean() => Some(value.clone()),
            Shape::Share if value.is_number() => self.number(value, (0.0, 1.0), pointer),
            Shape::Amount if value.is_number() => self.number(value, (0.0, 1e9), pointer),
            Shape::Number(least, most) => self.number(value, (least, most), pointer),
            Shape::Integer(least, most) => self.integer(value, (least, most), pointer),
            Shape::List { of, min, max } => self.list(*of, (min, max), value, pointer),
            Shape::Map { of, keys, max } => self.map((*of, keys, max), value, pointer),
            Shape::Object(object) => self.object(object, value, pointer),
            Shape::Step => Some(self.step(value, pointer)),
            _ => match value {
                Value::String(text) => {
                    let right = self.text(shape, text, pointer).is_some();
                    if !right {
                        self.report.taint(pointer);
                    }
                    // A text of the wrong form is kept: other places may name it.
                    (right || !matches!(shape, Shape::Duration { .. } | Shape::Words { .. })).then(|| value.clone())
                }
                other => self.wrong_type(pointer, "a text", other),
            },
        }
    }

    fn number(&mut self, value: &Value, (least, most): (f64, f64), pointer: &str) -> Option<Value> {
        match value.as_f64() {
            None => self.wrong_type(pointer, "a number", value),
            Some(number) if (least..=most).contains(&number) => Some(value.clone()),
            Some(_) => self.invalid(pointer, format!("this must be a number from {least} to {most}")),
        }
    }

    fn integer(&mut self, value: &Value, (least, most): (u64, u64), pointer: &str) -> Option<Value> {
        if !value.is_number() {
            return self.wrong_type(pointer, "a whole number", value);
        }
        match value.as_u64() {
            Some(number) if (least..=most).contains(&number) => Some(value.clone()),
            _ => self.invalid(pointer, format!("this must be a whole number from {least} to {most}")),
        }
    }

    fn text(&mut self, shape: Shape, text: &str, pointer: &str) -> Option<()> {
        let message = match shape {
            Shape::Spec if text != SPEC => {
                self.report.add(
                    Problem::error("unknown-spec", pointer, "this server does not know that format")
                        .suggest(format!("this server understands `{SPEC}`")),
                );
                return None;
            }
            Shape::Text(max) | Shape::Label(max) if text.chars().count() > max => format!("this may have {max} characters at most"),
            Shape::Label(_) => return self.label(text, pointer),
            Shape::Pattern(pattern) if !pattern.matches(text) => format!("this must be {}", pattern.what()),
            Shape::Expression | Shape::Share | Shape::Amount => return self.expression(text, pointer),
            Shape::JsonPath if !text.starts_with('$') || text.len() > MAX_PATH => {
                format!("this must be a JSONPath: it begins with `$` and has {MAX_PATH} characters at most")
            }
            Shape::Duration { zero, max_secs } => return self.duration(text, zero, max_secs, pointer),
            Shape::Words { known, later } => return self.word(text, known, later, pointer),
            _ => return Some(()),
        };
        self.invalid(pointer, message).map(drop)
    }

    fn label(&mut self, text: &str, pointer: &str) -> Option<()> {
        if let Some((at, letter)) = odd_character(text, true) {
            let message = format!("`{}` cannot be seen and does not belong in a name", letter.escape_unicode());
            self.report.add(Problem::error("odd-character", pointer, message).span(at, at + 1));
            return None;
        }
        if text.trim().is_empty() { self.invalid(pointer, "this must not be empty").map(drop) } else { Some(()) }
    }

    fn expression(&mut self, text: &str, pointer: &str) -> Option<()> {
        // What is not well formed is reported, with its place, by the look at all expressions.
        if only_expression(text).is_some() || (is_template(text) && segments(text).is_err()) {
            return Some(());
        }
        let mut problem = Problem::error("invalid-value", pointer, "this must be exactly one expression in `{{ }}`");
        if !is_template(text) && !text.trim().is_empty() {
            problem = problem.suggest(format!("write `{{{{ {} }}}}`", text.trim().chars().take(200).collect::<String>()));
        }
        self.report.add(problem);
        None
    }

    fn duration(&mut self, text: &str, zero: bool, max_secs: u64, pointer: &str) -> Option<()> {
        let longest = IsoDuration::from_secs(max_secs);
        match text.parse::<IsoDuration>() {
            Err(malformed) => self.invalid(pointer, format!("this is {malformed}")).map(drop),
            Ok(duration) if duration > longest => self.invalid(pointer, format!("this may be {longest} at most")).map(drop),
            Ok(duration) if duration.get().is_zero() && !zero => self.invalid(pointer, "this must be longer than nothing").map(drop),
            Ok(_) => Some(()),
        }
    }

    fn word(&mut self, text: &str, known: &[&str], later: &[&str], pointer: &str) -> Option<()> {
        if known.contains(&text) {
            return Some(());
        }
        if later.contains(&text) {
            return self.unsupported(pointer, &format!("`{text}`")).map(drop);
        }
        let message = format!("this must be one of {}", quoted(known));
        let problem = self.report.meant(Problem::error("invalid-value", pointer, message), text, known.iter().copied());
        self.report.add(problem);
        None
    }

    fn list(&mut self, of: Shape, (min, max): (usize, usize), value: &Value, pointer: &str) -> Option<Value> {
        let Value::Array(items) = value else { return self.wrong_type(pointer, "a list", value) };
        if items.len() > max {
            let message = format!("this list may have {max} members, it has {}", items.len());
            self.report.add(Problem::error("too-large", pointer, message));
            self.report.taint(pointer_join(pointer, max));
        }
        if items.len() < min {
            return self.invalid(pointer, "this list must not be empty");
        }
        let mended = items.iter().take(max).enumerate().map(|(number, item)| {
            let place = pointer_join(pointer, number);
            self.shape(of, item, &place).unwrap_or_else(|| {
                self.report.taint(place);
                placeholder(of)
            })
        });
        Some(Value::Array(mended.collect()))
    }

    fn map(&mut self, (of, keys, max): (Shape, Pattern, usize), value: &Value, pointer: &str) -> Option<Value> {
        let Value::Object(members) = value else { return self.wrong_type(pointer, "an object", value) };
        if members.len() > max {
            let message = format!("this may have {max} members, it has {}", members.len());
            self.report.add(Problem::error("too-large", pointer, message));
        }
        let mut mended = Map::new();
        for (name, member) in members {
            let place = pointer_join(pointer, name);
            if !keys.matches(name) && odd_character(name, false).is_none() {
                self.invalid(&place, format!("a name here must be {}", keys.what()));
                self.report.taint(place.as_str());
            }
            match self.shape(of, member, &place) {
                Some(member) => {
                    mended.insert(name.clone(), member);
                }
                None => self.report.taint(place),
            }
        }
        Some(Value::Object(mended))
    }

    fn object(&mut self, object: &'static Object, value: &Value, pointer: &str) -> Option<Value> {
        let Value::Object(members) = value else { return self.wrong_type(pointer, "an object", value) };
        let mut mended = Map::new();
        for (name, member) in members.iter().filter(|(name, _)| !name.starts_with("x-")) {
            let place = pointer_join(pointer, name);
            let kept = match object.find(name) {
                Some(field) if matches!(field.shape, Shape::Later) => self.unsupported(&place, &format!("`{name}`")),
                Some(field) => self.shape(field.shape, member, &place),
                None => self.unknown_field(object, name, &place),
            };
            match kept {
                Some(member) => {
                    mended.insert(name.clone(), member);
                }
                None => self.report.taint(place),
            }
        }
        for field in object.all().filter(|field| field.required) {
            if mended.contains_key(field.name) {
                continue;
            }
            if !members.contains_key(field.name) {
                let message = format!("`{}` is missing: {}", field.name, field.doc.trim_end_matches('.'));
                self.report.add(Problem::error("missing-field", pointer, message));
                self.report.taint(pointer_join(pointer, field.name));
            }
            mended.insert(field.name.to_owned(), placeholder(field.shape));
        }
        Some(Value::Object(mended))
    }

    fn unknown_field(&mut self, object: &'static Object, name: &str, place: &str) -> Option<Value> {
        // An odd character in a name is reported as such, for every name of the document.
        if odd_character(name, false).is_none() {
            let shown: String = name.chars().take(64).collect();
            let problem = Problem::error("unknown-field", place, format!("`{shown}` is no field of this object"));
            let known = object.all().filter(|field| !matches!(field.shape, Shape::Later)).map(|field| field.name);
            let problem = self.report.meant(problem, name, known);
            self.report.add(problem);
        }
        None
    }

    /// A step of the kind it says; a step that cannot be read keeps its name, so that what uses it is not wrong as well.
    fn step(&mut self, value: &Value, pointer: &str) -> Value {
        let kind = value.get("kind").and_then(Value::as_str);
        if let Some(known) = STEP_KINDS.iter().find(|known| Some(known.key) == kind) {
            return self.object(known.object, value, pointer).unwrap_or_else(|| placeholder(Shape::Step));
        }
        let place = pointer_join(pointer, "kind");
        match (value, kind) {
            (Value::Object(members), None) if !members.contains_key("kind") => {
                self.report.add(Problem::error("missing-field", pointer, "`kind` is missing: What the step does"));
            }
            (Value::Object(members), None) => {
                self.wrong_type(&place, "a text", members.get("kind").unwrap_or(&Value::Null));
            }
            (_, Some(kind)) => {
                let words: Vec<&str> = STEP_KINDS.iter().map(|kind| kind.key).collect();
                self.word(kind, &words, &[], &place);
            }
            _ => {
                self.wrong_type(pointer, "an object", value);
            }
        }
        self.report.taint(pointer);
        let mut mended = placeholder(Shape::Step);
        if let (Some(id), Some(slot)) = (value.get("id").filter(|id| id.is_string()), mended.get_mut("id")) {
            slot.clone_from(id);
        }
        mended
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
