//! Budgets of calls: named where they are used, and used where they are named.

use super::report::Report;
use crate::domain::definition::{Definition, Placed, StepAction};
use crate::domain::problem::{Problem, pointer_join};

pub(super) fn check(definition: &Definition, report: &mut Report) {
    let mut named = Vec::new();
    named.extend(definition.defaults.limit.as_ref().map(|limit| (limit, "/defaults/limit".to_owned())));
    let placed = definition.placed();
    for Placed { step, pointer, .. } in &placed {
        let limit = match &step.action {
            StepAction::Http(http) => http.limit.as_ref(),
            StepAction::Poll(poll) => poll.limit.as_ref(),
            _ => None,
        };
        named.extend(limit.map(|limit| (limit, format!("{pointer}/limit"))));
    }
    for (limit, place) in &named {
        if !definition.limits.contains_key(*limit) && !report.is_tainted(&pointer_join("/limits", limit)) {
            let problem = Problem::error("unknown-limit", place.as_str(), format!("`limits` has no budget `{limit}`"));
            let problem = report.meant(problem, limit, definition.limits.keys().map(String::as_str));
            report.follow(problem);
        }
    }
    for (name, limit) in &definition.limits {
        let place = pointer_join("/limits", name);
        if !named.iter().any(|(used, _)| *used == name) && !report.is_tainted_within("/steps") {
            report.follow(Problem::warning("unused-limit", place.as_str(), format!("no step uses the budget `{name}`")));
        }
        if limit.rates.is_empty() && limit.headers.is_none() && !report.is_tainted_within(&place) {
            report.follow(Problem::error(
                "missing-field",
                place.as_str(),
                "a budget needs `rates`, or the `headers` that tell what is left",
            ));
        }
    }
}
