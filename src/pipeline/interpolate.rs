//! `{{ }}` in texts and in JSON.
//!
//! One expression alone keeps the JSON type of its value; inside other text it becomes text. What an expression gives
//! is data: it is never read for expressions again.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};
use tera::Tera;

use super::context::{Context, Scope};
use super::engine;
use super::error::Error;
use super::scan::{NamePath, Variable};

/// A compiled text: a constant, one expression, or text with expressions in it.
#[derive(Clone)]
pub struct Expression {
    pub(crate) source: String,
    pub(crate) pointer: String,
    pub(crate) body: Body,
}

#[derive(Clone)]
pub(crate) enum Body {
    Literal(Value),
    Single(Code),
    Text(Vec<Part>),
}

#[derive(Clone)]
pub(crate) enum Part {
    Literal(String),
    Code(Code),
}

/// One expression.
#[derive(Clone)]
pub(crate) enum Code {
    /// Nothing but a path, which needs no engine.
    Path(NamePath),
    /// Anything else.
    Engine(Box<Program>),
}

/// An expression the engine holds as a template.
#[derive(Clone)]
pub(crate) struct Program {
    /// Filled when the plan is complete.
    pub(crate) engine: Arc<OnceLock<Tera>>,
    pub(crate) template: String,
    pub(crate) source: String,
    /// Name in the template and what it stands for.
    pub(crate) variables: Vec<(String, Variable)>,
    pub(crate) joins: usize,
    pub(crate) draws: bool,
}

impl Code {
    pub(crate) fn value(&self, scope: Scope<'_>, pointer: &str) -> Result<Value, Error> {
        match self {
            Self::Path(path) => Ok(path.resolve(scope).cloned().unwrap_or(Value::Null)),
            Self::Engine(program) => program.value(scope, pointer).map_err(|reason| Error::template(pointer, &program.source, &reason)),
        }
    }

    /// Paths the expression reads.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &NamePath> {
        let (one, many) = match self {
            Self::Path(path) => (Some(path), [].as_slice()),
            Self::Engine(program) => (None, program.variables.as_slice()),
        };
        one.into_iter().chain(many.iter().map(|(_, variable)| &variable.path))
    }
}

impl Program {
    fn value(&self, scope: Scope<'_>, pointer: &str) -> Result<Value, String> {
        let tera = self.engine.get().ok_or("the plan is not complete")?;
        let mut names = tera::Context::new();
        let mut room = engine::BUDGET;
        for (name, variable) in &self.variables {
            let value = variable.path.resolve(scope).unwrap_or(&Value::Null);
            let taken = engine::size(value).saturating_mul(variable.uses).saturating_mul(self.joins + 1);
            room = room.checked_sub(taken).ok_or("its values are too large")?;
            let value = if variable.asked && value.is_null() { tera::Value::undefined() } else { engine::from_json(value) };
            names.insert_value(name.clone(), value);
        }
        if !self.draws {
            return engine::evaluate(tera, &self.template, &names, "");
        }
        engine::evaluate(tera, &self.template, &names, &format!("{}\n{pointer}\n{}", scope.seed(), self.template))
    }
}

impl Expression {
    /// As written in the definition.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The value in its own JSON type; names without a value count as null.
    ///
    /// # Errors
    /// When an operation does not fit the values, or takes too much room.
    pub fn value(&self, context: &Context) -> Result<Value, Error> {
        self.eval(context.scope())
    }

    /// Does the value count as true? `null`, `false`, `0`, and empty texts, lists and objects do not.
    ///
    /// # Errors
    /// As [`Self::value`].
    pub fn truth(&self, context: &Context) -> Result<bool, Error> {
        self.eval(context.scope()).map(|value| truthy(&value))
    }

