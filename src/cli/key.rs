//! `connectors key`: makes keys; they are printed once and kept nowhere.

use clap::Subcommand;

use super::Globals;
use super::output::Output;
use crate::vault::Vault;

/// What `connectors key` can do.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Print a new key for `encryption.key`, or with --token a new secret for `auth.jwt_secret`.
    ///
    /// It is drawn anew each time, printed once and kept nowhere.
    /// Keep the encryption key apart from the database and its backups: without it the credentials in them are lost.
    #[command(after_help = EXAMPLES)]
    Generate {
        /// Make a secret for signing tokens instead.
        #[arg(long)]
        token: bool,
    },
}

const EXAMPLES: &str = "Examples:
  (umask 077; connectors key generate > vault.key; connectors key generate --token > jwt.secret)
  export CONNECTORS_ENCRYPTION__KEY_FILE=vault.key CONNECTORS_AUTH__JWT_SECRET_FILE=jwt.secret";

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
