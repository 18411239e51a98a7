//! A request, compiled: what is sent, filled in from the values of a run.

use serde_json::{Map, Value};

use super::address::Address;
use super::compiler::Compiler;
use super::context::Scope;
use super::error::Error;
use super::interpolate::{Tree, is_empty, to_text};
use super::multipart;
use crate::domain::definition::{BodyKind, Decoder, Defaults, HttpRequest};
use crate::domain::exchange::{Method, Request, RequestBody};
use crate::domain::problem::pointer_join;

/// Headers that belong to the connection and are set by the client alone.
const CONNECTION_HEADERS: [&str; 9] =
    ["host", "content-length", "transfer-encoding", "connection", "te", "upgrade", "expect", "keep-alive", "trailer"];

/// A request, compiled.
pub(crate) struct PlannedRequest {
    method: Method,
    address: Address,
    query: Vec<(String, Tree)>,
    headers: Vec<(String, Tree)>,
    body: Option<(BodyKind, Tree)>,
    omit_empty: bool,
    pointer: String,
}

impl PlannedRequest {
    /// Compiles the request at `place`; answers are asked for in the form that `decode` reads.
    pub(crate) fn compile(compiler: &mut Compiler, request: &HttpRequest, (defaults, decode): (&Defaults, Decoder), place: &str) -> Self {
        let (address, mut query) = address(compiler, request, defaults, place);
        for (name, value) in &request.query {
            query.push((name.clone(), compiler.tree(value, &pointer_join(&pointer_join(place, "query"), name))));
        }
        Self {
            method: request.method,
            address,
            query,
            headers: headers(compiler, request, (defaults, decode), place),
            body: request.body.as_ref().map(|body| {
                let place = pointer_join(&pointer_join(place, "body"), "value");
                if matches!(body.kind, BodyKind::Form | BodyKind::Multipart | BodyKind::Graphql) && !body.value.is_object() {
                    compiler.error("body-invalid", &place, "a body of this kind is an object", "give it as name → value");
                }
                (body.kind, compiler.tree(&body.value, &place))
            }),
            omit_empty: request.omit_empty,
            pointer: place.to_owned(),
        }
    }

    /// Does an answer hold the data and the errors of GraphQL?
    pub(crate) fn is_graphql(&self) -> bool {
        matches!(self.body, Some((BodyKind::Graphql, _)))
    }

    /// The request with everything filled in, still without its credential.
    ///
    /// # Errors
    /// When an expression fails, or a value does not fit the place it goes to.
    pub(crate) fn build(&self, scope: Scope<'_>) -> Result<Request, Error> {
        let mut url = self.address.build(scope)?;
        let mut pairs = Vec::new();
        for (name, tree) in &self.query {
            self.push_pairs(&mut pairs, name, tree.eval(scope)?);
        }
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        let mut headers = Vec::with_capacity(self.headers.len());
        for (name, tree) in &self.headers {
            let value = tree.eval(scope)?;
            if !(value.is_null() || (self.omit_empty && is_empty(&value))) {
                headers.push((name.clone(), self.header_text(name, &value)?));
            }
        }
        let body = self.body.as_ref().map(|(kind, tree)| self.body(*kind, tree, scope, &mut headers)).transpose()?;
        Ok(Request { method: self.method, url, headers, body })
    }

    /// A list repeats the name; objects are written as JSON.
    fn push_pairs(&self, pairs: &mut Vec<(String, String)>, name: &str, value: Value) {
        if self.omit_empty && is_empty(&value) {
            return;
        }
        match value {
            Value::Array(items) => {
                let kept = items.into_iter().filter(|item| !(self.omit_empty && is_empty(item)));
                pairs.extend(kept.map(|item| (name.to_owned(), to_text(&item))));
            }
            value => pairs.push((name.to_owned(), to_text(&value))),
        }
    }

    /// The text of a header line.
    pub(crate) fn header_text(&self, name: &str, value: &Value) -> Result<String, Error> {
        let refuse = |reason: &str| Error::place(&self.pointer, format!("The header `{name}` cannot be sent: {reason}"));
        if value.is_array() || value.is_object() {
            return Err(refuse("its value is a list or an object"));
        }
        let text = to_text(value).trim().to_owned();
        if text.bytes().any(|byte| !(byte == b'\t' || (b' '..=b'~').contains(&byte))) {
            return Err(refuse("its value holds a line break, a control character or one outside ASCII"));
        }
        let lower = text.to_ascii_lowercase();
        if lower.contains("%0d") || lower.contains("%0a") {
            return Err(refuse("its value holds an encoded line break"));
        }
        Ok(text)
    }

