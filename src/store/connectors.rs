//! Connectors of the workspace.

use chrono::{DateTime, Utc};
use connectors_entity::{connector as table, connector_execution as execution};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, Condition, DbBackend, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
};

use super::page::{Key, Keyset, page};
use super::{Error, Tx, convert, dialect, search};
use crate::auth::WorkspaceScope;
use crate::domain::connector::{Connector, ConnectorStatus};
use crate::domain::execution::ExecutionStatus;
use crate::domain::id::{ConnectorId, CredentialId, TemplateId};
use crate::domain::page::{Page, PageRequest};

/// Which connectors are wanted; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectorFilter {
    /// Words in name, key or description.
    pub search: Option<String>,
    /// In one of these states; archived ones appear only when named here.
    pub statuses: Option<Vec<ConnectorStatus>>,
    /// With all of these labels.
    pub tags: Option<Vec<String>>,
    /// Made from this template.
    pub template_id: Option<TemplateId>,
    /// Bound to this credential.
    pub credential_id: Option<CredentialId>,
}

/// What connectors can be sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ConnectorOrderField {
    /// Name, without regard to the case of ASCII letters.
    Name,
    /// When it was made.
    CreatedAt,
    /// When it last changed.
    #[default]
    UpdatedAt,
    /// When a run last ended; those never run count as oldest.
    LastExecutedAt,
}

/// An order of connectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectorOrder {
    /// By what.
    pub field: ConnectorOrderField,
    /// Greatest first?
    pub descending: bool,
}

impl Default for ConnectorOrder {
    fn default() -> Self {
        Self { field: ConnectorOrderField::UpdatedAt, descending: true }
    }
}

impl Tx<WorkspaceScope> {
    /// One connector.
    pub async fn find_connector(&self, id: ConnectorId) -> Result<Option<Connector>, Error> {
        let row = table::Entity::find().filter(self.this_connector(id)).one(&self.db()).await?;
        row.map(convert::connector).transpose()
    }

    /// Those of these ids that are there, in no order.
    pub async fn find_connectors(&self, ids: &[ConnectorId]) -> Result<Vec<Connector>, Error> {
        let wanted = table::Column::Id.is_in(ids.iter().map(ToString::to_string));
        let rows = self.all_connectors().filter(wanted).all(&self.db()).await?;
        rows.into_iter().map(convert::connector).collect()
    }

    /// One connector by its key.
    pub async fn find_connector_by_key(&self, key: &str) -> Result<Option<Connector>, Error> {
        let row = self.all_connectors().filter(table::Column::Key.eq(key)).one(&self.db()).await?;
        row.map(convert::connector).transpose()
    }

    /// Connectors in the order asked for.
    pub async fn list_connectors(
        &self,
        filter: &ConnectorFilter,
        order: ConnectorOrder,
        request: &PageRequest,
    ) -> Result<Page<Connector>, Error> {
        let select = self.all_connectors().filter(condition(filter));
        super::page::map(page(&self.db(), select, &keyset(self.engine(), order), request).await?, convert::connector)
    }

    /// Adds a connector. One made from a template counts as an installation of it.
    ///
    /// # Errors
    /// [`Error::Conflict`] `key`; [`Error::NotFound`] for another workspace's or an unknown template.
    pub async fn insert_connector(&self, connector: &Connector) -> Result<(), Error> {
        self.own(connector.workspace_id)?;
        self.insert(convert::connector_row(connector).into_active_model()).await
    }

    /// Writes everything a person can change; the revision rises by one. Gives the connector as it is now.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] `revision` when it is no longer the expected one, [`Error::Conflict`] `key`.
    pub async fn update_connector(&self, connector: &Connector, expected_revision: Option<i32>) -> Result<Connector, Error> {
        let mut row = convert::connector_row(connector).into_active_model().reset_all();
        row.id = ActiveValue::NotSet;
        row.workspace_id = ActiveValue::NotSet;
        row.revision = ActiveValue::NotSet;
        row.created_by = ActiveValue::NotSet;
        row.created_at = ActiveValue::NotSet;
        row.run_count = ActiveValue::NotSet;
        row.success_count = ActiveValue::NotSet;
        row.failure_count = ActiveValue::NotSet;
        row.last_run_at = ActiveValue::NotSet;
        let mut update = table::Entity::update_many()
            .set(row)
            .col_expr(table::Column::Revision, Expr::col(table::Column::Revision).add(1))
            .filter(self.this_connector(connector.id));
        if let Some(revision) = expected_revision {
            update = update.filter(table::Column::Revision.eq(revision));
        }
        let changed = self.update(update).await?;
        let now = self.find_connector(connector.id).await?.ok_or(Error::NotFound)?;
        if changed == 0 { Err(Error::Conflict { what: "revision" }) } else { Ok(now) }
    }

