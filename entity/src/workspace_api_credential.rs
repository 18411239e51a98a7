//! `workspace_api_credentials`: Credentials with their ciphertext.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_api_credentials")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// The workspace it belongs to.
    #[sea_orm(column_type = "Text")]
    pub workspace_id: String,
    /// Name to show, unique in the workspace.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// A `CredentialKind`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// List of `CredentialField`: its parts, masked.
    #[sea_orm(column_type = "JsonBinary")]
    pub fields: Json,
    /// List of hosts it may be sent to.
    #[sea_orm(column_type = "JsonBinary")]
    pub allowed_hosts: Json,
    /// A `CredentialHealth`.
    #[sea_orm(column_type = "Text")]
    pub health: String,
    /// Ciphertext of the secret parts, bound to workspace, id and revision.
    pub sealed: Vec<u8>,
    /// When an execution last used it.
    pub last_used_at: Option<DateTimeUtc>,
    /// Rises with every change, from 1.
    pub revision: i32,
    /// The `Actor` who made it.
    #[sea_orm(column_type = "Text")]
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When its secrets were last replaced.
    pub rotated_at: DateTimeUtc,
    /// When it ends by itself.
    pub expires_at: Option<DateTimeUtc>,
    /// When it last changed; kept by a trigger where a statement does not set it.
    pub updated_at: DateTimeUtc,
}

/// Relations are spelt out where they are joined.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
