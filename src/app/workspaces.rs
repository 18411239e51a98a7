//! Workspaces and their members.

use crate::auth::{Principal, UserScope, WorkspaceScope};
use crate::domain::id::{MemberId, WorkspaceId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::workspace::{Member, SaasAdmin, Workspace, WorkspaceRole};
use crate::store::{ObjectId, Tx, WorkspaceRef};

use super::error::{Mistake, MistakeKind};
use super::text::{self, Mistakes};
use super::{App, Error, Result};

/// Executions a workspace may run at one time unless told.
const CONCURRENT_EXECUTIONS: u32 = 1_000;
/// The most it may be told.
const MAX_CONCURRENT_EXECUTIONS: u32 = 10_000;

/// A workspace to make.
#[derive(Debug, Clone)]
pub struct NewWorkspace {
    /// The host application's own key.
    pub key: String,
    /// Name to show.
    pub name: String,
    /// Subject of the owner, which only services may give.
    pub owner_subject: Option<String>,
}

/// What is to change; `None` leaves as is.
#[derive(Debug, Clone, Default)]
pub struct WorkspaceChange {
    /// The revision that was read.
    pub expected_revision: Option<i32>,
    /// Name to show.
    pub name: Option<String>,
    /// Executions at one time.
    pub max_concurrent_executions: Option<i32>,
}

/// A member to add.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// The token subject.
    pub subject: String,
    /// The role.
    pub role: WorkspaceRole,
    /// Name to show.
    pub display_name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
}

/// A workspace reference as the caller gave it.
pub(super) fn named(by: &WorkspaceRef) -> String {
    match by {
        WorkspaceRef::Id(id) => id.to_string(),
        WorkspaceRef::Key(key) => key.clone(),
    }
}

impl App {
    /// The caller's workspaces.
    pub async fn list_workspaces(&self, principal: &Principal, page: &PageRequest) -> Result<Page<Workspace>> {
        Ok(self.store().read(&UserScope::of(principal)).await?.list_workspaces(page).await?)
    }

    /// The caller's own row as SaaS admin, if there is one.
    pub async fn find_own_admin(&self, principal: &Principal) -> Result<Option<SaasAdmin>> {
        Ok(self.store().read(&UserScope::of(principal)).await?.find_saas_admin().await?)
    }

    /// Makes a workspace; the caller, or for services the subject named, becomes its owner.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a bad or taken key, or an owner named by a person.
    pub async fn create_workspace(&self, principal: &Principal, new: NewWorkspace) -> Result<(Workspace, WorkspaceScope)> {
        let mut mistakes = Mistakes::default();
        let key = mistakes.note(text::key(&new.key, &["key"]));
        let name = mistakes.note(text::required(&new.name, text::NAME_LENGTH, &["name"]));
        let owner = match new.owner_subject {
            Some(_) if !principal.is_service() => {
                mistakes.push(Mistake::invalid(&["ownerSubject"], "Only services may name another owner."));
                None
            }
            Some(subject) => mistakes.note(text::required(&subject, text::NAME_LENGTH, &["ownerSubject"])),
            None => Some(principal.subject().to_owned()),
        };
        mistakes.done()?;
        let (Some(key), Some(name), Some(owner)) = (key, name, owner) else {
            return Err(Error::internal("a checked workspace lost a value"));
        };
        let now = self.clock().now();
        let workspace = Workspace {
            id: WorkspaceId::fresh(self.clock()),
            key,
            name,
            revision: 1,
            max_concurrent_executions: CONCURRENT_EXECUTIONS,
            created_at: now,
            updated_at: now,
        };
        let member = Member {
            id: MemberId::fresh(self.clock()),
            workspace_id: workspace.id,
            display_name: None,
            email: (owner == principal.subject()).then(|| principal.email().map(str::to_owned)).flatten(),
            subject: owner,
            role: WorkspaceRole::Owner,
            added_by: None,
            created_at: now,
        };
        let tx = self.store().begin(&UserScope::of(principal)).await?;
        tx.insert_workspace(&workspace, &member).await?;
        tx.commit().await?;
        self.enter(principal, &WorkspaceRef::Id(workspace.id)).await
    }

    /// Changes name or limits.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below ADMIN; [`Error::Invalid`] for bad values or a newer revision.
    pub async fn change_workspace(
        &self,
        principal: &Principal,
        id: WorkspaceId,
        change: WorkspaceChange,
    ) -> Result<(Workspace, WorkspaceScope)> {
        let (mut workspace, scope) = self.enter(principal, &WorkspaceRef::Id(id)).await?;
        scope.require(WorkspaceRole::Admin)?;
        let mut mistakes = Mistakes::default();
        if let Some(name) = change.name.and_then(|name| mistakes.note(text::required(&name, text::NAME_LENGTH, &["name"]))) {
            workspace.name = name;
        }
        if let Some(given) = change.max_concurrent_executions {
            match u32::try_from(given) {
                Ok(given @ 1..=MAX_CONCURRENT_EXECUTIONS) => workspace.max_concurrent_executions = given,
                _ => mistakes
                    .push(Mistake::invalid(&["maxConcurrentExecutions"], format!("It must be between 1 and {MAX_CONCURRENT_EXECUTIONS}."))),
            }
        }
        mistakes.done()?;
        workspace.updated_at = self.clock().now();
        let tx = self.store().begin(&scope).await?;
        tx.update_workspace(&workspace, change.expected_revision).await?;
        let workspace = tx.get_workspace().await?;
        tx.commit().await?;
        Ok((workspace, scope))
    }

