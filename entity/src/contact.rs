//! `contacts`: People and companies whose data connectors enrich.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contacts")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// The workspace it belongs to.
    #[sea_orm(column_type = "Text")]
    pub workspace_id: String,
    /// The host application's own key, unique in the workspace.
    #[sea_orm(column_type = "Text", nullable)]
    pub key: Option<String>,
    /// E-mail address.
    #[sea_orm(column_type = "Text", nullable)]
    pub email: Option<String>,
    /// Phone number.
    #[sea_orm(column_type = "Text", nullable)]
    pub phone: Option<String>,
    /// Given name.
    #[sea_orm(column_type = "Text", nullable)]
    pub first_name: Option<String>,
    /// Family name.
    #[sea_orm(column_type = "Text", nullable)]
    pub last_name: Option<String>,
    /// Company name.
    #[sea_orm(column_type = "Text", nullable)]
    pub company: Option<String>,
    /// Object of everything else.
    #[sea_orm(column_type = "JsonBinary")]
    pub attributes: Json,
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
