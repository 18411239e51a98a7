//! Readings of whole documents: each kind of problem once, right documents, and many mistakes at once.

use serde_json::{Value, json};

use super::{CODES, MAX_DEPTH, read};
use crate::domain::definition::{MAX_BYTES, OnError, StepAction};
use crate::domain::problem::{Problem, Severity};

/// A right document of one step that uses most of the language.
fn right() -> Value {
    json!({
        "spec": "connectors/v1", "kind": "connector", "x-note": "mine",
        "meta": {"slug": "phone-enrichment", "title": "Phone enrichment", "category": "enrichment", "tags": ["phone"], "docs": "https://x.example/docs"},
        "inputs": {"type": "object", "required": ["phone"], "properties": {"phone": {"type": "string", "x-bind": "contact.phone"}, "name": {"type": "string"}}},
        "config": {"type": "object", "properties": {"country": {"type": "string", "default": "US"}}},
        "credentials": {"audience": {"kind": "api_key", "hosts": ["api.audience.example"], "inject": {"in": "header", "name": "X-Api-Key"},
            "test": {"method": "GET", "path": "/v2/account", "expect_status": [200]}}},
        "defaults": {"base_url": "https://api.audience.example", "auth": "audience", "timeout": "PT10S"},
        "steps": [{
            "id": "lookup", "kind": "http", "cost": 1, "when": "{{ inputs.phone is defined }}",
            "request": {"method": "GET", "path": "/v2/people", "query": {"phone": "{{ inputs.phone | e164(country=config.country) }}"}, "omit_empty": true},
            "retry": {"attempts": 4, "backoff": {"kind": "exponential", "base": "PT1S", "factor": 2, "jitter": 0.3}, "max_elapsed": "PT2M"},
            "rules": [
                {"if": {"status": [429]}, "then": "rate_limited", "wait": {"header": "Retry-After", "max": "PT60S"}},
                {"if": {"status": [200], "body": "{{ response.body.error }}", "match": "quota"}, "then": "fail", "class": "credential"}],
            "extract": {"first": {"path": "$.people[0].first_name", "take": "first"}, "score": {"path": "$.score", "type": "number"}}
        }],
        "outputs": {"found": {"type": "boolean", "value": "{{ steps.lookup.first != null }}"}},
        "mapping": {"target": "contact", "match": ["id"], "on_missing": "skip", "fields": [
            {"to": "first_name", "from": "{{ steps.lookup.first }}", "policy": "if_more_confident", "confidence": "{{ steps.lookup.score }}", "ttl": "P180D"}]},
        "redact": ["$..ssn"], "retain": {"success": "PT0S", "failure": "P14D"},
        "tests": [{"name": "finds", "inputs": {"phone": "1"}, "expect": {"outputs": {"found": true}}}]
    })
}

/// The right document with changes: a place and its new value, or null to take it out; missing objects are made.
fn with(changes: &[(&str, Value)]) -> Value {
    let mut document = right();
    for (pointer, value) in changes {
        let (above, name) = pointer.rsplit_once('/').unwrap();
        let name = name.replace("~1", "/").replace("~0", "~");
        match document.pointer_mut(above).unwrap() {
            Value::Array(items) if name == "-" => items.push(value.clone()),
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value.clone(),
            Value::Object(members) if value.is_null() => drop(members.shift_remove(&name)),
            Value::Object(members) => drop(members.insert(name, value.clone())),
            _ => panic!("{pointer}"),
        }
    }
    document
}

fn places(problems: &[Problem]) -> Vec<(&str, &str)> {
    problems.iter().map(|problem| (problem.code, problem.pointer.as_str())).collect()
}

/// One change of the right document gives exactly this problem, and every code is a listed one.
fn check(change: (&str, Value), code: &str, pointer: &str) -> Problem {
    check_all(&[change], code, pointer)
}

fn check_all(changes: &[(&str, Value)], code: &str, pointer: &str) -> Problem {
    let reading = read(&with(changes));
    assert_eq!(places(&reading.problems), [(code, pointer)], "{changes:?}: {:?}", reading.problems);
    assert!(CODES.contains(&code), "{code}");
    assert!(reading.definition.is_some(), "a mended copy is always there: {changes:?}");
    reading.problems.into_iter().next().unwrap()
}

