//! The official catalogue and the examples compile without an error, and their recorded runs come out as they say.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use connectors::domain::problem::Severity;
use connectors::pipeline::{compile, run_recorded};
use serde_json::Value;

/// The JSON files of a folder.
fn definitions(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|kind| kind == "json")).collect()
}

/// Everything wrong with one file.
fn faults(path: &Path) -> Vec<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let source: Value = match fs::read_to_string(path).map(|text| serde_json::from_str(&text)) {
        Ok(Ok(source)) => source,
        other => return vec![format!("{name}: cannot be read: {other:?}")],
    };
    let compiled = compile(&source);
    let errors = compiled.problems.iter().filter(|problem| problem.severity == Severity::Error);
    let mut faults: Vec<String> =
        errors.map(|problem| format!("{name}: {} {} {}", problem.code, problem.pointer, problem.message)).collect();
    let Some(plan) = compiled.plan else { return faults };
    let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default();
    for test in &plan.definition.tests {
        let outcome = run_recorded(&plan, test, now);
        faults.extend(outcome.differences.iter().map(|difference| format!("{name}: `{}`: {difference}", test.name)));
    }
    faults
}

#[test]
fn every_template_does_what_its_recorded_runs_say() {
    let paths = definitions("templates");
    assert!(paths.len() >= 4, "the catalogue has lost a template");
    let faults: Vec<String> = paths.iter().flat_map(|path| faults(path)).collect();
    assert!(faults.is_empty(), "\n  {}\n", faults.join("\n  "));
}

#[test]
fn every_example_does_what_its_recorded_runs_say() {
    let paths = definitions("examples");
    assert!(!paths.is_empty());
    let faults: Vec<String> = paths.iter().flat_map(|path| faults(path)).collect();
    assert!(faults.is_empty(), "\n  {}\n", faults.join("\n  "));
}

#[test]
fn every_template_is_tried_with_something_found_nothing_found_and_a_failure() {
    for path in definitions("templates") {
        let compiled = compile(&serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap());
        let plan = compiled.plan.unwrap_or_else(|| panic!("{} has errors", path.display()));
        let tests = &plan.definition.tests;
        assert!(tests.len() >= 3, "{}", path.display());
        assert!(tests.iter().any(|test| test.expect.status.as_deref() == Some("failed")), "{}", path.display());
        assert!(tests.iter().any(|test| test.exchanges.iter().any(|exchange| exchange.response.status == 429)), "{}", path.display());
    }
}
