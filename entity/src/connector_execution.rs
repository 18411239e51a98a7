//! `connector_executions`: Runs of connectors. Written by the group commit alone, but for cancelling when a connector is deleted.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "connector_executions")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// The workspace it belongs to.
    #[sea_orm(column_type = "Text")]
    pub workspace_id: String,
    /// Number to show, counted in the workspace.
    pub number: i64,
    /// An `ExecutionKind`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// An `ExecutionStatus`.
    #[sea_orm(column_type = "Text")]
    pub status: String,
    /// Rises with every change of state, from 1.
    pub revision: i32,
    /// The connector; it may be gone.
    #[sea_orm(column_type = "Text", nullable)]
    pub connector_id: Option<String>,
    /// The version that runs; null for a test of a draft.
    #[sea_orm(column_type = "Text", nullable)]
    pub version_id: Option<String>,
    /// An `ExecutionTrigger`.
    #[sea_orm(column_type = "Text")]
    pub trigger: String,
    /// The `Actor` who set it going.
    #[sea_orm(column_type = "Text")]
    pub started_by: String,
    /// The contact it is for; it may be gone.
    #[sea_orm(column_type = "Text", nullable)]
    pub contact_id: Option<String>,
    /// List of texts.
    #[sea_orm(column_type = "JsonBinary")]
    pub tags: Json,
    /// What the caller gave.
    #[sea_orm(column_type = "JsonBinary")]
    pub input: Json,
    /// What came out.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub output: Option<Json>,
    /// Word the definition gave for how it ended.
    #[sea_orm(column_type = "Text", nullable)]
    pub result: Option<String>,
    /// What its steps cost, in units of the definition.
    pub cost: f64,
    /// An `ExecutionError`.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub error: Option<Json>,
    /// The connector's config when it was asked for.
    #[sea_orm(column_type = "JsonBinary")]
    pub config: Json,
    /// The connector's bindings when it was asked for.
    #[sea_orm(column_type = "JsonBinary")]
    pub bindings: Json,
    /// The definition itself; only for a test of a draft.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub definition: Option<Json>,
    /// Options of a test.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub options: Option<Json>,
    /// The caller's key against repetition, unique in the workspace.
    #[sea_orm(column_type = "Text", nullable)]
    pub idempotency_key: Option<String>,
    /// Hash of the request the key came with.
    #[sea_orm(column_type = "Text", nullable)]
    pub idempotency_hash: Option<String>,
    /// Warnings logged.
    pub warning_count: i32,
    /// Top steps that ended.
    pub finished_steps: i32,
    /// Top steps of the definition.
    pub total_steps: i32,
    /// Path of the step being run.
    #[sea_orm(column_type = "Text", nullable)]
    pub current_step_path: Option<String>,
    /// Number of the newest log line.
    pub last_log_sequence: i32,
    /// Was it told to stop?
    pub cancel_requested: bool,
    /// The process that works on it; null while none does.
    #[sea_orm(column_type = "Text", nullable)]
    pub lease_owner: Option<String>,
    /// When the lease ends unless renewed.
    pub lease_until: Option<DateTimeUtc>,
    /// Rises with every lease; a write with an older one is refused.
    pub fence: i64,
    /// How often a worker was lost while it ran, since a step last ended.
    pub recoveries: i32,
    /// When it goes on, while it waits.
    pub wake_at: Option<DateTimeUtc>,
    /// When it was asked for.
    pub queued_at: DateTimeUtc,
    /// When its first step began.
    pub started_at: Option<DateTimeUtc>,
    /// When it reached its final status.
    pub finished_at: Option<DateTimeUtc>,
    /// When it gives up if it has not begun.
    pub expires_at: Option<DateTimeUtc>,
}

/// Relations are spelt out where they are joined.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
