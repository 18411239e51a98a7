//! What expressions see: `inputs`, `config`, `contact`, `steps`, `run`, `now`, and the items of loops. There is no name
//! for a secret.
//!
//! A context is cheap to copy: turns of a loop and branches side by side each have their own, and share the values.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

use crate::domain::contact::Contact;

/// Facts of the run that expressions can read under `run`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunFacts {
    /// Id of the execution.
    pub id: String,
    /// Attempt of the current step, 1 for the first.
    pub attempt: u32,
    /// What the steps so far cost, in units of the definition.
    pub cost: f64,
}

/// The values expressions of one run see.
#[derive(Debug, Clone)]
pub struct Context {
    names: HashMap<String, Arc<Value>>,
    steps: HashMap<String, Arc<Value>>,
    facts: RunFacts,
    /// Path of the steps around, which tells the turns of a loop apart.
    place: Arc<str>,
}

impl Context {
    /// The values a run starts with; no step has a result yet.
    pub fn new(inputs: Value, config: Value, contact: Option<&Contact>, facts: RunFacts, now: DateTime<Utc>) -> Self {
        let contact = contact.map_or(Value::Null, contact_value);
        let names = [("inputs", inputs), ("config", config), ("contact", contact)];
        let names = names.into_iter().map(|(name, value)| (name.to_owned(), Arc::new(value))).collect();
        let mut context = Self { names, steps: HashMap::new(), facts, place: Arc::from("") };
        context.begin(1, context.facts.cost, now);
        context
    }

    /// The values of an object of names, as somebody made them up.
    pub(crate) fn of(names: &Map<String, Value>) -> Self {
        let shared = |members: &Map<String, Value>| members.iter().map(|(name, value)| (name.clone(), Arc::new(value.clone()))).collect();
        let id = names.get("run").and_then(|run| run.get("id")).and_then(Value::as_str).unwrap_or_default().to_owned();
        let steps = names.get("steps").and_then(Value::as_object).map(shared).unwrap_or_default();
        Self { names: shared(names), steps, facts: RunFacts { id, ..RunFacts::default() }, place: Arc::from("") }
    }

    /// The same for a connector that another calls: of the run and its contact everything, of the steps nothing.
    #[must_use]
    pub fn called(&self, inputs: Value, config: Value, place: &str) -> Self {
        let mut called = Self { steps: HashMap::new(), place: Arc::from(place), ..self.clone() };
        called.set("inputs", inputs);
        called.set("config", config);
        called
    }

    /// The same within a step: what is found out there stays there.
    #[must_use]
    pub fn within(&self, place: &str) -> Self {
        Self { place: Arc::from(place), ..self.clone() }
    }

    /// Puts a value under a name of its own, such as the item of a loop.
    pub fn set(&mut self, name: &str, value: impl Into<Arc<Value>>) {
        self.names.insert(name.to_owned(), value.into());
    }

    /// Puts a step's result under `steps.<id>`.
    pub fn set_step(&mut self, id: &str, output: impl Into<Arc<Value>>) {
        self.steps.insert(id.to_owned(), output.into());
    }

    /// Says which attempt of a step begins, when, and what the run has cost until then.
    pub fn begin(&mut self, attempt: u32, cost: f64, now: DateTime<Utc>) {
        self.facts = RunFacts { attempt, cost, id: std::mem::take(&mut self.facts.id) };
        let facts = [("id", Value::from(self.facts.id.as_str())), ("attempt", Value::from(attempt)), ("cost", Value::from(cost))];
        self.set("run", facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Value>());
        self.set("now", Value::String(now.to_rfc3339_opts(SecondsFormat::Millis, true)));
    }

    /// Id of the run.
    pub(crate) fn run_id(&self) -> &str {
        &self.facts.id
    }

    pub(crate) fn scope(&self) -> Scope<'_> {
        Scope { context: self, given: &[] }
    }

    pub(crate) fn scope_with<'a>(&'a self, given: &'a [(&'static str, &'a Value)]) -> Scope<'a> {
        Scope { context: self, given }
    }
}

/// Names in force at one place: those of the run, and those the place gives, such as `response` in rules.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    context: &'a Context,
    given: &'a [(&'static str, &'a Value)],
}

impl<'a> Scope<'a> {
    /// The value of a name with members; what is not there counts as null.
    pub(crate) fn find(self, root: &str, members: &[String]) -> Option<&'a Value> {
        let given = self.given.iter().find(|(name, _)| *name == root).map(|(_, value)| *value);
        let (value, members) = match (given, root, members) {
            (Some(value), ..) => (value, members),
            (None, "steps", [id, below @ ..]) => (&**self.context.steps.get(id.as_str())?, below),
            (None, ..) => (&**self.context.names.get(root)?, members),
        };
        members.iter().try_fold(value, |value, member| match value {
            Value::Array(items) => items.get(member.parse::<usize>().ok()?),
            other => other.get(member.as_str()),
        })
    }

    /// Run and place, which fix what `uuid()` gives.
    pub(crate) fn seed(self) -> String {
        format!("{}\n{}", self.context.facts.id, self.context.place)
    }
}

/// A contact as expressions see it: its attributes as members, its columns over them.
fn contact_value(contact: &Contact) -> Value {
    let mut members = contact.attributes.clone();
    for field in Contact::FIELDS.into_iter().chain(["full_name"]) {
        members.insert(field.to_owned(), contact.field(field));
    }
    members.insert("id".to_owned(), Value::String(contact.id.to_string()));
    members.insert("attributes".to_owned(), Value::Object(contact.attributes.clone()));
    Value::Object(members)
}
