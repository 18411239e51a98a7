//! The closed list of filters and functions; the engine's own others are taken away.
//!
//! A filter given null gives null, unless it is there for null (`default`, `bool`, `length`, `json`). Each charges what it
//! makes to the evaluation's budget.

mod contact;
mod convert;
mod kept;
mod path;
mod text;

use tera::{Kwargs, State, Tera, TeraResult, Value};

use super::engine::{charge, own};

pub(crate) use text::compile as compile_pattern;

/// Filters the engine has and the language has not.
const REMOVED: [&str; 26] = [
    "safe",
    "capitalize",
    "title",
    "wordcount",
    "escape",
    "escape_html",
    "escape_xml",
    "newlines_to_br",
    "pluralize",
    "trim_start",
    "trim_end",
    "truncate",
    "indent",
    "str",
    "int",
    "float",
    "reverse",
    "abs",
    "round",
    "nth",
    "sort",
    "unique",
    "get",
    "values",
    "keys",
    "pairs",
];

type Filter = fn(&Value, &Args<'_>) -> Result<Value, String>;

/// Named arguments of a filter.
struct Args<'a>(&'a Kwargs);

impl Args<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known.as_str() == Some(name)).map(|(_, value)| value).filter(|value| !is_null(value))
    }

    /// A text argument, under any of its names.
    fn text(&self, names: &[&str]) -> Result<Option<&str>, String> {
        match names.iter().find_map(|name| self.get(name)) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or_else(|| format!("`{}` must be a text", names.first().unwrap_or(&""))),
        }
    }

    fn whole(&self, name: &str) -> Result<Option<i64>, String> {
        self.get(name).map(|value| value.as_i64().ok_or_else(|| format!("`{name}` must be a whole number"))).transpose()
    }
}

fn is_null(value: &Value) -> bool {
    value.is_none() || value.is_undefined()
}

/// A text the budget was charged for.
fn made(text: &str) -> Result<Value, String> {
    charge(text.len())?;
    Ok(text.into())
}

/// Puts the listed filters into an engine and takes the others away.
pub(super) fn register(tera: &mut Tera) {
    for name in REMOVED.into_iter().chain(["group_by", "map", "filter"]) {
        tera.register_filter(name, move |_: Value, _: Kwargs, _: &State<'_>| -> TeraResult<Value> {
            Err(own(&format!("there is no filter `{name}`")))
        });
    }
    let all: [(&'static str, bool, Filter); 26] = [
        ("default", true, convert::default),
        ("lower", false, text::lower),
        ("upper", false, text::upper),
        ("trim", false, text::trim),
        ("split", false, text::split),
        ("join", false, text::join),
        ("first", false, text::first),
        ("last", false, text::last),
        ("slice", false, text::slice),
        ("length", true, text::length),
        ("replace", false, text::replace),
        ("match", false, text::matching),
        ("number", false, convert::number),
        ("string", false, convert::string),
        ("bool", true, convert::boolean),
        ("json", true, convert::json),
        ("url", false, convert::url),
        ("base64", false, convert::base64),
        ("sha256", false, convert::sha256),
        ("date", false, convert::date),
        ("add", false, convert::add),
        ("e164", false, contact::e164),
        ("email", false, contact::email),
        ("domain", false, contact::domain),
        ("name_parts", false, contact::name_parts),
        ("jsonpath", false, path::jsonpath),
    ];
    for (name, takes_null, filter) in all {
        tera.register_filter(name, move |value: Value, kwargs: Kwargs, _: &State<'_>| -> TeraResult<Value> {
            if !takes_null && is_null(&value) {
                return Ok(Value::none());
            }
            filter(&value, &Args(&kwargs)).map_err(|reason| own(&format!("`{name}`: {reason}")))
        });
    }
}

/// The text a filter works on.
fn input(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("it takes a text, not {}", described(value)))
}