const REQUEST: &str = "/steps/0/request";

fn http(id: &str) -> Value {
    json!({"id": id, "kind": "http", "request": {"path": "/x"}})
}

#[test]
fn a_right_document_has_no_problems() {
    let reading = read(&right());
    assert_eq!(reading.problems, []);
    let definition = reading.definition.unwrap();
    assert_eq!(definition.steps[0].on_error, OnError::Fail);
    assert!(matches!(&definition.steps[0].action, StepAction::Http(http) if http.extract.len() == 2));
}

#[test]
fn the_templates_of_the_catalogue_have_no_errors() {
    for text in [
        include_str!("../../../../templates/company-lookup.json"),
        include_str!("../../../../templates/email-validator.json"),
        include_str!("../../../../templates/hubspot-contact-sync.json"),
        include_str!("../../../../templates/phone-enrichment-audienceacuity.json"),
        include_str!("../../../../examples/hello.json"),
    ] {
        let reading = read(&serde_json::from_str(text).unwrap());
        let worse: Vec<_> = reading.problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
        assert!(worse.is_empty() && reading.definition.is_some(), "{worse:?}");
    }
}

#[test]
fn ten_mistakes_are_told_at_once() {
    let document = with(&[
        ("/speck", json!(1)),
        ("/meta/title", Value::Null),
        ("/inputs/properties/phone/x-bind", json!("phone")),
        ("/credentials/audience/kind", json!("api-key")),
        ("/defaults/timeout", json!("10s")),
        ("/steps/0/when", json!("{{ inputs.fone }}")),
        ("/steps/0/request/query/phone", json!("{{ inputs.phone | e1644 }}")),
        ("/steps/0/request/headers", json!({"Host": "x"})),
        ("/steps/0/retry/attempts", json!(0)),
        ("/credentials/audience/scopes", json!([])),
    ]);
    let reading = read(&document);
    assert_eq!(
        places(&reading.problems),
        [
            ("missing-field", "/meta"),
            ("invalid-bind", "/inputs/properties/phone/x-bind"),
            ("invalid-value", "/credentials/audience/kind"),
            ("unsupported", "/credentials/audience/scopes"),
            ("invalid-value", "/defaults/timeout"),
            ("unknown-variable", "/steps/0/when"),
            ("unknown-filter", "/steps/0/request/query/phone"),
            ("forbidden-header", "/steps/0/request/headers/Host"),
            ("invalid-value", "/steps/0/retry/attempts"),
            ("unknown-field", "/speck"),
        ]
    );
    assert!(reading.definition.is_some());
    let hints: Vec<_> = reading.problems.iter().filter_map(|problem| problem.suggestion.as_deref()).collect();
    assert_eq!(
        hints,
        [
            "did you mean `contact.phone`?",
            "did you mean `api_key`?",
            "did you mean `inputs.phone`?",
            "did you mean `e164`?",
            "did you mean `spec`?"
        ]
    );
    let fone = &reading.problems[5];
    assert_eq!((fone.span, fone.step_path.as_deref()), (Some((3, 14)), Some("lookup")));
}

