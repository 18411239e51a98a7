//! `connectors test FILE…`: runs the recorded tests of definitions, with no server and no network.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::Globals;
use super::output::Output;
use super::validate::{print_problems, read_definition};
use crate::clock::{Clock as _, SystemClock};
use crate::pipeline;

const EXAMPLES: &str = "Examples:
  connectors test examples/hello.json
  connectors test templates/*.json --format json";

/// Arguments of `connectors test`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Definitions with `tests`, JSON files of the language `connectors/v1`; `-` reads standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// What came of one file.
struct Tested {
    valid: bool,
    tests: usize,
    failed: usize,
    /// For programs.
    report: Value,
}

/// Runs every test of every file; exit status 5 when a definition has errors, else 1 when a test failed.
pub(super) fn run(arguments: &Arguments, globals: &Globals) -> anyhow::Result<ExitCode> {
    let out = Output::new(globals);
    let files = arguments.files.iter().map(|file| test_file(file, out)).collect::<anyhow::Result<Vec<_>>>()?;
    let (tests, failed) = files.iter().fold((0, 0), |(tests, failed), file| (tests + file.tests, failed + file.failed));
    let refused = files.iter().filter(|file| !file.valid).count();
    let valid = refused == 0;
    let untested = if valid { String::new() } else { format!(", {refused} of {} files not valid", files.len()) };
    out.say(&format!("{tests} {}, {failed} failed{untested}", if tests == 1 { "test" } else { "tests" }));
    let reports: Vec<&Value> = files.iter().map(|file| &file.report).collect();
    out.json(&json!({ "passed": valid && failed == 0, "files": reports }));
    Ok(match (valid, failed) {
        (false, _) => ExitCode::from(5),
        (true, 0) => ExitCode::SUCCESS,
        (true, _) => ExitCode::from(1),
    })
}

fn test_file(file: &Path, out: Output) -> anyhow::Result<Tested> {
    let compiled = pipeline::compile(&read_definition(file)?);
    let name = file.display().to_string();
    out.say(&name);
    let Some(plan) = compiled.plan else {
        print_problems(out, file, &compiled.problems);
        let report = json!({ "file": name, "valid": false, "problems": compiled.problems, "tests": [] });
        return Ok(Tested { valid: false, tests: 0, failed: 0, report });
    };
    let recorded = &plan.definition.tests;
    if recorded.is_empty() {
        out.warn(&format!("{name} has no tests; `connectors run {name} --record` makes one of a run"));
    }
    let mut tests = Vec::new();
    let mut failed = 0;
    for test in recorded {
        let outcome = pipeline::run_recorded(&plan, test, SystemClock.now());
        out.say(&format!("  {} {}", if outcome.passed { "ok    " } else { "FAILED" }, test.name));
        outcome.differences.iter().for_each(|difference| out.say(&format!("           {difference}")));
        failed += usize::from(!outcome.passed);
        tests.push(json!({ "name": test.name, "passed": outcome.passed, "differences": outcome.differences }));
    }
    let report = json!({ "file": name, "valid": true, "problems": compiled.problems, "tests": tests });
    Ok(Tested { valid: true, tests: recorded.len(), failed, report })
}
