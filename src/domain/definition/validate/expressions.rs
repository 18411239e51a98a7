//! Looks at every expression of a definition: is it well formed, and is there everything it names?

use serde_json::Value;

use super::names::{Known, Sight};
use super::report::Report;
use crate::domain::definition::expression::{FILTERS, FUNCTIONS, LATER_FILTERS, Segment, Span, TESTS, is_template, names, segments};
use crate::domain::definition::{Definition, HttpRequest, HttpStep, PollStep, Rule, Step, StepAction};
use crate::domain::problem::{Problem, pointer_join};

pub(super) fn check(definition: &Definition, report: &mut Report) {
    let mut look = Look { known: Known::of(definition), report };
    let mut sight = Sight::default();
    if let Some(base) = &definition.defaults.base_url {
        look.text(base, "/defaults/base_url", &sight);
    }
    look.members(&definition.defaults.headers, "/defaults/headers", &sight);
    look.steps(&definition.steps, "/steps", &mut sight);
    for (name, output) in &definition.outputs {
        look.value(&output.value, &pointer_join(&pointer_join("/outputs", name), "value"), &sight);
    }
    for (number, field) in definition.mapping.iter().flat_map(|mapping| &mapping.fields).enumerate() {
        let place = format!("/mapping/fields/{number}");
        look.value(&field.from, &pointer_join(&place, "from"), &sight);
        if let Some(confidence) = &field.confidence {
            look.value(confidence, &pointer_join(&place, "confidence"), &sight);
        }
    }
    look.unused();
}

struct Look<'a, 'b> {
    known: Known<'a>,
    report: &'b mut Report,
}

