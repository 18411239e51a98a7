//! What a self-test looks at past all questions of meaning: which engine this is, and every row of a workspace.

use std::collections::BTreeMap;
use std::fmt::Debug;

use connectors_entity as entity;
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, Statement};

use super::{Engine, Error, Store, Tx};
use crate::auth::WorkspaceScope;

/// The rows of each table as text, in order.
pub type Rows = BTreeMap<&'static str, Vec<String>>;

impl Store {
    /// Name and version of the engine, e.g. `PostgreSQL 17.6`.
    pub async fn engine(&self) -> Result<String, Error> {
        let (backend, name, sql) = match &self.inner.engine {
            Engine::Sqlite { .. } => (DbBackend::Sqlite, "SQLite", "SELECT sqlite_version()"),
            Engine::Postgres { .. } => (DbBackend::Postgres, "PostgreSQL", "SELECT current_setting('server_version')"),
        };
        let row = self.reader().query_one_raw(Statement::from_string(backend, sql)).await?.ok_or(Error::NotFound)?;
        Ok(format!("{name} {}", row.try_get_by_index::<String>(0)?))
    }
}

impl Tx<WorkspaceScope> {
    /// Every row of the workspace, for comparing one look with another: the texts are for no reader.
    pub async fn survey(&self) -> Result<Rows, Error> {
        let mut rows = Rows::new();
        self.add::<entity::workspace::Entity>(entity::workspace::Column::Id, &mut rows).await?;
        self.add::<entity::workspace_member::Entity>(entity::workspace_member::Column::WorkspaceId, &mut rows).await?;
        self.add::<entity::workspace_api_credential::Entity>(entity::workspace_api_credential::Column::WorkspaceId, &mut rows).await?;
        self.add::<entity::connector::Entity>(entity::connector::Column::WorkspaceId, &mut rows).await?;
        self.add::<entity::connector_version::Entity>(entity::connector_version::Column::WorkspaceId, &mut rows).await?;
        self.add::<entity::connector_execution::Entity>(entity::connector_execution::Column::WorkspaceId, &mut rows).await?;
        self.add::<entity::execution_step::Entity>(entity::execution_step::Column::WorkspaceId, &mut rows).await?;
        self.add::<entity::execution_log::Entity>(entity::execution_log::Column::WorkspaceId, &mut rows).await?;
        self.add::<entity::contact::Entity>(entity::contact::Column::WorkspaceId, &mut rows).await?;
        self.add::<entity::contact_field_change::Entity>(entity::contact_field_change::Column::WorkspaceId, &mut rows).await?;
        Ok(rows)
    }

    async fn add<E>(&self, workspace: E::Column, rows: &mut Rows) -> Result<(), Error>
    where
        E: EntityTrait,
        E::Model: Debug + Send + Sync,
    {
        let found = E::find().filter(workspace.eq(self.workspace())).all(&self.db()).await?;
        let mut texts: Vec<_> = found.iter().map(|row| format!("{row:?}")).collect();
        texts.sort_unstable();
        rows.insert(E::default().table_name(), texts);
        Ok(())
    }
}