    /// As [`Self::truth`], where more names are there.
    pub(crate) fn truth_with(&self, context: &Context, given: &[(&'static str, &Value)]) -> Result<bool, Error> {
        self.eval(context.scope_with(given)).map(|value| truthy(&value))
    }

    pub(crate) fn eval(&self, scope: Scope<'_>) -> Result<Value, Error> {
        match &self.body {
            Body::Literal(value) => Ok(value.clone()),
            Body::Single(code) => code.value(scope, &self.pointer),
            Body::Text(parts) => self.join(parts, scope).map(Value::String),
        }
    }

    fn join(&self, parts: &[Part], scope: Scope<'_>) -> Result<String, Error> {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Code(code) => push_text(&mut text, &code.value(scope, &self.pointer)?),
            }
            if text.len() > engine::BUDGET {
                return Err(Error::template(&self.pointer, &self.source, "the text is too long"));
            }
        }
        Ok(text)
    }

    /// Paths it reads, in order, each once.
    pub(crate) fn paths(&self) -> Vec<&NamePath> {
        let codes: Vec<&Code> = match &self.body {
            Body::Literal(_) => Vec::new(),
            Body::Single(code) => vec![code],
            Body::Text(parts) => parts.iter().filter_map(|part| if let Part::Code(code) = part { Some(code) } else { None }).collect(),
        };
        let mut found: Vec<&NamePath> = Vec::new();
        for path in codes.into_iter().flat_map(Code::paths) {
            if !found.contains(&path) {
                found.push(path);
            }
        }
        found
    }
}

/// JSON with expressions in its texts.
#[derive(Clone)]
pub(crate) enum Tree {
    Literal(Value),
    Expression(Expression),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    pub(crate) fn eval(&self, scope: Scope<'_>) -> Result<Value, Error> {
        Ok(match self {
            Self::Literal(value) => value.clone(),
            Self::Expression(expression) => expression.eval(scope)?,
            Self::List(items) => Value::Array(items.iter().map(|item| item.eval(scope)).collect::<Result<_, _>>()?),
            Self::Object(members) => {
                let mut map = Map::with_capacity(members.len());
                for (name, tree) in members {
                    map.insert(name.clone(), tree.eval(scope)?);
                }
                Value::Object(map)
            }
        })
    }

    /// The first path below `steps` in it, as that step's id.
    pub(crate) fn first_step(&self) -> Option<String> {
        match self {
            Self::Literal(_) => None,
            Self::Expression(expression) => expression.paths().into_iter().find_map(step_of),
            Self::List(items) => items.iter().find_map(Self::first_step),
            Self::Object(members) => members.iter().find_map(|(_, tree)| tree.first_step()),
        }
    }
}

fn step_of(path: &NamePath) -> Option<String> {
    match path.members.first() {
        Some(id) if path.root == "steps" => Some(id.clone()),
        _ => None,
    }
}

/// Does a value count as true?
pub(crate) fn truthy(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        other => !is_empty(other),
    }
}

/// Is it null, or a text, list or object with nothing in it?
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A value inside other text: null is nothing, lists and objects are compact JSON.
pub(crate) fn push_text(text: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::String(value) => text.push_str(value),
        other => {
            // Writing to a String cannot fail.
            let _ = write!(text, "{other}");
        }
    }
}

