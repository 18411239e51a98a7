//! Operations as text: one field reached by steps, written in several shapes that must all be answered alike.

use async_graphql::parser::types::{BaseType, Type};
use serde_json::{Map, Value, json};

use super::schema::{Schema, named};
use super::values::Argument;

/// One field on the way, and the type that the next is asked of where it has to be said.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its name.
    pub field: String,
    /// What it is given.
    pub arguments: Vec<Argument>,
    /// The type the next field is asked of, where that has to be said.
    pub on: Option<String>,
}

impl Step {
    /// A field of the type before it.
    pub fn new(field: &str, arguments: Vec<Argument>) -> Self {
        Self { field: field.to_owned(), arguments, on: None }
    }

    /// The object of this id, as one of that type.
    pub fn node(id: &str, kind: &str) -> Self {
        let arguments = vec![Argument { name: "id".to_owned(), ty: "ID!".to_owned(), value: json!(id) }];
        Self { field: "node".to_owned(), arguments, on: Some(kind.to_owned()) }
    }
}

/// A field of a root type, reached by steps, and what is selected of it in the end.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The root type.
    pub root: &'static str,
    /// The fields on the way.
    pub steps: Vec<Step>,
    /// What is selected of the last one, in braces.
    pub selection: String,
}

/// A way to write one and the same question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Values as variables.
    Variables,
    /// Values in the document.
    Literals,
    /// Under another name.
    Alias,
    /// Under two other names at a time.
    Twice,
    /// In a fragment with a name.
    NamedFragment,
    /// In a fragment without one.
    InlineFragment,
    /// Behind a directive.
    Directive,
    /// As one of two operations of a document.
    OneOfSeveral,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 8] = [
        Self::Variables,
        Self::Literals,
        Self::Alias,
        Self::Twice,
        Self::NamedFragment,
        Self::InlineFragment,
        Self::Directive,
        Self::OneOfSeveral,
    ];
}

/// Variables as they are declared, and their values.
#[derive(Default)]
struct Variables {
    declared: Vec<String>,
    values: Map<String, Value>,
}

impl Variables {
    fn add(&mut self, ty: &str, value: &Value) -> String {
        let name = format!("v{}", self.declared.len());
        self.declared.push(format!("${name}: {ty}"));
        self.values.insert(name.clone(), value.clone());
        format!("${name}")
    }

    fn request(self, keyword: &str, body: &str, rest: &str) -> String {
        let declared = if self.declared.is_empty() { String::new() } else { format!("({})", self.declared.join(", ")) };
        let query = format!("{keyword} P{declared} {{ {body} }}{rest}");
        json!({ "query": query, "variables": self.values, "operationName": "P" }).to_string()
    }
}

impl Operation {
    /// The body of a request that asks this; `None` where the shape cannot carry it.
    pub fn written(&self, schema: &Schema, shape: Shape) -> Option<String> {
        let mut variables = Variables::default();
        let keyword = self.keyword();
        if shape == Shape::Literals {
            let body = self.text("", &mut |argument| literal(schema, &Type::new(&argument.ty)?, &argument.value))?;
            return Some(variables.request(keyword, &body, ""));
        }
        let only = if shape == Shape::Directive { variables.add("Boolean!", &Value::Bool(true)) } else { String::new() };
        let mut body = |alias: &str| self.text(alias, &mut |argument| Some(variables.add(&argument.ty, &argument.value)));
        let (body, rest) = match shape {
            Shape::Variables | Shape::Literals => (body("")?, String::new()),
            Shape::Alias => (body("other: ")?, String::new()),
            Shape::Twice => (format!("{} {}", body("one: ")?, body("two: ")?), String::new()),
            Shape::NamedFragment => ("...F".to_owned(), format!(" fragment F on {} {{ {} }}", self.root, body("")?)),
            Shape::InlineFragment => (format!("... on {} {{ {} }}", self.root, body("")?), String::new()),
            Shape::Directive => (format!("... @include(if: {only}) {{ {} }}", body("")?), String::new()),
            Shape::OneOfSeveral => (body("")?, " query Q { __typename }".to_owned()),
        };
        Some(variables.request(keyword, &body, &rest))
    }

    /// One request that asks all of these at a time, each under a name of its own.
    pub fn together(operations: &[Self]) -> Option<String> {
        let mut variables = Variables::default();
        let mut body = String::new();
        for (index, operation) in operations.iter().enumerate() {
            body.push_str(&operation.text(&format!("a{index}: "), &mut |argument| Some(variables.add(&argument.ty, &argument.value)))?);
            body.push(' ');
        }
        Some(variables.request(operations.first()?.keyword(), &body, ""))
    }

    fn keyword(&self) -> &'static str {
        match self.root {
            "Query" => "query",
            "Mutation" => "mutation",
            _ => "subscription",
        }
    }

    fn text(&self, alias: &str, put: &mut dyn FnMut(&Argument) -> Option<String>) -> Option<String> {
        let (mut text, mut closing) = (alias.to_owned(), String::new());
        for (index, step) in self.steps.iter().enumerate() {
            text.push_str(&step.field);
            let arguments = step.arguments.iter().map(|argument| Some(format!("{}: {}", argument.name, put(argument)?)));
            let arguments = arguments.collect::<Option<Vec<_>>>()?.join(", ");
            if !arguments.is_empty() {
                text.extend(["(", arguments.as_str(), ")"]);
            }
            if index + 1 < self.steps.len() || step.on.is_some() {
                text.push_str(" { ");
                closing.insert_str(0, " }");
            }
            if let Some(kind) = &step.on {
                text.extend(["... on ", kind.as_str(), " "]);
                if index + 1 < self.steps.len() {
                    text.push_str("{ ");
                    closing.insert_str(0, " }");
                }
            }
        }
        Some(format!("{text} {}{closing}", self.selection))
    }
}

/// A value as it is written into a document; `None` for a secret, which may not be.
fn literal(schema: &Schema, ty: &Type, value: &Value) -> Option<String> {
    match (&ty.base, value) {
        (BaseType::List(item), Value::Array(values)) => {
            let items = values.iter().map(|value| literal(schema, item, value)).collect::<Option<Vec<_>>>()?;
            Some(format!("[{}]", items.join(", ")))
        }
        (BaseType::Named(name), _) if name == "Secret" => None,
        (BaseType::Named(name), Value::String(word)) if !schema.values(name).is_empty() => Some(word.clone()),
        (BaseType::Named(name), Value::Object(given)) => {
            let members = schema.members(name).unwrap_or_default();
            let type_of = |key: &str| members.iter().find(|member| member.name.node == key).map(|member| &member.ty.node);
            let plain = Type::new("JSON")?;
            let entries =
                given.iter().map(|(key, value)| Some(format!("{key}: {}", literal(schema, type_of(key).unwrap_or(&plain), value)?)));
            Some(format!("{{{}}}", entries.collect::<Option<Vec<_>>>()?.join(", ")))
        }
        (_, Value::Array(values)) => {
            let items = values.iter().map(|value| literal(schema, ty, value)).collect::<Option<Vec<_>>>()?;
            Some(format!("[{}]", items.join(", ")))
        }
        (_, plain) => Some(plain.to_string()),
    }
}

/// The name of a list's items, if this type is a page of one.
pub fn item_of<'a>(schema: &'a Schema, page: &str) -> Option<&'a str> {
    if !page.ends_with("Connection") {
        return None;
    }
    schema.fields(page).find(|field| field.name.node == "nodes").map(|field| named(&field.ty.node))
}
