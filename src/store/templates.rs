//! Templates of the catalogue: everyone sees the published ones, SaaS admins all.

use connectors_entity::{connector_template as table, template_version};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, Condition, DatabaseExecutor, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    QueryTrait, Select,
};

use super::page::{Key, Keyset, page};
use super::{Error, Tx, convert, search};
use crate::auth::{AdminScope, UserScope};
use crate::domain::id::TemplateId;
use crate::domain::page::{Page, PageRequest};
use crate::domain::template::{Template, TemplateStatus};

/// Names a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateRef {
    /// By id.
    Id(TemplateId),
    /// By slug.
    Slug(String),
}

/// Which templates are wanted; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateFilter {
    /// Words in name, summary, description or labels.
    pub search: Option<String>,
    /// In this category, by slug.
    pub category: Option<String>,
    /// With all of these labels.
    pub tags: Option<Vec<String>>,
    /// Official or not.
    pub official: Option<bool>,
    /// Featured or not.
    pub featured: Option<bool>,
    /// Whose newest published definition names this host.
    pub host: Option<String>,
    /// In one of these states.
    pub statuses: Option<Vec<TemplateStatus>>,
}

/// Orders of the catalogue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TemplateOrder {
    /// Featured and most installed first.
    #[default]
    Relevance,
    /// Most installed first.
    Popular,
    /// Newest first.
    Newest,
    /// By name.
    Name,
}

/// Whose eyes look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// What is out.
    Public,
    /// Everything.
    All,
}

impl Tx<UserScope> {
    /// Published and deprecated templates.
    pub async fn list_templates(
        &self,
        filter: &TemplateFilter,
        order: TemplateOrder,
        request: &PageRequest,
    ) -> Result<Page<Template>, Error> {
        list(&self.db(), seen(Sight::Public).filter(condition(filter)), order, request).await
    }

    /// One published or deprecated template.
    pub async fn find_template(&self, by: &TemplateRef) -> Result<Option<Template>, Error> {
        find(&self.db(), Sight::Public, by).await
    }

    /// Those of these ids that are published or deprecated, in no order.
    pub async fn find_templates(&self, ids: &[TemplateId]) -> Result<Vec<Template>, Error> {
        find_all(&self.db(), Sight::Public, ids).await
    }
}

impl Tx<AdminScope> {
    /// Templates in any state.
    pub async fn list_templates(
        &self,
        filter: &TemplateFilter,
        order: TemplateOrder,
        request: &PageRequest,
    ) -> Result<Page<Template>, Error> {
        list(&self.db(), seen(Sight::All).filter(condition(filter)), order, request).await
    }

    /// One template in any state.
    pub async fn find_template(&self, by: &TemplateRef) -> Result<Option<Template>, Error> {
        find(&self.db(), Sight::All, by).await
    }

    /// Those of these ids that are there, in any state and in no order.
    pub async fn find_templates(&self, ids: &[TemplateId]) -> Result<Vec<Template>, Error> {
        find_all(&self.db(), Sight::All, ids).await
    }

    /// Adds a template.
    ///
    /// # Errors
    /// [`Error::Conflict`] `slug`.
    pub async fn insert_template(&self, template: &Template) -> Result<(), Error> {
        self.insert(convert::template_row(template).into_active_model()).await
    }

    /// Writes everything a person can change; the revision rises by one. Gives the template as it is now.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] `revision` when it is no longer the expected one, [`Error::Conflict`] `slug`.
    pub async fn update_template(&self, template: &Template, expected_revision: Option<i32>) -> Result<Template, Error> {
        let mut row = convert::template_row(template).into_active_model().reset_all();
        row.id = ActiveValue::NotSet;
        row.revision = ActiveValue::NotSet;
        row.created_at = ActiveValue::NotSet;
        row.install_count = ActiveValue::NotSet;
        let mut update = table::Entity::update_many()
            .set(row)
            .col_expr(table::Column::Revision, Expr::col(table::Column::Revision).add(1))
            .filter(table::Column::Id.eq(template.id.to_string()));
        if let Some(revision) = expected_revision {
            update = update.filter(table::Column::Revision.eq(revision));
        }
        let changed = self.update(update).await?;
        let now = self.find_template(&TemplateRef::Id(template.id)).await?.ok_or(Error::NotFound)?;
        if changed == 0 { Err(Error::Conflict { what: "revision" }) } else { Ok(now) }
    }
}

