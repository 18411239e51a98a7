//! `workspace_members`: Who belongs to which workspace, and as what.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_members")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// The workspace it belongs to.
    #[sea_orm(column_type = "Text")]
    pub workspace_id: String,
    /// The token subject, unique in the workspace.
    #[sea_orm(column_type = "Text")]
    pub subject: String,
    /// Name to show.
    #[sea_orm(column_type = "Text", nullable)]
    pub display_name: Option<String>,
    /// E-mail address, if known.
    #[sea_orm(column_type = "Text", nullable)]
    pub email: Option<String>,
    /// A `WorkspaceRole`.
    #[sea_orm(column_type = "Text")]
    pub role: String,
    /// The `Actor` who added the member.
    #[sea_orm(column_type = "Text", nullable)]
    pub added_by: Option<String>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it last changed; kept by a trigger where a statement does not set it.
    pub updated_at: DateTimeUtc,
}

/// Relations are spelt out where they are joined.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