impl<'a> Look<'a, '_> {
    /// Warns of values taken from an answer that nothing looks at.
    fn unused(self) {
        let Self { known, report } = self;
        // What is wrong may well have used them.
        if ["/steps", "/outputs", "/mapping"].iter().any(|place| report.is_tainted(place) || report.is_tainted_within(place)) {
            return;
        }
        for (number, placed) in known.placed.iter().enumerate() {
            let extract = match &placed.step.action {
                StepAction::Http(http) => &http.extract,
                StepAction::Poll(poll) => &poll.extract,
                _ => continue,
            };
            for (name, _) in extract.iter().filter(|(_, extraction)| !extraction.required) {
                if !known.used.contains(&(number, None)) && !known.used.contains(&(number, Some(name.clone()))) {
                    let place = pointer_join(&format!("{}/extract", placed.pointer), name);
                    report.follow(Problem::warning("unused-extract", place, format!("nothing uses `steps.{}.{name}`", placed.step.id)));
                }
            }
        }
    }

    fn steps(&mut self, steps: &'a [Step], place: &str, sight: &mut Sight<'a>) {
        for (number, step) in steps.iter().enumerate() {
            self.step(step, &format!("{place}/{number}"), sight);
            if let Some(number) = self.known.number(&step.id) {
                sight.after(&step.id, number);
            }
        }
    }

    fn step(&mut self, step: &'a Step, place: &str, sight: &mut Sight<'a>) {
        if let Some(when) = &step.when {
            self.text(when, &pointer_join(place, "when"), sight);
        }
        match &step.action {
            StepAction::Http(http) => self.http(http, place, sight),
            StepAction::Set(set) => self.members(&set.values, &pointer_join(place, "values"), sight),
            StepAction::Branch(branch) => {
                for (number, case) in branch.cases.iter().enumerate() {
                    self.text(&case.when, &format!("{place}/cases/{number}/when"), sight);
                }
                self.branches(step, place, sight);
            }
            StepAction::Foreach(each) => {
                self.text(&each.items, &pointer_join(place, "items"), sight);
                self.blocks(step, place, &sight.given(&each.name));
            }
            StepAction::Parallel(_) => self.blocks(step, place, sight),
            StepAction::Waterfall(waterfall) => {
                if let Some(budget) = &waterfall.budget {
                    self.value(budget, &pointer_join(place, "budget"), sight);
                }
                self.blocks(step, place, sight);
                if let Some(accept) = &waterfall.accept {
                    self.text(accept, &pointer_join(place, "accept"), &sight.given("item"));
                }
            }
            StepAction::Poll(poll) => self.poll(step, poll, place, sight),
            StepAction::Call(call) => self.members(&call.inputs, &pointer_join(place, "inputs"), sight),
            StepAction::Wait(wait) => {
                if let Some(until) = &wait.until {
                    self.text(until, &pointer_join(place, "until"), sight);
                }
            }
            StepAction::Stop(_) => {}
        }
    }

    /// The steps of a branch can be named after it.
    fn branches(&mut self, step: &'a Step, place: &str, sight: &mut Sight<'a>) {
        let before = sight.clone();
        for block in step.blocks() {
            let mut inner = before.clone();
            self.steps(block.steps, &format!("{place}{}", block.pointer), &mut inner);
            sight.join(&inner);
        }
    }

    /// Steps that can be named only where they are; what the last one gives is what comes out.
    fn blocks(&mut self, step: &'a Step, place: &str, sight: &Sight<'a>) {
        for block in step.blocks() {
            self.steps(block.steps, &format!("{place}{}", block.pointer), &mut sight.clone());
            let last = block.steps.last().and_then(|last| self.known.number(&last.id));
            self.known.used.extend(last.map(|number| (number, None)));
        }
    }

    fn http(&mut self, http: &'a HttpStep, place: &str, sight: &Sight<'a>) {
        self.whole_request(&http.request, &pointer_join(place, "request"), sight);
        if let Some(key) = http.idempotency.as_ref().and_then(|idempotency| idempotency.key.as_ref()) {
            self.text(key, &format!("{place}/idempotency/key"), sight);
        }
        if let Some(stop_when) = http.paginate.as_ref().and_then(|pages| pages.stop_when.as_ref()) {
            self.text(stop_when, &format!("{place}/paginate/stop_when"), &sight.given("response").given("page"));
        }
        for (number, rule) in http.rules.iter().enumerate() {
            self.rule(rule, &format!("{place}/rules/{number}"), sight);
        }
    }

    fn poll(&mut self, step: &'a Step, poll: &'a PollStep, place: &str, sight: &Sight<'a>) {
        self.whole_request(&poll.create, &pointer_join(place, "create"), sight);
        let sight = sight.of_job(&step.id);
        self.whole_request(&poll.status.request, &pointer_join(place, "status"), &sight);
        for (name, request) in [("result", &poll.result), ("abort", &poll.abort)] {
            if let Some(request) = request {
                self.whole_request(request, &pointer_join(place, name), &sight);
            }
        }
        for (number, rule) in poll.rules.iter().enumerate() {
            self.rule(rule, &format!("{place}/rules/{number}"), &sight);
        }
    }

    fn whole_request(&mut self, request: &HttpRequest, place: &str, sight: &Sight<'a>) {
        self.request((&request.url, &request.path), place, sight);
        self.members(&request.query, &pointer_join(place, "query"), sight);
        self.members(&request.headers, &pointer_join(place, "headers"), sight);
        if let Some(body) = &request.body {
            self.value(&body.value, &format!("{place}/body/value"), sight);
        }
    }

    fn rule(&mut self, rule: &'a Rule, place: &str, sight: &Sight<'a>) {
        if let Some(body) = &rule.condition.body {
            self.text(body, &format!("{place}/if/body"), &sight.given("response"));
        }
        let Some(next) = &rule.retry_as else { return };
        let (place, sight) = (format!("{place}/retry_as"), sight.given("conflict"));
        self.request((&next.url, &next.path), &place, &sight);
        self.members(next.query.iter().flatten(), &pointer_join(&place, "query"), &sight);
        self.members(next.headers.iter().flatten(), &pointer_join(&place, "headers"), &sight);
        if let Some(body) = &next.body {
            self.value(&body.value, &format!("{place}/body/value"), &sight);
        }
    }

    fn request(&mut self, (url, path): (&Option<String>, &Option<String>), place: &str, sight: &Sight<'a>) {
        for (name, text) in [("url", url), ("path", path)] {
            if let Some(text) = text {
                self.text(text, &pointer_join(place, name), sight);
            }
        }
    }

    fn members<'m>(&mut self, members: impl IntoIterator<Item = (&'m String, &'m Value)>, place: &str, sight: &Sight<'a>) {
        for (name, value) in members {
            self.value(value, &pointer_join(place, name), sight);
        }
    }

    fn value(&mut self, value: &Value, place: &str, sight: &Sight<'a>) {
        match value {
            Value::String(text) => self.text(text, place, sight),
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    self.value(item, &pointer_join(place, number), sight);
                }
            }
            Value::Object(members) => self.members(members, place, sight),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, place: &str, sight: &Sight<'a>) {
        if !is_template(text) {
            return;
        }
        match segments(text) {
            Err(malformed) => {
                let problem = Problem::error("invalid-expression", place, malformed.to_string());
                self.report.follow(problem.span(malformed.start, malformed.end));
            }
            Ok(parts) => {
                for part in parts {
                    if let Segment::Expression { source, start, .. } = part {
                        self.expression(&source, start, place, sight);
                    }
                }
            }
        }
    }

    fn expression(&mut self, source: &str, offset: usize, place: &str, sight: &Sight<'a>) {
        let found = names(source);
        for fault in &found.faults {
            let problem = Problem::error("invalid-expression", place, fault.to_string());
            self.report.follow(problem.span(offset + fault.start, offset + fault.end));
        }
        let is_sound = found.faults.is_empty();
        for (path, (start, end)) in &found.variables {
            if let Some(mut problem) = self.known.judge(path, sight, self.report).filter(|_| is_sound) {
                place.clone_into(&mut problem.pointer);
                self.report.follow(problem.span(offset + start, offset + end));
            }
        }
        if !is_sound {
            return;
        }
        for (word, span) in &found.filters {
            self.listed((word, *span, offset), place, "unknown-filter", ("filter", FILTERS));
        }
        for (word, span) in &found.functions {
            self.listed((word, *span, offset), place, "unknown-function", ("function", FUNCTIONS));
        }
        for (word, span) in &found.tests {
            self.listed((word, *span, offset), place, "unknown-test", ("test", TESTS));
        }
    }

    fn listed(&mut self, (word, span, offset): (&str, Span, usize), place: &str, code: &'static str, (what, known): (&str, &[&str])) {
        if known.contains(&word) {
            return;
        }
        let problem = if code == "unknown-filter" && LATER_FILTERS.contains(&word) {
            Problem::error(
                "unsupported",
                place,
                format!("the filter `{word}` is part of the language, but this server does not run it yet"),
            )
        } else {
            self.report.meant(Problem::error(code, place, format!("there is no {what} `{word}`")), word, known.iter().copied())
        };
        self.report.follow(problem.span(offset + span.0, offset + span.1));
    }
}
