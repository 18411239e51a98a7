//! Compiles the small pieces of a definition and gathers what is wrong with them.
//!
//! A piece that is refused leaves a problem and a stand-in behind, so that one pass finds every problem; a plan with an
//! error among its problems is thrown away.

use std::sync::{Arc, OnceLock};

use regex::Regex;
use serde_json::Value;
use tera::Tera;

use super::engine;
use super::filters;
use super::interpolate::{Body, Code, Expression, Part, Program, Tree};
use super::path::Path;
use super::scan::{self, Scanned};
use crate::domain::definition::expression::{Segment, is_template, segments};
use crate::domain::problem::{Problem, pointer_join};

/// Codes of the problems found while compiling, beside those of the domain's reading.
pub const CODES: &[&str] = &[
    "body-invalid",
    "evaluation-failed",
    "header-invalid",
    "jsonpath-cost",
    "jsonpath-syntax",
    "jsonpath-unsupported",
    "pattern-invalid",
    "schema-invalid",
    "template-syntax",
    "url-host",
    "url-invalid",
];

/// Compiles pieces, all of which share one engine.
pub(crate) struct Compiler {
    engine: Arc<OnceLock<Tera>>,
    pending: Vec<Pending>,
    problems: Vec<Problem>,
    step: Option<String>,
}

/// A template not yet given to the engine.
struct Pending {
    name: String,
    template: String,
    source: String,
    start: usize,
    pointer: String,
    step: Option<String>,
}

impl Compiler {
    pub(crate) fn new() -> Self {
        Self { engine: Arc::default(), pending: Vec::new(), problems: Vec::new(), step: None }
    }

    /// Problems from here on lie in this step.
    pub(crate) fn enter(&mut self, step: Option<&str>) {
        self.step = step.map(str::to_owned);
    }

    /// Adds a problem at the current step.
    pub(crate) fn report(&mut self, problem: Problem) {
        self.problems.push(match &self.step {
            Some(step) => problem.in_step(step.clone()),
            None => problem,
        });
    }

    pub(crate) fn error(&mut self, code: &'static str, pointer: &str, message: impl Into<String>, suggestion: impl Into<String>) {
        self.report(Problem::error(code, pointer, message).suggest(suggestion));
    }

    /// Compiles a text with `{{ }}` places.
    pub(crate) fn expression(&mut self, text: &str, pointer: &str) -> Expression {
        let mut parts = self.parts(text, pointer);
        let body = match (parts.len(), parts.pop()) {
            (_, None) => Body::Literal(Value::String(String::new())),
            (1, Some(Part::Literal(text))) => Body::Literal(Value::String(text)),
            (1, Some(Part::Code(code))) => Body::Single(code),
            (_, Some(last)) => {
                parts.push(last);
                Body::Text(parts)
            }
        };
        Expression { source: text.to_owned(), pointer: pointer.to_owned(), body }
    }

    /// Compiles a text that is one expression; blanks around it do not make it a text.
    pub(crate) fn condition(&mut self, text: &str, pointer: &str) -> Expression {
        let found = self.parts(text, pointer).into_iter().find_map(|part| if let Part::Code(code) = part { Some(code) } else { None });
        let body = found.map_or(Body::Literal(Value::Null), Body::Single);
        Expression { source: text.trim().to_owned(), pointer: pointer.to_owned(), body }
    }

    /// The pieces of a text; empty when it was refused.
    pub(crate) fn parts(&mut self, text: &str, pointer: &str) -> Vec<Part> {
        let segments = match segments(text) {
            Ok(segments) => segments,
            Err(malformed) => {
                let problem = Problem::error("invalid-expression", pointer, malformed.to_string());
                self.report(problem.span(malformed.start, malformed.end));
                return Vec::new();
            }
        };
        segments
            .into_iter()
            .filter_map(|segment| match segment {
                Segment::Literal(text) => Some(Part::Literal(text)),
                Segment::Expression { source, start, .. } => self.code(&source, start, pointer).map(Part::Code),
            })
            .collect()
    }

