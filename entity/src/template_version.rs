//! `template_versions`: Versions of templates; published ones never change.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "template_versions")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// The template.
    #[sea_orm(column_type = "Text")]
    pub template_id: String,
    /// Semantic version, unique in the template.
    #[sea_orm(column_type = "Text")]
    pub version: String,
    /// A `TemplateVersionStatus`.
    #[sea_orm(column_type = "Text")]
    pub status: String,
    /// The definition.
    #[sea_orm(column_type = "JsonBinary")]
    pub definition: Json,
    /// Hash of the definition's normal form.
    #[sea_orm(column_type = "Text")]
    pub hash: String,
    /// Markdown.
    #[sea_orm(column_type = "Text", nullable)]
    pub changelog: Option<String>,
    /// Must something be done by hand when upgrading to it?
    pub breaking: bool,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it was published; null before.
    pub published_at: Option<DateTimeUtc>,
}

/// Relations are spelt out where they are joined.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
