//! Hostile expressions, by the ids of the threat model: what is refused when a definition is saved, and what a run bounds.

use serde_json::{Value, json};

use super::context::{Context, RunFacts};
use super::preview::{Preview, preview_template};
use super::{Plan, compile, engine, sample};
use crate::domain::definition::expression::{FILTERS, LATER_FILTERS};
use crate::domain::problem::Severity;

fn values() -> Value {
    json!({"inputs": {"a": "text", "n": 3, "list": [1, 2], "big": "x".repeat(300_000)}})
}

fn preview(text: &str) -> Preview {
    preview_template(text, &values())
}

/// A definition with one `set` step of this value.
fn setting(value: &str) -> Value {
    json!({
        "spec": "connectors/v1", "kind": "connector", "meta": {"slug": "sample", "title": "Sample"},
        "inputs": {"type": "object", "properties": {"a": {}, "big": {}, "list": {}}},
        "credentials": {"api": {"kind": "bearer", "hosts": ["api.example.com"]}},
        "steps": [{"id": "x", "kind": "set", "values": {"v": value}}]
    })
}

/// A definition holding this is not saved, for this reason.
fn refused(value: &str, code: &str) {
    let compiled = compile(&setting(value));
    assert!(compiled.plan.is_none(), "{value}");
    let errors = compiled.problems.iter().filter(|problem| problem.severity == Severity::Error);
    let found: Vec<(&str, &str)> = errors.map(|problem| (problem.code, problem.pointer.as_str())).collect();
    assert!(found.contains(&(code, "/steps/0/values/v")), "{value}: {found:?}");
}

#[test]
fn tpl_1_functions_and_filters_off_the_list_are_refused_at_save() {
    for call in ["get_env(name='HOME')", "now()", "get_random(start=0, end=9)", "throw(message='x')", "range(end=3)", "load_data(path='/')"]
    {
        refused(&format!("{{{{ {call} }}}}"), "unknown-function");
    }
    for filter in
        ["safe", "escape", "map(attribute='a')", "group_by(attribute='a')", "filter(attribute='a')", "get(key='a')", "pairs", "sort"]
    {
        refused(&format!("{{{{ inputs.list | {filter} }}}}"), "unknown-filter");
    }
    for filter in ["filesizeformat", "slugify", "striptags", "urlencode", "json_encode", "as_str", "regex_replace(a='b')"] {
        refused(&format!("{{{{ inputs.a | {filter} }}}}"), "unknown-filter");
    }
    refused("{{ inputs.a | __capture }}", "invalid-expression");
    for filter in LATER_FILTERS {
        refused(&format!("{{{{ inputs.a | {filter} }}}}"), "unsupported");
    }
    assert!(compile(&setting("{{ inputs.a | lower }}")).plan.is_some());
}

/// Past the scanner the engine has no more either: whatever the language does not list answers with an error.
#[test]
fn tpl_1_the_engine_itself_runs_listed_filters_only() {
    let builtin = [
        "safe",
        "default",
        "upper",
        "lower",
        "trim",
        "trim_start",
        "trim_end",
        "replace",
        "capitalize",
        "title",
        "wordcount",
        "escape",
        "escape_html",
        "escape_xml",
        "newlines_to_br",
        "pluralize",
        "truncate",
        "indent",
        "str",
        "int",
        "float",
        "length",
        "reverse",
        "split",
        "abs",
        "round",
        "first",
        "last",
        "nth",
        "join",
        "slice",
        "sort",
        "unique",
        "get",
        "map",
        "values",
        "keys",
        "pairs",
        "filter",
        "group_by",
    ];
    for name in builtin.into_iter().filter(|name| !FILTERS.contains(name)) {
        let mut tera = engine::new();
        let outcome = tera
            .add_raw_template("one", &engine::wrap(&format!("'a' | {name}")))
            .map_err(|error| engine::reason(&error))
            .and_then(|()| engine::evaluate(&tera, "one", &tera::Context::new(), ""));
        let reason = outcome.expect_err(name);
        assert!(reason.contains(&format!("there is no filter `{name}`")), "{name}: {reason}");
    }
}

