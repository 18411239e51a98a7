//! Contacts of the workspace.

use connectors_entity::{connector_execution, contact as table, contact_field_change};
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, Condition, DbBackend, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, Select,
};

use chrono::{DateTime, Utc};

use super::page::{Key, Keyset, page};
use super::{Error, Tx, convert, dialect, search};
use crate::auth::WorkspaceScope;
use crate::domain::contact::{Contact, FieldChangeOutcome};
use crate::domain::id::{ConnectorId, ContactId};
use crate::domain::page::{Page, PageRequest};

/// Names a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactRef {
    /// By id.
    Id(ContactId),
    /// By the host application's key.
    Key(String),
}

/// Which contacts are wanted; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactFilter {
    /// Words in name, e-mail address, phone number or company.
    pub search: Option<String>,
    /// With one of these ids.
    pub ids: Option<Vec<ContactId>>,
    /// With one of these keys.
    pub keys: Option<Vec<String>>,
    /// With a value in each of these fields.
    pub has_fields: Option<Vec<String>>,
    /// Without a value in any of these fields.
    pub missing_fields: Option<Vec<String>>,
    /// Last changed at or after the first and before the second.
    pub updated: (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    /// Not written to by this connector yet.
    pub not_enriched_by: Option<ConnectorId>,
}

impl Tx<WorkspaceScope> {
    /// One contact.
    pub async fn find_contact(&self, by: &ContactRef) -> Result<Option<Contact>, Error> {
        let condition = match by {
            ContactRef::Id(id) => table::Column::Id.eq(id.to_string()),
            ContactRef::Key(key) => table::Column::Key.eq(key.as_str()),
        };
        self.all_contacts().filter(condition).one(&self.db()).await?.map(convert::contact).transpose()
    }

