//! Steps of executions, read only.

use connectors_entity::execution_step as table;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::page::{Key, Keyset, page};
use super::{Error, Tx, convert};
use crate::auth::WorkspaceScope;
use crate::domain::execution::StepRun;
use crate::domain::id::{ExecutionId, StepRunId};
use crate::domain::page::{Page, PageRequest};

impl Tx<WorkspaceScope> {
    /// Every step an execution reached, in order.
    pub async fn list_steps(&self, execution: ExecutionId) -> Result<Vec<StepRun>, Error> {
        let of_it = self.all_steps().filter(table::Column::ExecutionId.eq(execution.to_string()));
        let rows = of_it.order_by_asc(table::Column::Position).order_by_asc(table::Column::Id).all(&self.db()).await?;
        rows.into_iter().map(convert::step).collect()
    }

    /// The steps of an execution's own list that were reached, in the order they began, at most so many.
    pub async fn list_top_steps(&self, execution: ExecutionId, limit: u64) -> Result<Vec<StepRun>, Error> {
        let of_it = self.all_steps().filter(table::Column::ExecutionId.eq(execution.to_string()));
        let top = of_it.filter(table::Column::ParentPath.is_null());
        let sorted = top.order_by_asc(table::Column::Position).order_by_asc(table::Column::Id);
        sorted.limit(limit).all(&self.db()).await?.into_iter().map(convert::step).collect()
    }

    /// The steps within a step, in the order they began.
    pub async fn list_steps_within(&self, execution: ExecutionId, parent: &str, request: &PageRequest) -> Result<Page<StepRun>, Error> {
        let of_it = self.all_steps().filter(table::Column::ExecutionId.eq(execution.to_string()));
        let select = of_it.filter(table::Column::ParentPath.eq(parent));
        let keyset = Keyset {
            list: "steps",
            key: Key::Integer(Expr::col(table::Column::Position.as_column_ref()), |row: &table::Model| i64::from(row.position)),
            id: Expr::col(table::Column::Id.as_column_ref()),
            id_of: |row| row.id.clone(),
            descending: false,
        };
        super::page::map(page(&self.db(), select, &keyset, request).await?, convert::step)
    }

    /// One step by its place in the run.
    pub async fn find_step(&self, execution: ExecutionId, path: &str) -> Result<Option<StepRun>, Error> {
        let of_it = self.all_steps().filter(table::Column::ExecutionId.eq(execution.to_string()));
        of_it.filter(table::Column::Path.eq(path)).one(&self.db()).await?.map(convert::step).transpose()
    }

    /// One step by its id.
    pub async fn find_step_by_id(&self, id: StepRunId) -> Result<Option<StepRun>, Error> {
        let row = self.all_steps().filter(table::Column::Id.eq(id.to_string())).one(&self.db()).await?;
        row.map(convert::step).transpose()
    }

    fn all_steps(&self) -> Select<table::Entity> {
        table::Entity::find().filter(self.within(table::Column::WorkspaceId))
    }
}
