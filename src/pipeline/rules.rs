//! What an answer means: the first rule that fits, else the status.

use std::time::Duration;

use chrono::{DateTime, Utc};
use regex::Regex;
use serde_json::{Map, Value, json};

use super::answer;
use super::call::{Call, PlannedHttp};
use super::capture::PlannedCapture;
use super::compiler::Compiler;
use super::context::{Context, Scope};
use super::error::Error;
use super::interpolate::{Expression, to_text, truthy};
use super::job::JobState;
use super::request::PlannedRequest;
use super::wait::PlannedWait;
use crate::domain::definition::{Defaults, HttpStep, OnMismatch, Rule, RuleAction};
use crate::domain::exchange::Response;
use crate::domain::execution::{ErrorClass, ExecutionError, ExecutionErrorCode};
use crate::domain::problem::pointer_join;

/// What an answer means for its step.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The step is done.
    Success {
        /// What later steps see under `steps.<id>`.
        output: Value,
        /// Was there nothing in the answer, by the step's rules?
        empty: bool,
    },
    /// Another attempt may help.
    Retry {
        /// What is wrong now.
        error: ExecutionError,
        /// How long the service asked to be left alone.
        wait: Option<Duration>,
        /// Did a rule of the definition say so, rather than the usual meaning of the answer?
        by_rule: bool,
    },
    /// The call has another request to be sent, in the same attempt.
    More,
    /// All is well, and the job is not done: ask again after this time.
    NotYet(Duration),
    /// The credential was refused; once it is renewed, the same request may be sent again.
    Refresh {
        /// What is wrong now.
        error: ExecutionError,
    },
    /// No attempt will help.
    Fail {
        /// What is wrong.
        error: ExecutionError,
    },
}

/// A rule, compiled.
pub(crate) struct PlannedRule {
    statuses: Option<Vec<u16>>,
    header: Option<String>,
    body: Option<Expression>,
    pattern: Option<Regex>,
    then: RuleAction,
    wait: Option<PlannedWait>,
    class: Option<ErrorClass>,
    message: Option<String>,
    take: Vec<(String, PlannedCapture)>,
    retry_as: Option<PlannedRequest>,
    pointer: String,
}

impl PlannedRule {
    pub(crate) fn compile_all(compiler: &mut Compiler, (step, defaults): (&HttpStep, &Defaults), pointer: &str) -> Vec<Self> {
        let numbered = step.rules.iter().enumerate();
        numbered.map(|(place, rule)| Self::compile(compiler, rule, (step, defaults), pointer_join(pointer, place))).collect()
    }

    fn compile(compiler: &mut Compiler, rule: &Rule, (step, defaults): (&HttpStep, &Defaults), pointer: String) -> Self {
        let captures = pointer_join(&pointer, "take");
        let next = pointer_join(&pointer, "retry_as");
        let take =
            rule.take.iter().map(|(name, one)| (name.clone(), PlannedCapture::compile(compiler, one, &pointer_join(&captures, name))));
        let take = take.collect();
        let retry_as = rule
            .retry_as
            .as_ref()
            .map(|follow_up| PlannedRequest::compile(compiler, &follow_up.over(&step.request), (defaults, step.response.decode), &next));
        let condition = &rule.condition;
        let place = pointer_join(&pointer, "if");
        Self {
            statuses: condition.status.clone(),
            header: condition.header.as_ref().map(|name| name.to_ascii_lowercase()),
            body: condition.body.as_ref().map(|text| compiler.condition(text, &pointer_join(&place, "body"))),
            pattern: condition.pattern.as_ref().and_then(|text| compiler.pattern(text, &pointer_join(&place, "match"))),
            then: rule.then,
            wait: rule.wait.as_ref().map(|wait| PlannedWait::compile(compiler, wait, &pointer_join(&pointer, "wait"))),
            class: rule.class,
            message: rule.message.clone(),
            take,
            retry_as,
            pointer,
        }
    }

    /// Does it look at a header of this name, in lower case?
    pub(crate) fn looks_at(&self, name: &str) -> bool {
        let captured = self.take.iter().any(|(_, capture)| capture.looks_at(name));
        captured || self.header.as_deref() == Some(name) || self.wait.as_ref().is_some_and(|wait| wait.looks_at(name))
    }

    /// The captures of a conflict, as an object.
    fn captured(&self, response: &Response, body: &Value) -> Result<Value, Error> {
        let mut members = Map::with_capacity(self.take.len());
        for (name, capture) in &self.take {
            let missing = || Error::extraction(&self.pointer, format!("`conflict.{name}` is not in the answer"));
            members.insert(name.clone(), Value::String(capture.take(response, body).ok_or_else(missing)?));
        }
        Ok(Value::Object(members))
    }

