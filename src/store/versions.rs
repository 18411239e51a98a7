//! Published versions of connectors.

use connectors_entity::connector_version as table;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, Select};

use super::page::{Key, Keyset, page};
use super::{Error, Tx, convert};
use crate::auth::WorkspaceScope;
use crate::domain::connector::ConnectorVersion;
use crate::domain::id::{ConnectorId, ConnectorVersionId};
use crate::domain::page::{Page, PageRequest};

impl Tx<WorkspaceScope> {
    /// Adds a version.
    ///
    /// # Errors
    /// [`Error::Conflict`] `version` when the number is taken; [`Error::NotFound`] when the connector is not in the workspace.
    pub async fn insert_version(&self, version: &ConnectorVersion) -> Result<(), Error> {
        self.own(version.workspace_id)?;
        self.insert(convert::version_row(version).into_active_model()).await
    }

    /// One version.
    pub async fn find_version(&self, id: ConnectorVersionId) -> Result<Option<ConnectorVersion>, Error> {
        let row = self.all_versions().filter(table::Column::Id.eq(id.to_string())).one(&self.db()).await?;
        row.map(convert::version).transpose()
    }

    /// Those of these ids that are there, in no order.
    pub async fn find_versions(&self, ids: &[ConnectorVersionId]) -> Result<Vec<ConnectorVersion>, Error> {
        let wanted = table::Column::Id.is_in(ids.iter().map(ToString::to_string));
        let rows = self.all_versions().filter(wanted).all(&self.db()).await?;
        rows.into_iter().map(convert::version).collect()
    }

    /// Versions of a connector, newest first.
    pub async fn list_versions(&self, connector: ConnectorId, request: &PageRequest) -> Result<Page<ConnectorVersion>, Error> {
        let select = self.all_versions().filter(table::Column::ConnectorId.eq(connector.to_string()));
        let keyset = Keyset {
            list: "versions",
            key: Key::Integer(Expr::col(table::Column::Number.as_column_ref()), |row: &table::Model| i64::from(row.number)),
            id: Expr::col(table::Column::Id.as_column_ref()),
            id_of: |row| row.id.clone(),
            descending: true,
        };
        super::page::map(page(&self.db(), select, &keyset, request).await?, convert::version)
    }

    /// The number the connector's next version gets.
    pub async fn next_version_number(&self, connector: ConnectorId) -> Result<i32, Error> {
        let newest: Option<i32> = self
            .all_versions()
            .select_only()
            .column(table::Column::Number)
            .filter(table::Column::ConnectorId.eq(connector.to_string()))
            .order_by_desc(table::Column::Number)
            .into_tuple()
            .one(&self.db())
            .await?;
        Ok(newest.unwrap_or(0) + 1)
    }

    fn all_versions(&self) -> Select<table::Entity> {
        table::Entity::find().filter(self.within(table::Column::WorkspaceId))
    }
}
