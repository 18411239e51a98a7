//! Which names expressions may use, and where.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::report::{LOOKED_AT, Report};
use crate::domain::definition::{Definition, MAX_STEPS, Step, StepAction};
use crate::domain::problem::{Problem, pointer_join};

/// What an expression sees at its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    /// So many of the steps have run.
    pub(super) steps: usize,
    /// Is there an answer to look at?
    pub(super) response: bool,
}

const ROOTS: &[&str] = &["inputs", "config", "contact", "steps", "run", "now", "response"];
const LATER_ROOTS: &[&str] = &["item", "page", "conflict"];
const RUN: &[&str] = &["id", "attempt", "cost"];
const RESPONSE: &[&str] = &["status", "headers", "body"];

/// Names a definition gives rise to, and which of them were used.
pub(super) struct Known<'a> {
    definition: &'a Definition,
    /// Number of the first step of each id.
    steps: BTreeMap<&'a str, usize>,
    /// Numbers and members of the steps that expressions used; no member means all of them.
    pub(super) used: BTreeSet<(usize, Option<String>)>,
}

impl<'a> Known<'a> {
    pub(super) fn of(definition: &'a Definition) -> Self {
        let mut steps = BTreeMap::new();
        for (number, step) in definition.steps.iter().enumerate() {
            steps.entry(step.id.as_str()).or_insert(number);
        }
        Self { definition, steps, used: BTreeSet::new() }
    }

    /// The problem with a variable, if it is not there at this place.
    pub(super) fn judge(&mut self, path: &[String], sight: Sight, report: &Report) -> Option<Problem> {
        let (root, members) = path.split_first()?;
        let first = members.first().map(String::as_str);
        match (root.as_str(), first) {
            ("inputs", Some(member)) => schema_member(("inputs", &self.definition.inputs), member, report),
            ("config", Some(member)) => schema_member(("config", &self.definition.config), member, report),
            ("run", Some(member)) => one_of("run", member, RUN, report),
            ("steps", Some(id)) => self.step(id, members.get(1).map(String::as_str), sight, report),
            ("steps", None) => {
                self.used.extend((0..sight.steps).map(|number| (number, None)));
                None
            }
            ("now", Some(_)) => Some(unknown("`now` is a text and has no members")),
            ("response", _) if !sight.response => Some(unknown("`response` is there only in the conditions of rules")),
            ("response", Some(member)) => one_of("response", member, RESPONSE, report),
            (root, _) if ROOTS.contains(&root) => None,
            (root, _) if LATER_ROOTS.contains(&root) => {
                Some(Problem::error("unsupported", "", format!("`{root}` is part of the language, but this server does not give it yet")))
            }
            (root, _) => Some(self.root(root, report)),
        }
    }

    fn root(&self, root: &str, report: &Report) -> Problem {
        if matches!(root, "secrets" | "secret" | "credentials" | "credential") || self.definition.credentials.contains_key(root) {
            return unknown("secrets have no name in expressions: they enter a request through the `inject` of their slot");
        }
        let problem = unknown(format!("there is no `{root}` here"));
        let inner = [("inputs", &self.definition.inputs), ("config", &self.definition.config)];
        match inner.into_iter().find(|(_, schema)| properties(schema).is_some_and(|known| known.contains_key(root))) {
            Some((place, _)) => problem.suggest(format!("did you mean `{place}.{root}`?")),
            None if self.steps.contains_key(root) => problem.suggest(format!("did you mean `steps.{root}`?")),
            None => report.meant(problem, root, ROOTS.iter().copied()),
        }
    }

    fn step(&mut self, id: &str, member: Option<&str>, sight: Sight, report: &Report) -> Option<Problem> {
        let Some(&number) = self.steps.get(id) else {
            // A step that could not be read, or was cut off, may be the one that is meant.
            if (0..self.definition.steps.len()).chain([MAX_STEPS]).any(|number| report.is_tainted(&format!("/steps/{number}/id"))) {
                return None;
            }
            let problem = unknown(format!("there is no step `{id}`"));
            let earlier = self.definition.steps.iter().take(sight.steps).map(|step| step.id.as_str());
            return Some(report.meant(problem, id, earlier));
        };
        if number >= sight.steps {
            return Some(unknown(format!("the step `{id}` does not come before this place")));
        }
        self.used.insert((number, member.map(str::to_owned)));
        let (step, member) = (self.definition.steps.get(number)?, member?);
        let (known, place) = members(step, number);
        if known.contains(&member) || report.is_tainted(&pointer_join(&place, member)) {
            return None;
        }
        let names: Vec<String> = known.iter().map(|name| format!("steps.{id}.{name}")).collect();
        let mut message = format!("the step `{id}` has no `{member}`");
        if RESPONSE.contains(&member) && matches!(step.action, StepAction::Http(_)) {
            message.push_str("; with `response.keep` it would");
        }
        Some(report.meant(unknown(message), &format!("steps.{id}.{member}"), names.iter().map(String::as_str)))
    }
}

fn schema_member((place, schema): (&str, &Value), member: &str, report: &Report) -> Option<Problem> {
    let known = properties(schema);
    if is_open(schema) || known.is_some_and(|known| known.contains_key(member)) || report.is_tainted(&format!("/{place}")) {
        return None;
    }
    let names: Vec<String> = known.into_iter().flat_map(Map::keys).take(LOOKED_AT).map(|name| format!("{place}.{name}")).collect();
    let given = format!("{place}.{member}");
    let problem = unknown(format!("`{place}` has no property `{member}`"));
    Some(report.meant(problem, &given, names.iter().map(String::as_str)))
}

/// Names of what a step results in, and where they stand.
fn members(step: &Step, number: usize) -> (Vec<&str>, String) {
    let pointer = format!("/steps/{number}");
    match &step.action {
        StepAction::Http(http) => {
            let kept = if http.response.keep { RESPONSE } else { &[] };
            (http.extract.keys().map(String::as_str).chain(kept.iter().copied()).collect(), pointer + "/extract")
        }
        StepAction::Set(set) => (set.values.keys().map(String::as_str).collect(), pointer + "/values"),
        StepAction::Stop(_) => (Vec::new(), pointer),
    }
}

pub(super) fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

/// Does the schema itself say that there may be more than its properties?
pub(super) fn is_open(schema: &Value) -> bool {
    let more = schema.get("additionalProperties");
    more.is_some_and(|more| *more != Value::Bool(false))
        || ["patternProperties", "allOf", "anyOf", "oneOf", "$ref", "if", "dependentSchemas"].iter().any(|word| schema.get(*word).is_some())
}

fn one_of(root: &str, member: &str, known: &[&str], report: &Report) -> Option<Problem> {
    if known.contains(&member) {
        return None;
    }
    let names: Vec<String> = known.iter().map(|name| format!("{root}.{name}")).collect();
    let problem = unknown(format!("`{root}` has no `{member}`"));
    Some(report.meant(problem, &format!("{root}.{member}"), names.iter().map(String::as_str)))
}

/// A problem still without its place.
fn unknown(message: impl Into<String>) -> Problem {
    Problem::error("unknown-variable", "", message)
}