    fn fits(&self, scope: Scope<'_>, response: &Response) -> Result<bool, Error> {
        if self.statuses.as_ref().is_some_and(|statuses| !statuses.contains(&response.status)) {
            return Ok(false);
        }
        let matches = |text: &str| self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(text));
        if let Some(name) = &self.header {
            let value = response.header(name);
            if value.is_none_or(|value| self.body.is_none() && !matches(value)) {
                return Ok(false);
            }
        }
        let Some(body) = &self.body else {
            // A pattern without header or expression is about the body as it came.
            return Ok(self.header.is_some() || self.pattern.is_none() || matches(&String::from_utf8_lossy(&response.body)));
        };
        let value = body.eval(scope)?;
        Ok(if self.pattern.is_some() { matches(&to_text(&value)) } else { truthy(&value) })
    }
}

/// What is done with an answer, and why.
struct Meaning<'a> {
    action: RuleAction,
    rule: Option<&'a PlannedRule>,
}

impl PlannedHttp {
    /// What an answer means.
    ///
    /// Without a fitting rule, 2xx is good, 408, 429, 500, 502, 503 and 504 are worth another attempt (429 and 503 after
    /// the time in `Retry-After`), and the rest fails. A good answer of GraphQL with errors and no data fails.
    pub fn judge(&self, context: &Context, call: &mut Call, response: &Response, now: DateTime<Utc>) -> Verdict {
        let decoded = answer::decode(response, self.decode);
        let trouble = decoded.as_ref().err().cloned();
        let view = view(response, decoded.unwrap_or(Value::Null));
        let fail = |error: Error| Verdict::Fail { error: error.into_execution_error().status(response.status) };
        let meaning = match self.meaning(context.scope_with(&[("response", &view)]), response) {
            Ok(meaning) => meaning,
            Err(error) => return fail(error),
        };
        match meaning.action {
            RuleAction::Succeed => match trouble.or_else(|| self.refused_by_graphql(&meaning, &view)) {
                Some(message) => Verdict::Fail { error: self.unusable(response, message) },
                None if self.is_under_way(&view) => Verdict::NotYet(self.states.as_ref().map(|states| states.every).unwrap_or_default()),
                None => self.succeed(context, call, response, view).unwrap_or_else(fail),
            },
            RuleAction::Empty | RuleAction::Ignore => {
                let output = self.nothing(call, view, meaning.action == RuleAction::Empty);
                Verdict::Success { output, empty: true }
            }
            RuleAction::Retry | RuleAction::RateLimited => self.later(&meaning, response, &view, now),
            RuleAction::RefreshAuth => Verdict::Refresh { error: self.failure(&meaning, response) },
            RuleAction::Conflict => self.meet_conflict(context, call, (&meaning, response), &view).unwrap_or_else(fail),
            RuleAction::Fail => Verdict::Fail { error: self.failure(&meaning, response) },
        }
    }

    /// Is it the answer of a job that is not done?
    fn is_under_way(&self, view: &Value) -> bool {
        let body = view.get("body").unwrap_or(&Value::Null);
        self.states.as_ref().is_some_and(|states| states.judge(body) == Ok(JobState::Running))
    }

    /// Takes what a good answer gives; asks for the next page where there is one.
    fn succeed(&self, context: &Context, call: &mut Call, response: &Response, view: Value) -> Result<Verdict, Error> {
        let body = view.get("body").unwrap_or(&Value::Null);
        if let Some(states) = &self.states {
            states.judge(body)?;
        }
        if let Some((check, message)) = self.check.as_ref().and_then(|check| Some((check, check.mismatch(body)?))) {
            match check.on_mismatch {
                OnMismatch::Fail => return Err(Error::upstream(&check.pointer, message)),
                OnMismatch::Warn => call.notes.push(message),
            }
        }
        let Some(pages) = &self.pages else {
            let output = self.taken(view)?;
            return Ok(Verdict::Success { output, empty: false });
        };
        let records = pages.collect(&mut call.progress, &self.extract, body)?;
        let page = json!({ "number": call.progress.pages, "total": call.progress.records, "records": records });
        let is_last = match &pages.stop_when {
            Some(condition) => condition.truth_with(context, &[("response", &view), ("page", &page)])?,
            None => false,
        };
        if !is_last && pages.goes_on(&mut call.progress, records.len(), response, body) {
            if !pages.is_full(&call.progress) {
                call.request = pages.request(&call.first, &call.progress)?;
                return Ok(Verdict::More);
            }
            call.notes.push(format!("There are more than the {} pages that are read", call.progress.pages));
        }
        let output = call.progress.take();
        Ok(Verdict::Success { output: self.with_view(output, view), empty: false })
    }

