//! What steps say about themselves: their names, when they are tried again, what answers mean and what is taken from them.

use std::collections::BTreeMap;

use super::report::Report;
use crate::domain::definition::{Definition, HttpStep, Rule, Step, StepAction};
use crate::domain::problem::{Problem, pointer_join};

pub(super) fn check(definition: &Definition, report: &mut Report) {
    let mut first = BTreeMap::new();
    for (number, step) in definition.steps.iter().enumerate() {
        let place = format!("/steps/{number}");
        if let Some(earlier) = first.insert(step.id.as_str(), number) {
            let message = format!("`{}` is already the name of step {}", step.id, earlier + 1);
            report.follow(Problem::error("duplicate-step-id", pointer_join(&place, "id"), message));
        }
        if let StepAction::Http(http) = &step.action {
            repetition(definition, step, http, &place, report);
            for (name, extraction) in &http.extract {
                if extraction.required && extraction.default.is_some() {
                    let place = pointer_join(&pointer_join(&place, "extract"), name);
                    let message = "a value that is required fails the step when it is missing; its default is never used";
                    report.follow(Problem::error("required-with-default", place, message));
                }
            }
            for (number, rule) in http.rules.iter().enumerate() {
                sense_of_rule(rule, &format!("{place}/rules/{number}"), report);
            }
        }
    }
}

fn repetition(definition: &Definition, step: &Step, http: &HttpStep, place: &str, report: &mut Report) {
    let method = http.request.method;
    let retry = step.retry.as_ref().or(definition.defaults.retry.as_ref());
    if !method.is_idempotent() && retry.is_some_and(|retry| retry.attempts > 1) {
        let below = if step.retry.is_some() { "/retry" } else { "/request/method" };
        let message = format!("another attempt may do the work of this {} twice", method.as_str());
        report.follow(
            Problem::warning("retry-not-idempotent", format!("{place}{below}"), message)
                .suggest("set `retry.attempts` to 1 unless the service recognises repetitions"),
        );
    }
}

fn sense_of_rule(rule: &Rule, place: &str, report: &mut Report) {
    let condition = &rule.condition;
    if condition.pattern.is_some() && condition.header.is_none() && condition.body.is_none() {
        report.follow(Problem::error("invalid-rule", format!("{place}/if/match"), "`match` needs a `header` or `body` to look at"));
    }
    if let Some(wait) = &rule.wait
        && wait.header.is_some() == wait.body.is_some()
        && !report.is_tainted_within(&format!("{place}/wait"))
    {
        report.follow(Problem::error("invalid-rule", format!("{place}/wait"), "a wait is read from either a `header` or the `body`"));
    }
}
