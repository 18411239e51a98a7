//! `connectors validate FILE`: every problem of a definition at once, with no server and no network.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use super::Globals;
use super::output::Output;
use crate::domain::definition::MAX_BYTES;
use crate::domain::problem::{Problem, Severity};
use crate::pipeline;

/// Arguments of `connectors validate`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The definition, a JSON file of the language `connectors/v1`; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Validates; exit status 5 when there are errors.
pub(super) fn run(arguments: &Arguments, globals: &Globals) -> anyhow::Result<ExitCode> {
    let out = Output::new(globals);
    let source = read_definition(&arguments.file)?;
    let compiled = pipeline::compile(&source);
    let valid = compiled.plan.is_some();
    print_problems(out, &arguments.file, &compiled.problems);
    out.say(if valid { "valid" } else { "not valid" });
    out.json(&json!({ "valid": valid, "problems": compiled.problems }));
    Ok(if valid { ExitCode::SUCCESS } else { ExitCode::from(5) })
}

/// Reads a definition; a file that is not JSON is told with line and column.
pub(super) fn read_definition(file: &Path) -> anyhow::Result<Value> {
    let text = if file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin()).context("standard input cannot be read")?
    } else {
        std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?
    };
    anyhow::ensure!(text.len() <= MAX_BYTES, "{} is larger than a definition may be ({MAX_BYTES} bytes)", file.display());
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))
}

/// One problem a paragraph: where, what, how to mend it.
pub(super) fn print_problems(out: Output, file: &Path, problems: &[Problem]) {
    for problem in problems {
        let word = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        let span = problem.span.map(|(start, end)| format!(" characters {start} to {end}")).unwrap_or_default();
        let pointer = if problem.pointer.is_empty() { "the whole document" } else { &problem.pointer };
        out.say(&format!("{word}[{}] {}\n  at {}: {pointer}{span}", problem.code, problem.message, file.display()));
        if let Some(suggestion) = &problem.suggestion {
            out.say(&format!("  help: {suggestion}"));
        }
    }
}
