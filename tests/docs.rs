//! The pages in docs/ say what is so: the reference names every field of the language, and each example is one.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails loudly")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use connectors::domain::definition::fields::table::{
    BRANCH_STEP, CALL_STEP, DEFINITION, FOREACH_STEP, HTTP_STEP, PARALLEL_STEP, POLL_STEP, SET_STEP, STEP_BASE, STOP_STEP, WAIT_STEP,
    WATERFALL_STEP,
};
use connectors::domain::definition::fields::{Field, Object, Shape, definition_schema};
use connectors::domain::definition::validate;
use connectors::pipeline::{self, compile, preview_template};
use serde_json::{Value, json};

/// Codes without an example: another problem is always told first.
const WITHOUT: [&str; 1] = ["header-invalid"];

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap()
}

/// The codes of definitions in docs/errors.md.
fn page() -> String {
    read("errors.md").split_once("\n## Definitions\n").unwrap().1.to_owned()
}

/// The JSON of the first block of a text.
fn block(text: &str) -> Option<Value> {
    let (_, after) = text.split_once("```json\n")?;
    Some(serde_json::from_str(after.split_once("\n```").unwrap().0).unwrap_or_else(|error| panic!("{error}: {text}")))
}

/// Code and example of every section.
fn examples(page: &str) -> BTreeMap<&str, Option<Value>> {
    page.split("\n### `").skip(1).map(|section| section.split_once('`').unwrap()).map(|(code, text)| (code, block(text))).collect()
}

fn put(document: &mut Value, pointer: &str, value: &Value) {
    let (above, name) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(above).unwrap_or_else(|| panic!("{pointer}")) {
        Value::Array(items) if name == items.len().to_string() => items.push(value.clone()),
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value.clone(),
        Value::Object(members) if value.is_null() => drop(members.shift_remove(name)),
        Value::Object(members) => drop(members.insert(name.to_owned(), value.clone())),
        _ => panic!("{pointer}"),
    }
}

#[test]
fn every_code_of_a_definition_has_an_example_that_gives_it() {
    let page = page();
    let base = block(&page).unwrap();
    assert_eq!(compile(&base).problems, [], "the base has no problems");
    let examples = examples(&page);
    for code in validate::CODES.iter().chain(pipeline::CODES) {
        let Some(example) = examples.get(code).unwrap_or_else(|| panic!("no heading for `{code}`")) else {
            assert!(WITHOUT.contains(code), "`{code}` has no example");
            continue;
        };
        let problems = if let Some(template) = example.get("template").and_then(Value::as_str) {
            preview_template(template, &example["context"]).problems
        } else {
            let mut document = base.clone();
            example.as_object().unwrap().iter().for_each(|(pointer, value)| put(&mut document, pointer, value));
            compile(&document).problems
        };
        assert_eq!(problems.first().map(|problem| problem.code), Some(*code), "{example}: {problems:?}");
    }
}

#[test]
fn every_example_stands_under_a_code_that_exists() {
    let page = page();
    for (code, example) in examples(&page) {
        assert!(example.is_none() || validate::CODES.contains(&code) || pipeline::CODES.contains(&code), "`{code}` is no code any more");
    }
}

/// Name and own fields of every object of the language from a shape on.
fn objects(shape: Shape, found: &mut BTreeMap<&'static str, &'static [Field]>) {
    const STEPS: [&Object; 10] = [
        &BRANCH_STEP,
        &CALL_STEP,
        &FOREACH_STEP,
        &HTTP_STEP,
        &PARALLEL_STEP,
        &POLL_STEP,
        &SET_STEP,
        &STOP_STEP,
        &WAIT_STEP,
        &WATERFALL_STEP,
    ];
    match shape {
        Shape::List { of, .. } | Shape::Map { of, .. } => objects(*of, found),
        Shape::Step => STEPS.into_iter().for_each(|step| objects(Shape::Object(step), found)),
        Shape::Object(object) if !found.contains_key(object.name) => {
            found.insert(object.name, object.fields);
            object.all().for_each(|field| objects(field.shape, found));
        }
        _ => {}
    }
}

/// Text of every section of the reference that is about an object.
fn sections(page: &str) -> BTreeMap<&str, &str> {
    let pieces = page.split("\n### ").skip(1).map(|piece| piece.split("\n## ").next().unwrap());
    pieces.filter_map(|piece| piece.strip_prefix('`')?.split_once("`\n")).collect()
}

#[test]
fn the_reference_names_every_field_of_every_object() {
    let page = read("definition.md");
    let mut known = BTreeMap::from([("step", STEP_BASE)]);
    objects(Shape::Object(&DEFINITION), &mut known);
    let sections = sections(&page);
    assert_eq!(sections.keys().collect::<Vec<_>>(), known.keys().collect::<Vec<_>>(), "a heading an object");
    let mut wrong = Vec::new();
    for (name, fields) in known {
        let lines = sections[name].lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
        let rows: BTreeMap<&str, &str> = lines.collect();
        let shown: BTreeSet<&str> = fields.iter().filter(|field| !matches!(field.shape, Shape::Later)).map(|field| field.name).collect();
        if rows.keys().copied().collect::<BTreeSet<_>>() != shown {
            wrong.push(format!("{name}: the page has {:?}, the table {shown:?}", rows.keys()));
        }
        for field in fields.iter().filter(|field| rows.contains_key(field.name)) {
            let default = if field.required { Some("required".to_owned()) } else { field.default.map(|text| format!("`{text}`")) };
            if !rows[field.name].contains(&format!("| {} | {}", default.unwrap_or_default(), field.doc)) && name != "step" {
                wrong.push(format!("{name}.{}: {:?} is not what the table says", field.name, rows[field.name]));
            }
        }
    }
    assert!(wrong.is_empty(), "\n  {}\n", wrong.join("\n  "));
}

#[test]
fn every_example_of_the_reference_is_what_it_stands_for() {
    let page = read("definition.md");
    let schema = definition_schema();
    for (name, text) in sections(&page) {
        let example = block(text).unwrap_or_else(|| panic!("`{name}` has no example"));
        let whole = match name {
            "definition" => schema.clone(),
            "step" => json!({ "$defs": schema["$defs"], "$ref": "#/$defs/http_step" }),
            _ => json!({ "$defs": schema["$defs"], "$ref": format!("#/$defs/{name}") }),
        };
        let validator = jsonschema::validator_for(&whole).unwrap();
        let wrong: Vec<String> = validator.iter_errors(&example).map(|error| format!("{} {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
    }
    assert_eq!(compile(&block(sections(&page)["definition"]).unwrap()).problems, []);
}

#[test]
fn the_reference_leads_to_every_code() {
    let page = read("definition.md");
    let named: BTreeSet<&str> = page.split("](errors.md#").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    let codes: BTreeSet<&str> = validate::CODES.iter().chain(pipeline::CODES).copied().chain(["definitions"]).collect();
    assert_eq!(named, codes);
    for (name, text) in sections(&page) {
        assert!(text.contains("\nCodes: ["), "`{name}` names no code");
    }
}

#[test]
fn the_definitions_of_the_tutorial_have_no_problems() {
    let page = read("tutorial.md");
    let documents: Vec<Value> =
        page.split("<<'END'\n").skip(1).map(|rest| serde_json::from_str(rest.split_once("\nEND\n").unwrap().0).unwrap()).collect();
    assert_eq!(documents.len(), 2);
    for document in documents {
        assert_eq!(compile(&document).problems, [], "{document}");
    }
}
