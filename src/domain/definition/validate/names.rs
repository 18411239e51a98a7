//! Which names expressions may use, and where.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::{Map, Value};

use super::report::{LOOKED_AT, Report};
use crate::domain::definition::{Definition, MAX_STEPS, Placed, Step, StepAction};
use crate::domain::problem::{Problem, pointer_join};

/// What an expression sees at its place.
#[derive(Debug, Clone, Default)]
pub(super) struct Sight<'a> {
    /// Ids and numbers of the steps whose results are there.
    steps: Rc<BTreeMap<&'a str, usize>>,
    /// Names that the place gives: the item of a loop, the answer a rule looks at …
    given: Rc<Vec<&'a str>>,
    /// The poll step whose job was started.
    job: Option<&'a str>,
}

impl<'a> Sight<'a> {
    /// The same after a step.
    pub(super) fn after(&mut self, id: &'a str, number: usize) {
        Rc::make_mut(&mut self.steps).insert(id, number);
    }

    /// The same once what was seen there can be seen as well.
    pub(super) fn join(&mut self, other: &Self) {
        Rc::make_mut(&mut self.steps).extend(other.steps.iter());
    }

    /// The same once the job of this step was started.
    pub(super) fn of_job(&self, id: &'a str) -> Self {
        Self { job: Some(id), ..self.clone() }
    }

    /// The same with one more name.
    pub(super) fn given(&self, name: &'a str) -> Self {
        let mut inner = self.clone();
        Rc::make_mut(&mut inner.given).push(name);
        inner
    }
}

/// Names that are there in every definition.
pub(super) const ROOTS: &[&str] = &["inputs", "config", "contact", "steps", "run", "now", "response", "item", "page", "conflict"];
const RUN: &[&str] = &["id", "attempt", "cost"];
const RESPONSE: &[&str] = &["status", "headers", "body"];
const PAGE: &[&str] = &["number", "records", "total"];

/// Names a definition gives rise to, and which of them were used.
pub(super) struct Known<'a> {
    definition: &'a Definition,
    /// Every step of it.
    pub(super) placed: Vec<Placed<'a>>,
    /// Number of the first step of each id.
    numbers: BTreeMap<&'a str, usize>,
    /// Numbers and members of the steps that expressions used; no member means all of them.
    pub(super) used: BTreeSet<(usize, Option<String>)>,
}

impl<'a> Known<'a> {
    pub(super) fn of(definition: &'a Definition) -> Self {
        let placed = definition.placed();
        let mut numbers = BTreeMap::new();
        for (number, placed) in placed.iter().enumerate() {
            numbers.entry(placed.step.id.as_str()).or_insert(number);
        }
        Self { definition, placed, numbers, used: BTreeSet::new() }
    }

    /// The number of the first step of this id.
    pub(super) fn number(&self, id: &str) -> Option<usize> {
        self.numbers.get(id).copied()
    }

    /// The problem with a variable, if it is not there at this place.
    pub(super) fn judge(&mut self, path: &[String], sight: &Sight<'a>, report: &Report) -> Option<Problem> {
        let (root, members) = path.split_first()?;
        let first = members.first().map(String::as_str);
        match (root.as_str(), first) {
            ("response", Some(member)) if sight.given.contains(&"response") => one_of("response", member, RESPONSE, report),
            ("page", Some(member)) if sight.given.contains(&"page") => one_of("page", member, PAGE, report),
            (root, _) if sight.given.contains(&root) => None,
            ("inputs", Some(member)) => schema_member(("inputs", &self.definition.inputs), member, report),
            ("config", Some(member)) => schema_member(("config", &self.definition.config), member, report),
            ("run", Some(member)) => one_of("run", member, RUN, report),
            ("steps", Some(id)) if sight.job == Some(id) => created(id, members.get(1).map(String::as_str), report),
            ("steps", Some(id)) => self.step(id, members.get(1).map(String::as_str), sight, report),
            ("steps", None) => Some(unknown("`steps` is read step by step").suggest("name one, as in `steps.lookup`")),
            ("now", Some(_)) => Some(unknown("`now` is a text and has no members")),
            ("item", _) => Some(unknown("`item` is there only in a loop, and in `accept` of a waterfall")),
            ("response", _) => Some(unknown("`response` is there only in the conditions of rules and in `stop_when`")),
            ("page", _) => Some(unknown("`page` is there only in `stop_when`")),
            ("conflict", _) => Some(unknown("`conflict` is there only in `retry_as`")),
            (root, _) if ROOTS.contains(&root) => None,
            (root, _) => Some(self.root(root, sight, report)),
        }
    }