    fn body(&self, kind: BodyKind, tree: &Tree, scope: Scope<'_>, headers: &mut Vec<(String, String)>) -> Result<RequestBody, Error> {
        let mut value = tree.eval(scope)?;
        let (content_type, bytes) = match kind {
            BodyKind::Json | BodyKind::Graphql => {
                if self.omit_empty {
                    prune(&mut value);
                }
                ("application/json".to_owned(), value.to_string().into_bytes())
            }
            BodyKind::Form => ("application/x-www-form-urlencoded".to_owned(), self.form(value)?.into_bytes()),
            BodyKind::Multipart => multipart::write(&value, self.omit_empty).map_err(|reason| Error::place(&self.pointer, reason))?,
            BodyKind::Text => ("text/plain; charset=utf-8".to_owned(), to_text(&value).into_bytes()),
        };
        let own = headers.iter().position(|(name, _)| name.eq_ignore_ascii_case("content-type")).map(|place| headers.remove(place).1);
        // The boundary of a multipart body is the body's own.
        let own = own.filter(|_| kind != BodyKind::Multipart);
        Ok(RequestBody { content_type: own.unwrap_or(content_type), bytes })
    }

    fn form(&self, value: Value) -> Result<String, Error> {
        let Value::Object(members) = value else {
            return Err(Error::place(&self.pointer, "The body cannot be made: a form is an object"));
        };
        let mut pairs = Vec::new();
        for (name, value) in members {
            self.push_pairs(&mut pairs, &name, value);
        }
        Ok(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
    }
}

/// Leaves out members of objects, at any depth, that are null or empty.
fn prune(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(prune);
            let kept: Map<String, Value> = std::mem::take(members).into_iter().filter(|(_, value)| !is_empty(value)).collect();
            *members = kept;
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

fn address(compiler: &mut Compiler, request: &HttpRequest, defaults: &Defaults, place: &str) -> (Address, Vec<(String, Tree)>) {
    if let Some(url) = &request.url {
        return Address::compile(compiler, url, &pointer_join(place, "url"));
    }
    let path = request.path.as_deref().unwrap_or_default();
    let pointer = pointer_join(place, "path");
    match &defaults.base_url {
        Some(base) if base.contains(['?', '#']) => {
            compiler.error(
                "url-invalid",
                "/defaults/base_url",
                "a base address has no query and no fragment",
                "put the query into each request",
            );
            Address::compile(compiler, "https://invalid.invalid/", &pointer)
        }
        Some(base) => Address::compile(compiler, &joined(base, path), &pointer),
        None => {
            compiler.error("url-invalid", place, "the request has no address", "give it a `url`, or a `path` below `defaults.base_url`");
            Address::compile(compiler, "https://invalid.invalid/", &pointer)
        }
    }
}

fn joined(base: &str, path: &str) -> String {
    let base = base.trim_end_matches('/');
    if path.is_empty() || path.starts_with('?') { format!("{base}{path}") } else { format!("{base}/{}", path.trim_start_matches('/')) }
}

fn headers(compiler: &mut Compiler, request: &HttpRequest, (defaults, decode): (&Defaults, Decoder), place: &str) -> Vec<(String, Tree)> {
    let mut found: Vec<(String, Tree)> = Vec::new();
    let own = request.headers.iter().map(|one| (pointer_join(place, "headers"), one));
    for (place, (name, value)) in defaults.headers.iter().map(|one| ("/defaults/headers".to_owned(), one)).chain(own) {
        let pointer = pointer_join(&place, name);
        let lower = name.to_ascii_lowercase();
        if !is_header_name(name) {
            compiler.error("header-invalid", &pointer, format!("`{name}` cannot be the name of a header"), "use letters, digits and `-`");
        }
        if CONNECTION_HEADERS.contains(&lower.as_str()) || lower.starts_with("proxy-") {
            compiler.error("header-invalid", &pointer, format!("the header `{name}` is set by the server alone"), "leave it out");
        }
        let tree = compiler.tree(value, &pointer);
        found.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        found.push((name.clone(), tree));
    }
    if !found.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
        let accepted = if decode == Decoder::Json { "application/json" } else { "*/*" };
        found.push(("accept".to_owned(), Tree::Literal(Value::String(accepted.to_owned()))));
    }
    found
}

/// A token as RFC 9110 section 5.6.2 has it.
fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 128 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::sample;
    use super::*;