    fn code(&mut self, source: &str, start: usize, pointer: &str) -> Option<Code> {
        let scanned = match scan::scan(source) {
            Ok(scanned) => scanned,
            Err(problems) => {
                for mut problem in problems {
                    pointer.clone_into(&mut problem.pointer);
                    problem.span = problem.span.map(|(from, to)| (from + start, to + start));
                    self.report(problem);
                }
                return None;
            }
        };
        let Scanned { rewritten, variables, joins, plain, draws } = scanned;
        if plain {
            return variables.into_iter().next().map(|variable| Code::Path(variable.path));
        }
        let name = format!("t{}", self.pending.len());
        self.pending.push(Pending {
            name: name.clone(),
            template: engine::wrap(&rewritten),
            source: source.to_owned(),
            start,
            pointer: pointer.to_owned(),
            step: self.step.clone(),
        });
        let variables = variables.into_iter().enumerate().map(|(place, variable)| (scan::name(place), variable)).collect();
        let source = source.trim().to_owned();
        Some(Code::Engine(Box::new(Program { engine: Arc::clone(&self.engine), template: name, source, variables, joins, draws })))
    }

    /// Compiles the texts of a JSON value; parts without expressions stay as they are.
    pub(crate) fn tree(&mut self, value: &Value, pointer: &str) -> Tree {
        match value {
            Value::String(text) if is_template(text) => Tree::Expression(self.expression(text, pointer)),
            Value::Array(items) => {
                let items: Vec<Tree> =
                    items.iter().enumerate().map(|(place, item)| self.tree(item, &pointer_join(pointer, place))).collect();
                if items.iter().all(Tree::is_literal) { Tree::Literal(value.clone()) } else { Tree::List(items) }
            }
            Value::Object(members) => {
                let members: Vec<(String, Tree)> =
                    members.iter().map(|(name, value)| (name.clone(), self.tree(value, &pointer_join(pointer, name)))).collect();
                if members.iter().all(|(_, tree)| tree.is_literal()) { Tree::Literal(value.clone()) } else { Tree::Object(members) }
            }
            _ => Tree::Literal(value.clone()),
        }
    }

    /// Compiles a JSONPath.
    pub(crate) fn path(&mut self, text: &str, pointer: &str) -> Path {
        Path::compile(text).unwrap_or_else(|refusal| {
            let mut problem = Problem::error(refusal.code, pointer, refusal.message).span(0, text.chars().count());
            problem.suggestion = refusal.suggestion.map(str::to_owned);
            self.report(problem);
            Path::root()
        })
    }

    /// Compiles a regular expression.
    pub(crate) fn pattern(&mut self, text: &str, pointer: &str) -> Option<Regex> {
        let regex = filters::compile_pattern(text);
        if regex.is_none() {
            self.error(
                "pattern-invalid",
                pointer,
                "this is no regular expression, or too large a one",
                "look-around and back-references are not supported",
            );
        }
        regex
    }

    /// Gives all templates to the engine and gives back the problems.
    pub(crate) fn finish(mut self) -> Vec<Problem> {
        let mut tera = engine::new();
        let pending = std::mem::take(&mut self.pending);
        if !pending.is_empty() && tera.add_raw_templates(pending.iter().map(|one| (&one.name, &one.template))).is_err() {
            for one in &pending {
                self.explain(one);
            }
        }
        // The cell is empty: it is filled here alone.
        let _ = self.engine.set(tera);
        self.problems
    }

    /// Reports what the engine says about a single template, in terms of what the author wrote.
    fn explain(&mut self, pending: &Pending) {
        let mut tera = engine::new();
        if tera.add_raw_template("one", &pending.template).is_ok() {
            return;
        }
        let written = engine::wrap(&pending.source);
        let (message, span) = match tera.add_raw_template("one", &written) {
            Ok(()) => ("the expression cannot be read".to_owned(), (0, pending.source.chars().count())),
            Err(error) => {
                (format!("the expression cannot be read: {}", engine::reason(&error)), span_of(&error, &pending.source, &written))
            }
        };
        self.step.clone_from(&pending.step);
        self.report(Problem::error("template-syntax", &pending.pointer, message).span(span.0 + pending.start, span.1 + pending.start));
    }
}

/// The part of the source an error is about, in characters.
fn span_of(error: &tera::Error, source: &str, written: &str) -> (usize, usize) {
    let length = source.chars().count();
    let tera::ErrorKind::SyntaxError(report) = error.kind() else { return (0, length) };
    let place = |byte: usize| written.get(engine::LEAD..byte).map_or(0, |before| before.chars().count()).min(length);
    let range = &report.span().range;
    let (start, end) = (place(range.start), place(range.end));
    if start < end { (start, end) } else { (start.min(length.saturating_sub(1)), length) }
}

impl Tree {
    fn is_literal(&self) -> bool {
        matches!(self, Self::Literal(_))
    }
}
