//! The ledger of what connectors did to contact fields, read only.

use connectors_entity::contact_field_change as table;
use sea_orm::sea_query::{Expr, Func};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select};

use super::page::{Key, Keyset, page};
use super::{Error, Tx, convert};
use crate::auth::WorkspaceScope;
use crate::domain::contact::{FieldChange, FieldChangeOutcome};
use crate::domain::id::{ContactId, ExecutionId, FieldChangeId};
use crate::domain::page::{Page, PageRequest};

impl Tx<WorkspaceScope> {
    /// The newest written change of each field of a contact.
    pub async fn newest_changes(&self, contact: ContactId) -> Result<Vec<FieldChange>, Error> {
        let written = |select: Select<table::Entity>| {
            select
                .filter(self.within(table::Column::WorkspaceId))
                .filter(table::Column::ContactId.eq(contact.to_string()))
                .filter(table::Column::Outcome.eq(FieldChangeOutcome::Written.as_str()))
        };
        let newest = written(table::Entity::find())
            .select_only()
            .expr(Func::max(Expr::col(table::Column::Id)))
            .group_by(table::Column::Field)
            .into_query();
        // Of the contact once more: by ids alone an engine may look through every change of the workspace.
        let these = written(table::Entity::find()).filter(table::Column::Id.in_subquery(newest));
        let rows = these.order_by_asc(table::Column::Field).all(&self.db()).await?;
        rows.into_iter().map(convert::change).collect()
    }

    /// Changes of a contact, newest first.
    pub async fn list_field_changes(&self, contact: ContactId, request: &PageRequest) -> Result<Page<FieldChange>, Error> {
        let select = self.all_changes().filter(table::Column::ContactId.eq(contact.to_string()));
        let keyset = Keyset {
            list: "field_changes",
            key: Key::Id,
            id: Expr::col(table::Column::Id.as_column_ref()),
            id_of: |row: &table::Model| row.id.clone(),
            descending: true,
        };
        super::page::map(page(&self.db(), select, &keyset, request).await?, convert::change)
    }

    /// What an execution did to contact fields, in order.
    pub async fn execution_field_changes(&self, execution: ExecutionId) -> Result<Vec<FieldChange>, Error> {
        let of_it = self.all_changes().filter(table::Column::ExecutionId.eq(execution.to_string()));
        let rows = of_it.order_by_asc(table::Column::Id).all(&self.db()).await?;
        rows.into_iter().map(convert::change).collect()
    }

    /// One change.
    pub async fn find_field_change(&self, id: FieldChangeId) -> Result<Option<FieldChange>, Error> {
        let row = self.all_changes().filter(table::Column::Id.eq(id.to_string())).one(&self.db()).await?;
        row.map(convert::change).transpose()
    }

    fn all_changes(&self) -> Select<table::Entity> {
        table::Entity::find().filter(self.within(table::Column::WorkspaceId))
    }
}
