//! `contact_field_changes`: What became of each value mapped to a contact.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "contact_field_changes")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// The workspace it belongs to.
    #[sea_orm(column_type = "Text")]
    pub workspace_id: String,
    /// The contact; null for a test without one.
    #[sea_orm(column_type = "Text", nullable)]
    pub contact_id: Option<String>,
    /// The execution that did it; it may be gone.
    #[sea_orm(column_type = "Text")]
    pub execution_id: String,
    /// The field.
    #[sea_orm(column_type = "Text")]
    pub field: String,
    /// The value before.
    #[sea_orm(column_type = "JsonBinary")]
    pub before: Json,
    /// The value the mapping gave.
    #[sea_orm(column_type = "JsonBinary")]
    pub after: Json,
    /// A `FieldChangeOutcome`.
    #[sea_orm(column_type = "Text")]
    pub outcome: String,
    /// Why it was not written.
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    /// How sure the value is, 0 to 1.
    pub confidence: Option<f64>,
    /// The step it came from.
    #[sea_orm(column_type = "Text", nullable)]
    pub step_path: Option<String>,
    /// The host it came from.
    #[sea_orm(column_type = "Text", nullable)]
    pub source: Option<String>,
    /// When it counts as stale.
    pub stale_at: Option<DateTimeUtc>,
    /// When.
    pub occurred_at: DateTimeUtc,
}

/// Relations are spelt out where they are joined.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
