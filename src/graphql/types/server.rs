//! What this server is and allows, for anyone who asks.

use async_graphql::{Context, SimpleObject};

use crate::domain::definition::SPEC;
use crate::graphql::error::{Error, Result};
use crate::graphql::scalar::{SafeInt, SemVer};
use crate::graphql::{Limits, SchemaHash};

use super::SubscriptionTransport;

/// What this server is and allows. No token is needed to read it.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct ServerInfo {
    /// The program's version.
    version: SemVer,
    /// A hash of this server's schema, by which a client notices that it is stale.
    schema_hash: String,
    /// The versions of the definition format that are understood, the current one in front.
    definition_specs: Vec<String>,
    /// How news can reach a subscriber, the best way in front.
    subscription_transports: Vec<SubscriptionTransport>,
    /// Limits that are good to know before they are reached.
    limits: Vec<ServerLimit>,
    /// Does it refuse all documents but trusted ones?
    trusted_documents_only: bool,
}

/// One limit of the server.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct ServerLimit {
    /// What it is called, e.g. `query.depth`.
    name: String,
    /// What it allows at most.
    maximum: SafeInt,
}

/// The server as it is.
pub(crate) fn server_info(ctx: &Context<'_>) -> Result<ServerInfo> {
    let limits = ctx.data_opt::<Limits>().ok_or(Error::Internal)?;
    let hash = ctx.data_opt::<SchemaHash>().ok_or(Error::Internal)?;
    let named = limits
        .named()
        .into_iter()
        .map(|(name, maximum)| ServerLimit { name: name.to_owned(), maximum: SafeInt(i64::try_from(maximum).unwrap_or(i64::MAX)) });
    Ok(ServerInfo {
        version: SemVer(env!("CARGO_PKG_VERSION").parse().map_err(|_| Error::Internal)?),
        schema_hash: hash.0.clone(),
        definition_specs: vec![SPEC.to_owned()],
        subscription_transports: vec![SubscriptionTransport::Websocket],
        limits: named.collect(),
        trusted_documents_only: false,
    })
}
