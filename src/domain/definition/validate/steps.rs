//! What steps say about themselves: their names, when they are tried again, what answers mean and what is taken from them.

use std::collections::{BTreeMap, BTreeSet};

use super::names::ROOTS;
use super::report::Report;
use crate::domain::definition::{
    BodyKind, Definition, Extraction, ForeachStep, HttpStep, IsoDuration, MAX_STEP_DEPTH, MAX_STEPS, PageKind, PagePlace, Paginate, Placed,
    PollStep, Rule, RuleAction, Step, StepAction, Take, WaterfallStep,
};
use crate::domain::problem::{Problem, pointer_join};

pub(super) fn check(definition: &Definition, report: &mut Report) {
    let placed = definition.placed();
    if let Some(first) = placed.get(MAX_STEPS) {
        let message = format!("a definition may have {MAX_STEPS} steps, this one has {}", placed.len());
        report.follow(Problem::error("too-large", first.pointer.as_str(), message));
    }
    let mut first = BTreeMap::new();
    for Placed { step, pointer: place, path, .. } in &placed {
        if let Some(earlier) = first.insert(step.id.as_str(), path) {
            let message = format!("`{}` is already the name of the step `{earlier}`", step.id);
            report.follow(Problem::error("duplicate-step-id", pointer_join(place, "id"), message));
        }
        match &step.action {
            StepAction::Http(http) => {
                sense_of_timeout(step, place, report);
                sense_of_call(definition, step, http, place, report);
            }
            StepAction::Poll(poll) => sense_of_poll(poll, place, report),
            StepAction::Foreach(each) => sense_of_name(each, place, report),
            StepAction::Waterfall(waterfall) => sense_of_providers(waterfall, place, report),
            StepAction::Wait(wait) if wait.period.is_some() == wait.until.is_some() && !report.is_tainted_within(place) => {
                report.follow(Problem::error("invalid-wait", place.as_str(), "a wait has either `for` or `until`"));
            }
            _ => {}
        }
    }
    depth(&placed, report);
}