    /// Builds the request of a single http step for given inputs.
    fn built(request: &Value, inputs: &Value) -> Result<Request, Error> {
        let plan = sample::plan(&sample::http(request, &json!({})));
        sample::first_http(&plan).begin(&sample::context(inputs.clone()), "call", None).map(|call| call.request)
    }

    fn url(request: &Value, inputs: &Value) -> String {
        built(request, inputs).unwrap().url.to_string()
    }

    #[test]
    fn joins_base_path_and_query() {
        let check = |request: Value, inputs: Value, expected: &str| assert_eq!(url(&request, &inputs), expected);
        check(json!({"path": "/v2/people"}), json!({}), "https://api.example.com/base/v2/people");
        check(json!({"path": "v2/{{ inputs.id }}"}), json!({"id": 7}), "https://api.example.com/base/v2/7");
        check(json!({"url": "https://other.example.com"}), json!({}), "https://other.example.com/");
        check(
            json!({"url": "https://other.example.com/a?x=1&y={{ inputs.y }}"}),
            json!({"y": "a b&c"}),
            "https://other.example.com/a?x=1&y=a+b%26c",
        );
        check(
            json!({"path": "/p", "query": {"ids": "{{ inputs.ids }}", "n": 5, "z": "{{ inputs.z }}"}}),
            json!({"ids": [1, "b"]}),
            "https://api.example.com/base/p?ids=1&ids=b&n=5&z=",
        );
        check(
            json!({"path": "/p", "omit_empty": true, "query": {"ids": [], "z": "{{ inputs.z }}", "f": false}}),
            json!({}),
            "https://api.example.com/base/p?f=false",
        );
        check(
            json!({"path": "/p/{{ inputs.a }}-{{ inputs.b }}.json"}),
            json!({"a": "x/y", "b": 1}),
            "https://api.example.com/base/p/x%2Fy-1.json",
        );
    }

    #[test]
    fn hdr_4_ssrf_7_values_cannot_leave_their_place() {
        for evil in [
            "&admin=1",
            "a/../../admin",
            "..;/admin",
            "a#b",
            "a?b=c",
            "//evil.example",
            "@evil.example",
            "\\evil",
            "%2e%2e/",
            "a\r\nb",
            "%00",
            "é",
        ] {
            let found =
                built(&json!({"path": "/people/{{ inputs.x }}/mail", "query": {"q": "{{ inputs.x }}"}}), &json!({"x": evil})).unwrap().url;
            assert_eq!(found.host_str(), Some("api.example.com"), "{evil}");
            let segments: Vec<&str> = found.path_segments().unwrap().collect();
            assert_eq!((segments.len(), segments[0], segments[1], segments[3]), (4, "base", "people", "mail"), "{evil}");
            assert_eq!(
                found.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect::<Vec<_>>(),
                [("q".to_owned(), evil.to_owned())]
            );
            assert_eq!(found.fragment(), None);
        }
        for refused in [json!("."), json!(".."), json!(""), json!(null), json!([1]), json!({"a": 1})] {
            assert!(built(&json!({"path": "/people/{{ inputs.x }}/mail"}), &json!({"x": refused})).is_err(), "{refused}");
        }
        assert!(built(&json!({"path": "/people/.{{ inputs.x }}"}), &json!({"x": "."})).is_err());
    }

    #[test]
    fn ssrf_7_the_host_must_be_written_out() {
        let check = |url: &str, code: &str| {
            let problems = sample::problems(&sample::http(&json!({"url": url}), &json!({})));
            assert!(problems.iter().any(|problem| problem.code == code), "{url}: {problems:?}");
        };
        check("{{ inputs.url }}", "url-host");
        check("https://{{ inputs.host }}/a", "url-host");
        check("https://api.example.com{{ inputs.host }}/a", "url-host");
        check("https://user:pw@api.example.com/", "invalid-url");
        check("ftp://api.example.com/", "invalid-url");
        check("https://api.example.com/a/../b", "url-invalid");
        check("https://api.example.com/a#b", "url-invalid");
        check("https://api.example.com/a?{{ inputs.x }}", "url-invalid");
    }

