//! What a transaction tells PostgreSQL about itself: the role it takes and for whom it acts. The policies of the
//! database read this, so a query that forgot its workspace still finds no row of another one.

use std::collections::BTreeSet;

use crate::domain::id::WorkspaceId;
use crate::domain::workspace::{Actor, ActorKind};

/// Role and settings of one transaction. All of it ends with the transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    role: &'static str,
    /// `user`, `service` or `server`.
    caller: &'static str,
    subject: String,
    /// The one workspace it is about; empty for all of the subject's.
    workspace: String,
    /// The workspaces whose runs it is about.
    runs_of: String,
}

impl Setting {
    /// A person or a service, in one workspace or wherever they belong.
    pub(super) fn api(actor: &Actor, workspace: Option<WorkspaceId>) -> Self {
        let subject = actor.subject.clone().unwrap_or_default();
        let workspace = workspace.map(|id| id.to_string()).unwrap_or_default();
        Self { role: "connectors_api", caller: caller(actor), subject, workspace, runs_of: String::new() }
    }

    /// Whoever acts in a workspace: the server itself does so as its worker.
    pub(super) fn in_workspace(actor: &Actor, workspace: WorkspaceId) -> Self {
        if actor.kind == ActorKind::System { Self::worker([workspace]) } else { Self::api(actor, Some(workspace)) }
    }

    /// Someone who looks after the catalogue; the database asks again whether they do.
    pub(super) fn admin(actor: &Actor) -> Self {
        Self { role: "connectors_admin", ..Self::api(actor, None) }
    }

    /// The worker, about runs of these workspaces.
    pub(super) fn worker(workspaces: impl IntoIterator<Item = WorkspaceId>) -> Self {
        let each: BTreeSet<String> = workspaces.into_iter().map(|id| id.to_string()).collect();
        let runs_of = each.into_iter().collect::<Vec<_>>().join(",");
        Self { role: "connectors_worker", caller: "server", subject: String::new(), workspace: String::new(), runs_of }
    }

    /// Caller, subject, workspace, workspaces of runs, role: in the order of the statement that sets them.
    pub(super) fn values(&self) -> [&str; 5] {
        [self.caller, &self.subject, &self.workspace, &self.runs_of, self.role]
    }
}

fn caller(actor: &Actor) -> &'static str {
    match actor.kind {
        ActorKind::Service => "service",
        ActorKind::System => "server",
        ActorKind::User => "user",
    }
}
