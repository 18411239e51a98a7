//! The first wall between workspaces: the filter that every query over tenant data carries, and the look whether the
//! subject is a member. The second one is the row security of PostgreSQL.
//!
//! Both halves of the wall are here and nowhere else, so that a test can take it away and see what the other one holds.
//! Only a debug build can do that: in a release there is nothing to switch.

use sea_orm::{ColumnTrait, Condition};

use super::{Options, Tx};
use crate::auth::{UserScope, WorkspaceScope};
use crate::domain::workspace::WorkspaceRole;

/// Does the wall stand?
#[derive(Debug, Clone, Copy)]
pub(super) struct FirstWall {
    #[cfg(debug_assertions)]
    stands: bool,
}

#[cfg(debug_assertions)]
impl FirstWall {
    pub(super) fn of(options: &Options) -> Self {
        if !options.first_wall {
            tracing::error!("the first wall between workspaces is taken away, as only a test may do");
        }
        Self { stands: options.first_wall }
    }

    fn stands(self) -> bool {
        self.stands
    }
}

#[cfg(not(debug_assertions))]
impl FirstWall {
    pub(super) fn of(_: &Options) -> Self {
        Self {}
    }

    fn stands(self) -> bool {
        true
    }
}

impl Tx<WorkspaceScope> {
    /// Rows of the scope's workspace, by the column that names it.
    pub(super) fn within<C: ColumnTrait>(&self, column: C) -> Condition {
        if self.first_wall().stands() { Condition::all().add(column.eq(self.workspace())) } else { Condition::all() }
    }
}

impl Tx<UserScope> {
    /// The role the subject has in whichever workspace, without being a member: a service may administer any.
    pub(super) fn role_everywhere(&self) -> Option<WorkspaceRole> {
        match (self.scope().principal().is_service(), self.first_wall().stands()) {
            (true, _) => Some(WorkspaceRole::Admin),
            (false, true) => None,
            (false, false) => Some(WorkspaceRole::Owner),
        }
    }
}
