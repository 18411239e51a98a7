//! A definition's steps as a tree: which steps hold which, by path in the definition and by place in the document.

use super::Definition;
use super::step::{HttpStep, Step, StepAction};
use crate::domain::problem::pointer_join;

/// A list of steps within a step.
#[derive(Debug, Clone)]
pub struct Block<'a> {
    /// What stands in paths between the step and those in the list, e.g. the id of a provider; empty in a loop.
    pub segment: String,
    /// Name to show.
    pub label: &'a str,
    /// Where the list stands, from the step on, as a JSON Pointer.
    pub pointer: String,
    /// The steps.
    pub steps: &'a [Step],
}

impl<'a> Block<'a> {
    fn new(segment: impl Into<String>, label: &'a str, pointer: impl Into<String>, steps: &'a [Step]) -> Self {
        Self { segment: segment.into(), label, pointer: pointer.into(), steps }
    }

    /// The path that the paths of its steps begin with, for a step of this path.
    pub fn prefix(&self, path: &str) -> String {
        if self.segment.is_empty() { path.to_owned() } else { format!("{path}/{}", self.segment) }
    }
}

impl Step {
    /// The lists of steps it holds, in the order of the document.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        match &self.action {
            StepAction::Branch(branch) => {
                let numbered = branch.cases.iter().enumerate();
                let mut blocks: Vec<_> = numbered
                    .map(|(number, case)| Block::new(number.to_string(), &case.when, format!("/cases/{number}/do"), &case.steps))
                    .collect();
                blocks.push(Block::new("default", "default", "/default", &branch.default));
                blocks
            }
            StepAction::Foreach(each) => vec![Block::new("", &each.name, "/do", &each.steps)],
            StepAction::Parallel(parallel) => {
                parallel.branches.iter().map(|(name, steps)| Block::new(name, name, pointer_join("/branches", name), steps)).collect()
            }
            StepAction::Waterfall(waterfall) => {
                let numbered = waterfall.providers.iter().enumerate();
                numbered.map(|(number, one)| Block::new(&one.id, &one.id, format!("/providers/{number}/steps"), &one.steps)).collect()
            }
            StepAction::Http(_)
            | StepAction::Set(_)
            | StepAction::Poll(_)
            | StepAction::Wait(_)
            | StepAction::Call(_)
            | StepAction::Stop(_) => Vec::new(),
        }
    }
}

/// A request with what is read of its answer, wherever in a step it stands.
#[derive(Debug, Clone)]
pub struct PlacedCall {
    /// Where the request stands, from the step on, as a JSON Pointer.
    pub request: &'static str,
    /// The request as a step of its own.
    pub call: HttpStep,
    /// Do its rules and extracts stand in the document here, and not with another request of the step?
    pub owns_rules: bool,
}

impl Step {
    /// The requests it makes.
    pub fn calls(&self) -> Vec<PlacedCall> {
        match &self.action {
            StepAction::Http(http) => vec![PlacedCall { request: "/request", call: (**http).clone(), owns_rules: true }],
            StepAction::Poll(poll) => {
                let parts = poll.parts();
                let place = |request, call, owns_rules| PlacedCall { request, call, owns_rules };
                let mut calls = vec![place("/create", parts.create, true), place("/status", parts.status, false)];
                calls.extend(parts.result.map(|call| place("/result", call, false)));
                calls.extend(parts.abort.map(|call| place("/abort", call, false)));
                calls
            }
            _ => Vec::new(),
        }
    }
}

/// A step and where it is.
#[derive(Debug, Clone)]
pub struct Placed<'a> {
    /// Its path in the definition, e.g. `email/a/find`.
    pub path: String,
    /// Where it stands in the document, a JSON Pointer.
    pub pointer: String,
    /// Path of the step that holds it.
    pub parent: Option<String>,
    /// The step.
    pub step: &'a Step,
}

impl Definition {
    /// Every step, each before those it holds, as the document goes.
    pub fn placed(&self) -> Vec<Placed<'_>> {
        let mut found = Vec::new();
        place(&self.steps, ("/steps", ""), None, &mut found);
        found
    }
}

fn place<'a>(steps: &'a [Step], (pointer, prefix): (&str, &str), parent: Option<&str>, found: &mut Vec<Placed<'a>>) {
    for (number, step) in steps.iter().enumerate() {
        let path = if prefix.is_empty() { step.id.clone() } else { format!("{prefix}/{}", step.id) };
        let pointer = format!("{pointer}/{number}");
        let parent = parent.map(str::to_owned);
        found.push(Placed { path: path.clone(), pointer: pointer.clone(), parent, step });
        for block in step.blocks() {
            let below = format!("{pointer}{}", block.pointer);
            place(block.steps, (&below, &block.prefix(&path)), Some(&path), found);
        }
    }
}
