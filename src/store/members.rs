//! Members of the workspace.

use connectors_entity::workspace_member as table;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

use super::page::{Key, Keyset, page};
use super::{Error, Tx, convert};
use crate::auth::WorkspaceScope;
use crate::domain::id::MemberId;
use crate::domain::page::{Page, PageRequest};
use crate::domain::workspace::{Member, WorkspaceRole};

impl Tx<WorkspaceScope> {
    /// Members, oldest first.
    pub async fn list_members(&self, request: &PageRequest) -> Result<Page<Member>, Error> {
        let select = table::Entity::find().filter(self.within(table::Column::WorkspaceId));
        let keyset = Keyset {
            list: "members",
            key: Key::Id,
            id: Expr::col(table::Column::Id.as_column_ref()),
            id_of: |row: &table::Model| row.id.clone(),
            descending: false,
        };
        super::page::map(page(&self.db(), select, &keyset, request).await?, convert::member)
    }

    /// One member.
    pub async fn find_member(&self, id: MemberId) -> Result<Option<Member>, Error> {
        let row = table::Entity::find().filter(self.this_member(id)).one(&self.db()).await?;
        row.map(convert::member).transpose()
    }

    /// Adds a member.
    ///
    /// # Errors
    /// [`Error::Conflict`] `subject` when the subject is a member already; [`Error::NotFound`] for another workspace's.
    pub async fn insert_member(&self, member: &Member) -> Result<(), Error> {
        self.own(member.workspace_id)?;
        self.insert(convert::member_row(member).into_active_model()).await
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn update_member_role(&self, id: MemberId, role: WorkspaceRole) -> Result<(), Error> {
        let update = table::Entity::update_many().col_expr(table::Column::Role, Expr::val(role.as_str())).filter(self.this_member(id));
        match update.exec(&self.db()).await?.rows_affected {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }

    /// Removes a member.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_member(&self, id: MemberId) -> Result<(), Error> {
        match table::Entity::delete_many().filter(self.this_member(id)).exec(&self.db()).await?.rows_affected {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }

    /// How many owners there are: a workspace must keep one. They stay owners until this transaction ends.
    pub async fn count_owners(&self) -> Result<u64, Error> {
        let owners =
            Condition::all().add(self.within(table::Column::WorkspaceId)).add(table::Column::Role.eq(WorkspaceRole::Owner.as_str()));
        // Locked where others could write meanwhile, so that two owners cannot remove each other.
        let owners = table::Entity::find().filter(owners).order_by_asc(table::Column::Id).lock_exclusive();
        Ok(owners.all(&self.db()).await?.len() as u64)
    }

    fn this_member(&self, id: MemberId) -> Condition {
        Condition::all().add(table::Column::Id.eq(id.to_string())).add(self.within(table::Column::WorkspaceId))
    }
}