#[test]
fn shape() {
    assert_eq!(check(("/imputs", json!({})), "unknown-field", "/imputs").suggestion.as_deref(), Some("did you mean `inputs`?"));
    check(("/steps", Value::Null), "missing-field", "");
    check(("/meta/slug", Value::Null), "missing-field", "/meta");
    check(("/meta/title", json!(7)), "wrong-type", "/meta/title");
    check(("/meta", json!([])), "wrong-type", "/meta");
    check(("/steps/-", json!("x")), "wrong-type", "/steps/1");
    check(("/steps/-", json!({"id": "a"})), "missing-field", "/steps/1");
    check(("/steps/-", json!({"id": "a", "kind": "https"})), "invalid-value", "/steps/1/kind");
    check(("/spec", json!("connectors/v2")), "unknown-spec", "/spec");
    check(("/meta/slug", json!("Phone")), "invalid-value", "/meta/slug");
    check(("/meta/docs", json!("javascript:alert(1)")), "invalid-value", "/meta/docs");
    check(("/steps/0/cost", json!(-1)), "invalid-value", "/steps/0/cost");
    check(("/steps/0/timeout", json!("PT11M")), "invalid-value", "/steps/0/timeout");
    check(("/steps/0/retry/attempts", json!(21)), "invalid-value", "/steps/0/retry/attempts");
    check(("/steps/0/retry/attempts", json!(2.5)), "invalid-value", "/steps/0/retry/attempts");
    check(("/steps/0/retry/backoff/factor", json!(0.5)), "invalid-value", "/steps/0/retry/backoff/factor");
    check(("/steps/0/retry/backoff/jitter", json!(1.5)), "invalid-value", "/steps/0/retry/backoff/jitter");
    check(("/steps/0/retry/backoff/base", json!("PT0S")), "invalid-value", "/steps/0/retry/backoff/base");
    check(("/steps/0/retry/max_elapsed", json!("P2D")), "invalid-value", "/steps/0/retry/max_elapsed");
    check(("/steps/0/retry/on", json!(["never"])), "invalid-value", "/steps/0/retry/on/0");
    check(("/steps/0/extract/first/path", json!("people")), "invalid-value", "/steps/0/extract/first/path");
    check(("/credentials/audience/hosts", json!(["https://api.audience.example"])), "invalid-value", "/credentials/audience/hosts/0");
    check(("/mapping/fields/0/confidence", json!(1.1)), "invalid-value", "/mapping/fields/0/confidence");
    check(("/outputs/a-b", json!({"value": 1})), "invalid-value", "/outputs/a-b");
    let bare = check(("/steps/0/when", json!("inputs.phone")), "invalid-value", "/steps/0/when");
    assert_eq!(bare.suggestion.as_deref(), Some("write `{{ inputs.phone }}`"));
    check(("/steps", json!([])), "invalid-value", "/steps");
}

#[test]
fn what_follows_from_a_wrong_place_is_not_told() {
    check(("/inputs", json!(7)), "wrong-type", "/inputs");
    check(("/steps/0/extract/first", json!(7)), "wrong-type", "/steps/0/extract/first");
    check(("/steps/0/extract", json!([])), "wrong-type", "/steps/0/extract");
    check(("/steps/0/id", json!("Lookup")), "invalid-value", "/steps/0/id").step_path.unwrap();
    check(("/steps/0/id", json!(7)), "wrong-type", "/steps/0/id");
    check(("/steps/0/request/path", json!(1)), "wrong-type", "/steps/0/request/path");
    check(("/defaults/base_url", json!(1)), "wrong-type", "/defaults/base_url");
    check(("/credentials/audience/hosts/0", json!(1)), "wrong-type", "/credentials/audience/hosts/0");
    check(("/credentials/audience", json!(1)), "wrong-type", "/credentials/audience");
}

#[test]
fn what_is_known_but_comes_later() {
    check(("/steps/0/cache", json!({})), "unsupported", "/steps/0/cache");
    check(("/credentials/audience/kind", json!("oauth2_code")), "unsupported", "/credentials/audience/kind");
    check(("/credentials/audience/scopes", json!([])), "unsupported", "/credentials/audience/scopes");
    check(("/steps/0/when", json!("{{ inputs.phone | hmac }}")), "unsupported", "/steps/0/when");
}

/// Steps that hold steps, after the step `lookup`.
fn nested() -> Value {
    json!([
        {"id": "b", "kind": "branch", "cases": [{"when": "{{ steps.lookup.first == 'x' }}", "do": [http("inner")]}],
            "default": [{"id": "later", "kind": "set", "values": {"v": "{{ steps.lookup.first }}"}}]},
        {"id": "each", "kind": "foreach", "items": "{{ inputs.phone | split(by=',') }}", "as": "one", "do": [
            {"id": "turn", "kind": "set", "values": {"v": "{{ one }}"}}]},
        {"id": "w", "kind": "waterfall", "budget": 3, "accept": "{{ item.v > 1 }}", "providers": [
            {"id": "p", "cost": 1, "steps": [{"id": "asked", "kind": "set", "values": {"v": 1}}]}]},
        {"id": "both", "kind": "parallel", "branches": {"l": [{"id": "left", "kind": "wait", "for": "PT1S"}]}},
        {"id": "sum", "kind": "set", "values": {"all": "{{ [steps.b.taken, steps.later.v, steps.each.items, steps.w.v, steps.w.provider, steps.both.l] }}"}}
    ])
}

