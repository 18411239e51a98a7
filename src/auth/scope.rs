//! Scopes: values that prove permission. Their fields are private, so nothing outside this folder can make one up.
//!
//! A scope holds what was true when it was granted; it lives for one operation and is never stored.

use super::{Forbidden, Permission, Principal};
use crate::domain::id::WorkspaceId;
use crate::domain::workspace::{Actor, SaasAdmin, SaasAdminRole, WorkspaceRole};

/// A membership as read for this operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The role held in it.
    pub role: WorkspaceRole,
}

/// Anyone signed in: sees their own memberships and the public catalogue.
#[derive(Debug, Clone)]
pub struct UserScope {
    principal: Principal,
}

impl UserScope {
    /// The scope of this principal.
    pub fn of(principal: &Principal) -> Self {
        Self { principal: principal.clone() }
    }

    /// Whose it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// One workspace, with a role in it.
#[derive(Debug, Clone)]
pub struct WorkspaceScope {
    workspace_id: WorkspaceId,
    actor: Actor,
    role: WorkspaceRole,
}

impl WorkspaceScope {
    /// The scope a membership gives.
    pub fn grant(principal: &Principal, access: &Access) -> Self {
        Self { workspace_id: access.workspace_id, actor: principal.actor().clone(), role: access.role }
    }

    /// The server working inside one run's workspace: it reads definitions and secrets and writes contacts, as an editor might.
    pub fn for_run(_system: &SystemScope, workspace_id: WorkspaceId) -> Self {
        Self { workspace_id, actor: Actor::SYSTEM, role: WorkspaceRole::Editor }
    }

    /// The workspace.
    pub fn workspace_id(&self) -> WorkspaceId {
        self.workspace_id
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The role held.
    pub fn role(&self) -> WorkspaceRole {
        self.role
    }

    /// Passes only with this role or a higher one.
    pub fn require(&self, role: WorkspaceRole) -> Result<(), Forbidden> {
        if self.role >= role { Ok(()) } else { Err(Forbidden { required: role.api_name() }) }
    }

    /// May the holder do this?
    pub fn permits(&self, permission: Permission) -> bool {
        self.role.permissions().contains(&permission)
    }
}

/// Templates of the whole server.
#[derive(Debug, Clone)]
pub struct AdminScope {
    actor: Actor,
    role: SaasAdminRole,
}

impl AdminScope {
    /// The scope an admin's row gives.
    pub fn grant(principal: &Principal, admin: &SaasAdmin) -> Self {
        Self { actor: principal.actor().clone(), role: admin.role }
    }

    /// The server or its command line, with every right.
    pub fn for_server(_system: &SystemScope) -> Self {
        Self { actor: Actor::SYSTEM, role: SaasAdminRole::Owner }
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The role held.
    pub fn role(&self) -> SaasAdminRole {
        self.role
    }

    /// Passes only with this role or a higher one.
    pub fn require(&self, role: SaasAdminRole) -> Result<(), Forbidden> {
        if self.role >= role { Ok(()) } else { Err(Forbidden { required: role.api_name() }) }
    }
}

/// The server itself, across workspaces: leases, due executions, first admins. Made in the server and the command line only.
#[derive(Debug, Clone)]
pub struct SystemScope {
    _private: (),
}

impl SystemScope {
    /// The server's own scope.
    pub fn for_server() -> Self {
        Self { _private: () }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};
    use crate::domain::id::SaasAdminId;
    use crate::domain::workspace::ActorKind;

    fn ann() -> Principal {
        Principal::new("ann".to_owned(), None, false, SystemClock.now())
    }

    #[test]
    fn a_role_includes_those_below_it() {
        let workspace_id = WorkspaceId::fresh(&SystemClock);
        for held in WorkspaceRole::ALL {
            let scope = WorkspaceScope::grant(&ann(), &Access { workspace_id, role: *held });
            for required in WorkspaceRole::ALL {
                assert_eq!(scope.require(*required).is_ok(), held >= required, "{held:?} {required:?}");
            }
        }
        let viewer = WorkspaceScope::grant(&ann(), &Access { workspace_id, role: WorkspaceRole::Viewer });
        assert_eq!(viewer.require(WorkspaceRole::Editor), Err(Forbidden { required: "EDITOR" }));
        assert!(viewer.permits(Permission::Read) && !viewer.permits(Permission::Run));
    }

    #[test]
    fn scopes_name_who_acts_and_where() {
        let workspace_id = WorkspaceId::fresh(&SystemClock);
        let scope = WorkspaceScope::grant(&ann(), &Access { workspace_id, role: WorkspaceRole::Owner });
        assert_eq!(scope.actor(), &Actor { kind: ActorKind::User, subject: Some("ann".to_owned()) });
        assert_eq!(scope.workspace_id(), workspace_id);
        let run = WorkspaceScope::for_run(&SystemScope::for_server(), workspace_id);
        assert_eq!(run.actor(), &Actor::SYSTEM);
        assert!(run.require(WorkspaceRole::Admin).is_err(), "a run manages nothing");
        assert_eq!(UserScope::of(&ann()).principal().subject(), "ann");
    }

    #[test]
    fn admins_hold_the_role_of_their_row() {
        let row = SaasAdmin {
            id: SaasAdminId::fresh(&SystemClock),
            subject: "ann".to_owned(),
            display_name: None,
            role: SaasAdminRole::Publisher,
            created_at: SystemClock.now(),
        };
        let scope = AdminScope::grant(&ann(), &row);
        assert!(scope.require(SaasAdminRole::Reviewer).is_ok());
        assert_eq!(scope.require(SaasAdminRole::Owner), Err(Forbidden { required: "OWNER" }));
        assert_eq!(AdminScope::for_server(&SystemScope::for_server()).role(), SaasAdminRole::Owner);
    }
}
