//! `connectors`: Connectors installed in workspaces.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "connectors")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// The workspace it belongs to.
    #[sea_orm(column_type = "Text")]
    pub workspace_id: String,
    /// Name for programs, unique in the workspace.
    #[sea_orm(column_type = "Text")]
    pub key: String,
    /// Name to show.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// Markdown.
    #[sea_orm(column_type = "Text", nullable)]
    pub description: Option<String>,
    /// An emoji or the name of an icon.
    #[sea_orm(column_type = "Text", nullable)]
    pub icon: Option<String>,
    /// List of texts.
    #[sea_orm(column_type = "JsonBinary")]
    pub tags: Json,
    /// A `ConnectorStatus`.
    #[sea_orm(column_type = "Text")]
    pub status: String,
    /// Rises with every change, from 1.
    pub revision: i32,
    /// The definition being edited.
    #[sea_orm(column_type = "JsonBinary")]
    pub draft: Json,
    /// The version that runs; null before the first.
    #[sea_orm(column_type = "Text", nullable)]
    pub published_version_id: Option<String>,
    /// Hash of the published definition.
    #[sea_orm(column_type = "Text", nullable)]
    pub published_hash: Option<String>,
    /// Values of the definition's `config`.
    #[sea_orm(column_type = "JsonBinary")]
    pub config: Json,
    /// Object of slot name to credential id.
    #[sea_orm(column_type = "JsonBinary")]
    pub bindings: Json,
    /// Executions it may run at one time; null for no limit of its own.
    pub max_concurrency: Option<i32>,
    /// The template it was made from.
    #[sea_orm(column_type = "Text", nullable)]
    pub template_id: Option<String>,
    /// The template's version installed.
    #[sea_orm(column_type = "Text", nullable)]
    pub template_version_id: Option<String>,
    /// Live executions that ended; counted by the group commit, as are the next three.
    pub run_count: i64,
    /// Of them, ended as meant.
    pub success_count: i64,
    /// Of them, failed or timed out.
    pub failure_count: i64,
    /// When one last ended.
    pub last_run_at: Option<DateTimeUtc>,
    /// The `Actor` who made it.
    #[sea_orm(column_type = "Text")]
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// The `Actor` who last changed it.
    #[sea_orm(column_type = "Text")]
    pub updated_by: String,
    /// When it last changed; kept by a trigger where a statement does not set it.
    pub updated_at: DateTimeUtc,
}

/// Relations are spelt out where they are joined.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