fn described(value: &Value) -> &'static str {
    if value.as_array().is_some() {
        "a list"
    } else if value.as_map().is_some() {
        "an object"
    } else if value.is_number() {
        "a number"
    } else if value.as_bool().is_some() {
        "a boolean"
    } else if value.as_str().is_some() {
        "a text"
    } else {
        "null"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::preview::preview_template;

    fn give(expression: &str) -> Result<Value, String> {
        let names = json!({"inputs": {"none": null, "name": " Ann Lee ", "list": ["a", "b", "c"], "n": 5, "nested": {"k": [1]}}});
        let preview = preview_template(&format!("{{{{ {expression} }}}}"), &names);
        match preview.problems.first() {
            Some(problem) => Err(problem.message.clone()),
            None => Ok(preview.value.unwrap_or(Value::Null)),
        }
    }

    #[test]
    fn every_filter_does_what_its_name_says() {
        let check = |expression: &str, expected: Value| assert_eq!(give(expression), Ok(expected), "{expression}");
        check("inputs.none | default(value=3)", json!(3));
        check("'' | default(value=3)", json!(""));
        check("'ÄB' | lower", json!("äb"));
        check("'äb' | upper", json!("ÄB"));
        check("inputs.name | trim", json!("Ann Lee"));
        check("'a,b' | split(by=',')", json!(["a", "b"]));
        check("'a b  c' | split", json!(["a", "b", "c"]));
        check("inputs.list | join(by='-')", json!("a-b-c"));
        check("[1, true, null] | join", json!("1,true,"));
        check("inputs.list | first", json!("a"));
        check("[] | first", Value::Null);
        check("'é' | first", json!("é"));
        check("inputs.list | last", json!("c"));
        check("inputs.list | slice(start=1)", json!(["b", "c"]));
        check("'héllo' | slice(start=1, end=-1)", json!("éll"));
        check("'héllo' | length", json!(5));
        check("inputs.none | length", json!(0));
        check("'a.b' | replace(from='.', to='/')", json!("a/b"));
        check("'ID: 42' | match(pattern='ID: (\\\\d+)')", json!("42"));
        check("'x' | match(pattern='y')", Value::Null);
        check("'42' | number", json!(42));
        check("'4.5' | number", json!(4.5));
        check("'' | number", Value::Null);
        check("42 | string", json!("42"));
        check("'false' | bool", json!(false));
        check("'yes' | bool", json!(true));
        check("inputs.none | bool", json!(false));
        check("inputs.nested | json", json!("{\"k\":[1]}"));
        check("'a b/é' | url", json!("a%20b%2F%C3%A9"));
        check("'hi' | base64", json!("aGk="));
        check("'' | sha256", json!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
        check("'2026-11-23T10:00:00Z' | date(format='%d.%m.%Y')", json!("23.11.2026"));
        check("0 | date", json!("1970-01-01T00:00:00.000Z"));
        check("'2026-11-23' | add(duration='P1D') | date(format='%F')", json!("2026-11-24"));
        check("inputs.n | add(value=2)", json!(7));
        check("inputs.nested | jsonpath(path='$.k[0]')", json!(1));
        check("inputs.nested | jsonpath(path='$.gone')", Value::Null);
        check("inputs.nested | jsonpath(path='$.k[*]')", json!([1]));
        check("inputs.list | jsonpath(path=\"$[?@ > 'a']\") | last", json!("c"));
        check("inputs.none | jsonpath(path='$..k')", Value::Null);
        check("inputs.none | lower", Value::Null);
        check("inputs.none | e164(country='US')", Value::Null);
    }

    #[test]
    fn wrong_uses_say_what_is_wrong() {
        let check = |expression: &str, part: &str| {
            let message = give(expression).unwrap_err();
            assert!(message.contains(part), "{expression}: {message}");
        };
        check("inputs.list | lower", "it takes a text, not a list");
        check("'x' | number", "the text is no number");
        check("'x' | match(pattern='(')", "pattern");
        check("'x' | match(pattern='(a{500}){500}')", "pattern");
        check("'2026' | date(format='%Q')", "date");
        check("'2026-01-01' | date(format='%Q')", "format");
        check("'a' | replace(from='', to='b')", "`from`");
    }
}
