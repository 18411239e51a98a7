//! Sends probes and judges the answers: whatever names something foreign must be answered, to the byte, like what names
//! nothing at all.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use futures_util::StreamExt as _;
use serde_json::Value;

use super::callers::{Caller, tokens};
use super::scene::{CANARY, Scene, UNPUBLISHED, ids};

/// Requests under way at one time.
const AT_ONCE: usize = 16;

/// Answers to a question that was badly put: they would be the same for every id and so prove nothing.
const BADLY_PUT: [&str; 9] = [
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "OPERATION_RESOLUTION_FAILED",
    "QUERY_TOO_COMPLEX",
    "SECRET_IN_DOCUMENT",
    "BAD_REQUEST",
    "RATE_LIMITED",
    "UNAVAILABLE",
    "INTERNAL",
];

/// What an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// The same as for ids that nothing has.
    Same,
    /// The same, and a malformed id or cursor is no excuse.
    SameAndUnderstood,
    /// Refused with this code, and no data.
    Refused(&'static str),
    /// Refused for this role.
    Forbidden(&'static str),
    /// The caller's own things, counted rightly.
    Own,
}

/// One question by one caller.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) caller: Caller,
    pub(super) body: String,
    /// Fields asked at a time, each with an id of its own.
    pub(super) fields: usize,
    pub(super) expect: Expect,
}

/// An answer: status, head and body as text.
pub(super) struct Answer {
    pub(super) head: String,
    pub(super) body: String,
}

/// Asks, and keeps the count and what was found wrong.
pub(super) struct Judge {
    http: reqwest::Client,
    url: String,
    tokens: BTreeMap<Caller, Option<String>>,
    guarded: HashSet<String>,
    /// What is foreign, and what is like it in form and place but names nothing.
    twins: Vec<(String, String)>,
    pub(super) probes: usize,
    pub(super) findings: Vec<String>,
}

/// An id of the same kind and age that nothing has: its last characters are changed, its place in any order is kept.
pub(super) fn twin(id: &str) -> String {
    let (kept, last) = id.split_at(id.len() - 10);
    let turned = last.chars().map(|letter| {
        char::from(match letter {
            'z' => b'0',
            '9' => b'a',
            'h' => b'j',
            'k' => b'm',
            'n' => b'p',
            't' => b'v',
            other => other as u8 + 1,
        })
    });
    format!("{kept}{}", turned.collect::<String>())
}