/// A value as text of its own.
pub(crate) fn to_text(value: &Value) -> String {
    let mut text = String::new();
    push_text(&mut text, value);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::preview::preview_template;
    use super::*;

    fn give(text: &str, names: &Value) -> Value {
        let preview = preview_template(text, names);
        assert_eq!(preview.problems, [], "{text}");
        preview.value.unwrap_or(Value::Null)
    }

    #[test]
    fn keeps_types_alone_and_makes_text_inside_text() {
        let names =
            json!({"inputs": {"n": 9_007_199_254_740_993_i64, "list": [1, {"b": 2, "a": 1}], "t": true, "s": "x", "none": null, "f": 1.5}});
        let check = |text: &str, expected: Value| assert_eq!(give(text, &names), expected, "{text}");
        check("{{ inputs.n }}", json!(9_007_199_254_740_993_i64));
        check("{{ (inputs.n) }}", json!(9_007_199_254_740_993_i64));
        check("{{ inputs.list }}", json!([1, {"b": 2, "a": 1}]));
        check("{{ inputs.list or [] }}", json!([1, {"b": 2, "a": 1}]));
        check("{{ inputs.list[1].b }}", json!(2));
        check("{{ inputs.missing.deeper }}", Value::Null);
        check("{{ inputs.none == null }}", json!(true));
        check("{{ inputs.missing == null }}", json!(true));
        check("{{ inputs.none or inputs.s }}", json!("x"));
        check("{{ 'a' if inputs.t else 'b' }}", json!("a"));
        check("{{ inputs.f * 2 + 1 }}", json!(4.0));
        check("{{ inputs.missing | default(value=[]) }}", json!([]));
        check("{{ \"}}\" }}", json!("}}"));
        check("{{ inputs.none is defined }} {{ inputs.s is defined }} {{ inputs.gone is not defined }}", json!("false true true"));
        check(
            "n={{ inputs.n }} t={{ inputs.t }} l={{ inputs.list }} z={{ inputs.none }}.",
            json!("n=9007199254740993 t=true l=[1,{\"b\":2,\"a\":1}] z=."),
        );
        check("no expression", json!("no expression"));
    }

    #[test]
    fn tpl_7_values_are_never_read_as_templates() {
        let names = json!({"inputs": {"evil": "{{ config.x }} {% if %} {{ __tera_context }}"}, "config": {"x": "private"}});
        assert_eq!(give("{{ inputs.evil }}", &names), names["inputs"]["evil"]);
        assert_eq!(give("a {{ inputs.evil | trim }}", &names), json!("a {{ config.x }} {% if %} {{ __tera_context }}"));
    }

    #[test]
    fn tpl_4_bounds_what_an_expression_makes() {
        let names = json!({"inputs": {"big": "x".repeat(300_000)}});
        let check = |text: &str| {
            let preview = preview_template(text, &names);
            assert!(preview.value.is_none(), "{text}");
            let message = &preview.problems[0].message;
            assert!(message.contains("too large") || message.contains("more than"), "{message}");
        };
        check(&format!("{{{{ [{}] }}}}", vec!["inputs.big"; 20].join(",")));
        check(&format!("{{{{ {} }}}}", vec!["inputs.big"; 15].join(" ~ ")));
        check("{{ inputs.big | replace(from='x', to=inputs.big) }}");
        check("{{ inputs.big | split(by='') | join(by=inputs.big) }}");
    }

    #[test]
    fn messages_name_the_expression_and_never_the_value() {
        let names = json!({"inputs": {"secret": "hunter2", "n": i64::MAX}});
        for text in
            ["{{ inputs.secret + 1 }}", "{{ inputs.n * inputs.n * inputs.n }}", "{{ inputs.secret | number }}", "{{ inputs.secret > 3 }}"]
        {
            let message = preview_template(text, &names).problems[0].message.clone();
            assert!(message.contains("inputs."), "{message}");
            assert!(!message.contains("hunter2") && !message.contains("9223372036854775807"), "{message}");
        }
    }

    #[test]
    fn uuid_is_fixed_by_the_run_and_the_place() {
        let draw = |id: &str| give("{{ uuid() }}", &json!({"run": {"id": id}}));
        assert_eq!(draw("a"), draw("a"));
        assert_ne!(draw("a"), draw("b"));
        let text = draw("a").as_str().unwrap().to_owned();
        assert_eq!(uuid::Uuid::parse_str(&text).unwrap().get_version_num(), 4);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1.0e15..1.0e15_f64).prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".{0,6}", inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn interpolation_preserves_types(value in any_json()) {
            let names = json!({"inputs": {"x": value.clone()}});
            prop_assert_eq!(give("{{ inputs.x }}", &names), value.clone());
            // The same through the engine.
            prop_assert_eq!(give("{{ inputs.x if true else 0 }}", &names), value);
        }
    }
}
