//! `connectors admin`: names SaaS admins, who look after the catalogue of templates.

use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::Globals;
use super::output::Output;
use crate::auth::{AdminScope, SystemScope};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::id::SaasAdminId;
use crate::domain::workspace::{SaasAdmin, SaasAdminRole};
use crate::store::Store;

/// What `connectors admin` can do.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Make a token subject a SaaS admin.
    Add(Add),
}

/// Arguments of `connectors admin add`.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// The token's `sub`.
    #[arg(value_name = "SUBJECT")]
    subject: String,
    /// What the person may do.
    #[arg(long, value_enum, default_value = "owner")]
    role: Role,
    /// Name to show.
    #[arg(long)]
    name: Option<String>,
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
    let (store, _writer) = Store::connect(&globals.database_beside_a_server()?, clock.clone()).await?;
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
    tx.insert_saas_admin(&admin).await?;
    tx.commit().await?;
    out.say(&format!("{} is now {} of the catalogue", add.subject, role.as_str()));
    out.json(&json!({ "id": admin.id, "subject": admin.subject, "role": role }));
    Ok(true)
}
