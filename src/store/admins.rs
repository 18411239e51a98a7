//! SaaS admins: the people who look after the catalogue.

use connectors_entity::saas_admin_user as table;
use sea_orm::{ColumnTrait, DatabaseExecutor, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};

use super::{Error, Tx, convert};
use crate::auth::AdminScope;
use crate::domain::workspace::SaasAdmin;

pub(super) async fn find_by_subject(db: &DatabaseExecutor<'_>, subject: &str) -> Result<Option<SaasAdmin>, Error> {
    let row = table::Entity::find().filter(table::Column::Subject.eq(subject)).one(db).await?;
    row.map(convert::admin).transpose()
}

impl Tx<AdminScope> {
    /// Every SaaS admin, oldest first.
    pub async fn list_saas_admins(&self) -> Result<Vec<SaasAdmin>, Error> {
        let rows = table::Entity::find().order_by_asc(table::Column::Id).all(&self.db()).await?;
        rows.into_iter().map(convert::admin).collect()
    }

    /// Adds one.
    ///
    /// # Errors
    /// [`Error::Conflict`] `subject`.
    pub async fn insert_saas_admin(&self, admin: &SaasAdmin) -> Result<(), Error> {
        self.insert(convert::admin_row(admin).into_active_model()).await
    }
}
