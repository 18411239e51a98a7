//! The pages of a list: what names the next one, which is the last, and what all of them give together.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;

use super::compiler::Compiler;
use super::error::Error;
use super::extract::Extractor;
use super::interpolate::{Expression, to_text};
use super::path::Path;
use crate::domain::definition::{HttpStep, PageInject, PageKind, PagePlace, PageSize, Paginate, Take};
use crate::domain::exchange::{Request, Response};
use crate::domain::problem::pointer_join;

/// How a step goes through pages, compiled.
pub(crate) struct PlannedPages {
    kind: PageKind,
    token: Option<Path>,
    inject: Option<PageInject>,
    size: Option<PageSize>,
    start: u32,
    records: Option<Path>,
    pub(crate) stop_when: Option<Expression>,
    max_pages: u32,
    max_records: Option<u64>,
    /// Does the number of records tell the last page?
    counted: bool,
    pointer: String,
}

/// How far through the pages a step is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Pages read.
    pub(crate) pages: u32,
    /// Records read.
    pub(crate) records: u64,
    /// Cursor or address of the next page.
    next: Option<String>,
    /// What the extracts gave so far.
    collected: Map<String, Value>,
}

impl Progress {
    /// As it was remembered.
    pub(crate) fn recall(memory: Option<&Value>) -> Self {
        memory.and_then(|memory| serde_json::from_value(memory.clone()).ok()).unwrap_or_default()
    }

    /// To be remembered; nothing before the first page.
    pub(crate) fn memory(&self) -> Option<Value> {
        if self.pages == 0 { None } else { serde_json::to_value(self).ok() }
    }

    /// Everything the pages gave.
    pub(crate) fn take(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.collected)
    }
}

impl PlannedPages {
    pub(crate) fn compile(compiler: &mut Compiler, pages: &Paginate, step: &HttpStep, pointer: &str) -> Self {
        let mut path = |text: &Option<String>, name: &str| text.as_ref().map(|text| compiler.path(text, &pointer_join(pointer, name)));
        Self {
            kind: pages.kind,
            token: path(&pages.token, "token"),
            records: path(&pages.records, "records"),
            stop_when: pages.stop_when.as_ref().map(|text| compiler.condition(text, &pointer_join(pointer, "stop_when"))),
            inject: pages.inject.clone(),
            size: pages.size.clone(),
            start: pages.start,
            max_pages: pages.max_pages,
            max_records: pages.max_records,
            counted: pages.records.is_some() || step.extract.values().any(|extraction| extraction.take == Take::All),
            pointer: pointer.to_owned(),
        }
    }

    /// Is the next page named by a header?
    pub(crate) fn is_by_link(&self) -> bool {
        self.kind == PageKind::Link
    }

    /// The request for the page after those read.
    pub(crate) fn request(&self, first: &Request, progress: &Progress) -> Result<Request, Error> {
        let mut request = first.clone();
        if let (PageKind::Link | PageKind::NextUrl, Some(next)) = (self.kind, &progress.next) {
            request.url = self.address(&first.url, next)?;
            return Ok(request);
        }
        if let Some(size) = &self.size {
            self.put(&mut request, (size.place, &size.name), &json!(size.value))?;
        }
        let mark = match self.kind {
            PageKind::Cursor => progress.next.clone().map(Value::String),
            PageKind::Offset => (progress.pages > 0).then(|| json!(progress.records)),
            PageKind::Page => Some(json!(u64::from(self.start) + u64::from(progress.pages))),
            PageKind::Link | PageKind::NextUrl => None,
        };
        if let (Some(mark), Some(inject)) = (mark, &self.inject) {
            self.put(&mut request, (inject.place, &inject.name), &mark)?;
        }
        Ok(request)
    }

    /// An address the service gave; it must stay where the first request went.
    fn address(&self, first: &Url, next: &str) -> Result<Url, Error> {
        let url = first.join(next).map_err(|_| Error::extraction(&self.pointer, "The address of the next page is none"))?;
        if url.origin() == first.origin() {
            return Ok(url);
        }
        Err(Error::extraction(&self.pointer, "The address of the next page leads to another host")
            .hint("Pages are read from one origin only"))
    }

    fn put(&self, request: &mut Request, (place, name): (PagePlace, &str), value: &Value) -> Result<(), Error> {
        match place {
            PagePlace::Query => {
                let kept: Vec<(String, String)> =
                    request.url.query_pairs().filter(|(known, _)| known != name).map(|(name, value)| (name.into(), value.into())).collect();
                request.url.query_pairs_mut().clear().extend_pairs(kept).append_pair(name, &to_text(value));
            }
            PagePlace::Header => {
                let text = to_text(value);
                if text.bytes().any(|byte| !(b' '..=b'~').contains(&byte)) {
                    return Err(Error::extraction(&self.pointer, "What names the next page cannot be sent in a header"));
                }
                request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
                request.headers.push((name.to_owned(), text));
            }
            PagePlace::Body => {
                let body = request.body.as_mut();
                let members = body.as_ref().and_then(|body| serde_json::from_slice::<Map<String, Value>>(&body.bytes).ok());
                let (Some(body), Some(mut members)) = (body, members) else {
                    return Err(Error::place(&self.pointer, "The next page cannot be named in the body: it is no JSON object"));
                };
                members.insert(name.to_owned(), value.clone());
                body.bytes = Value::Object(members).to_string().into_bytes();
            }
        }
        Ok(())
    }

