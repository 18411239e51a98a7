//! `connectors token`: signs tokens with the server's own secret, for trying out and for tests.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};

use super::Globals;
use super::output::Output;
use crate::auth::{Grant, Verifier};
use crate::clock::SystemClock;

/// What `connectors token` can do.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Sign a token for a subject and print it.
    Mint(Mint),
}

/// Arguments of `connectors token mint`.
#[derive(Debug, Args)]
pub(super) struct Mint {
    /// The token's `sub`: the user or service it stands for.
    #[arg(value_name = "SUBJECT")]
    subject: String,
    /// E-mail address to put in.
    #[arg(long)]
    email: Option<String>,
    /// Mark it as a service, which may name any workspace.
    #[arg(long)]
    service: bool,
    /// Hours until it ends.
    #[arg(long, default_value = "24", value_parser = clap::value_parser!(u64).range(1..=8760))]
    hours: u64,
    /// Key file made by `serve --dev` or `demo`; used when no secret is configured.
    #[arg(long, value_name = "FILE", default_value = "connectors.key")]
    key_file: PathBuf,
}

/// Signs and prints.
pub(super) fn run(action: &Action, globals: &Globals) -> anyhow::Result<()> {
    let Action::Mint(mint) = action;
    let mut config = globals.load()?;
    if config.auth.jwt_secret.is_empty() {
        let Some(secret) = std::fs::read_to_string(&mint.key_file).ok().and_then(|text| text.lines().nth(1).map(str::to_owned)) else {
            bail!("no token secret: set auth.jwt_secret, or name the key file of `serve --dev` with --key-file");
        };
        config.auth.jwt_secret = secret;
    }
    let verifier = Verifier::new(&config.auth, Arc::new(SystemClock))?;
    let lifetime = Duration::from_secs(mint.hours * 3600);
    let grant = Grant { subject: mint.subject.clone(), email: mint.email.clone(), service: mint.service, lifetime };
    Output::new(globals).result("token", &verifier.mint(&grant)?);
    Ok(())
}
