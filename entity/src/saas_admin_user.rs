//! `saas_admin_users`: People who look after the catalogue of the whole server.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "saas_admin_users")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// The token subject, unique.
    #[sea_orm(column_type = "Text")]
    pub subject: String,
    /// Name to show.
    #[sea_orm(column_type = "Text", nullable)]
    pub display_name: Option<String>,
    /// A `SaasAdminRole`.
    #[sea_orm(column_type = "Text")]
    pub role: String,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it last changed; kept by a trigger where a statement does not set it.
    pub updated_at: DateTimeUtc,
}

/// Relations are spelt out where they are joined.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