/// The right document with those steps, and changes.
fn with_nested(changes: &[(&str, Value)]) -> Vec<(&'static str, String, Option<String>)> {
    let mut document = right();
    document["steps"].as_array_mut().unwrap().extend(nested().as_array().unwrap().iter().cloned());
    for (pointer, value) in changes {
        let (above, name) = pointer.rsplit_once('/').unwrap();
        match document.pointer_mut(above).unwrap() {
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value.clone(),
            above => above[name] = value.clone(),
        }
    }
    let reading = read(&document);
    reading.problems.into_iter().map(|problem| (problem.code, problem.pointer, problem.step_path)).collect()
}

#[test]
fn steps_within_steps_see_what_came_before_them() {
    assert_eq!(with_nested(&[]), []);
    let check = |pointer: &str, value: &str, path: &str| {
        let expected = vec![("unknown-variable", pointer.to_owned(), Some(path.to_owned()))];
        assert_eq!(with_nested(&[(pointer, json!(value))]), expected, "{value}");
    };
    check("/steps/1/cases/0/when", "{{ steps.inner == null }}", "b");
    check("/steps/1/default/0/values/v", "{{ steps.inner == null }}", "b/default/later");
    check("/steps/2/do/0/values/v", "{{ item }}", "each/turn");
    check("/steps/2/do/0/values/v", "{{ steps.each.items }}", "each/turn");
    check("/steps/3/providers/0/steps/0/values/v", "{{ item }}", "w/p/asked");
    check("/steps/3/accept", "{{ one }}", "w");
    check("/steps/5/values/all", "{{ steps.turn.v }}", "sum");
    check("/steps/5/values/all", "{{ steps.asked.v }}", "sum");
    check("/steps/5/values/all", "{{ steps.w.x }}", "sum");
    check("/steps/5/values/all", "{{ steps.each.turn }}", "sum");
    check("/steps/5/values/all", "{{ steps }}", "sum");
    let within = &with_nested(&[("/steps/5/values/all", json!("{{ steps.turn.v }}"))]);
    assert_eq!(within.len(), 1);
}

#[test]
fn steps_within_steps_are_held_to_the_same_rules() {
    let check = |pointer: &str, value: Value, code: &str, place: &str, path: &str| {
        assert_eq!(with_nested(&[(pointer, value.clone())]), [(code, place.to_owned(), Some(path.to_owned()))], "{value}");
    };
    check("/steps/2/do/0/id", json!("lookup"), "duplicate-step-id", "/steps/2/do/0/id", "each/lookup");
    let changes = [("/steps/2/as", json!("inputs")), ("/steps/2/do/0/values/v", json!(1))];
    assert_eq!(with_nested(&changes), [("invalid-value", "/steps/2/as".to_owned(), Some("each".to_owned()))]);
    check("/steps/2/concurrency", json!(21), "invalid-value", "/steps/2/concurrency", "each");
    check("/steps/4/branches/l/0/for", json!("P2D"), "invalid-value", "/steps/4/branches/l/0/for", "both/l/left");
    check("/steps/4/branches/l/0", json!({"id": "left", "kind": "wait"}), "invalid-wait", "/steps/4/branches/l/0", "both/l/left");
    check("/steps/3/providers/0/cots", json!(1), "unknown-field", "/steps/3/providers/0/cots", "w");
    check("/steps/1/cases/0/do/0/request/path", json!("//evil"), "invalid-url", "/steps/1/cases/0/do/0/request/path", "b/0/inner");
    check(
        "/steps/1/cases/0/do/0/request",
        json!({"path": "/x", "headers": {"Host": "x"}}),
        "forbidden-header",
        "/steps/1/cases/0/do/0/request/headers/Host",
        "b/0/inner",
    );
    let mut deep = json!({"id": "d0", "kind": "set", "values": {}});
    for level in 1..9 {
        deep = json!({"id": format!("d{level}"), "kind": "parallel", "branches": {"x": [deep]}});
    }
    let found = with_nested(&[("/steps/4", deep)]);
    assert_eq!(found.iter().filter(|(code, ..)| *code == "too-large").count(), 1, "{found:?}");
    let many: Vec<Value> = (0..200).map(|number| json!({"id": format!("s{number}"), "kind": "set", "values": {}})).collect();
    let found = with_nested(&[("/steps/4/branches/l", json!(many))]);
    assert!(found.iter().any(|(code, ..)| *code == "too-large"), "{found:?}");
}