    /// The request that is made in place of one that met a conflict; only one an attempt.
    fn meet_conflict(
        &self,
        context: &Context,
        call: &mut Call,
        (meaning, response): (&Meaning<'_>, &Response),
        view: &Value,
    ) -> Result<Verdict, Error> {
        let follow_up = meaning.rule.and_then(|rule| Some((rule, rule.retry_as.as_ref()?)));
        let Some((rule, follow_up)) = follow_up.filter(|_| !call.has_met_conflict) else {
            return Ok(Verdict::Fail { error: self.failure(meaning, response) });
        };
        let captured = rule.captured(response, view.get("body").unwrap_or(&Value::Null))?;
        call.request = follow_up.build(context.scope_with(&[("conflict", &captured)]))?;
        call.has_met_conflict = true;
        call.notes.push(format!("It is there already; going on with {}", call.request.method.as_str()));
        Ok(Verdict::More)
    }

    /// GraphQL tells its errors with status 200; without data there is nothing to go on with.
    fn refused_by_graphql(&self, meaning: &Meaning<'_>, view: &Value) -> Option<String> {
        let body = view.get("body")?;
        let has_errors = body.get("errors").and_then(Value::as_array).is_some_and(|errors| !errors.is_empty());
        let has_data = body.get("data").is_some_and(|data| !data.is_null());
        let refused = self.request.is_graphql() && meaning.rule.is_none() && has_errors && !has_data;
        refused.then(|| "The service answered with GraphQL errors and no data".to_owned())
    }

    fn meaning(&self, scope: Scope<'_>, response: &Response) -> Result<Meaning<'_>, Error> {
        for rule in &self.rules {
            if rule.fits(scope, response)? {
                return Ok(Meaning { action: rule.then, rule: Some(rule) });
            }
        }
        let action = match response.status {
            200..=299 => RuleAction::Succeed,
            429 => RuleAction::RateLimited,
            408 | 500 | 502 | 503 | 504 => RuleAction::Retry,
            _ => RuleAction::Fail,
        };
        Ok(Meaning { action, rule: None })
    }

    fn taken(&self, view: Value) -> Result<Value, Error> {
        let mut output = Map::with_capacity(self.extract.len());
        let body = view.get("body").unwrap_or(&Value::Null);
        for one in &self.extract {
            output.insert(one.name.clone(), one.take(body)?);
        }
        Ok(self.with_view(output, view))
    }

    fn nothing(&self, call: &mut Call, view: Value, keep: bool) -> Value {
        // What earlier pages gave stays.
        let mut output = call.progress.take();
        for one in &self.extract {
            output.entry(&one.name).or_insert_with(|| one.nothing());
        }
        if keep { self.with_view(output, view) } else { Value::Object(output) }
    }

    /// Adds `status`, `headers` and `body` when the step keeps them; an extract of the same name wins.
    fn with_view(&self, mut output: Map<String, Value>, view: Value) -> Value {
        if let (false, Value::Object(mut members)) = (self.keep.is_empty(), view) {
            if let Some(body) = members.get_mut("body") {
                *body = answer::kept(body, &self.keep);
            }
            for (name, value) in members {
                output.entry(name).or_insert(value);
            }
        }
        Value::Object(output)
    }

    fn later(&self, meaning: &Meaning<'_>, response: &Response, view: &Value, now: DateTime<Utc>) -> Verdict {
        let body = view.get("body").unwrap_or(&Value::Null);
        let usual = PlannedWait::usual();
        let limited = meaning.action == RuleAction::RateLimited;
        let named = meaning.rule.and_then(|rule| rule.wait.as_ref());
        let wait = named.or_else(|| (limited || response.status == 503).then_some(&usual));
        let asked = wait.and_then(|wait| Some((wait.asked(response, body, now)?, wait.most)));
        let error = self.failure(meaning, response).retryable();
        match asked {
            Some((asked, most)) if asked > most => {
                let message =
                    format!("The service asks for a pause of {} s, longer than the {} s the step waits", asked.as_secs(), most.as_secs());
                let error = ExecutionError::new(ExecutionErrorCode::UpstreamRateLimit, ErrorClass::RateLimited, message);
                Verdict::Fail {
                    error: error
                        .status(response.status)
                        .at(self.place(meaning))
                        .hint("Run it again later, or raise `wait.max` of the rule"),
                }
            }
            asked => Verdict::Retry { error, wait: asked.map(|(asked, _)| asked), by_rule: meaning.rule.is_some() },
        }
    }

    fn failure(&self, meaning: &Meaning<'_>, response: &Response) -> ExecutionError {
        let status = response.status;
        let limited = meaning.action == RuleAction::RateLimited;
        let class = meaning.rule.and_then(|rule| rule.class).unwrap_or(match (meaning.action, status) {
            (RuleAction::RateLimited, _) => ErrorClass::RateLimited,
            (RuleAction::Retry, _) => ErrorClass::Transient,
            (RuleAction::RefreshAuth, _) | (_, 401 | 403) => ErrorClass::Credential,
            _ => ErrorClass::Upstream,
        });
        let code = match class {
            _ if limited => ExecutionErrorCode::UpstreamRateLimit,
            ErrorClass::Credential => ExecutionErrorCode::Credential,
            _ => ExecutionErrorCode::HttpStatus,
        };
        let message = meaning.rule.and_then(|rule| rule.message.clone()).unwrap_or_else(|| sentence(status));
        let error = ExecutionError::new(code, class, message).status(status).at(self.place(meaning));
        match (code, status) {
            (ExecutionErrorCode::Credential, _) => error.hint("Check the credential with its service, and replace it if it was revoked"),
            (_, 300..=399) => error.hint("Redirects are not followed: put the final address into the definition"),
            _ => error,
        }
    }

    fn place(&self, meaning: &Meaning<'_>) -> String {
        meaning.rule.map_or_else(|| self.pointer.clone(), |rule| rule.pointer.clone())
    }

    fn unusable(&self, response: &Response, message: String) -> ExecutionError {
        ExecutionError::new(ExecutionErrorCode::ResponseInvalid, ErrorClass::Upstream, message)
            .status(response.status)
            .at(pointer_join(&self.pointer, "response"))
            .hint("Check the address, or set `response.decode` to `text`")
    }
}

/// An answer as expressions see it; cookies are left out.
fn view(response: &Response, body: Value) -> Value {
    let mut headers = Map::with_capacity(response.headers.len());
    for (name, value) in response.headers.iter().filter(|(name, _)| name != "set-cookie") {
        headers.entry(name.clone()).or_insert_with(|| Value::String(value.clone()));
    }
    let members = [("status", Value::from(response.status)), ("headers", Value::Object(headers)), ("body", body)];
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn sentence(status: u16) -> String {
    let words = match status {
        300..=399 => " (redirect)",
        400 => " Bad Request",
        401 => " Unauthorized",
        403 => " Forbidden",
        404 => " Not Found",
        408 => " Request Timeout",
        409 => " Conflict",
        422 => " Unprocessable Content",
        429 => " Too Many Requests",
        500 => " Internal Server Error",
        502 => " Bad Gateway",
        503 => " Service Unavailable",
        504 => " Gateway Timeout",
        _ => "",
    };
    format!("The service answered {status}{words}")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn judged(step: &Value, status: u16, headers: &[(&str, &str)], body: &str) -> Verdict {
        let plan = sample::plan(&sample::http(&json!({"path": "/p"}), step));
        let (http, context) = (sample::first_http(&plan), sample::context(json!({"wanted": "x"})));
        let mut call = http.begin(&context, "call", None).unwrap();
        http.judge(&context, &mut call, &sample::response(status, headers, body), sample::now())
    }

    fn extract() -> Value {
        json!({"extract": {"a": {"path": "$.a"}}})
    }

    #[test]
    fn statuses_mean_what_http_says() {
        let check = |status: u16, expected: &str| {
            let verdict = judged(&extract(), status, &[("retry-after", "7")], "{\"a\": 1}");
            let found = match &verdict {
                Verdict::Success { .. } => "success".to_owned(),
                Verdict::Retry { error, wait, .. } => format!("retry {} {}", error.code.as_str(), wait.map_or(0, |wait| wait.as_secs())),
                Verdict::Fail { error } => format!("fail {} {}", error.code.as_str(), error.class.as_str()),
                Verdict::More | Verdict::NotYet(_) | Verdict::Refresh { .. } => "more".to_owned(),
            };
            assert_eq!(found, expected, "{status}");
        };
        check(200, "success");
        check(204, "success");
        check(302, "fail http_status upstream");
        check(401, "fail credential credential");
        check(404, "fail http_status upstream");
        check(408, "retry http_status 0");
        check(429, "retry upstream_rate_limit 7");
        check(500, "retry http_status 0");
        check(501, "fail http_status upstream");
        check(503, "retry http_status 7");
    }

    #[test]
    fn takes_values_and_keeps_the_answer_when_told() {
        let step = json!({"extract": {"a": {"path": "$.a"}, "body": {"path": "$.b"}}, "response": {"keep": ["$"]}});
        let Verdict::Success { output, empty: false } = judged(&step, 200, &[("x-one", "1"), ("set-cookie", "s")], "{\"a\": 1, \"b\": 2}")
        else {
            panic!()
        };
        assert_eq!(output, json!({"a": 1, "body": 2, "status": 200, "headers": {"x-one": "1"}}));
    }

    #[test]
    fn html_and_broken_json_fail_without_quoting_the_body() {
        for (content_type, body) in [("text/html", "<html>private</html>"), ("application/json", "{private")] {
            let Verdict::Fail { error } = judged(&extract(), 200, &[("content-type", content_type)], body) else { panic!() };
            assert_eq!(error.code, ExecutionErrorCode::ResponseInvalid);
            assert!(error.message.contains(content_type) && !error.message.contains("private"), "{}", error.message);
        }
        let Verdict::Retry { error, .. } = judged(&extract(), 502, &[("content-type", "text/html")], "<html>") else { panic!() };
        assert_eq!(error.code, ExecutionErrorCode::HttpStatus);
    }

    #[test]
    fn the_first_rule_that_fits_wins() {
        let step = |rules: Value| json!({"extract": {"a": {"path": "$.a"}, "b": {"path": "$.b", "default": 3}}, "rules": rules});
        let not_found = step(json!([{"if": {"status": [404]}, "then": "empty"}, {"if": {"status": [404]}, "then": "fail"}]));
        assert_eq!(judged(&not_found, 404, &[], "<html>"), Verdict::Success { output: json!({"a": null, "b": 3}), empty: true });
        let by_body = step(
            json!([{"if": {"body": "{{ response.body.error != null }}"}, "then": "fail", "class": "data", "message": "No such person"}]),
        );
        let Verdict::Fail { error } = judged(&by_body, 200, &[], "{\"error\": 1}") else { panic!() };
        assert_eq!(
            (error.class, error.message.as_str(), error.pointer.as_deref()),
            (ErrorClass::Data, "No such person", Some("/steps/0/rules/0"))
        );
        assert!(matches!(judged(&by_body, 200, &[], "{\"a\": 1}"), Verdict::Success { empty: false, .. }));
        let by_match = step(json!([{"if": {"body": " {{ response.body.state }} ", "match": "^(queued|working)$"}, "then": "retry"}]));
        assert!(matches!(judged(&by_match, 200, &[], "{\"state\": \"working\"}"), Verdict::Retry { wait: None, .. }));
        assert!(matches!(judged(&by_match, 200, &[], "{\"state\": \"done\"}"), Verdict::Success { .. }));
        let by_header = step(json!([{"if": {"header": "X-State", "match": "busy"}, "then": "retry"}]));
        assert!(matches!(judged(&by_header, 200, &[("x-state", "busy")], "{}"), Verdict::Retry { .. }));
        assert!(matches!(judged(&by_header, 200, &[], "{}"), Verdict::Success { .. }));
        let key = step(json!([{"if": {"status": [403]}, "then": "fail", "class": "credential"}]));
        let Verdict::Fail { error } = judged(&key, 403, &[], "") else { panic!() };
        assert_eq!((error.code, error.http_status), (ExecutionErrorCode::Credential, Some(403)));
    }

    #[test]
    fn a_wait_longer_than_the_rule_accepts_fails() {
        let step = json!({"rules": [{"if": {"status": [429]}, "then": "rate_limited", "wait": {"header": "Retry-After", "max": "PT60S"}}]});
        assert!(
            matches!(judged(&step, 429, &[("retry-after", "60")], ""), Verdict::Retry { wait: Some(wait), .. } if wait.as_secs() == 60)
        );
        let Verdict::Fail { error } = judged(&step, 429, &[("retry-after", "61")], "") else { panic!() };
        assert!(!error.retryable && error.message.contains("61 s"), "{}", error.message);
        assert!(matches!(judged(&extract(), 429, &[("retry-after", "86400")], ""), Verdict::Fail { .. }));
    }

    #[test]
    fn required_values_fail_the_step() {
        let step = json!({"extract": {"a": {"path": "$.a", "required": true}}});
        let Verdict::Fail { error } = judged(&step, 200, &[], "{}") else { panic!() };
        assert_eq!((error.code, error.pointer.as_deref()), (ExecutionErrorCode::Extraction, Some("/steps/0/extract/a")));
    }
}
