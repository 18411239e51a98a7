//! `execution_steps`: Steps of executions.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "execution_steps")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// The workspace it belongs to.
    #[sea_orm(column_type = "Text")]
    pub workspace_id: String,
    /// The execution.
    #[sea_orm(column_type = "Text")]
    pub execution_id: String,
    /// Where it is in the run; unique in the execution.
    #[sea_orm(column_type = "Text")]
    pub path: String,
    /// Path of the step that holds it.
    #[sea_orm(column_type = "Text", nullable)]
    pub parent_path: Option<String>,
    /// How many steps began before it.
    pub position: i32,
    /// Name to show.
    #[sea_orm(column_type = "Text")]
    pub title: String,
    /// Kind of step.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// A `StepStatus`, never `pending`.
    #[sea_orm(column_type = "Text")]
    pub status: String,
    /// When its first attempt began.
    pub started_at: Option<DateTimeUtc>,
    /// When it ended.
    pub finished_at: Option<DateTimeUtc>,
    /// List of `StepAttempt`.
    #[sea_orm(column_type = "JsonBinary")]
    pub attempts: Json,
    /// What it cost.
    pub cost: f64,
    /// What later steps see.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub output: Option<Json>,
    /// An `ExecutionError`.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub error: Option<Json>,
    /// Why it was skipped.
    #[sea_orm(column_type = "Text", nullable)]
    pub skip_reason: Option<String>,
    /// What it wants to know of itself when it is taken up again.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub memory: Option<Json>,
    /// Whether its result came from the cache.
    pub cached: bool,
}

/// Relations are spelt out where they are joined.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