#[test]
fn sizes() {
    let many = |count: usize| (0..count).map(|number| (format!("a{number}"), json!({"path": "$", "required": true}))).collect();
    check(
        ("/steps/0/extract/more", json!({"path": "$", "default": null, "required": true, "x": 1})),
        "unknown-field",
        "/steps/0/extract/more/x",
    );
    let mut extracts: serde_json::Map<String, Value> = many(99);
    extracts.extend(right()["steps"][0]["extract"].as_object().unwrap().clone());
    check(("/steps/0/extract", Value::Object(extracts)), "too-large", "/steps/0/extract");
    let steps: Vec<Value> = right()["steps"].as_array().unwrap().iter().cloned().chain((0..200).map(|n| http(&format!("s{n}")))).collect();
    check(("/steps", json!(steps)), "too-large", "/steps");

    let mut deep = json!(1);
    (0..MAX_DEPTH).for_each(|_| deep = json!([deep]));
    let long = json!({"inputs": "a".repeat(MAX_BYTES)});
    for document in [json!({"x-deep": deep}), long, json!({"a".repeat(257): 1})] {
        let reading = read(&document);
        assert_eq!((places(&reading.problems), reading.definition), (vec![("too-large", "")], None));
    }
}

#[test]
fn no_document_is_too_odd() {
    for document in
        [json!(null), json!([]), json!(7), json!({}), json!({"steps": {}, "meta": null}), json!({"steps": [null, [], {"kind": 1}]})]
    {
        let reading = read(&document);
        assert!(!reading.problems.is_empty() && reading.definition.is_some(), "{document}");
        assert!(reading.problems.iter().all(|problem| CODES.contains(&problem.code)));
    }
}

#[test]
fn names_in_expressions() {
    let when = |text: &str| ("/steps/0/when", json!(text));
    let unknown = |text: &str, span: (usize, usize), hint: Option<&str>| {
        let problem = check(when(text), "unknown-variable", "/steps/0/when");
        assert_eq!((problem.span, problem.suggestion.as_deref()), (Some(span), hint), "{text}: {}", problem.message);
    };
    unknown("{{ input.phone }}", (3, 14), Some("did you mean `inputs`?"));
    unknown("{{ config.contry == 'é' }}", (3, 16), Some("did you mean `config.country`?"));
    unknown("{{ phone }}", (3, 8), Some("did you mean `inputs.phone`?"));
    unknown("{{ run.idd }}", (3, 10), Some("did you mean `run.id`?"));
    unknown("{{ now.year }}", (3, 11), None);
    unknown("{{ response.status }}", (3, 18), None);
    unknown("{{ steps.lookup.first }}", (3, 21), None);
    unknown("{{ steps.nobody.first }}", (3, 21), None);
    unknown("{{ secrets.key }}", (3, 14), None);
    check(("/steps/0/rules/1/if/body", json!("{{ response.text }}")), "unknown-variable", "/steps/0/rules/1/if/body");
    check(("/defaults/headers", json!({"X": "{{ steps.lookup.first }}"})), "unknown-variable", "/defaults/headers/X");
    let output = |text: &str| ("/outputs/found/value", json!({"deep": [text]}));
    let far = check(output("x{{ steps.lookup.frist }}"), "unknown-variable", "/outputs/found/value/deep/0");
    assert_eq!((far.span, far.suggestion.as_deref()), (Some((4, 22)), Some("did you mean `steps.lookup.first`?")));
    check(output("{{ steps.lookup.status }}"), "unknown-variable", "/outputs/found/value/deep/0");
    assert_eq!(read(&with(&[output("{{ steps.lookup.status }}"), ("/steps/0/response", json!({"keep": ["$.people[0]"]}))])).problems, []);
    for text in [
        "{{ contact.anything.at_all }}",
        "{{ now }}",
        "{{ run.attempt }}",
        "{{ inputs['phone'] }}",
        "{{ inputs.phone[0] }}",
        "{{ uuid() }}",
    ] {
        assert_eq!(read(&with(&[when(text)])).problems, [], "{text}");
    }
    let open = [("/inputs/additionalProperties", json!(true)), when("{{ inputs.whatever }}")];
    assert_eq!(read(&with(&open)).problems, []);
}

