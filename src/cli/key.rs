//! `connectors key`: makes keys; they are printed once and kept nowhere.

use clap::Subcommand;

use super::Globals;
use super::output::Output;
use crate::vault::Vault;

/// What `connectors key` can do.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Print a new key for `encryption.key`, or with --token a new secret for `auth.jwt_secret`.
    Generate {
        /// Make a secret for signing tokens instead.
        #[arg(long)]
        token: bool,
    },
}

/// Makes and prints.
pub(super) fn run(action: &Action, globals: &Globals) -> anyhow::Result<()> {
    let Action::Generate { token } = action;
    let out = Output::new(globals);
    if *token {
        out.result("secret", &crate::auth::generate_secret()?);
    } else {
        out.result("key", &Vault::generate_key()?);
    }
    Ok(())
}
