//! `connectors export-schema`: the GraphQL schema as text.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::Globals;
use super::output::Output;
use crate::graphql;

/// Arguments of `connectors export-schema`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Compare this file with the schema instead of printing it; exit status 1 when they differ.
    ///
    /// A difference is told by its first line.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
}

/// Prints or compares; true unless they differ.
pub(super) fn run(arguments: &Arguments, globals: &Globals) -> anyhow::Result<bool> {
    let out = Output::new(globals);
    let sdl = graphql::sdl();
    let Some(file) = &arguments.check else {
        out.result("schema", sdl.trim_end());
        return Ok(true);
    };
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let same = text.trim_end() == sdl.trim_end();
    if !same {
        let line = text.lines().zip(sdl.lines()).take_while(|(left, right)| left == right).count() + 1;
        out.error(&format!(
            "{file} differs from the schema from line {line} on; write it anew: connectors export-schema > {file}",
            file = file.display()
        ));
    }
    if same {
        out.say("the same");
    }
    out.json(&serde_json::json!({ "same": same }));
    Ok(same)
}
