//! `connector_versions`: Published states of connectors; never changed.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "connector_versions")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// The workspace it belongs to.
    #[sea_orm(column_type = "Text")]
    pub workspace_id: String,
    /// The connector.
    #[sea_orm(column_type = "Text")]
    pub connector_id: String,
    /// 1, 2, 3, … in the connector.
    pub number: i32,
    /// The definition.
    #[sea_orm(column_type = "JsonBinary")]
    pub definition: Json,
    /// Hash of the definition's normal form.
    #[sea_orm(column_type = "Text")]
    pub hash: String,
    /// What changed, in words.
    #[sea_orm(column_type = "Text", nullable)]
    pub note: Option<String>,
    /// The `Actor` who published it.
    #[sea_orm(column_type = "Text")]
    pub published_by: String,
    /// When.
    pub published_at: DateTimeUtc,
}

/// Relations are spelt out where they are joined.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