#[test]
fn words_in_expressions() {
    let when = |text: &str, code: &str, span: (usize, usize)| {
        assert_eq!(check(("/steps/0/when", json!(text)), code, "/steps/0/when").span, Some(span), "{text}");
    };
    when("{{ inputs.phone | lowr }}", "unknown-filter", (18, 22));
    when("{{ get_env(name='HOME') }}", "unknown-function", (3, 10));
    when("{{ inputs.phone is defned }}", "unknown-test", (19, 25));
    when("{{ __tera_context }}", "invalid-expression", (3, 17));
    when("{% if x %}", "invalid-expression", (0, 2));
    when("{{ inputs.phone", "invalid-expression", (0, 15));
    when("{{ [x for x in y] }}", "invalid-expression", (6, 9));
}

#[test]
fn steps_and_rules() {
    let twice = check(("/steps/-", http("lookup")), "duplicate-step-id", "/steps/1/id");
    assert_eq!(twice.step_path.as_deref(), Some("lookup"));
    let both = json!({"path": "$.a", "required": true, "default": 1});
    check(("/steps/0/extract/more", both), "required-with-default", "/steps/0/extract/more");
    let unused = check(("/steps/0/extract/more", json!({"path": "$.a"})), "unused-extract", "/steps/0/extract/more");
    assert_eq!(unused.severity, Severity::Warning);
    assert_eq!(
        read(&with(&[("/steps/0/extract/more", json!({"path": "$.a"})), ("/outputs/all", json!({"value": "{{ steps.lookup }}"}))]))
            .problems,
        []
    );
    let again = check(("/steps/0/request/method", json!("POST")), "retry-not-idempotent", "/steps/0/retry");
    assert_eq!(again.severity, Severity::Warning);
    let changes =
        [("/steps/0/request/method", json!("PATCH")), ("/steps/0/retry", Value::Null), ("/defaults/retry", json!({"attempts": 2}))];
    check_all(&changes, "retry-not-idempotent", "/steps/0/request/method");
    check(("/steps/0/rules/0/if", json!({"match": "x"})), "invalid-rule", "/steps/0/rules/0/if/match");
    check(("/steps/0/rules/0/wait", json!({"max": "PT1S"})), "invalid-rule", "/steps/0/rules/0/wait");
    check(("/steps/0/rules/0/wait/body", json!("$.wait")), "invalid-rule", "/steps/0/rules/0/wait");
}

#[test]
fn addresses() {
    let at = |name: &str| format!("{REQUEST}/{name}");
    check((&at("path"), Value::Null), "missing-url", REQUEST);
    check((&at("url"), json!("https://api.audience.example/")), "url-and-path", REQUEST);
    let elsewhere = [(&*at("path"), Value::Null), (&*at("url"), json!("https://evil.example/{{ inputs.phone }}"))];
    let problem = check_all(&elsewhere, "host-not-declared", &at("url"));
    assert_eq!(problem.suggestion.as_deref(), Some("add `evil.example` to `credentials.audience.hosts`"));
    check(("/defaults/base_url", json!("https://evil.example")), "host-not-declared", "/defaults/base_url");
    check(("/defaults/base_url", json!("ftp://api.audience.example")), "invalid-url", "/defaults/base_url");
    check(("/defaults/base_url", json!("https://api.audience.example?a=b")), "invalid-url", "/defaults/base_url");
    check((&at("path"), json!("//evil.example/x")), "invalid-url", &at("path"));
    let without = [("/defaults/base_url", Value::Null), ("/credentials/audience/test", Value::Null)];
    check_all(&without, "missing-base-url", &at("path"));
    check(("/credentials/audience/test", json!({"method": "GET"})), "missing-url", "/credentials/audience/test");
    let place = "/credentials/audience/test/path";
    check((place, json!("/x/{{ inputs.phone }}")), "invalid-url", place);
    assert_eq!(read(&with(&[("/defaults/base_url", json!("https://{{ config.country }}.audience.example"))])).problems, []);
}

