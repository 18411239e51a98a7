//! `connector_templates`: Definitions offered to all workspaces.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "connector_templates")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Name for addresses, unique.
    #[sea_orm(column_type = "Text")]
    pub slug: String,
    /// Name to show.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// One sentence.
    #[sea_orm(column_type = "Text")]
    pub summary: String,
    /// Markdown.
    #[sea_orm(column_type = "Text", nullable)]
    pub description: Option<String>,
    /// Markdown; what to do at the service first.
    #[sea_orm(column_type = "Text", nullable)]
    pub setup_guide: Option<String>,
    /// An emoji or the name of an icon.
    #[sea_orm(column_type = "Text", nullable)]
    pub icon: Option<String>,
    /// Category slug.
    #[sea_orm(column_type = "Text", nullable)]
    pub category: Option<String>,
    /// List of texts.
    #[sea_orm(column_type = "JsonBinary")]
    pub tags: Json,
    /// Made by the operators of this server?
    pub official: bool,
    /// Shown first?
    pub featured: bool,
    /// A `TemplateStatus`.
    #[sea_orm(column_type = "Text")]
    pub status: String,
    /// The highest published version.
    #[sea_orm(column_type = "Text", nullable)]
    pub latest_version_id: Option<String>,
    /// Connectors made from it, over all workspaces.
    pub install_count: i64,
    /// Rises with every change, from 1.
    pub revision: i32,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it last changed; kept by a trigger where a statement does not set it.
    pub updated_at: DateTimeUtc,
}

/// Relations are spelt out where they are joined.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
