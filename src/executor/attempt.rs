//! One try of one http step: build, open the credential, call, judge. What it tells and keeps is masked.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::Error;
use super::journal::Line;
use super::run::Run;
use crate::domain::definition::LimitScope;
use crate::domain::exchange::{Exchange, PayloadPreview, Request, Response};
use crate::domain::execution::{ErrorClass, ExecutionError, ExecutionErrorCode, StepAttempt, StepRun};
use crate::domain::step_log::{LogKind, LogLevel};
use crate::egress::{self, Limits};
use crate::pipeline::walk::{At, World as _};
use crate::pipeline::{Call, Context, PlannedHttp, PlannedLimit, Redactor, Verdict};
use crate::vault::{Bound, Secrets};

/// Answer headers worth keeping; the rest is noise that every run would pay for.
const KEPT_HEADERS: [&str; 9] =
    ["content-type", "content-length", "content-encoding", "date", "etag", "location", "retry-after", "x-request-id", "www-authenticate"];

/// Exchanges of an attempt whose bodies are kept.
const KEPT_BODIES: usize = 20;

/// A credential, opened for the span of an attempt.
struct Opened {
    /// Where it may go.
    allowed_hosts: Vec<String>,
    /// Which state of it this is.
    revision: i32,
    secrets: Secrets,
}

/// An attempt that came to its end.
pub(super) struct Tried {
    pub(super) attempt: StepAttempt,
    pub(super) verdict: Verdict,
}

/// What came of an attempt.
pub(super) enum Came {
    /// It ended.
    Tried(Box<Tried>),
    /// Its budget has no room before then; what was sent so far is remembered.
    MustWait(DateTime<Utc>),
    /// It was broken off.
    BrokenOff,
}

/// A wait for a budget that is not worth handing the execution back.
const SHORT: TimeDelta = TimeDelta::seconds(1);

