//! Executions, read only: what writes them is the group commit.

use connectors_entity::connector_execution as table;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, DbBackend, EntityTrait, QueryFilter, QuerySelect, Select};

use chrono::{DateTime, Utc};

use super::page::{Key, Keyset, page};
use super::{Error, Tx, convert, dialect, search};
use crate::auth::WorkspaceScope;
use crate::domain::execution::{Execution, ExecutionErrorCode, ExecutionKind, ExecutionStatus, ExecutionTrigger};
use crate::domain::id::{ConnectorId, ContactId, ExecutionId};
use crate::domain::page::{Page, PageRequest};

/// Which executions are wanted; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExecutionFilter {
    /// In one of these states.
    pub statuses: Option<Vec<ExecutionStatus>>,
    /// Of one of these kinds; `None` means live ones only.
    pub kinds: Option<Vec<ExecutionKind>>,
    /// Of this connector.
    pub connector_id: Option<ConnectorId>,
    /// For this contact.
    pub contact_id: Option<ContactId>,
    /// Set going by one of these.
    pub triggers: Option<Vec<ExecutionTrigger>>,
    /// Failed with one of these.
    pub error_codes: Option<Vec<ExecutionErrorCode>>,
    /// With all of these labels.
    pub tags: Option<Vec<String>>,
    /// Asked for at or after the first and before the second.
    pub queued: (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    /// Took at least this long from its first step to its end, in milliseconds.
    pub min_duration_ms: Option<u32>,
}

impl Tx<WorkspaceScope> {
    /// One execution.
    pub async fn find_execution(&self, id: ExecutionId) -> Result<Option<Execution>, Error> {
        let row = self.all_executions().filter(table::Column::Id.eq(id.to_string())).one(&self.db()).await?;
        row.map(convert::execution).transpose()
    }

    /// Executions, newest first.
    pub async fn list_executions(&self, filter: &ExecutionFilter, request: &PageRequest) -> Result<Page<Execution>, Error> {
        let select = self.all_executions().filter(condition(self.engine(), filter));
        let keyset = Keyset {
            list: "executions",
            key: Key::Id,
            id: Expr::col(table::Column::Id.as_column_ref()),
            id_of: |row: &table::Model| row.id.clone(),
            descending: true,
        };
        super::page::map(page(&self.db(), select, &keyset, request).await?, convert::execution)
    }

    /// The definition an execution carries itself, as tests of drafts do.
    pub async fn find_own_definition(&self, id: ExecutionId) -> Result<Option<serde_json::Value>, Error> {
        let own = self.all_executions().select_only().column(table::Column::Definition).filter(table::Column::Id.eq(id.to_string()));
        let found: Option<Option<serde_json::Value>> = own.into_tuple().one(&self.db()).await?;
        Ok(found.flatten())
    }

    /// The execution an idempotency key already stands for, and the hash of the request it came with.
    pub async fn find_repeated(&self, idempotency_key: &str) -> Result<Option<(ExecutionId, String)>, Error> {
        let found: Option<(String, Option<String>)> = self
            .all_executions()
            .select_only()
            .column(table::Column::Id)
            .column(table::Column::IdempotencyHash)
            .filter(table::Column::IdempotencyKey.eq(idempotency_key))
            .into_tuple()
            .one(&self.db())
            .await?;
        found.map(|(id, hash)| Ok((convert::id(&id)?, hash.unwrap_or_default()))).transpose()
    }

    fn all_executions(&self) -> Select<table::Entity> {
        table::Entity::find().filter(self.within(table::Column::WorkspaceId))
    }
}

fn condition(engine: DbBackend, filter: &ExecutionFilter) -> Condition {
    let kinds = filter.kinds.as_deref().unwrap_or(&[ExecutionKind::Live]);
    let mut all = Condition::all().add(table::Column::Kind.is_in(kinds.iter().map(|kind| kind.as_str())));
    if let Some(statuses) = &filter.statuses {
        all = all.add(table::Column::Status.is_in(statuses.iter().map(|status| status.as_str())));
    }
    if let Some(connector) = filter.connector_id {
        all = all.add(table::Column::ConnectorId.eq(connector.to_string()));
    }
    if let Some(contact) = filter.contact_id {
        all = all.add(table::Column::ContactId.eq(contact.to_string()));
    }
    if let Some(triggers) = &filter.triggers {
        all = all.add(table::Column::Trigger.is_in(triggers.iter().map(|trigger| trigger.as_str())));
    }
    if let Some(codes) = &filter.error_codes {
        all = all.add(Expr::cust("\"error\" ->> 'code'").is_in(codes.iter().map(|code| code.as_str())));
    }
    if let Some(tags) = &filter.tags {
        all = all.add(search::has_all(table::Column::Tags, tags));
    }
    if let (Some(from), _) = filter.queued {
        all = all.add(table::Column::QueuedAt.gte(from));
    }
    if let (_, Some(to)) = filter.queued {
        all = all.add(table::Column::QueuedAt.lt(to));
    }
    if let Some(milliseconds) = filter.min_duration_ms {
        let took = dialect::milliseconds(engine, "started_at", "finished_at");
        all = all.add(took.gte(f64::from(milliseconds)));
    }
    all
}