/// Steps too deep in one another; the outermost ones that are.
fn depth(placed: &[Placed<'_>], report: &mut Report) {
    let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
    for Placed { path, parent, pointer, .. } in placed {
        let depth = parent.as_deref().and_then(|parent| depths.get(parent)).map_or(1, |above| above + 1);
        depths.insert(path, depth);
        if depth == MAX_STEP_DEPTH + 1 {
            let message = format!("steps may stand {MAX_STEP_DEPTH} deep in one another");
            report.follow(Problem::error("too-large", pointer.as_str(), message));
        }
    }
}

/// One attempt takes ten minutes at most; only a job may take longer.
fn sense_of_timeout(step: &Step, place: &str, report: &mut Report) {
    let longest = IsoDuration::from_secs(600);
    if step.timeout.is_some_and(|timeout| timeout > longest) {
        report.follow(Problem::error("invalid-value", pointer_join(place, "timeout"), format!("this may be {longest} at most")));
    }
}

fn sense_of_poll(poll: &PollStep, place: &str, report: &mut Report) {
    sense_of_extracts(&poll.extract, place, report);
    for (number, rule) in poll.rules.iter().enumerate() {
        sense_of_rule(rule, &format!("{place}/rules/{number}"), report);
    }
    let states = &poll.status.states;
    let mut seen = BTreeSet::new();
    for (list, words) in [("done", &states.done), ("failed", &states.failed), ("running", &states.running)] {
        for (number, word) in words.iter().enumerate().filter(|(_, word)| !seen.insert(word.as_str())) {
            let place = format!("{place}/status/states/{list}/{number}");
            report.follow(Problem::error("invalid-value", place, format!("`{word}` stands here twice")));
        }
    }
}

/// The name of an item hides no other.
fn sense_of_name(each: &ForeachStep, place: &str, report: &mut Report) {
    if each.name != "item" && ROOTS.contains(&each.name.as_str()) {
        let message = format!("`{}` already has a meaning in expressions", each.name);
        report.follow(Problem::error("invalid-value", pointer_join(place, "as"), message).suggest("choose another name"));
    }
}

fn sense_of_providers(waterfall: &WaterfallStep, place: &str, report: &mut Report) {
    let mut known = BTreeSet::new();
    for (number, provider) in waterfall.providers.iter().enumerate() {
        if !known.insert(provider.id.as_str()) {
            let message = format!("`{}` is already the name of a provider here", provider.id);
            report.follow(Problem::error("duplicate-step-id", format!("{place}/providers/{number}/id"), message));
        }
    }
}

fn sense_of_call(definition: &Definition, step: &Step, http: &HttpStep, place: &str, report: &mut Report) {
    repetition(definition, step, http, place, report);
    sense_of_extracts(&http.extract, place, report);
    for (number, rule) in http.rules.iter().enumerate() {
        sense_of_rule(rule, &format!("{place}/rules/{number}"), report);
    }
    if let Some(pages) = &http.paginate {
        sense_of_pages(pages, http, &pointer_join(place, "paginate"), report);
    }
}

fn sense_of_extracts(extract: &BTreeMap<String, Extraction>, place: &str, report: &mut Report) {
    for (name, extraction) in extract {
        if extraction.required && extraction.default.is_some() {
            let place = pointer_join(&pointer_join(place, "extract"), name);
            let message = "a value that is required fails the step when it is missing; its default is never used";
            report.follow(Problem::error("required-with-default", place, message));
        }
    }
}

fn sense_of_pages(pages: &Paginate, http: &HttpStep, place: &str, report: &mut Report) {
    let mut wrong = |below: &str, message: &str| report.follow(Problem::error("invalid-paginate", format!("{place}{below}"), message));
    let by_token = matches!(pages.kind, PageKind::Cursor | PageKind::NextUrl);
    let by_inject = matches!(pages.kind, PageKind::Cursor | PageKind::Offset | PageKind::Page);
    if by_token != pages.token.is_some() {
        wrong("", if by_token { "this kind needs `token`, the path of what names the next page" } else { "this kind has no `token`" });
    }
    if by_inject != pages.inject.is_some() {
        wrong("", if by_inject { "this kind needs `inject`, where the next page is named" } else { "this kind has no `inject`" });
    }
    let counts = pages.records.is_some() || http.extract.values().any(|extraction| extraction.take == Take::All);
    if matches!(pages.kind, PageKind::Offset | PageKind::Page) && !counts && pages.stop_when.is_none() {
        wrong("", "nothing tells the last page: give `records`, an extract of `all`, or `stop_when`");
    }
    let in_body = pages.inject.as_ref().is_some_and(|inject| inject.place == PagePlace::Body)
        || pages.size.as_ref().is_some_and(|size| size.place == PagePlace::Body);
    let has_members =
        http.request.body.as_ref().is_some_and(|body| {
            matches!(body.kind, BodyKind::Json | BodyKind::Graphql) && (body.value.is_object() || may_be_any(&body.value))
        });
    if in_body && !has_members {
        wrong("", "a page can be named in the body only where that is a JSON object");
    }
}

/// A body that one expression gives may turn out to be an object.
fn may_be_any(value: &serde_json::Value) -> bool {
    value.is_string()
}

fn repetition(definition: &Definition, step: &Step, http: &HttpStep, place: &str, report: &mut Report) {
    let method = http.request.method;
    let retry = step.retry.as_ref().or(definition.defaults.retry.as_ref());
    if http.idempotency.is_none() && !method.is_idempotent() && retry.is_some_and(|retry| retry.attempts > 1) {
        let below = if step.retry.is_some() { "/retry" } else { "/request/method" };
        let message = format!("another attempt may do the work of this {} twice", method.as_str());
        report.follow(
            Problem::warning("retry-not-idempotent", format!("{place}{below}"), message)
                .suggest("add `idempotency` if the service recognises repetitions, or set `retry.attempts` to 1"),
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
    let is_conflict = rule.then == RuleAction::Conflict;
    if is_conflict != rule.retry_as.is_some() && !report.is_tainted_within(place) {
        let message = "`conflict` and `retry_as` go together: the one says when, the other what is asked next";
        report.follow(Problem::error("invalid-rule", place, message));
    }
    for (name, capture) in &rule.take {
        if capture.body.is_some() == capture.header.is_some() && !report.is_tainted_within(&format!("{place}/take")) {
            let place = pointer_join(&format!("{place}/take"), name);
            report.follow(Problem::error("invalid-rule", place, "a capture is read from either a `header` or the `body`"));
        }
    }
}
