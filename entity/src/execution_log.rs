//! `execution_logs`: Log lines of executions.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "execution_logs")]
pub struct Model {
    /// The workspace it belongs to.
    #[sea_orm(column_type = "Text")]
    pub workspace_id: String,
    /// The execution.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub execution_id: String,
    /// 1, 2, 3, … in the execution.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sequence: i32,
    /// When it was written.
    pub logged_at: DateTimeUtc,
    /// A `LogLevel`.
    #[sea_orm(column_type = "Text")]
    pub level: String,
    /// A `LogKind`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// One line of text, secrets masked.
    #[sea_orm(column_type = "Text")]
    pub message: String,
    /// The step it is about.
    #[sea_orm(column_type = "Text", nullable)]
    pub step_path: Option<String>,
    /// The attempt it is about.
    pub attempt: Option<i32>,
    /// Details for programs.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub fields: Option<Json>,
}

/// Relations are spelt out where they are joined.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