    /// The workspace a scope is for.
    pub async fn get_workspace(&self, scope: &WorkspaceScope) -> Result<Workspace> {
        Ok(self.store().read(scope).await?.get_workspace().await?)
    }

    /// Who belongs to the workspace.
    pub async fn list_members(&self, scope: &WorkspaceScope, page: &PageRequest) -> Result<Page<Member>> {
        Ok(self.store().read(scope).await?.list_members(page).await?)
    }

    /// One membership.
    pub async fn find_member(&self, principal: &Principal, id: MemberId) -> Result<(Member, WorkspaceScope)> {
        let scope = self.enter_of(principal, ObjectId::Member(id), id).await?;
        let member = self.store().read(&scope).await?.find_member(id).await?.ok_or_else(|| Error::not_found(id, &["id"]))?;
        Ok((member, scope))
    }

    /// Adds a member.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below ADMIN, or below OWNER when naming an owner; [`Error::Invalid`] when already a member.
    pub async fn add_member(&self, principal: &Principal, workspace: &WorkspaceRef, new: NewMember) -> Result<Member> {
        let (_, scope) = self.enter(principal, workspace).await?;
        scope.require(WorkspaceRole::Admin)?;
        if new.role == WorkspaceRole::Owner {
            scope.require(WorkspaceRole::Owner)?;
        }
        let mut mistakes = Mistakes::default();
        let subject = mistakes.note(text::required(&new.subject, text::NAME_LENGTH, &["subject"]));
        for (given, field) in [(&new.display_name, "displayName"), (&new.email, "email")] {
            mistakes.note(text::limited(given.as_deref().unwrap_or_default(), text::NAME_LENGTH, &[field]));
        }
        mistakes.done()?;
        let member = Member {
            id: MemberId::fresh(self.clock()),
            workspace_id: scope.workspace_id(),
            subject: subject.unwrap_or_default(),
            display_name: new.display_name,
            email: new.email,
            role: new.role,
            added_by: Some(scope.actor().clone()),
            created_at: self.clock().now(),
        };
        let tx = self.store().begin(&scope).await?;
        tx.insert_member(&member).await?;
        tx.commit().await?;
        Ok(member)
    }

    /// Changes a member's role.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below ADMIN, or below OWNER when owners are concerned; [`Error::Invalid`] when no owner would be left.
    pub async fn change_member(&self, principal: &Principal, id: MemberId, role: WorkspaceRole) -> Result<Member> {
        let (member, scope) = self.find_member(principal, id).await?;
        scope.require(WorkspaceRole::Admin)?;
        if role == WorkspaceRole::Owner || member.role == WorkspaceRole::Owner {
            scope.require(WorkspaceRole::Owner)?;
        }
        let tx = self.store().begin(&scope).await?;
        if role != WorkspaceRole::Owner {
            keep_an_owner(&tx, id).await?;
        }
        tx.update_member_role(id, role).await?;
        tx.commit().await?;
        Ok(Member { role, ..member })
    }

    /// Removes a member.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below ADMIN unless it is the caller's own membership, and below OWNER for owners;
    /// [`Error::Invalid`] when no owner would be left.
    pub async fn remove_member(&self, principal: &Principal, id: MemberId) -> Result<MemberId> {
        let (member, scope) = self.find_member(principal, id).await?;
        if member.subject != principal.subject() || principal.is_service() {
            scope.require(WorkspaceRole::Admin)?;
            if member.role == WorkspaceRole::Owner {
                scope.require(WorkspaceRole::Owner)?;
            }
        }
        let tx = self.store().begin(&scope).await?;
        keep_an_owner(&tx, id).await?;
        tx.delete_member(id).await?;
        tx.commit().await?;
        Ok(id)
    }
}

/// Refuses when this member is the workspace's only owner, as seen inside the writing transaction.
async fn keep_an_owner(tx: &Tx<WorkspaceScope>, id: MemberId) -> Result<()> {
    let member = tx.find_member(id).await?.ok_or_else(|| Error::not_found(id, &["id"]))?;
    if member.role == WorkspaceRole::Owner && tx.count_owners().await? <= 1 {
        return Err(Mistake::new(MistakeKind::LastOwner, &["id"], "The workspace would be left without an owner.").into());
    }
    Ok(())
}
