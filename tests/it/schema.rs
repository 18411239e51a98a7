//! The committed schema is the program's, every part of it is described, and the read-only helpers answer.

use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::process;

#[test]
fn the_committed_schema_equals_the_programs() {
    let committed = include_str!("../../schema.graphql");
    let exported = connectors::graphql::sdl();
    let line = committed.lines().zip(exported.lines()).take_while(|(left, right)| left == right).count() + 1;
    assert!(
        committed.trim_end() == exported.trim_end(),
        "schema.graphql differs from line {line} on: write it with `connectors export-schema > schema.graphql`"
    );
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");
    assert!(process::run(&["export-schema", "--check", file]).status.success());
}

#[test]
fn the_committed_schema_of_definitions_equals_the_programs() {
    let committed = include_str!("../../docs/connectors-v1.schema.json");
    let exported = process::run(&["export-schema", "--definition"]);
    let exported = String::from_utf8(exported.stdout).unwrap();
    let line = committed.lines().zip(exported.lines()).take_while(|(left, right)| left == right).count() + 1;
    assert!(
        committed == exported,
        "docs/connectors-v1.schema.json differs from line {line} on: write it with `connectors export-schema --definition`"
    );
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/connectors-v1.schema.json");
    assert!(process::run(&["export-schema", "--definition", "--check", file]).status.success());
    assert!(!process::run(&["export-schema", "--check", file]).status.success());
}

#[test]
fn every_example_and_template_fits_the_schema_of_definitions() {
    let schema = serde_json::from_str(include_str!("../../docs/connectors-v1.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let files = ["examples", "templates"].into_iter().flat_map(|folder| std::fs::read_dir(root().join(folder)).unwrap());
    let paths: Vec<_> =
        files.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|kind| kind == "json")).collect();
    assert!(paths.len() >= 16, "{paths:?}");
    for path in paths {
        let mut document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let wrong: Vec<String> = validator.iter_errors(&document).map(|error| format!("{} {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{}: {wrong:?}", path.display());
        document["steps"][0]["kind"] = json!("htpp");
        assert!(!validator.is_valid(&document), "{}", path.display());
    }
}

fn root() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test]
async fn every_type_field_and_value_is_described() {
    const PAGING: [&str; 4] = ["first", "after", "last", "before"];
    let app = TestApp::start().await;
    let document = "{ __schema { types { name kind description fields { name description args { name description } } inputFields { name description } enumValues { name description } } } }";
    let schema = app.ok("ann", document, json!({})).await;
    let mut missing = Vec::new();
    let list = |value: &Value, member: &str| value[member].as_array().cloned().unwrap_or_default();
    let blank = |value: &Value| value["description"].as_str().unwrap_or_default().trim().is_empty();
    for kind in list(&schema["__schema"], "types") {
        let name = kind["name"].as_str().unwrap().to_owned();
        if name.starts_with("__") || ["Int", "Float", "String", "Boolean", "ID"].contains(&name.as_str()) {
            continue;
        }
        if blank(&kind) {
            missing.push(name.clone());
        }
        for part in [list(&kind, "fields"), list(&kind, "inputFields"), list(&kind, "enumValues")].concat() {
            let path = format!("{name}.{}", part["name"].as_str().unwrap());
            if blank(&part) {
                missing.push(path.clone());
            }
            for argument in list(&part, "args") {
                let argument_name = argument["name"].as_str().unwrap();
                if blank(&argument) && !PAGING.contains(&argument_name) {
                    missing.push(format!("{path}({argument_name})"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "without a description: {missing:#?}");
}

#[tokio::test]
async fn the_definition_helpers_answer() {
    let app = TestApp::start().await;
    let answer = app.ok("ann", "{ definitionSchema stepKinds { key settingsSchema usesCredential } }", json!({})).await;
    assert_eq!(answer["definitionSchema"]["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let kinds: Vec<_> = answer["stepKinds"].as_array().unwrap().iter().map(|kind| kind["key"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["http", "poll", "call", "set", "branch", "foreach", "parallel", "waterfall", "wait", "stop"]);
    let preview = "query($e: ExpressionInput!) { expressionPreview(input: { expression: $e, context: { inputs: { a: [1, 2] } } }) { value valueType variables problems { code message } } }";
    let template = app.ok("ann", preview, json!({ "e": { "template": "{{ inputs.a | length }}" } })).await;
    assert_eq!(template["expressionPreview"], json!({ "value": 2, "valueType": "number", "variables": ["inputs.a"], "problems": [] }));
    let path = app.ok("ann", preview, json!({ "e": { "path": "$.inputs.a[1]" } })).await;
    assert_eq!(path["expressionPreview"]["value"], json!(2), "{path}");
    let broken = app.ok("ann", preview, json!({ "e": { "template": "{{ inputs.a | }}" } })).await;
    assert_ne!(broken["expressionPreview"]["problems"], json!([]));
}
