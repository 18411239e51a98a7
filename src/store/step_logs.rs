//! Log lines of executions, read only.

use connectors_entity::execution_log as table;
use sea_orm::sea_query::{Expr, ExprTrait, LikeExpr};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::page::{Key, Keyset, page};
use super::{Error, Tx, convert, search};
use crate::auth::WorkspaceScope;
use crate::domain::id::ExecutionId;
use crate::domain::page::{Page, PageRequest};
use crate::domain::step_log::{LogEntry, LogFilter, LogLevel};

impl Tx<WorkspaceScope> {
    /// The lines after a sequence number, in order, at most so many.
    pub async fn logs_after(&self, execution: ExecutionId, after: i32, limit: u32) -> Result<Vec<LogEntry>, Error> {
        let rows = self
            .lines_of(execution)
            .filter(table::Column::Sequence.gt(after))
            .order_by_asc(table::Column::Sequence)
            .limit(u64::from(limit))
            .all(&self.db())
            .await?;
        rows.into_iter().map(convert::log_entry).collect()
    }

    /// Lines of an execution, in order.
    pub async fn list_logs(&self, execution: ExecutionId, filter: &LogFilter, request: &PageRequest) -> Result<Page<LogEntry>, Error> {
        let select = self.lines_of(execution).filter(condition(filter));
        let keyset = Keyset {
            list: "logs",
            key: Key::Integer(Expr::col(table::Column::Sequence.as_column_ref()), |row: &table::Model| i64::from(row.sequence)),
            id: Expr::col(table::Column::ExecutionId.as_column_ref()),
            id_of: |row| row.execution_id.clone(),
            descending: false,
        };
        super::page::map(page(&self.db(), select, &keyset, request).await?, convert::log_entry)
    }

    fn lines_of(&self, execution: ExecutionId) -> Select<table::Entity> {
        table::Entity::find().filter(table::Column::ExecutionId.eq(execution.to_string())).filter(self.within(table::Column::WorkspaceId))
    }
}

/// Says the same as [`LogFilter::accepts`], but for the case of letters outside ASCII.
fn condition(filter: &LogFilter) -> Condition {
    let mut all = Condition::all();
    if let Some(least) = filter.min_level {
        let levels = LogLevel::ALL.iter().filter(|level| **level >= least).map(|level| level.as_str());
        all = all.add(table::Column::Level.is_in(levels));
    }
    if let Some(kinds) = &filter.kinds {
        all = all.add(table::Column::Kind.is_in(kinds.iter().map(|kind| kind.as_str())));
    }
    if let Some(paths) = &filter.step_paths {
        all = all.add(paths.iter().fold(Condition::any(), |any, path| any.add(at_or_below(path))));
        if paths.is_empty() {
            all = all.add(Expr::val(1).eq(0));
        }
    }
    if let Some(text) = &filter.search {
        all = all.add(search::phrase(text, table::Column::Message));
    }
    all
}

fn at_or_below(path: &str) -> Condition {
    let below = |then: &str| {
        let pattern = format!("{}{then}%", search::escape(path));
        Expr::col(table::Column::StepPath.as_column_ref()).like(LikeExpr::new(pattern).escape('\\'))
    };
    Condition::any().add(table::Column::StepPath.eq(path)).add(below("/")).add(below("["))
}
