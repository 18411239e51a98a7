//! Changing. Each field takes one `input` and gives one payload; a failure the caller can mend is in the payload.

use async_graphql::MergedObject;

mod admin;
mod connectors;
mod contacts;
mod credentials;
mod executions;
mod install;
pub(crate) mod payload;
mod workspaces;

/// Changing. The fields run one after another, as written. Each takes a single `input` and gives a single payload.
#[derive(MergedObject, Default)]
pub(crate) struct Mutation(
    workspaces::WorkspaceMutations,
    connectors::ConnectorMutations,
    credentials::CredentialMutations,
    install::InstallMutations,
    executions::ExecutionMutations,
    contacts::ContactMutations,
    admin::AdminMutations,
);
