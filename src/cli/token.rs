//! `connectors token`: signs tokens with the server's own secret, for trying out and for tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use super::output::Output;
use super::serve::{key_file, not_a_key_file};
use super::{Configured, Globals};
use crate::auth::{Grant, Verifier};
use crate::clock::SystemClock;

/// What `connectors token` can do.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Sign a token for a subject and print it.
    ///
    /// It is signed with `auth.jwt_secret`, or with the secret in the key file of `serve --dev` where that is not set.
    /// What the subject may do is not in the token: memberships and admins are read from the database.
    #[command(after_help = EXAMPLES)]
    Mint(Mint),
}

const EXAMPLES: &str = "Examples:
  connectors token mint ann
  connectors token mint demo --key-file connectors-demo/demo.key
  TOKEN=$(connectors token mint ann --hours 1)";

/// Arguments of `connectors token mint`.
#[derive(Debug, Args)]
pub(super) struct Mint {
    /// The token's `sub`: the user or service it stands for, by any name you like.
    #[arg(value_name = "SUBJECT", value_parser = NonEmptyStringValueParser::new())]
    subject: String,
    /// E-mail address to put in.
    #[arg(long)]
    email: Option<String>,
    /// Mark it as a service, which has the role of an admin in every workspace; for trusted programs only.
    #[arg(long)]
    service: bool,
    /// Hours until it ends, at most 8760.
    #[arg(long, default_value = "24", value_parser = clap::value_parser!(u64).range(1..=8760))]
    hours: u64,
    /// Sign with the secret in this key file, made by `serve --dev` or `demo`.
    ///
    /// Without it, the configured secret is used, or else the key file beside the database, such as `connectors.key`.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    configured: Configured,
}

/// Signs and prints.
pub(super) fn run(action: &Action, globals: &Globals) -> anyhow::Result<()> {
    let Action::Mint(mint) = action;
    let mut config = mint.configured.load()?;
    if let Some(file) = &mint.key_file {
        config.auth.jwt_secret = secret_in(file).with_context(|| format!("no token can be signed with {}", file.display()))?;
    } else if config.auth.jwt_secret.is_empty() {
        config.auth.jwt_secret = secret_in(&key_file(&config.database))
            .context("nothing to sign with: set auth.jwt_secret, or name the key file of `serve --dev` with --key-file")?;
    }
    let verifier = Verifier::new(&config.auth, Arc::new(SystemClock))?;
    let lifetime = Duration::from_secs(mint.hours * 3600);
    let grant = Grant { subject: mint.subject.clone(), email: mint.email.clone(), service: mint.service, lifetime };
    Output::new(globals).result("token", &verifier.mint(&grant)?);
    Ok(())
}

/// The second line of a key file.
fn secret_in(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    text.lines().nth(1).map(str::to_owned).with_context(|| not_a_key_file(file))
}