/// The templates these eyes see.
pub(super) fn seen(sight: Sight) -> Select<table::Entity> {
    match sight {
        Sight::All => table::Entity::find(),
        Sight::Public => table::Entity::find()
            .filter(table::Column::Status.is_in([TemplateStatus::Published.as_str(), TemplateStatus::Deprecated.as_str()])),
    }
}

async fn find(db: &DatabaseExecutor<'_>, sight: Sight, by: &TemplateRef) -> Result<Option<Template>, Error> {
    let condition = match by {
        TemplateRef::Id(id) => table::Column::Id.eq(id.to_string()),
        TemplateRef::Slug(slug) => table::Column::Slug.eq(slug.as_str()),
    };
    seen(sight).filter(condition).one(db).await?.map(convert::template).transpose()
}

async fn find_all(db: &DatabaseExecutor<'_>, sight: Sight, ids: &[TemplateId]) -> Result<Vec<Template>, Error> {
    let wanted = table::Column::Id.is_in(ids.iter().map(ToString::to_string));
    seen(sight).filter(wanted).all(db).await?.into_iter().map(convert::template).collect()
}

async fn list(
    db: &DatabaseExecutor<'_>,
    select: Select<table::Entity>,
    order: TemplateOrder,
    request: &PageRequest,
) -> Result<Page<Template>, Error> {
    super::page::map(page(db, select, &keyset(order), request).await?, convert::template)
}

fn condition(filter: &TemplateFilter) -> Condition {
    let mut all = Condition::all();
    if let Some(text) = &filter.search {
        let columns = [table::Column::Name, table::Column::Summary, table::Column::Description, table::Column::Tags];
        all = all.add(search::words(text, &columns));
    }
    if let Some(category) = &filter.category {
        all = all.add(table::Column::Category.eq(category.as_str()));
    }
    if let Some(tags) = &filter.tags {
        all = all.add(search::has_all(table::Column::Tags, tags));
    }
    if let Some(official) = filter.official {
        all = all.add(table::Column::Official.eq(official));
    }
    if let Some(featured) = filter.featured {
        all = all.add(table::Column::Featured.eq(featured));
    }
    if let Some(statuses) = &filter.statuses {
        all = all.add(table::Column::Status.is_in(statuses.iter().map(|status| status.as_str())));
    }
    if let Some(host) = &filter.host {
        let naming = template_version::Entity::find()
            .select_only()
            .column(template_version::Column::Id)
            .filter(search::words(host, &[template_version::Column::Definition]))
            .into_query();
        all = all.add(table::Column::LatestVersionId.in_subquery(naming));
    }
    all
}

/// What a featured template is ahead of any other by.
const FEATURED: i64 = 1_000_000_000_000;

fn keyset(order: TemplateOrder) -> Keyset<table::Model> {
    let column = |column: table::Column| Expr::col(column.as_column_ref());
    let relevance = |row: &table::Model| row.install_count + if row.featured { FEATURED } else { 0 };
    let (list, key, descending) = match order {
        TemplateOrder::Relevance => {
            let featured = Expr::case(column(table::Column::Featured).eq(true), FEATURED).finally(0);
            ("templates.relevance", Key::Integer(column(table::Column::InstallCount).add(featured), relevance), true)
        }
        TemplateOrder::Popular => {
            ("templates.popular", Key::Integer(column(table::Column::InstallCount), |row: &table::Model| row.install_count), true)
        }
        TemplateOrder::Newest => ("templates.newest", Key::Id, true),
        TemplateOrder::Name => {
            let name = Expr::expr(Func::lower(column(table::Column::Name)));
            ("templates.name", Key::Text(name, |row: &table::Model| row.name.to_ascii_lowercase()), false)
        }
    };
    Keyset { list, key, id: column(table::Column::Id), id_of: |row| row.id.clone(), descending }
}
