//! The catalogue as everyone signed in sees it: published templates and versions only.

use crate::auth::{AdminScope, Principal, UserScope};
use crate::domain::id::{TemplateId, TemplateVersionId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::template::{Template, TemplateVersion};
use crate::store::{TemplateFilter, TemplateOrder, TemplateRef, Tx};

use super::{App, Result};

impl App {
    /// Templates of the catalogue.
    pub async fn list_templates(
        &self,
        principal: &Principal,
        (filter, order): (&TemplateFilter, TemplateOrder),
        page: &PageRequest,
    ) -> Result<Page<Template>> {
        Ok(self.store().read(&UserScope::of(principal)).await?.list_templates(filter, order, page).await?)
    }

    /// One template; SaaS admins also see unpublished ones.
    pub async fn find_template(&self, principal: &Principal, by: &TemplateRef) -> Result<Option<Template>> {
        let tx = self.store().read(&UserScope::of(principal)).await?;
        if let Some(found) = tx.find_template(by).await? {
            return Ok(Some(found));
        }
        let Some(admin) = as_admin(&tx, principal).await? else { return Ok(None) };
        drop(tx);
        Ok(self.store().read(&admin).await?.find_template(by).await?)
    }

    /// Those of these templates that the caller may see; SaaS admins also see unpublished ones.
    pub async fn templates_of(&self, principal: &Principal, ids: &[TemplateId]) -> Result<Vec<Template>> {
        let tx = self.store().read(&UserScope::of(principal)).await?;
        let found = tx.find_templates(ids).await?;
        if found.len() == ids.len() {
            return Ok(found);
        }
        let Some(admin) = as_admin(&tx, principal).await? else { return Ok(found) };
        drop(tx);
        Ok(self.store().read(&admin).await?.find_templates(ids).await?)
    }

    /// One version of a template; SaaS admins also see unpublished ones.
    pub async fn find_template_version(&self, principal: &Principal, id: TemplateVersionId) -> Result<Option<TemplateVersion>> {
        let tx = self.store().read(&UserScope::of(principal)).await?;
        if let Some(found) = tx.find_template_version(id).await? {
            return Ok(Some(found));
        }
        let Some(admin) = as_admin(&tx, principal).await? else { return Ok(None) };
        drop(tx);
        Ok(self.store().read(&admin).await?.find_template_version(id).await?)
    }

    /// Those of these versions that the caller may see; SaaS admins also see unpublished ones.
    pub async fn template_versions_of(&self, principal: &Principal, ids: &[TemplateVersionId]) -> Result<Vec<TemplateVersion>> {
        let tx = self.store().read(&UserScope::of(principal)).await?;
        let found = tx.find_template_versions(ids).await?;
        if found.len() == ids.len() {
            return Ok(found);
        }
        let Some(admin) = as_admin(&tx, principal).await? else { return Ok(found) };
        drop(tx);
        Ok(self.store().read(&admin).await?.find_template_versions(ids).await?)
    }

    /// The versions of a template, newest first: published ones, and for SaaS admins all.
    pub async fn list_template_versions(&self, principal: &Principal, id: TemplateId, page: &PageRequest) -> Result<Page<TemplateVersion>> {
        let tx = self.store().read(&UserScope::of(principal)).await?;
        let Some(admin) = as_admin(&tx, principal).await? else { return Ok(tx.list_template_versions(id, page).await?) };
        drop(tx);
        Ok(self.store().read(&admin).await?.list_template_versions(id, page).await?)
    }
}

/// The scope of a SaaS admin, if the caller is one.
async fn as_admin(tx: &Tx<UserScope>, principal: &Principal) -> Result<Option<AdminScope>> {
    Ok(tx.find_saas_admin().await?.map(|row| AdminScope::grant(principal, &row)))
}
