//! `connectors migrate`: the database's schema.

use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;

use super::output::Output;
use super::{Configured, Globals};
use crate::clock::SystemClock;
use crate::store::{self, Store};

/// What `connectors migrate` can do.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Apply what is missing, and make the database if there is none.
    ///
    /// `serve` does the same at its start unless it is told --no-migrate.
    Up(Configured),
    /// List every step and whether it is applied; exit status 1 when some are not.
    Status(Configured),
}

/// Does it; true when the schema is up to date afterwards.
pub(super) async fn run(action: &Action, globals: &Globals) -> anyhow::Result<bool> {
    let out = Output::new(globals);
    let (configured, up) = match action {
        Action::Up(configured) => (configured, true),
        Action::Status(configured) => (configured, false),
    };
    let database = store::Options { create: up, ..configured.database_beside_a_server()? };
    let (store, _writer) = Store::connect(&database, Arc::new(SystemClock)).await?;
    if up {
        let mut applied = Vec::new();
        store
            .migrate(&mut |name| {
                out.step(name);
                applied.push(name.to_owned());
            })
            .await?;
        out.say(&match applied.len() {
            0 => "the schema was up to date".to_owned(),
            1 => "1 step applied".to_owned(),
            count => format!("{count} steps applied"),
        });
        out.json(&json!({ "applied": applied }));
        return Ok(true);
    }
    let status = store.migration_status().await?;
    let word = |applied: bool| if applied { "applied" } else { "missing" };
    out.table(["step", "state"], status.iter().map(|(name, applied)| [name.clone(), word(*applied).to_owned()]));
    out.json(&json!({ "steps": status.iter().map(|(name, applied)| json!({ "name": name, "applied": applied })).collect::<Vec<_>>() }));
    Ok(status.iter().all(|(_, applied)| *applied))
}