impl Run<'_> {
    /// Makes one attempt.
    pub(super) async fn attempt(
        &self,
        at: &At<'_>,
        http: &PlannedHttp,
        (row, number): (&mut StepRun, u32),
        context: &Context,
    ) -> Result<Came, Error> {
        let started_at = self.shared.parts.clock.now();
        let mut attempt =
            StepAttempt { number, started_at, finished_at: Some(started_at), error: None, exchanges: Vec::new(), next_attempt_at: None };
        let refused = |attempt, error| Ok(Came::Tried(Box::new(Tried { attempt, verdict: Verdict::Fail { error } })));
        let mut call = match http.begin(context, &at.path, row.memory.as_ref()) {
            Ok(call) => call,
            Err(error) => return refused(attempt, error.into_execution_error()),
        };
        let mut opened = match self.open_credential(at, http).await? {
            Ok(opened) => opened,
            Err(error) => return refused(attempt, error),
        };
        loop {
            // Only a request that begins the attempt, or a page of a list, can be left for later.
            let may_wait = attempt.exchanges.is_empty() || call.memory().is_some();
            match self.wait_for_budget(at, http) {
                Some(until) if may_wait && until - self.shared.parts.clock.now() > SHORT => return Ok(Came::MustWait(until)),
                Some(until) => {
                    self.sleep_until(until).await;
                    if self.stop.is_cancelled() {
                        return Ok(Came::BrokenOff);
                    }
                }
                None => {}
            }
            let (request, redactor) = match prepare(at, http, &call.request, opened.as_ref()) {
                Ok(prepared) => prepared,
                Err(error) => return refused(attempt, error.into_execution_error()),
            };
            // The address is kept as it was before the secret entered it.
            let exchange = self.tell_request(at, &request, (&call.request, number), &redactor);
            let Some(answer) = self.call(at, row, &request, http.max_bytes).await? else { return Ok(Came::BrokenOff) };
            let verdict = self.judge((at, http, context), (&mut attempt, &mut call), (exchange, answer), &redactor);
            row.memory = call.memory().map(|memory| redactor.json(&memory)).or_else(|| row.memory.take());
            match verdict {
                Verdict::More => {}
                Verdict::Refresh { error } => match self.renewed(at, http, opened.as_ref()).await? {
                    Some(renewed) => opened = Some(renewed),
                    None => return refused(attempt, error),
                },
                verdict => return Ok(Came::Tried(Box::new(Tried { attempt, verdict }))),
            }
        }
    }

    /// Until when a call has to wait for its budget, if it has to.
    fn wait_for_budget(&self, at: &At<'_>, http: &PlannedHttp) -> Option<DateTime<Utc>> {
        let limit = http.limit.as_ref()?;
        let now = self.shared.parts.clock.now();
        let who = format!("{}/{}", self.execution.id, at.path);
        let until = self.shared.budgets.ask(&self.budget(at, http, limit), &who, limit, now);
        (until > now).then_some(until)
    }

    /// Names the budget among all of this process.
    fn budget(&self, at: &At<'_>, http: &PlannedHttp, limit: &PlannedLimit) -> String {
        let credential = http.slot.as_ref().and_then(|slot| at.unit.bindings.get(slot));
        let shared_by = match limit.scope {
            LimitScope::Credential => credential.map_or_else(|| at.unit.plan.hash.clone(), ToString::to_string),
            LimitScope::Workspace => String::new(),
            LimitScope::Connector => at.unit.plan.hash.clone(),
        };
        format!("{}/{shared_by}/{}", self.execution.workspace_id, limit.name)
    }

    /// Notes when the service wants to be left alone, for all who share the budget.
    fn heed(&self, at: &At<'_>, http: &PlannedHttp, (response, verdict): (&Response, &Verdict)) {
        let Some(limit) = &http.limit else { return };
        let now = self.shared.parts.clock.now();
        let asked = match verdict {
            Verdict::Retry { error, wait, .. } if error.class == ErrorClass::RateLimited => *wait,
            _ => None,
        };
        if let Some(pause) = asked.max(limit.pause(response, now)) {
            self.shared.budgets.close(&self.budget(at, http, limit), pause, now);
        }
    }

    /// The credential if it is another than the one that was refused.
    async fn renewed(&self, at: &At<'_>, http: &PlannedHttp, refused: Option<&Opened>) -> Result<Option<Opened>, Error> {
        let before = refused.map(|opened| opened.revision);
        let now = self.open_credential(at, http).await?.ok().flatten();
        Ok(now.filter(|opened| Some(opened.revision) != before))
    }

    /// Tells that a request goes out; gives what is kept of it.
    fn tell_request(&self, at: &At<'_>, request: &Request, (shown, number): (&Request, u32), redactor: &Redactor) -> Exchange {
        let started_at = self.shared.parts.clock.now();
        let limit = self.shared.options.preview_bytes;
        let exchange = shown_exchange(request, redactor.text(shown.url.as_str()), redactor, started_at, limit);
        let line = format!("{} {}", request.method.as_str(), exchange.url);
        self.journal.write(self.shared, redactor, Line::step(&at.path, LogLevel::Info, LogKind::Http, line).attempt(number));
        if let Some(host) = shown.url.host_str() {
            self.state().hosts.insert(at.path.clone(), host.to_owned());
        }
        exchange
    }

    /// Opens the credential bound to the step's slot.
    async fn open_credential(&self, at: &At<'_>, http: &PlannedHttp) -> Result<Result<Option<Opened>, ExecutionError>, Error> {
        let Some(slot) = &http.slot else { return Ok(Ok(None)) };
        let parts = &self.shared.parts;
        let missing = || {
            ExecutionError::new(
                ExecutionErrorCode::Credential,
                ErrorClass::Credential,
                format!("No credential is bound to the slot `{slot}`"),
            )
            .hint("Bind one to the connector and run it again")
        };
        let Some(id) = at.unit.bindings.get(slot) else { return Ok(Err(missing())) };
        let sealed = parts.store.read(&self.scope).await?.get_sealed(&[*id]).await?;
        let Some((credential, sealed)) = sealed.into_iter().next() else { return Ok(Err(missing())) };
        let fits = at.unit.plan.definition.credentials.get(slot).is_some_and(|slot| slot.kind == credential.kind);
        if !fits || credential.expires_at.is_some_and(|at| at <= parts.clock.now()) {
            let why = if fits { "is past its end" } else { "is not of the kind the slot takes" };
            let message = format!("The credential `{}` {why}", credential.name);
            return Ok(Err(ExecutionError::new(ExecutionErrorCode::Credential, ErrorClass::Credential, message)));
        }
        let bound = Bound { workspace_id: credential.workspace_id, credential_id: credential.id, revision: credential.revision };
        match parts.vault.open(&bound, &sealed) {
            Ok(secrets) => Ok(Ok(Some(Opened { allowed_hosts: credential.allowed_hosts, revision: credential.revision, secrets }))),
            Err(error) => {
                tracing::error!(credential.id = %credential.id, error = &error as &dyn std::error::Error, "a credential could not be opened");
                let message = format!("The credential `{}` cannot be read with the server's keys", credential.name);
                Ok(Err(ExecutionError::new(ExecutionErrorCode::Credential, ErrorClass::System, message)
                    .hint("Enter it again, or give the server the key it was sealed with")))
            }
        }
    }

    /// Sends the request. When the answer takes its time, what is known so far is stored meanwhile. `None` when broken off.
    async fn call(
        &self,
        at: &At<'_>,
        row: &StepRun,
        request: &Request,
        max_bytes: Option<u64>,
    ) -> Result<Option<Result<Response, egress::Error>>, Error> {
        let client = self.shared.parts.egress.clone();
        let call = client.send(request, Limits { timeout: at.step.timeout, max_bytes });
        let show = tokio::time::sleep(self.shared.options.show_call_after);
        tokio::pin!(call, show);
        // Time for the whole run: the call is broken off when it is over.
        let left = (self.deadline() - self.shared.parts.clock.now()).to_std().unwrap_or_default();
        let over = tokio::time::sleep(left);
        tokio::pin!(over);
        tokio::select! {
            answer = &mut call => return Ok(Some(answer)),
            () = self.stop.cancelled() => return Ok(None),
            () = &mut over => return Ok(None),
            () = &mut show => {}
        }
        match self.show_running(at, row).await {
            Err(Error::Store(error)) => {
                // People watching see it later; the call itself is not harmed.
                tracing::warn!(error = &error as &dyn std::error::Error, "a call under way could not be shown");
            }
            other => other?,
        }
        tokio::select! {
            answer = &mut call => Ok(Some(answer)),
            () = self.stop.cancelled() => Ok(None),
            () = &mut over => Ok(None),
        }
    }

    fn judge(
        &self,
        (at, http, context): (&At<'_>, &PlannedHttp, &Context),
        (attempt, call): (&mut StepAttempt, &mut Call),
        (mut exchange, answer): (Exchange, Result<Response, egress::Error>),
        redactor: &Redactor,
    ) -> Verdict {
        let now = self.shared.parts.clock.now();
        attempt.finished_at = Some(now);
        let number = attempt.number;
        let tell = |level, message: String| {
            self.journal.write(self.shared, redactor, Line::step(&at.path, level, LogKind::Http, message).attempt(number));
        };
        let verdict = match answer {
            Err(error) => {
                let error = error.into_execution_error();
                exchange.error = Some(error.clone());
                exchange.duration_ms = u32::try_from((now - exchange.started_at).num_milliseconds()).ok();
                tell(LogLevel::Warn, error.message.clone());
                if error.retryable { Verdict::Retry { error, wait: None, by_rule: false } } else { Verdict::Fail { error } }
            }
            Ok(response) => {
                let verdict = masked(http.judge(context, call, &response, now), redactor);
                let is_good = matches!(verdict, Verdict::Success { .. } | Verdict::More | Verdict::NotYet(_));
                let limit = if is_good { self.shared.options.preview_bytes } else { self.shared.options.failure_preview_bytes };
                self.tell_answer(at, &response, number, &verdict, redactor);
                self.heed(at, http, (&response, &verdict));
                keep_answer(&mut exchange, &response, (http, redactor), limit);
                verdict
            }
        };
        for note in call.notes.drain(..) {
            tell(LogLevel::Warn, note);
        }
        // Of many pages the last are looked at.
        if let Some(old) = attempt.exchanges.len().checked_sub(KEPT_BODIES).and_then(|place| attempt.exchanges.get_mut(place)) {
            (old.request_body, old.response_body) = (None, None);
        }
        attempt.exchanges.push(exchange);
        verdict
    }

    fn tell_answer(&self, at: &At<'_>, response: &Response, number: u32, verdict: &Verdict, redactor: &Redactor) {
        let level =
            if matches!(verdict, Verdict::Success { .. } | Verdict::More | Verdict::NotYet(_)) { LogLevel::Info } else { LogLevel::Warn };
        let message = format!("{} in {} ms, {} bytes", response.status, response.duration_ms, response.body.len());
        let fields = json!({ "status": response.status, "durationMs": response.duration_ms, "bytes": response.body.len() });
        self.journal.write(self.shared, redactor, Line::step(&at.path, level, LogKind::Http, message).attempt(number).fields(fields));
        if let Verdict::Success { output, empty } = verdict {
            let found: Vec<&str> =
                output.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.as_str()).collect();
            let message = match (empty, found.is_empty()) {
                (true, _) => "Nothing found".to_owned(),
                (false, true) => return,
                (false, false) => format!("Extracted {}", found.join(", ")),
            };
            self.journal.write(self.shared, redactor, Line::step(&at.path, LogLevel::Info, LogKind::Data, message).attempt(number));
        }
    }
}