#[test]
fn tpl_2_no_name_leads_to_the_context_or_to_a_secret() {
    refused("{{ __tera_context }}", "invalid-expression");
    refused("{% for key, value in inputs %}{{ value }}{% endfor %}", "invalid-expression");
    for name in ["credentials.api", "secrets.api", "auth", "slots.api", "env.HOME", "self", "loop.index"] {
        refused(&format!("{{{{ {name} }}}}"), "unknown-variable");
    }
    // What a run is given has these names and no others.
    let context = Context::new(json!({}), json!({}), None, RunFacts::default(), sample::now());
    for name in ["credentials", "secrets", "auth", "slots", "env", "headers"] {
        assert_eq!(context.scope().find(name, &[]), None, "{name}");
    }
}

#[test]
fn tpl_3_there_are_no_loops() {
    refused("{{ range(end=1000000000) }}", "unknown-function");
    refused("{% for a in range(end=3000) %}{% for b in range(end=3000) %}x{% endfor %}{% endfor %}", "invalid-expression");
    refused("{{ [x for x in inputs.list] }}", "invalid-expression");
    refused("{{ inputs.list | map(attribute='a') }}", "unknown-filter");
}

/// A budget that is used up is that of one evaluation.
#[test]
fn tpl_3_what_one_expression_uses_up_the_next_one_has() {
    for _ in 0..3 {
        let spent = preview("{{ inputs.big | replace(from='x', to=inputs.big) }}");
        assert_eq!(spent.problems[0].code, "evaluation-failed");
        assert_eq!(preview("{{ inputs.big | upper | length }}").value, Some(json!(300_000)));
    }
}

#[test]
fn tpl_4_texts_that_double_end_at_the_budget() {
    let doubled =
        |times: usize| format!("{{{{ 'xy' {} | length }}}}", "| replace(from='x', to='xx') | replace(from='y', to='yy')".repeat(times));
    assert_eq!(preview(&doubled(4)).value, Some(json!(32)));
    let amplified = format!("{{{{ 'x' {} | length }}}}", "| replace(from='x', to='xxxxxxxxxxxxxxxx')".repeat(8));
    refused("{% set a = 'x' %}{% set a = a ~ a %}", "invalid-expression");
    let hostile = [
        amplified,
        format!("{{{{ {} }}}}", vec!["inputs.big"; 17].join(" ~ ")),
        format!("{{{{ [{}] }}}}", vec!["inputs.big"; 40].join(",")),
        "{{ inputs.big | split(by='') | join(by=inputs.big) }}".to_owned(),
        format!("{{{{ inputs.big {} }}}}", "| json ".repeat(15)),
        format!("{{{{ inputs.big {} }}}}", "| base64 ".repeat(15)),
        "{{ inputs.big | url | url | split(by='') | json }}".to_owned(),
    ];
    for text in hostile {
        let preview = preview(&text);
        assert_eq!(preview.value, None, "{text}");
        let message = &preview.problems[0].message;
        assert!(message.contains("too large") || message.contains("more than 4 MiB"), "{text}: {message}");
    }
}

#[test]
fn tpl_5_nothing_includes_anything() {
    for text in [
        "{% include 'one' %}",
        "{% extends 'one' %}",
        "{% import 'one' as one %}",
        "{% macro a() %}{{ self::a() }}{% endmacro %}",
        "{% component A() %}{{ <A /> }}{% endcomponent %}",
        "{{ <A /> }}",
        "{{ self::a() }}",
        "{{ super() }}",
        "{# x #}{{ inputs.a }}",
    ] {
        let compiled = compile(&setting(text));
        assert!(compiled.plan.is_none(), "{text}");
    }
    // Templates of one plan know each other by name; no text reaches that name.
    refused("{{ include('t0') }}", "unknown-function");
}

