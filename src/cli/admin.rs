//! `connectors admin`: names SaaS admins, who look after the catalogue of templates.

use std::sync::Arc;

use anyhow::bail;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::output::Output;
use super::{Configured, Globals};
use crate::auth::{AdminScope, SystemScope};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::id::SaasAdminId;
use crate::domain::workspace::{SaasAdmin, SaasAdminRole};
use crate::store::{self, Store};

/// What `connectors admin` can do.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Make the subject of tokens a SaaS admin.
    ///
    /// It writes to the database itself, so it works before anyone is an admin, also while a server runs.
    #[command(after_help = EXAMPLES)]
    Add(Add),
}

const EXAMPLES: &str = "Examples:
  connectors admin add ann
  connectors admin add bob --role reviewer --name 'Bob B.' --database /var/lib/connectors/connectors.db";

/// Arguments of `connectors admin add`.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// The `sub` of the person's tokens.
    #[arg(value_name = "SUBJECT", value_parser = NonEmptyStringValueParser::new())]
    subject: String,
    /// What the person may do.
    #[arg(long, value_enum, default_value = "owner")]
    role: Role,
    /// Name to show.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    configured: Configured,
}

/// Roles of SaaS admins, most powerful first; each includes those after it.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    /// Names other SaaS admins.
    Owner,
    /// Makes and publishes templates.
    Publisher,
    /// Decides about templates handed in.
    Reviewer,
}

/// Adds the admin.
pub(super) async fn run(action: &Action, globals: &Globals) -> anyhow::Result<bool> {
    let Action::Add(add) = action;
    let out = Output::new(globals);
    let clock = Arc::new(SystemClock);
    let database = store::Options { create: false, ..add.configured.database_beside_a_server()? };
    let (store, _writer) = Store::connect(&database, clock.clone()).await?;
    store.migrate(&mut |name| out.step(name)).await?;
    let role = match add.role {
        Role::Owner => SaasAdminRole::Owner,
        Role::Publisher => SaasAdminRole::Publisher,
        Role::Reviewer => SaasAdminRole::Reviewer,
    };
    let admin = SaasAdmin {
        id: SaasAdminId::fresh(&*clock),
        subject: add.subject.clone(),
        display_name: add.name.clone(),
        role,
        created_at: clock.now(),
    };
    let tx = store.begin(&AdminScope::for_server(&SystemScope::for_server())).await?;
    match tx.insert_saas_admin(&admin).await {
        Err(store::Error::Conflict { .. }) => bail!("{} is an admin of the catalogue already; nothing was changed", add.subject),
        outcome => outcome?,
    }
    tx.commit().await?;
    out.say(&format!("{} is now {} of the catalogue", add.subject, role.as_str()));
    out.json(&json!({ "id": admin.id, "subject": admin.subject, "role": role }));
    Ok(true)
}
