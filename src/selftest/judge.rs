//! Sends probes and judges the answers: whatever names something foreign must be answered, to the byte, like what names
//! nothing at all.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;

use super::callers::{Caller, Tokens};
use super::finding::{Finding, misfit};
use super::scene::{Scene, ids};

/// Requests under way at one time.
const AT_ONCE: usize = 16;

/// Letters of an id that the [`twin`] has other ones for.
const TWIN_LETTERS: usize = 10;

/// What an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
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
    /// The thing that is named: it is there for this caller.
    Found,
}

/// Where a question begins, or what is foreign in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A field of the query root.
    Query,
    /// A field of the mutation root.
    Mutation,
    /// The fields that find anything by its id.
    Node,
    /// A field of an object that was found before.
    Nested,
    /// A name or a word.
    Text,
    /// A position in a list.
    Cursor,
    /// An order, or a word that a list is filtered by.
    Order,
    /// The caller's own things, which must not lead to anything foreign.
    Own,
    /// Things that must be found: else all the others would prove nothing.
    Control,
}

impl Kind {
    /// Its name in a report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Mutation => "mutation",
            Self::Node => "node",
            Self::Nested => "nested",
            Self::Text => "text",
            Self::Cursor => "cursor",
            Self::Order => "order",
            Self::Own => "own",
            Self::Control => "control",
        }
    }
}

/// One question by one caller.
#[derive(Debug)]
pub struct Probe {
    /// What sort of question it is.
    pub kind: Kind,
    /// Who asks.
    pub caller: Caller,
    /// The body of the request.
    pub body: String,
    /// Fields asked at a time, each with an id of its own.
    pub fields: usize,
    /// What the answer must be.
    pub expect: Expect,
}

/// An answer as text.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status and headers.
    pub head: String,
    /// What the caller reads.
    pub body: String,
}

/// Sends the body of a request with a token, or without, and gives what comes back.
pub type Ask = Arc<dyn Fn(Option<String>, String) -> BoxFuture<'static, Answer> + Send + Sync>;

/// Asks, and keeps the count and what was found wrong.
pub struct Judge {
    ask: Ask,
    tokens: Tokens,
    canary: String,
    guarded: HashSet<String>,
    /// What is foreign, and what is like it in form and place but names nothing.
    twins: Vec<(String, String)>,
    /// Whose questions are asked at all.
    wanted: fn(Caller) -> bool,
    /// Questions asked so far.
    pub probes: usize,
    /// The same by kind and caller.
    pub counts: BTreeMap<(Kind, Caller), usize>,
    /// What was wrong.
    pub findings: Vec<Finding>,
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Judge").field("probes", &self.probes).field("findings", &self.findings.len()).finish_non_exhaustive()
    }
}

/// An id of the same kind and age that nothing has: its last characters are changed, its place in any order is kept.
pub fn twin(id: &str) -> String {
    let (kept, last) = id.split_at_checked(id.len().saturating_sub(TWIN_LETTERS)).unwrap_or((id, ""));
    let turned = last.chars().map(|letter| match letter {
        'z' => '0',
        '9' => 'a',
        'h' => 'j',
        'k' => 'm',
        'n' => 'p',
        't' => 'v',
        other => char::from_u32(u32::from(other) + 1).unwrap_or(other),
    });
    format!("{kept}{}", turned.collect::<String>())
}

impl Judge {
    /// A judge of one scene, in which these ids are the guarded workspace's alone.
    pub fn over(ask: Ask, scene: &Scene, guarded: HashSet<String>) -> Self {
        let mut twins: Vec<_> = guarded.iter().map(|id| (id.clone(), twin(id))).collect();
        twins.extend(scene.words.iter().map(|word| (word.foreign.clone(), word.twin.clone())));
        let (tokens, canary) = (scene.tokens.clone(), scene.canary.clone());
        Self { ask, tokens, canary, guarded, twins, wanted: |_| true, probes: 0, counts: BTreeMap::new(), findings: Vec::new() }
    }

