//! Workspaces, members, SaaS admins.

use connectors_entity::{saas_admin_user, workspace, workspace_member};

use super::{Error, count, id, ms, word};
use crate::domain::workspace::{Actor, Member, SaasAdmin, SaasAdminRole, Workspace, WorkspaceRole};

pub(in super::super) fn workspace(row: workspace::Model) -> Result<Workspace, Error> {
    Ok(Workspace {
        id: id(&row.id)?,
        key: row.key,
        name: row.name,
        revision: row.revision,
        max_concurrent_executions: count(row.max_concurrent_executions)?,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// The counter of executions starts at none.
pub(in super::super) fn workspace_row(value: &Workspace) -> workspace::Model {
    workspace::Model {
        id: value.id.to_string(),
        key: value.key.clone(),
        name: value.name.clone(),
        revision: value.revision,
        max_concurrent_executions: i32::try_from(value.max_concurrent_executions).unwrap_or(i32::MAX),
        last_execution_number: 0,
        created_at: ms(value.created_at),
        updated_at: ms(value.updated_at),
    }
}

pub(in super::super) fn member(row: workspace_member::Model) -> Result<Member, Error> {
    Ok(Member {
        id: id(&row.id)?,
        workspace_id: id(&row.workspace_id)?,
        subject: row.subject,
        display_name: row.display_name,
        email: row.email,
        role: word(&row.role, WorkspaceRole::from_stored)?,
        added_by: row.added_by.as_deref().map(Actor::from_stored),
        created_at: row.created_at,
    })
}

pub(in super::super) fn member_row(value: &Member) -> workspace_member::Model {
    workspace_member::Model {
        id: value.id.to_string(),
        workspace_id: value.workspace_id.to_string(),
        subject: value.subject.clone(),
        display_name: value.display_name.clone(),
        email: value.email.clone(),
        role: value.role.as_str().to_owned(),
        added_by: value.added_by.as_ref().map(Actor::stored),
        created_at: ms(value.created_at),
        updated_at: ms(value.created_at),
    }
}

pub(in super::super) fn admin(row: saas_admin_user::Model) -> Result<SaasAdmin, Error> {
    Ok(SaasAdmin {
        id: id(&row.id)?,
        subject: row.subject,
        display_name: row.display_name,
        role: word(&row.role, SaasAdminRole::from_stored)?,
        created_at: row.created_at,
    })
}

pub(in super::super) fn admin_row(value: &SaasAdmin) -> saas_admin_user::Model {
    saas_admin_user::Model {
        id: value.id.to_string(),
        subject: value.subject.clone(),
        display_name: value.display_name.clone(),
        role: value.role.as_str().to_owned(),
        created_at: ms(value.created_at),
        updated_at: ms(value.created_at),
    }
}