#[test]
fn slots() {
    let limits = |name: &str| json!({name: {"rates": [{"limit": 10, "per": "PT1S"}]}});
    let named = ("/defaults/limit", json!("api"));
    check_all(&[("/limits", limits("api")), named, ("/steps/0/limit", json!("app"))], "unknown-limit", "/steps/0/limit");
    check(("/limits", limits("api")), "unused-limit", "/limits/api");
    check_all(&[("/limits", json!({"api": {}})), ("/defaults/limit", json!("api"))], "missing-field", "/limits/api");
    let wrong = check(("/steps/0/auth", json!("audiense")), "unknown-slot", "/steps/0/auth");
    assert_eq!(wrong.suggestion.as_deref(), Some("did you mean `audience`?"));
    let unused = check(("/credentials/other", json!({"kind": "bearer", "hosts": ["x.example"]})), "unused-slot", "/credentials/other");
    assert_eq!(unused.severity, Severity::Warning);
    check(("/credentials/audience/hosts", json!([])), "missing-hosts", "/credentials/audience/hosts");
    let inject = |inject: Value, below: &str| {
        check(("/credentials/audience/inject", inject), "invalid-inject", &format!("/credentials/audience/inject{below}"))
    };
    inject(json!({"in": "header", "name": "X Key"}), "/name");
    inject(json!({"in": "header", "name": "Host"}), "/name");
    inject(json!({"in": "query", "name": "key", "format": "Token"}), "/format");
    inject(json!({"in": "header", "name": "X-Key", "format": "{}\r\nX: y"}), "/format");
    check(("/credentials/audience/inject", json!({"in": "body", "name": "key"})), "invalid-inject", REQUEST);
    check(("/credentials/audience/inject", json!({"in": "query", "name": "phone"})), "invalid-inject", "/steps/0/request/query/phone");
    check(("/steps/0/request/headers", json!({"x-api-key": "{{ inputs.phone }}"})), "invalid-inject", "/steps/0/request/headers/x-api-key");
    let kind = |kind: &str, inject: Value, below: &str| {
        let changes = [("/credentials/audience/kind", json!(kind)), ("/credentials/audience/inject", inject)];
        check_all(&changes, "invalid-inject", &format!("/credentials/audience/inject{below}"));
    };
    kind("bearer", json!({"in": "query", "name": "token"}), "/in");
    kind("basic", json!({"in": "header", "name": "X-Auth"}), "");
}

#[test]
fn headers_and_secrets() {
    let header = |name: &str, value: &str, code: &str| {
        check(("/steps/0/request/headers", json!({name: value})), code, &format!("/steps/0/request/headers/{name}"));
        check(("/defaults/headers", json!({name: value})), code, &format!("/defaults/headers/{name}"));
    };
    for name in ["Host", "content-length", "Transfer-Encoding", "Connection", "TE", "Upgrade", "Expect", "Proxy-Authorization"] {
        header(name, "x", "forbidden-header");
    }
    header("X Y", "x", "invalid-header");
    header("X", "a\r\nb", "invalid-header");
    header("X", "a\0b", "invalid-header");
    header("Authorization", "Basic", "literal-secret");
    let key = concat!("sk_", "live_4eC39HqLyjWDarjtT1");
    let found = check(("/config/properties/country/default", json!(key)), "literal-secret", "/config/properties/country/default");
    assert!(!found.message.contains(key), "a secret is not repeated");
    assert_eq!(found.span, Some((0, 26)));
    check(("/x-odd\u{200b}", json!(1)), "odd-character", "/x-odd\u{200b}");
    check(("/in\u{200b}puts", json!(1)), "odd-character", "/in\u{200b}puts");
    check(("/meta/title", json!("a\u{202e}b")), "odd-character", "/meta/title");
}