    fn root(&self, root: &str, sight: &Sight<'a>, report: &Report) -> Problem {
        if matches!(root, "secrets" | "secret" | "credentials" | "credential") || self.definition.credentials.contains_key(root) {
            return unknown("secrets have no name in expressions: they enter a request through the `inject` of their slot");
        }
        let problem = unknown(format!("there is no `{root}` here"));
        let inner = [("inputs", &self.definition.inputs), ("config", &self.definition.config)];
        match inner.into_iter().find(|(_, schema)| properties(schema).is_some_and(|known| known.contains_key(root))) {
            Some((place, _)) => problem.suggest(format!("did you mean `{place}.{root}`?")),
            None if self.numbers.contains_key(root) => problem.suggest(format!("did you mean `steps.{root}`?")),
            None => report.meant(problem, root, ROOTS.iter().chain(sight.given.iter()).copied()),
        }
    }

    fn step(&mut self, id: &str, member: Option<&str>, sight: &Sight<'a>, report: &Report) -> Option<Problem> {
        let Some(&number) = sight.steps.get(id) else { return self.unseen(id, sight, report) };
        self.used.insert((number, member.map(str::to_owned)));
        let (placed, member) = (self.placed.get(number)?, member?);
        let (known, below) = members(placed.step)?;
        if known.iter().any(|name| name == member) || report.is_tainted(&pointer_join(&format!("{}{below}", placed.pointer), member)) {
            return None;
        }
        let names: Vec<String> = known.iter().map(|name| format!("steps.{id}.{name}")).collect();
        let mut message = format!("the step `{id}` has no `{member}`");
        if RESPONSE.contains(&member) && matches!(placed.step.action, StepAction::Http(_)) {
            message.push_str("; with `response.keep` it would");
        }
        Some(report.meant(unknown(message), &format!("steps.{id}.{member}"), names.iter().map(String::as_str)))
    }

    /// Why a step cannot be named at a place.
    fn unseen(&self, id: &str, sight: &Sight<'a>, report: &Report) -> Option<Problem> {
        let Some(placed) = self.number(id).and_then(|number| self.placed.get(number)) else {
            // A step that could not be read, or was cut off, may be the one that is meant.
            let ids = self.placed.iter().map(|placed| format!("{}/id", placed.pointer));
            if ids.chain([format!("/steps/{MAX_STEPS}/id")]).any(|place| report.is_tainted(&place)) {
                return None;
            }
            let problem = unknown(format!("there is no step `{id}`"));
            return Some(report.meant(problem, id, sight.steps.keys().copied()));
        };
        Some(match &placed.parent {
            Some(parent) if self.has_ended(parent, sight) => {
                let holder = parent.rsplit('/').next().unwrap_or(parent);
                unknown(format!("the step `{id}` is within `{holder}` and can be named only there"))
                    .suggest(format!("use what comes out of `steps.{holder}`"))
            }
            _ => unknown(format!("the step `{id}` does not come before this place")),
        })
    }

    fn has_ended(&self, path: &str, sight: &Sight<'a>) -> bool {
        self.placed.iter().any(|placed| placed.path == path && sight.steps.contains_key(placed.step.id.as_str()))
    }
}

/// Of its own step a request of a job sees what the job was started with.
fn created(id: &str, member: Option<&str>, report: &Report) -> Option<Problem> {
    match member {
        None | Some("created") => None,
        Some(member) => one_of(&format!("steps.{id}"), member, &["created"], report),
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

/// Names of what a step results in, and where they stand from the step on; `None` when every name may be there.
fn members(step: &Step) -> Option<(Vec<String>, &'static str)> {
    Some(match &step.action {
        StepAction::Http(http) => {
            let kept = if http.response.keep.is_empty() { &[] } else { RESPONSE };
            (http.extract.keys().cloned().chain(kept.iter().map(|&name| name.to_owned())).collect(), "/extract")
        }
        StepAction::Set(set) => (set.values.keys().cloned().collect(), "/values"),
        StepAction::Branch(_) => (vec!["taken".to_owned()], ""),
        StepAction::Foreach(_) => (vec!["items".to_owned()], ""),
        StepAction::Parallel(parallel) => (parallel.branches.keys().cloned().collect(), "/branches"),
        StepAction::Waterfall(waterfall) => {
            let mut names = vec!["provider".to_owned(), "cost".to_owned()];
            for last in waterfall.providers.iter().filter_map(|provider| provider.steps.last()) {
                names.extend(members(last)?.0);
            }
            (names, "")
        }
        StepAction::Poll(poll) => {
            let kept = if poll.response.keep.is_empty() { &[] } else { RESPONSE };
            (poll.extract.keys().cloned().chain(kept.iter().map(|&name| name.to_owned())).collect(), "/extract")
        }
        // What comes out is the other connector's to say.
        StepAction::Call(_) => return None,
        StepAction::Wait(_) | StepAction::Stop(_) => (Vec::new(), ""),
    })
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