/// A request with its credential, and what masks both.
fn prepare(at: &At<'_>, http: &PlannedHttp, request: &Request, opened: Option<&Opened>) -> Result<(Request, Redactor), egress::Error> {
    let mut request = request.clone();
    let redactor = at.unit.plan.redactor();
    let (Some(opened), Some(name)) = (opened, http.slot.as_deref()) else { return Ok((request, redactor.clone())) };
    if let Some(slot) = at.unit.plan.definition.credentials.get(name) {
        egress::inject(&mut request, name, slot, &opened.allowed_hosts, &opened.secrets)?;
    }
    let values: Vec<&str> = opened.secrets.values().map(crate::vault::Secret::expose).collect();
    Ok((request, redactor.with_secrets(&values)))
}

/// A verdict without any secret the service may have echoed.
fn masked(verdict: Verdict, redactor: &Redactor) -> Verdict {
    let mask = |error: ExecutionError| ExecutionError { message: redactor.text(&error.message), ..error };
    match verdict {
        Verdict::Success { output, empty } => Verdict::Success { output: redactor.json(&output), empty },
        Verdict::Retry { error, wait, by_rule } => Verdict::Retry { error: mask(error), wait, by_rule },
        Verdict::Refresh { error } => Verdict::Refresh { error: mask(error) },
        Verdict::Fail { error } => Verdict::Fail { error: mask(error) },
        other @ (Verdict::More | Verdict::NotYet(_)) => other,
    }
}