#[test]
fn schemas_mapping_and_tests() {
    check(("/config", json!({"properties": {"country": {}}})), "invalid-schema", "/config");
    check(("/config/type", json!("string")), "invalid-schema", "/config/type");
    check(("/config/properties/more", json!(7)), "invalid-schema", "/config/properties/more");
    check(("/inputs/required/-", json!("email")), "invalid-schema", "/inputs/required/1");
    check(("/inputs/properties/name/x-bind", json!("contact.")), "invalid-bind", "/inputs/properties/name/x-bind");
    check(("/inputs/properties/name/x-bind", json!(7)), "invalid-bind", "/inputs/properties/name/x-bind");
    let to = |to: &str| ("/mapping/fields/-", json!({"to": to, "from": 1}));
    check(to("first_name"), "duplicate-mapping", "/mapping/fields/1/to");
    for field in ["", "id", "full_name", "attributes", "attributes.", "attributes.a..b", "a b"] {
        check(to(field), "invalid-contact-field", "/mapping/fields/1/to");
    }
    let info = check(to("last_nam"), "attribute-field", "/mapping/fields/1/to");
    assert_eq!((info.severity, info.suggestion.as_deref()), (Severity::Info, Some("did you mean `last_name`?")));
    check_all(&[to("attributes.city"), to("attributes.city")], "duplicate-mapping", "/mapping/fields/2/to");
    check(("/mapping/match", json!(["name"])), "invalid-value", "/mapping/match/0");
    let test = check(("/tests/0/inputs/fhone", json!(1)), "unknown-input", "/tests/0/inputs/fhone");
    assert_eq!(test.suggestion.as_deref(), Some("did you mean `phone`?"));
    check(("/tests/0/config", json!({"a": 1})), "unknown-input", "/tests/0/config/a");
}

#[test]
fn the_list_of_codes_is_that_of_the_code() {
    assert!(CODES.is_sorted());
    let sources = [
        include_str!("mod.rs"),
        include_str!("expressions.rs"),
        include_str!("headers.rs"),
        include_str!("hosts.rs"),
        include_str!("mapping.rs"),
        include_str!("names.rs"),
        include_str!("limits.rs"),
        include_str!("recorded.rs"),
        include_str!("schemas.rs"),
        include_str!("secrets.rs"),
        include_str!("shape.rs"),
        include_str!("slots.rs"),
        include_str!("steps.rs"),
    ];
    let calls = ["Problem::error(\"", "Problem::warning(\""];
    for source in sources {
        let used = calls.iter().flat_map(|call| source.split(call).skip(1)).filter_map(|rest| rest.split('"').next());
        used.for_each(|code| assert!(CODES.contains(&code), "{code} is not listed"));
    }
    let text = sources.concat();
    for code in CODES {
        assert!(text.matches(&format!("\"{code}\"")).count() > 1, "{code} is listed and never used");
    }
}

#[test]
fn every_place_can_be_wrong_in_every_way() {
    fn pointers(value: &Value, place: &str, into: &mut Vec<String>) {
        let members: Vec<(String, &Value)> = match value {
            Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), member)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(number, item)| (number.to_string(), item)).collect(),
            _ => Vec::new(),
        };
        for (name, member) in members {
            let place = crate::domain::problem::pointer_join(place, name);
            pointers(member, &place, into);
            into.push(place);
        }
    }
    let mut all = Vec::new();
    pointers(&right(), "", &mut all);
    let odd =
        [json!(null), json!(true), json!(-1.5), json!(""), json!("{{"), json!("é{{ a.b | c }}"), json!([]), json!([null]), json!({"": {}})];
    for (pointer, value) in all.iter().flat_map(|pointer| odd.iter().map(move |value| (pointer, value))) {
        let mut document = right();
        *document.pointer_mut(pointer).unwrap() = value.clone();
        let reading = read(&document);
        assert!(reading.definition.is_some(), "{pointer} {value}: {:?}", reading.problems);
        for problem in &reading.problems {
            assert!(CODES.contains(&problem.code), "{}", problem.code);
            assert!(document.pointer(&problem.pointer).is_some(), "{pointer} {value}: {problem:?} points at nothing");
        }
    }
}