    /// The same, where only these callers ask.
    #[must_use]
    pub fn of_callers(self, wanted: fn(Caller) -> bool) -> Self {
        Self { wanted, ..self }
    }

    /// Adds something foreign that is neither an id nor a word.
    pub fn guard(&mut self, foreign: String, twin: String) {
        self.twins.push((foreign, twin));
    }

    /// The token of a caller that has one.
    pub fn token(&self, caller: Caller) -> &str {
        self.tokens.get(&caller).and_then(Option::as_deref).unwrap_or_default()
    }

    /// What is foreign in the text, and what stands for it.
    fn sent<'a>(&'a self, text: &str) -> Vec<&'a (String, String)> {
        self.twins.iter().filter(|(foreign, _)| text.contains(foreign.as_str())).collect()
    }

    /// The same text, in which no foreign id is left.
    pub fn without_ids(&self, text: &str) -> String {
        let ids = self.twins.iter().filter(|(foreign, _)| self.guarded.contains(foreign));
        ids.fold(text.to_owned(), |text, (foreign, twin)| text.replace(foreign, twin))
    }

    /// The same text, in which nothing foreign is named.
    pub fn harmless(&self, text: &str) -> String {
        self.sent(text).iter().fold(text.to_owned(), |text, (foreign, twin)| text.replace(foreign, twin))
    }

    /// Sends one request as this caller.
    pub async fn ask(&self, caller: Caller, body: &str) -> Answer {
        self.ask_as(self.tokens.get(&caller).and_then(Option::as_deref), body).await
    }

    /// Sends one request with a token, or without.
    pub async fn ask_as(&self, token: Option<&str>, body: &str) -> Answer {
        (self.ask)(token.map(str::to_owned), body.to_owned()).await
    }

    /// Sends all of them, some at a time.
    pub async fn try_all(&mut self, mut probes: Vec<Probe>) {
        probes.retain(|probe| (self.wanted)(probe.caller));
        for probe in &probes {
            self.probes += probe.fields;
            *self.counts.entry((probe.kind, probe.caller)).or_default() += probe.fields;
        }
        let this = &*self;
        let found: Vec<_> = futures_util::stream::iter(&probes).map(|probe| this.wrongs(probe)).buffer_unordered(AT_ONCE).collect().await;
        self.findings.extend(found.into_iter().flatten());
    }

    async fn wrongs(&self, probe: &Probe) -> Vec<Finding> {
        let answer = self.ask(probe.caller, &probe.body).await;
        let whole =
            self.sent(&probe.body).iter().fold(format!("{}\n\n{}", answer.head, answer.body), |text, (id, twin)| text.replace(id, twin));
        let mut wrongs = Vec::new();
        if probe.expect != Expect::Found {
            wrongs.extend(self.leaks(probe.caller, &whole));
        }
        wrongs.extend(misfit(probe.expect, &answer.body));
        let mut answers = vec![whole];
        let harmless = self.harmless(&probe.body);
        if harmless != probe.body && !matches!(probe.expect, Expect::Forbidden(_) | Expect::Found) {
            let other = self.ask(probe.caller, &harmless).await;
            answers.push(format!("{}\n\n{}", other.head, other.body));
            if answers.first() != answers.last() {
                wrongs.push("it is answered unlike the same question about something that does not exist".to_owned());
            }
        }
        let finding =
            |wrong| Finding { kind: probe.kind, caller: probe.caller, asked: probe.body.clone(), wrong, answers: answers.clone() };
        wrongs.into_iter().map(finding).collect()
    }

    /// What of the guarded workspace is in a text that names nothing foreign any more.
    pub fn leaks(&self, caller: Caller, text: &str) -> Option<String> {
        let id = ids(text).find(|id| self.guarded.contains(*id) && caller.is_kept_from(id));
        let found = id.or_else(|| text.contains(&self.canary).then_some(self.canary.as_str()))?;
        Some(format!("the answer holds `{found}` of the guarded workspace"))
    }
}
