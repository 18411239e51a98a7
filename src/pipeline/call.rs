//! An http step, compiled, and the conversation that one attempt at it is.
//!
//! Most attempts are one request and its answer. A conflict is met with another request, and a list has pages; so the one
//! who carries an attempt out sends [`Call::request`] until [`PlannedHttp::judge`] has something else to say than
//! [`Verdict::More`](super::Verdict::More).

use serde_json::Value;

use super::compiler::Compiler;
use super::context::Context;
use super::error::Error;
use super::extract::Extractor;
use super::interpolate::Expression;
use super::job::PlannedStates;
use super::limit::PlannedLimit;
use super::pages::{PlannedPages, Progress};
use super::path::Path;
use super::request::PlannedRequest;
use super::rules::PlannedRule;
use super::schema::PlannedCheck;
use crate::domain::definition::{Decoder, Definition, Extraction, HttpStep, Idempotency};
use crate::domain::exchange::Request;
use crate::domain::problem::pointer_join;

/// An http step, compiled.
pub struct PlannedHttp {
    /// Credential slot whose secret joins the request after it is built.
    pub slot: Option<String>,
    /// Bytes of an answer accepted; the server's limit unless told.
    pub max_bytes: Option<u64>,
    /// The budget its calls are counted in.
    pub limit: Option<PlannedLimit>,
    pub(crate) request: PlannedRequest,
    idempotency: Option<PlannedIdempotency>,
    pub(crate) pages: Option<PlannedPages>,
    pub(crate) check: Option<PlannedCheck>,
    pub(crate) decode: Decoder,
    pub(crate) keep: Vec<Path>,
    pub(crate) rules: Vec<PlannedRule>,
    pub(crate) extract: Vec<Extractor>,
    /// Of a job: what its states mean.
    pub(crate) states: Option<PlannedStates>,
    pub(crate) pointer: String,
}

/// A header that makes repetitions known.
struct PlannedIdempotency {
    header: String,
    /// Run and step unless told.
    key: Option<Expression>,
    pointer: String,
}

/// What an attempt has come to.
pub struct Call {
    /// The request to be sent next, still without its credential.
    pub request: Request,
    /// Lines for the log, to be taken away by whoever writes it.
    pub notes: Vec<String>,
    /// The first request, which those for further pages are made from.
    pub(crate) first: Request,
    pub(crate) progress: Progress,
    /// Was a conflict met?
    pub(crate) has_met_conflict: bool,
}

impl Call {
    /// What is to be remembered, so that a later attempt goes on at the same page.
    pub fn memory(&self) -> Option<Value> {
        self.progress.memory()
    }
}

impl PlannedHttp {
    pub(crate) fn compile(compiler: &mut Compiler, step: &HttpStep, definition: &Definition, pointer: &str) -> Self {
        Self::compile_at(compiler, step, definition, (pointer, &pointer_join(pointer, "request")))
    }

    /// The same where the request stands elsewhere in the step.
    pub(crate) fn compile_at(compiler: &mut Compiler, step: &HttpStep, definition: &Definition, (pointer, request): (&str, &str)) -> Self {
        let defaults = &definition.defaults;
        let decode = step.response.decode;
        let keep = format!("{pointer}/response/keep");
        Self {
            slot: step.auth.clone().or_else(|| defaults.auth.clone()),
            max_bytes: step.response.max_bytes,
            limit: PlannedLimit::compile(definition, step.limit.as_ref()),
            request: PlannedRequest::compile(compiler, &step.request, (defaults, decode), request),
            idempotency: step.idempotency.as_ref().map(|one| idempotency(compiler, one, &pointer_join(pointer, "idempotency"))),
            pages: step.paginate.as_ref().map(|pages| PlannedPages::compile(compiler, pages, step, &pointer_join(pointer, "paginate"))),
            check: step.schema.as_ref().map(|check| PlannedCheck::compile(compiler, check, &format!("{pointer}/schema/body"))),
            decode,
            keep: step.response.keep.iter().enumerate().map(|(place, path)| compiler.path(path, &pointer_join(&keep, place))).collect(),
            rules: PlannedRule::compile_all(compiler, (step, defaults), &pointer_join(pointer, "rules")),
            states: None,
            extract: step.extract.iter().map(|(name, one)| extractor(compiler, name, one, pointer)).collect(),
            pointer: pointer.to_owned(),
        }
    }

    /// Does the definition look at a header of this name, in lower case? Then answers are kept with it.
    pub fn looks_at(&self, name: &str) -> bool {
        let paged = name == "link" && self.pages.as_ref().is_some_and(PlannedPages::is_by_link);
        paged || self.rules.iter().any(|rule| rule.looks_at(name)) || self.limit.as_ref().is_some_and(|limit| limit.looks_at(name))
    }

    /// Of the status of a job: the longest it may take.
    pub fn patience(&self) -> Option<std::time::Duration> {
        self.states.as_ref().map(|states| states.patience)
    }

    /// Begins an attempt at the step at this path of the run, where an earlier one left off if it left a memory.
    ///
    /// # Errors
    /// When an expression fails, or a value does not fit the place it goes to.
    pub fn begin(&self, context: &Context, path: &str, memory: Option<&Value>) -> Result<Call, Error> {
        let mut first = self.request.build(context.scope())?;
        if let Some(idempotency) = &self.idempotency {
            let key = match &idempotency.key {
                Some(key) => key.value(context)?,
                None => Value::String(format!("{}-{path}", context.run_id())),
            };
            if key.is_null() {
                return Err(Error::place(&idempotency.pointer, "The idempotency key came out empty"));
            }
            let text = self.request.header_text(&idempotency.header, &key)?;
            first.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(&idempotency.header));
            first.headers.push((idempotency.header.clone(), text));
        }
        let progress = Progress::recall(memory);
        let request = match &self.pages {
            Some(pages) => pages.request(&first, &progress)?,
            None => first.clone(),
        };
        Ok(Call { request, notes: Vec::new(), first, progress, has_met_conflict: false })
    }
}

fn idempotency(compiler: &mut Compiler, one: &Idempotency, pointer: &str) -> PlannedIdempotency {
    PlannedIdempotency {
        header: one.header.clone(),
        key: one.key.as_ref().map(|text| compiler.expression(text, &pointer_join(pointer, "key"))),
        pointer: pointer.to_owned(),
    }
}

fn extractor(compiler: &mut Compiler, name: &str, one: &Extraction, pointer: &str) -> Extractor {
    let pointer = pointer_join(&pointer_join(pointer, "extract"), name);
    Extractor {
        name: name.to_owned(),
        path: compiler.path(&one.path, &pointer_join(&pointer, "path")),
        pointer,
        take: one.take,
        required: one.required,
        default: one.default.clone(),
        value_type: one.value_type,
    }
}
