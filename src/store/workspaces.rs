//! The workspace itself, from inside.

use connectors_entity::workspace as table;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};

use super::{Error, Tx, convert};
use crate::auth::WorkspaceScope;
use crate::domain::workspace::Workspace;

impl Tx<WorkspaceScope> {
    /// The workspace of the scope.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it was deleted meanwhile.
    pub async fn get_workspace(&self) -> Result<Workspace, Error> {
        let row = table::Entity::find_by_id(self.workspace()).one(&self.db()).await?;
        convert::workspace(row.ok_or(Error::NotFound)?)
    }

    /// Writes key, name and limits; the revision rises by one.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] `revision` when it is no longer the expected one, [`Error::Conflict`] `key`.
    pub async fn update_workspace(&self, workspace: &Workspace, expected_revision: Option<i32>) -> Result<(), Error> {
        let mut row = convert::workspace_row(workspace).into_active_model().reset_all();
        row.id = ActiveValue::NotSet;
        row.created_at = ActiveValue::NotSet;
        row.revision = ActiveValue::NotSet;
        row.last_execution_number = ActiveValue::NotSet;
        let mut update = table::Entity::update_many()
            .set(row)
            .col_expr(table::Column::Revision, Expr::col(table::Column::Revision).add(1))
            .filter(table::Column::Id.eq(self.workspace()));
        if let Some(revision) = expected_revision {
            update = update.filter(table::Column::Revision.eq(revision));
        }
        if self.update(update).await? == 0 {
            self.get_workspace().await?;
            return Err(Error::Conflict { what: "revision" });
        }
        Ok(())
    }

    /// Deletes the workspace and everything in it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it was deleted meanwhile.
    pub async fn delete_workspace(&self) -> Result<(), Error> {
        match table::Entity::delete_by_id(self.workspace()).exec(&self.db()).await?.rows_affected {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }
}
