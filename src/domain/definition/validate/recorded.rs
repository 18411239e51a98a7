//! Recorded tests: they give only inputs and configuration the definition has.

use serde_json::Value;

use super::names::{is_open, properties};
use super::report::Report;
use crate::domain::definition::Definition;
use crate::domain::problem::{Problem, pointer_join};

pub(super) fn check(definition: &Definition, report: &mut Report) {
    for (number, test) in definition.tests.iter().enumerate() {
        for (word, given, schema) in [("inputs", &test.inputs, &definition.inputs), ("config", &test.config, &definition.config)] {
            let Some(given) = given.as_object().filter(|_| !is_open(schema) && !report.is_tainted(&format!("/{word}"))) else { continue };
            let is_known = |name: &str| properties(schema).is_some_and(|known| known.contains_key(name));
            for name in given.keys().filter(|name| !is_known(name)) {
                let place = pointer_join(&format!("/tests/{number}/{word}"), name);
                let problem = Problem::error("unknown-input", place, format!("`{word}` has no property `{name}`"));
                let known: Vec<&str> = properties(schema).into_iter().flatten().map(|(name, _): (&String, &Value)| name.as_str()).collect();
                let problem = report.meant(problem, name, known);
                report.follow(problem);
            }
        }
    }
}