#[test]
fn tpl_6_nesting_is_refused_before_it_is_parsed() {
    let nested = |open: &str, close: &str, times: usize| format!("{{{{ {}1{} }}}}", open.repeat(times), close.repeat(times));
    for text in [
        nested("(", ")", 20_000),
        nested("(", ")", 1_900),
        nested("(", ")", 17),
        nested("[", "]", 17),
        nested("{\"a\":", "}", 17),
        nested("inputs[", "]", 30),
        nested("1 if true else ", "", 200),
        nested("not ", "", 900),
        nested("- ", "", 1_900),
        nested("1 + ", "", 1_000),
        "{% if a %}".repeat(20_000),
        format!("{{{{ inputs{} }}}}", ".a".repeat(2_100)),
        format!("{{{{ inputs{} }}}}", "[inputs.n]".repeat(240)),
        format!("{{{{ inputs.a[inputs.n]{} }}}}", ".a".repeat(2_000)),
        format!("{{{{ (1){} }}}}", "[0]".repeat(1_000)),
        format!("{{{{ '\\'['{} }}}}", "[ 0 ]".repeat(800)),
    ] {
        let preview = preview(&text);
        assert_eq!(preview.value, None);
        assert_eq!(preview.problems[0].code, "invalid-expression", "{}", text.chars().take(40).collect::<String>());
    }
    assert_eq!(preview(&nested("(", ")", 16)).value, Some(json!(1)));
    assert!(preview(&format!("{{{{ inputs{} }}}}", ".a".repeat(2_000))).problems.is_empty());
}

/// All limits together are still shallow enough for the engine.
#[test]
fn tpl_6_an_expression_at_every_limit_is_parsed() {
    let inner = format!("inputs.list[inputs.n]{}", "[0]".repeat(31));
    let nested = format!("{}{inner}{}", "(-".repeat(15), ")".repeat(15));
    let sums = format!("{nested}{}", " + 1".repeat(32));
    let piped = format!("{sums}{}", " | string".repeat(16));
    let message = preview(&format!("{{{{ {piped} }}}}")).problems.into_iter().find(|problem| problem.code != "evaluation-failed");
    assert_eq!(message, None);
    let lists = format!("{{{{ [{}] | length }}}}", vec!["[0.5]"; 300].join(","));
    assert_eq!(preview(&lists).value, Some(json!(300)), "lists and numbers are no look-ups");
}

/// What came from outside goes through two steps and the outputs as it came.
#[test]
fn tpl_7_nothing_is_rendered_twice() {
    let evil = "{{ inputs.private }} {% if x %} {{ __tera_context }} {{ uuid() }}";
    let definition = json!({
        "spec": "connectors/v1", "kind": "connector", "meta": {"slug": "sample", "title": "Sample"},
        "inputs": {"type": "object", "properties": {"evil": {}, "private": {}}},
        "steps": [
            {"id": "first", "kind": "set", "values": {"plain": "{{ inputs.evil }}", "text": "<{{ inputs.evil }}>"}},
            {"id": "second", "kind": "set", "values": {"plain": "{{ steps.first.plain }}", "engine": "{{ steps.first.text | trim }}"}}
        ],
        "outputs": {"plain": {"value": "{{ steps.second.plain }}"}, "engine": {"value": "{{ steps.second.engine ~ '' }}"}},
        "tests": [{
            "name": "second order", "inputs": {"evil": evil, "private": "hunter2"},
            "expect": {"status": "succeeded", "outputs": {"plain": evil, "engine": format!("<{evil}>")}}
        }]
    });
    // The recorded inputs and expectations are data too.
    let compiled = compile(&definition);
    assert_eq!(compiled.problems, []);
    let plan: std::sync::Arc<Plan> = compiled.plan.unwrap();
    let outcome = super::run_recorded(&plan, &plan.definition.tests[0], sample::now());
    assert!(outcome.passed, "{:?}", outcome.differences);
}
