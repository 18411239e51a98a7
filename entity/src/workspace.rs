//! `workspaces`: Tenants.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workspaces")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// The host application's own key, unique.
    #[sea_orm(column_type = "Text")]
    pub key: String,
    /// Name to show.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// Rises with every change, from 1.
    pub revision: i32,
    /// Executions that may run at one time.
    pub max_concurrent_executions: i32,
    /// The number last given to an execution; the group commit alone counts it up.
    pub last_execution_number: i64,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it last changed; kept by a trigger where a statement does not set it.
    pub updated_at: DateTimeUtc,
}

/// Relations are spelt out where they are joined.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
