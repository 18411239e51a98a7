//! Steps of executions, read only.

use connectors_entity::execution_step as table;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Select};

use super::{Error, Tx, convert};
use crate::auth::WorkspaceScope;
use crate::domain::execution::StepRun;
use crate::domain::id::{ExecutionId, StepRunId};

impl Tx<WorkspaceScope> {
    /// Every step an execution reached, in order.
    pub async fn list_steps(&self, execution: ExecutionId) -> Result<Vec<StepRun>, Error> {
        let of_it = self.all_steps().filter(table::Column::ExecutionId.eq(execution.to_string()));
        let rows = of_it.order_by_asc(table::Column::Position).order_by_asc(table::Column::Id).all(&self.db()).await?;
        rows.into_iter().map(convert::step).collect()
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
        table::Entity::find().filter(table::Column::WorkspaceId.eq(self.workspace()))
    }
}
