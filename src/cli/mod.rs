//! The command line: one file a command. Data on standard output, messages on standard error.
//!
//! Exit status: 0 done, 1 failed, 2 wrong usage, 3 configuration, 4 database, 5 validation found errors,
//! 6 a self-test found a leak.

mod admin;
mod client;
mod demo;
mod export_schema;
mod key;
mod migrate;
mod output;
mod record;
mod run;
mod self_test;
mod serve;
mod test;
mod token;
mod validate;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{self, Config, Flag, Overrides};
use crate::{server, store, telemetry};
use output::Output;

/// Multi-tenant API connectors: define, install, run durably, watch live.
///
/// Start with `connectors demo`: it does the whole job in an empty folder, with nothing to install.
/// Then `connectors serve --dev` gives you a server to play with.
#[derive(Debug, Parser)]
#[command(name = "connectors", version, max_term_width = 100, propagate_version = true, after_help = EXIT)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// Closes the help of the program.
const EXIT: &str =
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 configuration, 4 database, 5 the definition has errors, 6 a self-test found a leak.";

/// Flags every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
struct Globals {
    /// Output for people or for programs; with json, standard output holds JSON alone.
    #[arg(long, global = true, value_enum, default_value = "text", hide_possible_values = true, value_name = "text|json")]
    format: Format,
    /// No colours.
    #[arg(long, global = true, env = "NO_COLOR", value_parser = clap::builder::BoolishValueParser::new(), default_value = "false", hide = true)]
    no_color: bool,
}

/// Flags of the commands that read the configuration.
#[derive(Debug, Args)]
struct Configured {
    /// Configuration file; `connectors.toml` in this folder, if there is one, unless told.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Database file, as a path or `sqlite:PATH`; `connectors.db` in this folder unless told here or in the configuration.
    #[arg(long, value_name = "PATH")]
    database: Option<String>,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the main job from end to end: stand-in API, template, 25 contacts, live log.
    ///
    /// It starts a server and a stand-in for the phone-enrichment API on loopback, installs the official template, runs it for the
    /// contacts of examples/contacts.csv, follows every run live, and sums up.
    /// Then the server goes on until Ctrl-C and prints a token and three operations to paste.
    /// It reads no configuration and touches nothing outside its own folder.
    Demo(demo::Arguments),
    /// Serve the API and run executions, in one process, until Ctrl-C or SIGTERM.
    ///
    /// It listens on 127.0.0.1:4000 and keeps everything in one SQLite file.
    /// It starts only with `auth.jwt_secret` and `encryption.key` set; with --dev it makes both itself.
    /// Missing migrations and official templates are added at the start.
    /// A second signal ends it at once, which loses nothing that was acknowledged.
    Serve(serve::Arguments),
    /// Run a definition once, with no server, and show its log live.
    ///
    /// The run takes place in a database of its own that is thrown away afterwards; no configuration is read.
    /// The calls are real.
    /// Exit status 1 when the run did not succeed, 5 when the definition has errors.
    Run(run::Arguments),
    /// Check a definition and list every problem in it, with its place and how to mend it.
    ///
    /// It needs no server and no network.
    /// Exit status 5 when there are errors; warnings alone are fine.
    Validate(validate::Arguments),
    /// Run the recorded tests of definitions, and tell every difference.
    ///
    /// It needs no server and no network, and waits for nothing.
    /// Exit status 1 when a test failed, 5 when a definition has errors.
    Test(test::Arguments),
    /// Bring the database's schema up to date, or show where it stands.
    #[command(subcommand)]
    Migrate(migrate::Action),
    /// Print the GraphQL schema or the JSON Schema of definitions, or compare a file with it.
    ExportSchema(export_schema::Arguments),
    /// Make tokens that this server accepts.
    #[command(subcommand)]
    Token(token::Action),
    /// Make keys and secrets for the configuration.
    #[command(subcommand)]
    Key(key::Action),
    /// Ask a database in use whether it keeps its promises.
    #[command(subcommand)]
    SelfTest(self_test::Action),
    /// Name SaaS admins, who look after the catalogue.
    #[command(subcommand)]
    Admin(admin::Action),
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let out = Output::new(&cli.globals);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            out.error(&format!("the runtime cannot start: {error}"));
            return ExitCode::from(1);
        }
    };
    match runtime.block_on(dispatch(&cli)) {
        Ok(code) => code,
        Err(error) => {
            out.error(&chain(&error));
            if out.is_json() {
                out.json(&serde_json::json!({ "error": chain(&error) }));
            }
            exit_code(&error)
        }
    }
}

async fn dispatch(cli: &Cli) -> anyhow::Result<ExitCode> {
    let globals = &cli.globals;
    if !matches!(cli.command, Command::Serve(_)) {
        let level = if matches!(cli.command, Command::Demo(_) | Command::Run(_)) { "error" } else { "warn" };
        telemetry::start(&telemetry::Options { level: level.to_owned(), ..telemetry::Options::default() });
    }
    let done = |ok: bool| if ok { ExitCode::SUCCESS } else { ExitCode::from(1) };
    match &cli.command {
        Command::Demo(arguments) => Box::pin(demo::run(arguments, globals)).await.map(done),
        Command::Serve(arguments) => Box::pin(serve::run(arguments, globals)).await.map(|()| ExitCode::SUCCESS),
        Command::Run(arguments) => Box::pin(run::run(arguments, globals)).await,
        Command::Validate(arguments) => validate::run(arguments, globals),
        Command::Test(arguments) => test::run(arguments, globals),
        Command::Migrate(action) => Box::pin(migrate::run(action, globals)).await.map(done),
        Command::ExportSchema(arguments) => export_schema::run(arguments, globals).map(done),
        Command::Token(action) => token::run(action, globals).map(|()| ExitCode::SUCCESS),
        Command::Key(action) => key::run(action, globals).map(|()| ExitCode::SUCCESS),
        Command::SelfTest(action) => Box::pin(self_test::run(action, globals)).await,
        Command::Admin(action) => Box::pin(admin::run(action, globals)).await.map(done),
    }
}

impl Configured {
    /// The configuration from file and environment, with the flags on top.
    fn load(&self) -> Result<Config, config::Error> {
        let flags = self.database.iter().map(|url| Flag { flag: "--database", key: "database.url", value: url.clone() }).collect();
        Config::load(Overrides { file: self.config.clone(), flags })
    }

    /// The database for a command that may run while a server has it open.
    fn database_beside_a_server(&self) -> Result<store::Options, config::Error> {
        Ok(store::Options { exclusive: false, ..self.load()?.database })
    }
}

/// The error and its causes in one line.
fn chain(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        // A wrapper that repeats its cause would say everything twice.
        if !parts.last().is_some_and(|last| last.contains(&text)) {
            parts.push(text);
        }
    }
    parts.join(": ")
}

fn exit_code(error: &anyhow::Error) -> ExitCode {
    let is = |test: fn(&(dyn std::error::Error + 'static)) -> bool| error.chain().any(test);
    if is(|cause| {
        cause.is::<config::Error>()
            || matches!(cause.downcast_ref(), Some(server::Error::Auth(_) | server::Error::Vault(_) | server::Error::KeysMissing { .. }))
    }) {
        ExitCode::from(3)
    } else if is(|cause| {
        cause.is::<store::Error>() || matches!(cause.downcast_ref(), Some(server::Error::Store(_) | server::Error::SchemaBehind))
    }) {
        ExitCode::from(4)
    } else {
        ExitCode::from(1)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_holds_together() {
        super::Cli::command().debug_assert();
    }
}