impl Judge {
    pub(super) async fn over(scene: &Scene) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        #[expect(clippy::disallowed_methods, reason = "a client of the API, not of a third party")]
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let guarded = scene.guarded(&scene.app.rows().await);
        let mut twins: Vec<_> = guarded.iter().map(|id| (id.clone(), twin(id))).collect();
        let texts = [(scene.foreign.mark, "absent-in-a"), (UNPUBLISHED, "not-there-at-")];
        twins.extend(texts.map(|(foreign, twin)| (foreign.to_owned(), twin.to_owned())));
        let url = format!("http://{}/graphql", scene.app.address);
        Self { http, url, tokens: tokens(scene), guarded, twins, probes: 0, findings: Vec::new() }
    }

    /// Adds something foreign that is neither an id nor the mark.
    pub(super) fn guard(&mut self, foreign: String, twin: String) {
        self.twins.push((foreign, twin));
    }

    /// The token of a caller that has one.
    pub(super) fn token(&self, caller: Caller) -> &str {
        self.tokens[&caller].as_deref().unwrap_or_default()
    }

    /// What is foreign in the text, and what stands for it.
    fn sent<'a>(&'a self, text: &str) -> Vec<&'a (String, String)> {
        self.twins.iter().filter(|(foreign, _)| text.contains(foreign.as_str())).collect()
    }

    /// The same text, in which no foreign id is left.
    pub(super) fn without_ids(&self, text: &str) -> String {
        let ids = self.twins.iter().filter(|(foreign, _)| self.guarded.contains(foreign));
        ids.fold(text.to_owned(), |text, (foreign, twin)| text.replace(foreign, twin))
    }

    /// The same text, in which nothing foreign is named.
    pub(super) fn harmless(&self, text: &str) -> String {
        self.sent(text).iter().fold(text.to_owned(), |text, (foreign, twin)| text.replace(foreign, twin))
    }

    pub(super) async fn ask(&self, caller: Caller, body: &str) -> Answer {
        self.ask_as(self.tokens[&caller].as_deref(), body).await
    }

    /// Sends one request with a token, or without.
    pub(super) async fn ask_as(&self, token: Option<&str>, body: &str) -> Answer {
        let mut request = self.http.post(&self.url).header("content-type", "application/json").header("x-request-id", "isolation-probe");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = request.body(body.to_owned()).send().await.unwrap();
        let mut head = response.status().to_string();
        for (name, value) in response.headers().iter().filter(|(name, _)| *name != "date") {
            write!(head, "\n{name}: {}", value.to_str().unwrap()).unwrap();
        }
        Answer { head, body: response.text().await.unwrap() }
    }

    /// Sends all of them, some at a time.
    pub(super) async fn try_all(&mut self, probes: Vec<Probe>) {
        self.probes += probes.iter().map(|probe| probe.fields).sum::<usize>();
        let this = &*self;
        let found: Vec<_> = futures_util::stream::iter(&probes).map(|probe| this.wrongs(probe)).buffer_unordered(AT_ONCE).collect().await;
        self.findings.extend(found.into_iter().flatten());
    }

    async fn wrongs(&self, probe: &Probe) -> Vec<String> {
        let answer = self.ask(probe.caller, &probe.body).await;
        let mut wrongs = Vec::new();
        let whole =
            self.sent(&probe.body).iter().fold(format!("{}\n\n{}", answer.head, answer.body), |text, (id, twin)| text.replace(id, twin));
        wrongs.extend(self.leaks(probe.caller, &whole));
        wrongs.extend(misfit(probe.expect, &answer.body));
        let harmless = self.harmless(&probe.body);
        if harmless != probe.body && !matches!(probe.expect, Expect::Forbidden(_)) {
            let other = self.ask(probe.caller, &harmless).await;
            let other = format!("{}\n\n{}", other.head, other.body);
            if whole != other {
                wrongs.push(format!("answered unlike something that does not exist:\n  {whole}\n  {other}"));
            }
        }
        wrongs.into_iter().map(|wrong| format!("{:?} asked {}\n  {wrong}", probe.caller, probe.body)).collect()
    }

    /// What of the guarded workspace is in a text that names nothing foreign any more.
    pub(super) fn leaks(&self, caller: Caller, text: &str) -> Option<String> {
        let id = ids(text).find(|id| self.guarded.contains(*id) && caller.is_kept_from(id));
        let found = id.or_else(|| text.contains(CANARY).then_some(CANARY))?;
        Some(format!("leaks `{found}`: {text}"))
    }
}

fn misfit(expect: Expect, body: &str) -> Option<String> {
    let has = |code: &str| body.contains(&format!("\"code\":\"{code}\""));
    if let Some(code) = BADLY_PUT.iter().find(|code| has(code)) {
        return Some(format!("the question itself was refused with {code}: {body}"));
    }
    let no_data = || {
        let answer: Value = serde_json::from_str(body).unwrap();
        answer["data"].as_object().is_none_or(|data| data.values().all(Value::is_null))
    };
    match expect {
        Expect::Same => None,
        Expect::SameAndUnderstood => has("BAD_USER_INPUT").then(|| format!("was not understood: {body}")),
        Expect::Refused(code) => (!has(code) || !no_data()).then(|| format!("was not refused with {code}: {body}")),
        Expect::Forbidden(role) => {
            let told = has("FORBIDDEN") && body.contains(&format!("\"requiredRole\":\"{role}\""));
            (!told || !no_data()).then(|| format!("was not refused for want of {role}: {body}"))
        }
        Expect::Own => miscounted(&serde_json::from_str(body).unwrap()).map(|list| format!("counts more than there is: {list}")),
    }
}

/// A whole list in the answer whose count is not that of its items.
fn miscounted(value: &Value) -> Option<&Value> {
    let page = &value["pageInfo"];
    let whole = page["hasNextPage"] == false && page["hasPreviousPage"] == false;
    if whole && value["totalCount"].as_u64() != value["edges"].as_array().map(|edges| edges.len() as u64) {
        return Some(value);
    }
    match value {
        Value::Array(items) => items.iter().find_map(miscounted),
        Value::Object(members) => members.values().find_map(miscounted),
        _ => None,
    }
}
