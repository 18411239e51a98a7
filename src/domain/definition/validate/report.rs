//! Collects problems, keeps quiet about places already known to be wrong, and puts all in order.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::problem::{Problem, Severity, nearest};

/// Problems a reading gives at most.
pub(super) const MAX_PROBLEMS: usize = 200;

/// Problems kept while looking; beyond this many the document is not worth a closer look.
const KEPT: usize = 1000;

/// Characters of a name that are looked at to find what was meant.
const MEANT: usize = 64;

/// Known names that are compared to find what was meant.
pub(super) const LOOKED_AT: usize = 200;

#[derive(Default)]
pub(super) struct Report {
    problems: Vec<Problem>,
    tainted: BTreeSet<String>,
}

impl Report {
    pub(super) fn add(&mut self, problem: Problem) {
        if self.problems.len() < KEPT {
            self.problems.push(problem);
        }
    }

    /// Adds a problem of sense, unless its place is already known to be wrong.
    pub(super) fn follow(&mut self, problem: Problem) {
        if !self.is_tainted(&problem.pointer) {
            self.add(problem);
        }
    }

    /// Marks a place, with all in it, as wrong.
    pub(super) fn taint(&mut self, pointer: impl Into<String>) {
        self.tainted.insert(pointer.into());
    }

    /// Is the place, or one around it, known to be wrong?
    pub(super) fn is_tainted(&self, pointer: &str) -> bool {
        self.tainted.contains(pointer)
            || pointer.match_indices('/').any(|(at, _)| pointer.get(..at).is_some_and(|above| self.tainted.contains(above)))
    }

    /// Is something within the place known to be wrong?
    pub(super) fn is_tainted_within(&self, pointer: &str) -> bool {
        let below = format!("{pointer}/");
        self.tainted.range(below.clone()..).next().is_some_and(|first| first.starts_with(&below))
    }

    /// The problem with the known name that was probably meant.
    pub(super) fn meant<'a>(&self, problem: Problem, given: &str, known: impl IntoIterator<Item = &'a str>) -> Problem {
        if self.problems.len() >= MAX_PROBLEMS || given.chars().count() > MEANT {
            return problem;
        }
        match nearest(given, known.into_iter().filter(|name| name.len() <= MEANT * 4).take(LOOKED_AT)) {
            Some(name) => problem.suggest(format!("did you mean `{name}`?")),
            None => problem,
        }
    }

    /// Every problem, errors first and then as the document goes, each in its step.
    pub(super) fn finish(self, source: &Value) -> Vec<Problem> {
        let mut placed: Vec<(Severity, Vec<usize>, Problem)> = self
            .problems
            .into_iter()
            .map(|mut problem| {
                problem.step_path = problem.step_path.or_else(|| step_of(source, &problem.pointer));
                (problem.severity, place_of(source, &problem.pointer), problem)
            })
            .collect();
        placed.sort_by(|left, right| (left.0, &left.1, left.2.span).cmp(&(right.0, &right.1, right.2.span)));
        placed.truncate(MAX_PROBLEMS);
        placed.into_iter().map(|(_, _, problem)| problem).collect()
    }
}

/// The path of the innermost step a place is in: ids, or numbers where there are none.
fn step_of(source: &Value, pointer: &str) -> Option<String> {
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    let name = |value: Option<&Value>, number: &str| {
        let id = value.and_then(|value| value.get("id")).and_then(Value::as_str).filter(|id| !id.is_empty());
        id.unwrap_or(number).to_owned()
    };
    let (mut path, mut at, mut rest) = (String::new(), String::new(), parts.as_slice());
    loop {
        // What leads from a step, or from the document, to a step within it.
        let (taken, segment) = match (path.is_empty(), rest) {
            (true, ["steps", _, ..]) | (false, ["default", _, ..]) => {
                (2, if path.is_empty() { String::new() } else { "default".to_owned() })
            }
            (false, ["do", _, ..]) => (2, String::new()),
            (false, ["branches", branch, _, ..]) => (3, (*branch).to_owned()),
            (false, ["cases", number, "do", _, ..]) => (4, (*number).to_owned()),
            (false, ["providers", number, "steps", _, ..]) => (4, name(source.pointer(&format!("{at}/providers/{number}")), number)),
            _ => break,
        };
        let (way, below) = rest.split_at(taken);
        at = way.iter().fold(at, |at, part| at + "/" + part);
        for part in [segment, name(source.pointer(&at), way.last().copied().unwrap_or_default())] {
            if !part.is_empty() {
                path = if path.is_empty() { part } else { path + "/" + &part };
            }
        }
        rest = below;
    }
    (!path.is_empty()).then_some(path)
}

/// A place as the numbers of the members on the way to it, so that places sort as the document goes.
fn place_of(source: &Value, pointer: &str) -> Vec<usize> {
    let mut at = Some(source);
    let mut place = Vec::new();
    for part in pointer.split('/').skip(1) {
        let name = part.replace("~1", "/").replace("~0", "~");
        let (number, next) = match at {
            Some(Value::Object(members)) => members
                .iter()
                .enumerate()
                .find(|(_, (member, _))| **member == name)
                .map_or((usize::MAX, None), |(number, (_, value))| (number, Some(value))),
            Some(Value::Array(items)) => {
                let number = name.parse().unwrap_or(usize::MAX);
                (number, items.get(number))
            }
            _ => (usize::MAX, None),
        };
        place.push(number);
        at = next;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sorts_errors_first_and_then_as_the_document_goes() {
        let source = json!({"z": {"b": 1, "a": [1, 2]}, "steps": [{"id": "x"}, {}], "a": 1});
        let mut report = Report::default();
        for pointer in ["/a", "/steps/1/q", "/steps/0/id", "/z/a/1", "/z/a/0", "/z/b"] {
            report.add(Problem::error("e", pointer, ""));
        }
        report.add(Problem::warning("w", "/z", ""));
        let found = report.finish(&source);
        let order: Vec<_> = found.iter().map(|problem| (problem.pointer.as_str(), problem.step_path.as_deref())).collect();
        assert_eq!(
            order,
            [
                ("/z/b", None),
                ("/z/a/0", None),
                ("/z/a/1", None),
                ("/steps/0/id", Some("x")),
                ("/steps/1/q", Some("1")),
                ("/a", None),
                ("/z", None)
            ]
        );
    }

    #[test]
    fn says_nothing_more_about_what_is_wrong_already() {
        let mut report = Report::default();
        report.taint("/steps/1");
        for pointer in ["/steps/1", "/steps/1/when", "/steps/10", "/steps"] {
            report.follow(Problem::error("e", pointer, ""));
        }
        let left: Vec<_> = report.problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(left, ["/steps/10", "/steps"]);
        assert!(report.is_tainted_within("/steps") && !report.is_tainted_within("/steps/1"));
    }

    #[test]
    fn cuts_what_nobody_reads() {
        let mut report = Report::default();
        (0..5000).for_each(|_| report.add(Problem::error("e", "", "")));
        assert_eq!(report.finish(&json!({})).len(), MAX_PROBLEMS);
    }
}