    #[test]
    fn hdr_1_header_values_are_one_plain_line() {
        let send = |value: Value| built(&json!({"path": "/p", "headers": {"X-One": "{{ inputs.x }}"}}), &json!({"x": value}));
        for evil in ["a\r\nX-Two: 1", "a\nb", "a\0b", "a%0d%0aX: 1", "a\u{2028}b", "a\r\n b", "é"] {
            let error = send(json!(evil)).unwrap_err();
            assert!(error.to_string().contains("X-One") && !error.to_string().contains(evil), "{evil:?}");
        }
        assert!(send(json!(["a"])).is_err());
        let headers = send(json!(" plain ")).unwrap().headers;
        assert_eq!(headers, [("X-One".to_owned(), "plain".to_owned()), ("accept".to_owned(), "application/json".to_owned())]);
        assert_eq!(send(json!(null)).unwrap().headers.len(), 1);
    }

    #[test]
    fn hdr_2_headers_of_the_connection_are_refused_at_save() {
        for name in [
            "Host",
            "content-length",
            "Transfer-Encoding",
            "Connection",
            "TE",
            "Upgrade",
            "Expect",
            "Proxy-Authorization",
            "X Y",
            "X:Y",
            "",
        ] {
            let problems = sample::problems(&sample::http(&json!({"path": "/p", "headers": {name: "x"}}), &json!({})));
            assert!(!problems.is_empty(), "{name}");
        }
    }

    #[test]
    fn builds_bodies_from_values() {
        let check = |body: Value, omit: bool, inputs: Value, content_type: &str, expected: &str| {
            let request = json!({"method": "POST", "path": "/p", "omit_empty": omit, "body": body});
            let sent = built(&request, &inputs).unwrap().body.unwrap();
            assert_eq!((sent.content_type.as_str(), String::from_utf8(sent.bytes).unwrap().as_str()), (content_type, expected));
        };
        let json_body = json!({"value": {"a": "{{ inputs.a }}", "n": ["{{ inputs.n }}", 1], "t": "Hi {{ inputs.a }}", "e": {"x": null}}});
        let evil = json!({"a": "\",\"admin\":true", "n": 2});
        check(
            json_body.clone(),
            false,
            evil.clone(),
            "application/json",
            r#"{"a":"\",\"admin\":true","n":[2,1],"t":"Hi \",\"admin\":true","e":{"x":null}}"#,
        );
        check(json_body, true, json!({}), "application/json", r#"{"n":[null,1],"t":"Hi "}"#);
        check(
            json!({"kind": "form", "value": {"a": "{{ inputs.a }}", "l": [1, 2]}}),
            false,
            json!({"a": "x&y=z"}),
            "application/x-www-form-urlencoded",
            "a=x%26y%3Dz&l=1&l=2",
        );
        check(json!({"kind": "text", "value": "Hi {{ inputs.a }}"}), false, json!({"a": 1}), "text/plain; charset=utf-8", "Hi 1");
    }

    proptest! {
        #[test]
        fn no_value_changes_origin_or_segments(value in ".{1,40}") {
            if let Ok(request) = built_once(&value) {
                prop_assert_eq!(request.url.origin().ascii_serialization(), "https://api.example.com");
                prop_assert_eq!(request.url.path_segments().unwrap().count(), 3);
                prop_assert!(request.url.path().starts_with("/base/people/"));
            } else {
                prop_assert!(matches!(value.as_str(), "." | ".."));
            }
        }
    }

    fn built_once(value: &str) -> Result<Request, Error> {
        static PLAN: std::sync::LazyLock<std::sync::Arc<super::super::Plan>> =
            std::sync::LazyLock::new(|| sample::plan(&sample::http(&json!({"path": "/people/{{ inputs.x }}"}), &json!({}))));
        sample::first_http(&PLAN).begin(&sample::context(json!({"x": value})), "call", None).map(|call| call.request)
    }
}