fn shown_exchange(
    request: &Request,
    url: String,
    redactor: &Redactor,
    started_at: chrono::DateTime<chrono::Utc>,
    limit: usize,
) -> Exchange {
    Exchange {
        method: request.method,
        url,
        request_headers: request.headers.iter().map(|(name, value)| (name.clone(), redactor.header(name, value))).collect(),
        request_body: request.body.as_ref().map(|body| preview(Some(&body.content_type), &body.bytes, redactor, limit)),
        status: None,
        response_headers: Vec::new(),
        response_body: None,
        started_at,
        duration_ms: None,
        first_byte_ms: None,
        error: None,
    }
}

fn keep_answer(exchange: &mut Exchange, response: &Response, (http, redactor): (&PlannedHttp, &Redactor), limit: usize) {
    let usual = |name: &str| KEPT_HEADERS.contains(&name) || name.starts_with("x-ratelimit") || name.starts_with("ratelimit");
    let kept = |name: &str| usual(name) || http.looks_at(name);
    exchange.status = Some(response.status);
    exchange.duration_ms = Some(response.duration_ms);
    exchange.first_byte_ms = Some(response.first_byte_ms);
    exchange.response_headers =
        response.headers.iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name.clone(), redactor.header(name, value))).collect();
    if !response.body.is_empty() {
        exchange.response_body = Some(preview(response.header("content-type"), &response.body, redactor, limit));
    }
}

/// The start of a body as text, masked: JSON by its paths and values, other text by its values alone.
fn preview(content_type: Option<&str>, bytes: &[u8], redactor: &Redactor, limit: usize) -> PayloadPreview {
    let size_bytes = bytes.len() as u64;
    let text = std::str::from_utf8(bytes).ok().map(|text| redactor.body(text));
    let (text, truncated) = match text {
        Some(text) if text.len() > limit => (
            Some(
                text.chars()
                    .scan(0, |used, letter| {
                        *used += letter.len_utf8();
                        (*used <= limit).then_some(letter)
                    })
                    .collect(),
            ),
            true,
        ),
        other => (other, false),
    };
    PayloadPreview { content_type: content_type.map(str::to_owned), size_bytes, truncated, text }
}
