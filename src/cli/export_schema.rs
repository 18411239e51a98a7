//! `connectors export-schema`: the GraphQL schema, or the JSON Schema of definitions, as text.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::Globals;
use super::output::Output;
use crate::domain::definition::fields::definition_schema;
use crate::graphql;

const EXAMPLES: &str = "Examples:
  connectors export-schema > schema.graphql
  connectors export-schema --definition > connectors-v1.schema.json
  connectors export-schema --check schema.graphql";

/// Arguments of `connectors export-schema`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The JSON Schema of the definition language `connectors/v1`, for editors, instead of the API's schema.
    #[arg(long)]
    definition: bool,
    /// Compare this file with the schema instead of printing it; exit status 1 when they differ.
    ///
    /// A difference is told by its first line.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
}

/// Prints or compares; true unless they differ.
pub(super) fn run(arguments: &Arguments, globals: &Globals) -> anyhow::Result<bool> {
    let out = Output::new(globals);
    let (schema, flag) =
        if arguments.definition { (serde_json::to_string_pretty(&definition_schema())?, " --definition") } else { (graphql::sdl(), "") };
    let Some(file) = &arguments.check else {
        out.result("schema", schema.trim_end());
        return Ok(true);
    };
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let same = text.trim_end() == schema.trim_end();
    if !same {
        let line = text.lines().zip(schema.lines()).take_while(|(left, right)| left == right).count() + 1;
        out.error(&format!(
            "{file} differs from the schema from line {line} on; write it anew: connectors export-schema{flag} > {file}",
            file = file.display()
        ));
    }
    if same {
        out.say("the same");
    }
    out.json(&serde_json::json!({ "same": same }));
    Ok(same)
}
