//! Roles and what each may do. The order of roles is the domain's; the single permissions stand here.

use crate::domain::stored_enum;
use crate::domain::workspace::{SaasAdminRole, WorkspaceRole};

stored_enum! {
    /// Single things a party may do in a workspace.
    pub enum Permission {
        /// See connectors, executions, logs and contacts.
        Read = "read",
        /// Start executions, cancel, retry.
        Run = "run",
        /// Make, change, publish and delete connectors.
        EditConnectors = "edit_connectors",
        /// Make, change and delete contacts.
        EditContacts = "edit_contacts",
        /// Install and upgrade templates.
        UseTemplates = "use_templates",
        /// Make, rotate and delete credentials.
        ManageCredentials = "manage_credentials",
        /// Add, change and remove members.
        ManageMembers = "manage_members",
        /// Change settings.
        ManageSettings = "manage_settings",
        /// Read the audit log.
        ReadAudit = "read_audit",
        /// Delete the workspace.
        DeleteWorkspace = "delete_workspace",
    }
}

impl Permission {
    /// The least role that may do it.
    pub const fn least_role(self) -> WorkspaceRole {
        match self {
            Self::Read => WorkspaceRole::Viewer,
            Self::Run => WorkspaceRole::Operator,
            Self::EditConnectors | Self::EditContacts | Self::UseTemplates => WorkspaceRole::Editor,
            Self::ManageCredentials | Self::ManageMembers | Self::ManageSettings | Self::ReadAudit => WorkspaceRole::Admin,
            Self::DeleteWorkspace => WorkspaceRole::Owner,
        }
    }
}

impl WorkspaceRole {
    /// Everything this role may do, in the order of [`Permission::ALL`].
    pub fn permissions(self) -> Vec<Permission> {
        Permission::ALL.iter().copied().filter(|permission| self >= permission.least_role()).collect()
    }

    /// The role as the API writes it: upper snake.
    pub const fn api_name(self) -> &'static str {
        match self {
            Self::Viewer => "VIEWER",
            Self::Operator => "OPERATOR",
            Self::Editor => "EDITOR",
            Self::Admin => "ADMIN",
            Self::Owner => "OWNER",
        }
    }
}

impl SaasAdminRole {
    /// The role as the API writes it: upper snake.
    pub const fn api_name(self) -> &'static str {
        match self {
            Self::Reviewer => "REVIEWER",
            Self::Publisher => "PUBLISHER",
            Self::Owner => "OWNER",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_adds_its_own() {
        let counts: Vec<usize> = WorkspaceRole::ALL.iter().map(|role| role.permissions().len()).collect();
        assert_eq!(counts, [1, 2, 5, 9, 10]);
        assert_eq!(WorkspaceRole::Operator.permissions(), [Permission::Read, Permission::Run]);
        assert!(!WorkspaceRole::Admin.permissions().contains(&Permission::DeleteWorkspace));
    }

    #[test]
    fn names_are_those_of_the_api() {
        for role in WorkspaceRole::ALL {
            assert_eq!(role.api_name(), role.as_str().to_uppercase());
        }
        for role in SaasAdminRole::ALL {
            assert_eq!(role.api_name(), role.as_str().to_uppercase());
        }
    }
}
