//! Versions of templates: everyone sees the published ones of published templates, SaaS admins all.

use connectors_entity::{connector_template as template, template_version as table};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, DatabaseExecutor, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, QueryTrait, Select};

use chrono::{DateTime, Utc};

use super::page::{Key, Keyset, page};
use super::templates::{self, Sight};
use super::{Error, Tx, convert};
use crate::auth::{AdminScope, UserScope};
use crate::domain::id::{TemplateId, TemplateVersionId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::template::{TemplateStatus, TemplateVersion, TemplateVersionStatus};

impl Tx<UserScope> {
    /// One published version.
    pub async fn find_template_version(&self, id: TemplateVersionId) -> Result<Option<TemplateVersion>, Error> {
        find(&self.db(), Sight::Public, id).await
    }

    /// Those of these ids that are published, in no order.
    pub async fn find_template_versions(&self, ids: &[TemplateVersionId]) -> Result<Vec<TemplateVersion>, Error> {
        find_all(&self.db(), Sight::Public, ids).await
    }

    /// A published version by its number, or the highest published one.
    pub async fn find_template_version_numbered(
        &self,
        template: TemplateId,
        version: Option<&semver::Version>,
    ) -> Result<Option<TemplateVersion>, Error> {
        let all = seen(Sight::Public).filter(table::Column::TemplateId.eq(template.to_string()));
        let one = if let Some(version) = version {
            all.filter(table::Column::Version.eq(version.to_string()))
        } else {
            let latest = template::Entity::find_by_id(template.to_string());
            let latest = latest.select_only().column(template::Column::LatestVersionId).into_query();
            all.filter(table::Column::Id.in_subquery(latest))
        };
        one.one(&self.db()).await?.map(convert::template_version).transpose()
    }

    /// Published versions of a template, newest first.
    pub async fn list_template_versions(&self, template: TemplateId, request: &PageRequest) -> Result<Page<TemplateVersion>, Error> {
        list(&self.db(), Sight::Public, template, request).await
    }
}

impl Tx<AdminScope> {
    /// One version in any state.
    pub async fn find_template_version(&self, id: TemplateVersionId) -> Result<Option<TemplateVersion>, Error> {
        find(&self.db(), Sight::All, id).await
    }

    /// Those of these ids that are there, in any state and in no order.
    pub async fn find_template_versions(&self, ids: &[TemplateVersionId]) -> Result<Vec<TemplateVersion>, Error> {
        find_all(&self.db(), Sight::All, ids).await
    }

    /// Versions of a template in any state, newest first.
    pub async fn list_template_versions(&self, template: TemplateId, request: &PageRequest) -> Result<Page<TemplateVersion>, Error> {
        list(&self.db(), Sight::All, template, request).await
    }

    /// Adds a version.
    ///
    /// # Errors
    /// [`Error::Conflict`] `version`; [`Error::NotFound`] for an unknown template.
    pub async fn insert_template_version(&self, version: &TemplateVersion) -> Result<(), Error> {
        self.insert(convert::template_version_row(version).into_active_model()).await
    }

    /// Publishes a version and its template; the highest published number becomes the template's latest.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn publish_template_version(&self, id: TemplateVersionId, at: DateTime<Utc>) -> Result<TemplateVersion, Error> {
        let published = TemplateVersionStatus::Published.as_str();
        table::Entity::update_many()
            .col_expr(table::Column::Status, Expr::val(published))
            .col_expr(table::Column::PublishedAt, Expr::val(convert::ms(at)))
            .filter(table::Column::Id.eq(id.to_string()))
            .filter(table::Column::Status.ne(published))
            .exec(&self.db())
            .await?;
        let version = self.find_template_version(id).await?.ok_or(Error::NotFound)?;
        let latest = self.highest_published(version.template_id).await?;
        template::Entity::update_many()
            .col_expr(template::Column::Status, Expr::val(TemplateStatus::Published.as_str()))
            .col_expr(template::Column::LatestVersionId, Expr::val(latest))
            .col_expr(template::Column::Revision, Expr::col(template::Column::Revision).add(1))
            .col_expr(template::Column::UpdatedAt, Expr::val(convert::ms(at)))
            .filter(template::Column::Id.eq(version.template_id.to_string()))
            .exec(&self.db())
            .await?;
        Ok(version)
    }

    /// Numbers have no order an engine knows, so they are compared here; definitions stay where they are.
    async fn highest_published(&self, template: TemplateId) -> Result<Option<String>, Error> {
        let versions: Vec<(String, String)> = table::Entity::find()
            .select_only()
            .column(table::Column::Id)
            .column(table::Column::Version)
            .filter(table::Column::TemplateId.eq(template.to_string()))
            .filter(table::Column::Status.eq(TemplateVersionStatus::Published.as_str()))
            .into_tuple()
            .all(&self.db())
            .await?;
        let numbered = versions.into_iter().filter_map(|(id, text)| text.parse::<semver::Version>().ok().map(|number| (number, id)));
        Ok(numbered.max().map(|(_, id)| id))
    }
}

fn seen(sight: Sight) -> Select<table::Entity> {
    match sight {
        Sight::All => table::Entity::find(),
        Sight::Public => {
            let out = templates::seen(Sight::Public).select_only().column(template::Column::Id).into_query();
            table::Entity::find()
                .filter(table::Column::Status.eq(TemplateVersionStatus::Published.as_str()))
                .filter(table::Column::TemplateId.in_subquery(out))
        }
    }
}

async fn find(db: &DatabaseExecutor<'_>, sight: Sight, id: TemplateVersionId) -> Result<Option<TemplateVersion>, Error> {
    let row = seen(sight).filter(table::Column::Id.eq(id.to_string())).one(db).await?;
    row.map(convert::template_version).transpose()
}

async fn find_all(db: &DatabaseExecutor<'_>, sight: Sight, ids: &[TemplateVersionId]) -> Result<Vec<TemplateVersion>, Error> {
    let wanted = table::Column::Id.is_in(ids.iter().map(ToString::to_string));
    seen(sight).filter(wanted).all(db).await?.into_iter().map(convert::template_version).collect()
}

async fn list(
    db: &DatabaseExecutor<'_>,
    sight: Sight,
    template: TemplateId,
    request: &PageRequest,
) -> Result<Page<TemplateVersion>, Error> {
    let select = seen(sight).filter(table::Column::TemplateId.eq(template.to_string()));
    let keyset = Keyset {
        list: "template_versions",
        key: Key::Id,
        id: Expr::col(table::Column::Id.as_column_ref()),
        id_of: |row: &table::Model| row.id.clone(),
        descending: true,
    };
    super::page::map(page(db, select, &keyset, request).await?, convert::template_version)
}