    /// Takes what a page gives; its records.
    pub(crate) fn collect(&self, progress: &mut Progress, extract: &[Extractor], body: &Value) -> Result<Vec<Value>, Error> {
        let mut longest: Vec<Value> = Vec::new();
        for one in extract {
            // What a list says once is on its first page.
            let value = if progress.pages == 0 || one.take == Take::All { one.take(body)? } else { one.take(body).unwrap_or(Value::Null) };
            match (progress.collected.get_mut(&one.name), value) {
                (_, Value::Array(items)) if one.take == Take::All => {
                    if items.len() > longest.len() {
                        longest.clone_from(&items);
                    }
                    let all = progress.collected.entry(&one.name).or_insert_with(|| json!([]));
                    if let Value::Array(all) = all {
                        all.extend(items);
                        all.truncate(self.max_records.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX)));
                    }
                }
                (Some(known), value) if known.is_null() => *known = value,
                (Some(_), _) => {}
                (None, value) => {
                    progress.collected.insert(one.name.clone(), value);
                }
            }
        }
        let records = match &self.records {
            Some(path) => listed(path, body).map_err(|reason| Error::extraction(&self.pointer, format!("`records`: {reason}")))?,
            None => longest,
        };
        progress.pages += 1;
        progress.records += records.len() as u64;
        Ok(records)
    }

    /// Is there a page after the one just read? Notes what names it.
    pub(crate) fn goes_on(&self, progress: &mut Progress, records: usize, response: &Response, body: &Value) -> bool {
        let before = progress.next.take();
        progress.next = match self.kind {
            PageKind::Cursor | PageKind::NextUrl => {
                let found = self.token.as_ref().and_then(|path| path.find(body).ok()?.first().copied().map(to_text));
                found.filter(|token| !token.is_empty())
            }
            PageKind::Link => next_link(response),
            PageKind::Offset | PageKind::Page => None,
        };
        let named = match self.kind {
            // A service that names the same page again would never come to an end.
            PageKind::Cursor | PageKind::NextUrl | PageKind::Link => progress.next.is_some() && progress.next != before,
            PageKind::Offset | PageKind::Page if self.counted => {
                records > 0 && self.size.as_ref().is_none_or(|size| records as u64 >= size.value)
            }
            PageKind::Offset | PageKind::Page => true,
        };
        named && self.max_records.is_none_or(|most| progress.records < most)
    }

    /// Were as many pages read as may be?
    pub(crate) fn is_full(&self, progress: &Progress) -> bool {
        progress.pages >= self.max_pages
    }
}

/// The records a path finds: a list's items where it finds one list.
fn listed(path: &Path, body: &Value) -> Result<Vec<Value>, &'static str> {
    let found = path.find(body)?;
    Ok(match found.as_slice() {
        [Value::Array(items)] => items.clone(),
        [Value::Null] => Vec::new(),
        many => many.iter().map(|value| (*value).clone()).collect(),
    })
}

/// The target of the link with the relation `next`, RFC 8288.
fn next_link(response: &Response) -> Option<String> {
    let lines = response.headers.iter().filter(|(name, _)| name == "link").map(|(_, value)| value.as_str());
    lines.flat_map(links).find(|(_, relations)| relations.iter().any(|relation| relation == "next")).map(|(target, _)| target)
}

/// The links of one header line, each with its relations in lower case. What is malformed is passed over.
pub(crate) fn links(line: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((target, after)) = after.split_once('>') else { break };
        let end = parameters_end(after);
        let (parameters, next) = after.split_at(end);
        found.push((target.trim().to_owned(), relations(parameters)));
        rest = next;
    }
    found
}

/// Where the parameters of a link end: at the first comma outside quotes.
fn parameters_end(text: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (place, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => return place,
            _ => {}
        }
    }
    text.len()
}

/// The relation types of a link: those of its first `rel`, RFC 8288 section 3.3.
fn relations(parameters: &str) -> Vec<String> {
    let rel =
        parameters.split(';').filter_map(|parameter| parameter.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("rel"));
    let value = rel.map(|(_, value)| value.trim().trim_matches('"')).unwrap_or_default();
    value.split_ascii_whitespace().map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_links() {
        let check = |line: &str, expected: &[(&str, &[&str])]| {
            let found = links(line);
            let found: Vec<(&str, Vec<&str>)> =
                found.iter().map(|(target, relations)| (target.as_str(), relations.iter().map(String::as_str).collect())).collect();
            let expected: Vec<(&str, Vec<&str>)> = expected.iter().map(|(target, relations)| (*target, relations.to_vec())).collect();
            assert_eq!(found, expected, "{line}");
        };
        check("<https://x.example/?page=2>; rel=\"next\"", &[("https://x.example/?page=2", &["next"])]);
        check("</a,b>; title=\"a, <b>\"; rel=prev, </c>; REL=\"NEXT last\"", &[("/a,b", &["prev"]), ("/c", &["next", "last"])]);
        check("<a>; rel=x; rel=next", &[("a", &["x"])]);
        check("<a", &[]);
        check("", &[]);
        check("<a>,,<b>", &[("a", &[]), ("b", &[])]);
    }
}
