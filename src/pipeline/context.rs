//! What expressions see: `inputs`, `config`, `contact`, `steps`, `run` and `now`. There is no name for a secret.

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
#[derive(Clone)]
pub struct Context {
    names: Map<String, Value>,
    cost: f64,
}

impl Context {
    /// The values a run starts with; no step has a result yet.
    pub fn new(inputs: Value, config: Value, contact: Option<&Contact>, run: RunFacts, now: DateTime<Utc>) -> Self {
        let mut names = Map::new();
        names.insert("inputs".to_owned(), inputs);
        names.insert("config".to_owned(), config);
        names.insert("contact".to_owned(), contact.map_or(Value::Null, contact_value));
        names.insert("steps".to_owned(), Value::Object(Map::new()));
        let facts = [("id", Value::from(run.id)), ("attempt", Value::from(run.attempt)), ("cost", Value::from(run.cost))];
        names.insert("run".to_owned(), facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        names.insert("now".to_owned(), instant(now));
        Self { names, cost: run.cost }
    }

    /// Puts a step's result under `steps.<id>`.
    pub fn set_step(&mut self, id: &str, output: Value) {
        if let Some(Value::Object(steps)) = self.names.get_mut("steps") {
            steps.insert(id.to_owned(), output);
        }
    }

    /// Says which attempt of the current step is being made, and when.
    pub fn set_attempt(&mut self, number: u32, now: DateTime<Utc>) {
        self.set_run("attempt", Value::from(number));
        self.names.insert("now".to_owned(), instant(now));
    }

    /// Adds to what the run has cost.
    pub fn add_cost(&mut self, cost: f64) {
        self.cost += cost;
        self.set_run("cost", Value::from(self.cost));
    }

    /// What the run has cost so far.
    pub fn cost(&self) -> f64 {
        self.cost
    }

    fn set_run(&mut self, name: &str, value: Value) {
        if let Some(Value::Object(run)) = self.names.get_mut("run") {
            run.insert(name.to_owned(), value);
        }
    }

    pub(crate) fn scope(&self) -> Scope<'_> {
        Scope { names: &self.names, response: None }
    }

    pub(crate) fn scope_with<'a>(&'a self, response: &'a Value) -> Scope<'a> {
        Scope { names: &self.names, response: Some(response) }
    }
}

/// Names in force at one place: those of the run, and in rules also `response`.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    names: &'a Map<String, Value>,
    response: Option<&'a Value>,
}

impl<'a> Scope<'a> {
    pub(crate) fn of(names: &'a Map<String, Value>) -> Self {
        Self { names, response: None }
    }

    pub(crate) fn get(self, name: &str) -> Option<&'a Value> {
        match (name, self.response) {
            ("response", Some(response)) => Some(response),
            _ => self.names.get(name),
        }
    }

    /// Id of the run, which fixes what `uuid()` gives.
    pub(crate) fn run_id(self) -> &'a str {
        self.names.get("run").and_then(|run| run.get("id")).and_then(Value::as_str).unwrap_or_default()
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

fn instant(now: DateTime<Utc>) -> Value {
    Value::String(now.to_rfc3339_opts(SecondsFormat::Millis, true))
}