    /// Deletes a connector with its versions. Its executions stay; those not finished are told to stop.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_connector(&self, id: ConnectorId) -> Result<(), Error> {
        if table::Entity::delete_many().filter(self.this_connector(id)).exec(&self.db()).await?.rows_affected == 0 {
            return Err(Error::NotFound);
        }
        let unfinished = ExecutionStatus::ALL.iter().filter(|status| !status.is_final()).map(|status| status.as_str());
        execution::Entity::update_many()
            .col_expr(execution::Column::CancelRequested, Expr::val(true))
            .col_expr(execution::Column::Status, Expr::val(ExecutionStatus::Cancelling.as_str()))
            .col_expr(execution::Column::WakeAt, Expr::val(Option::<DateTime<Utc>>::None))
            .col_expr(execution::Column::Revision, Expr::col(execution::Column::Revision).add(1))
            .filter(self.within(execution::Column::WorkspaceId))
            .filter(execution::Column::ConnectorId.eq(id.to_string()))
            .filter(execution::Column::Status.is_in(unfinished))
            .exec(&self.db())
            .await?;
        Ok(())
    }

    /// Connectors bound to a credential: the first few by id, and how many there are.
    pub async fn connectors_using(&self, id: CredentialId, limit: u32) -> Result<(Vec<Connector>, u64), Error> {
        let using = self.all_connectors().filter(search::json_mentions(table::Column::Bindings, &id.to_string()));
        let total = using.clone().count(&self.db()).await?;
        let rows = using.order_by_asc(table::Column::Id).limit(u64::from(limit)).all(&self.db()).await?;
        Ok((rows.into_iter().map(convert::connector).collect::<Result<_, _>>()?, total))
    }

    fn all_connectors(&self) -> Select<table::Entity> {
        table::Entity::find().filter(self.within(table::Column::WorkspaceId))
    }

    fn this_connector(&self, id: ConnectorId) -> Condition {
        Condition::all().add(table::Column::Id.eq(id.to_string())).add(self.within(table::Column::WorkspaceId))
    }
}

fn condition(filter: &ConnectorFilter) -> Condition {
    let mut all = Condition::all();
    if let Some(text) = &filter.search {
        all = all.add(search::words(text, &[table::Column::Name, table::Column::Key, table::Column::Description]));
    }
    all = match &filter.statuses {
        Some(statuses) => all.add(table::Column::Status.is_in(statuses.iter().map(|status| status.as_str()))),
        None => all.add(table::Column::Status.ne(ConnectorStatus::Archived.as_str())),
    };
    if let Some(tags) = &filter.tags {
        all = all.add(search::has_all(table::Column::Tags, tags));
    }
    if let Some(template) = filter.template_id {
        all = all.add(table::Column::TemplateId.eq(template.to_string()));
    }
    if let Some(credential) = filter.credential_id {
        all = all.add(search::json_mentions(table::Column::Bindings, &credential.to_string()));
    }
    all
}

fn keyset(engine: DbBackend, order: ConnectorOrder) -> Keyset<table::Model> {
    let column = |column: table::Column| Expr::col(column.as_column_ref());
    let (list, key) = match order.field {
        ConnectorOrderField::Name => {
            let key = Key::Text(Expr::expr(Func::lower(column(table::Column::Name))), |row: &table::Model| row.name.to_ascii_lowercase());
            ("connectors.name", key)
        }
        ConnectorOrderField::CreatedAt => {
            ("connectors.created", Key::Time(column(table::Column::CreatedAt), |row: &table::Model| row.created_at))
        }
        ConnectorOrderField::UpdatedAt => {
            ("connectors.updated", Key::Time(column(table::Column::UpdatedAt), |row: &table::Model| row.updated_at))
        }
        ConnectorOrderField::LastExecutedAt => {
            let or_never = Expr::expr(Func::coalesce([column(table::Column::LastRunAt), dialect::never(engine)]));
            let key = Key::Time(or_never, |row: &table::Model| row.last_run_at.unwrap_or(DateTime::<Utc>::UNIX_EPOCH));
            ("connectors.executed", key)
        }
    };
    Keyset { list, key, id: column(table::Column::Id), id_of: |row| row.id.clone(), descending: order.descending }
}
