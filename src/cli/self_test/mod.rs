//! `connectors self-test`: asks a database in use whether it keeps its promises.

mod report;
mod stage;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};

use super::output::Output;
use super::serve::{fill_keys, key_file, signal};
use super::{Configured, Globals};
use crate::config::Config;
use crate::selftest::judge::Judge;
use crate::selftest::schema::Schema;
use crate::selftest::{self, Error};
use crate::server::Beside;
use report::Report;
use stage::Stage;

/// Fewer probes than this and the verdict would prove little.
const LEAST: usize = 8_000;

/// Exit status when something was found.
const LEAK: u8 = 6;

/// What `connectors self-test` can do.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Try to see and touch one workspace from another, in every way the API has.
    ///
    /// Two throw-away workspaces are made, one of them with something of each kind in it.
    /// Then thousands of questions are derived from the GraphQL schema and asked in this process by members of the other
    /// workspace, by people without one, without a token, and with bad ones: every place for an id, name, cursor, filter
    /// or order, every edge, every mutation.
    /// Whatever is foreign must be answered, to the byte, like what does not exist, and no row of either may change.
    /// In the end both workspaces are removed, also after Ctrl-C or a finding; what an earlier self-test that was killed
    /// left behind is removed at the start.
    ///
    /// It may run beside a server on the same database, and without one.
    /// It calls nobody, migrates nothing, takes up no execution, and leaves other workspaces and the catalogue alone.
    /// Run one at a time on a database.
    ///
    /// Exit status 0 when nothing was found, 6 when something leaks, else the test could not run.
    #[command(after_help = EXAMPLES)]
    Isolation(Isolation),
}

const EXAMPLES: &str = "Examples:
  connectors self-test isolation
  connectors self-test isolation --database /var/lib/connectors/connectors.db
  DATABASE_URL=postgres://connectors@db/connectors connectors self-test isolation --format json";

/// Arguments of `connectors self-test isolation`.
#[derive(Debug, Args)]
pub(super) struct Isolation {
    #[command(flatten)]
    configured: Configured,
}

/// Runs the test.
pub(super) async fn run(action: &Action, globals: &Globals) -> anyhow::Result<ExitCode> {
    let Action::Isolation(isolation) = action;
    let out = Output::new(globals);
    let config = config(&isolation.configured)?;
    let beside = Beside::build(&config).await?;
    let outcome = tokio::select! {
        biased;
        () = signal() => Err(anyhow!("interrupted; there is no verdict")),
        outcome = examine(&beside, &config, out) => outcome,
    };
    beside.rest().await;
    let removed = stage::remove_all(&beside).await;
    beside.close().await;
    match &removed {
        Ok(_) => out.step("the throw-away workspaces are removed"),
        Err(error) => out.warn(&format!("the throw-away workspaces are still there ({error}); the next self-test removes them")),
    }
    let report = outcome?;
    removed.context("the throw-away workspaces could not be removed")?;
    report.print(out);
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(LEAK) })
}

/// The configuration with the server's keys. Who may ask and how much is not what is tested, so there the defaults hold.
fn config(configured: &Configured) -> anyhow::Result<Config> {
    let mut config = configured.load()?;
    let file = key_file(&config.database);
    if file.exists() {
        drop(fill_keys(&mut config, file)?);
    }
    let built_in = Config::built_in()?;
    (config.http, config.http_limits, config.graphql) = (built_in.http, built_in.http_limits, built_in.graphql);
    Ok(config)
}

/// Sets the stage, asks everything, and compares the rows.
async fn examine(beside: &Beside, config: &Config, out: Output) -> anyhow::Result<Report> {
    let begun = Instant::now();
    let engine = beside.store().engine().await?;
    out.step(&format!("{engine}, {}", config.database.place()));
    let leftovers = stage::remove_all(beside).await?;
    if leftovers > 0 {
        out.step(&format!("{leftovers} workspaces of an earlier self-test are removed"));
    }
    let stage = Stage::set(beside, config).await?;
    let (foreign, own) = stage.rows(beside).await?;
    out.step("two throw-away workspaces are furnished");
    let guarded = stage.scene.guarded(&stage::texts(&foreign), &stage::texts(&own));
    let mut judge = Judge::over(stage::ask(beside), &stage.scene, guarded);
    let schema = Schema::exported();
    selftest::run(&schema, &stage.scene, &mut judge, &mut |sort, count| out.step(&format!("{count:>6} probes: {sort}"))).await?;
    if judge.probes < LEAST {
        return Err(Error::Few { count: judge.probes, least: LEAST }.into());
    }
    let changed = stage::differences((&foreign, &own), &stage.rows(beside).await?);
    let place = config.database.place();
    Ok(Report { engine, place, judge, changed, with_template: stage.with_template, took: begun.elapsed() })
}