    /// Those of these ids that are there, in no order.
    pub async fn find_contacts(&self, ids: &[ContactId]) -> Result<Vec<Contact>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = table::Column::Id.is_in(ids.iter().map(ToString::to_string));
        let rows = self.all_contacts().filter(wanted).all(&self.db()).await?;
        rows.into_iter().map(convert::contact).collect()
    }

    /// The oldest contact with this value in `email` (whatever its case), `phone` or `key`; `None` for other fields.
    pub async fn find_contact_by_field(&self, field: &str, value: &str) -> Result<Option<Contact>, Error> {
        let condition = match field {
            "email" => dialect::email_is(self.engine(), value),
            "phone" => Condition::all().add(table::Column::Phone.eq(value)),
            "key" => Condition::all().add(table::Column::Key.eq(value)),
            _ => return Ok(None),
        };
        let oldest = self.all_contacts().filter(condition).order_by_asc(table::Column::Id);
        oldest.one(&self.db()).await?.map(convert::contact).transpose()
    }

    /// Contacts, newest first.
    pub async fn list_contacts(&self, filter: &ContactFilter, request: &PageRequest) -> Result<Page<Contact>, Error> {
        let select = self.all_contacts().filter(self.condition(filter));
        let keyset = Keyset {
            list: "contacts",
            key: Key::Id,
            id: Expr::col(table::Column::Id.as_column_ref()),
            id_of: |row: &table::Model| row.id.clone(),
            descending: true,
        };
        super::page::map(page(&self.db(), select, &keyset, request).await?, convert::contact)
    }

    /// Adds a contact.
    ///
    /// # Errors
    /// [`Error::Conflict`] `key`; [`Error::NotFound`] for another workspace's.
    pub async fn insert_contact(&self, contact: &Contact) -> Result<(), Error> {
        self.own(contact.workspace_id)?;
        self.insert(convert::contact_row(contact).into_active_model()).await
    }

    /// Writes every field; the revision rises by one. Gives the contact as it is now.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] `revision` when it is no longer the expected one, [`Error::Conflict`] `key`.
    pub async fn update_contact(&self, contact: &Contact, expected_revision: Option<i32>) -> Result<Contact, Error> {
        let mut row = convert::contact_row(contact).into_active_model().reset_all();
        row.id = ActiveValue::NotSet;
        row.workspace_id = ActiveValue::NotSet;
        row.revision = ActiveValue::NotSet;
        row.created_at = ActiveValue::NotSet;
        let mut update = table::Entity::update_many()
            .set(row)
            .col_expr(table::Column::Revision, Expr::col(table::Column::Revision).add(1))
            .filter(self.this_contact(contact.id));
        if let Some(revision) = expected_revision {
            update = update.filter(table::Column::Revision.eq(revision));
        }
        let changed = self.update(update).await?;
        let now = self.find_contact(&ContactRef::Id(contact.id)).await?.ok_or(Error::NotFound)?;
        if changed == 0 { Err(Error::Conflict { what: "revision" }) } else { Ok(now) }
    }

    /// Deletes a contact with the ledger of its fields.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_contact(&self, id: ContactId) -> Result<(), Error> {
        match table::Entity::delete_many().filter(self.this_contact(id)).exec(&self.db()).await?.rows_affected {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }

    fn all_contacts(&self) -> Select<table::Entity> {
        table::Entity::find().filter(self.within(table::Column::WorkspaceId))
    }

    fn condition(&self, filter: &ContactFilter) -> Condition {
        use table::Column as C;
        let mut all = Condition::all();
        if let Some(text) = &filter.search {
            all = all.add(search::words(text, &[C::FirstName, C::LastName, C::Email, C::Phone, C::Company]));
        }
        if let Some(ids) = &filter.ids {
            all = all.add(C::Id.is_in(ids.iter().map(ToString::to_string)));
        }
        if let Some(keys) = &filter.keys {
            all = all.add(C::Key.is_in(keys.iter().map(String::as_str)));
        }
        for name in filter.has_fields.iter().flatten() {
            all = all.add(field(self.engine(), name).is_not_null());
        }
        for name in filter.missing_fields.iter().flatten() {
            all = all.add(field(self.engine(), name).is_null());
        }
        if let (Some(from), _) = filter.updated {
            all = all.add(C::UpdatedAt.gte(from));
        }
        if let (_, Some(to)) = filter.updated {
            all = all.add(C::UpdatedAt.lt(to));
        }
        if let Some(connector) = filter.not_enriched_by {
            all = all.add(Expr::exists(self.written_by(connector)).not());
        }
        all
    }

    /// What a connector wrote to the contact that the outer query is at: looked up contact by contact, since a list of all
    /// contacts a busy connector ever wrote to is long.
    fn written_by(&self, connector: ConnectorId) -> SelectStatement {
        use {connector_execution::Column as Run, contact_field_change::Column as Change};
        let mut written = Query::select();
        written.expr(Expr::val(1)).from(contact_field_change::Entity);
        let its_run = Expr::col(Run::Id.as_column_ref()).equals(Change::ExecutionId.as_column_ref());
        written.inner_join(connector_execution::Entity, Condition::all().add(its_run).add(self.within(Run::WorkspaceId)));
        written.cond_where(self.within(Change::WorkspaceId));
        written.and_where(Expr::col(Change::ContactId.as_column_ref()).equals(table::Column::Id.as_column_ref()));
        written.and_where(Change::Outcome.eq(FieldChangeOutcome::Written.as_str()));
        written.and_where(Run::ConnectorId.eq(connector.to_string()));
        // The offset keeps PostgreSQL from turning the look into a join over all of them.
        written.limit(1).offset(0);
        written
    }

    fn this_contact(&self, id: ContactId) -> Condition {
        Condition::all().add(table::Column::Id.eq(id.to_string())).add(self.within(table::Column::WorkspaceId))
    }
}

/// The value of a field, as [`Contact::field`] reads it; null where there is none.
fn field(engine: DbBackend, name: &str) -> Expr {
    let column = |column: table::Column| Expr::col(column.as_column_ref());
    match name {
        "key" => column(table::Column::Key),
        "email" => column(table::Column::Email),
        "phone" => column(table::Column::Phone),
        "first_name" => column(table::Column::FirstName),
        "last_name" => column(table::Column::LastName),
        "company" => column(table::Column::Company),
        "full_name" => Expr::expr(Func::coalesce([column(table::Column::FirstName), column(table::Column::LastName)])),
        _ => {
            if name.contains('"') {
                // A quote cannot be written inside a path, so such a member counts as never there.
                return Expr::val(Option::<String>::None);
            }
            let path: Vec<&str> = name.strip_prefix("attributes.").unwrap_or(name).split('.').collect();
            dialect::member(engine, "attributes", &path)
        }
    }
}
