//! Template and credentials become a connector that can run, whole or not at all.

use serde_json::Value;

use crate::auth::{Principal, UserScope, WorkspaceScope};
use crate::domain::connector::Connector;
use crate::domain::credential::Credential;
use crate::domain::template::{Template, TemplateStatus, TemplateVersion};
use crate::domain::workspace::WorkspaceRole;
use crate::pipeline;
use crate::store::{TemplateRef, WorkspaceRef};

use super::bindings::SlotFill;
use super::connectors::{NewConnector, check_config, free_key, sound, status};
use super::error::{Mistake, MistakeKind};
use super::{App, Error, Result};

/// What is to be installed, and how.
#[derive(Debug, Clone)]
pub struct InstallRequest {
    /// The workspace.
    pub workspace: WorkspaceRef,
    /// The template.
    pub template: TemplateRef,
    /// The version; the newest unless told.
    pub version: Option<semver::Version>,
    /// Name of the connector; the template's unless told.
    pub name: Option<String>,
    /// Credentials for its slots.
    pub credentials: Vec<SlotFill>,
    /// Values of the definition's `config`.
    pub config: Option<Value>,
}

/// What an installation made.
#[derive(Debug, Clone)]
pub struct Installed {
    /// The connector.
    pub connector: Connector,
    /// Credentials made on the way.
    pub credentials: Vec<Credential>,
    /// The scope it was made in.
    pub scope: WorkspaceScope,
}

impl App {
    /// Makes a connector from a template: its credentials, the connector and its first version in one transaction.
    ///
    /// A slot left empty leaves the connector blocked; nothing else does.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below EDITOR, or below ADMIN to make credentials; [`Error::Invalid`] with every mistake.
    pub async fn install(&self, principal: &Principal, request: InstallRequest) -> Result<Installed> {
        let (_, scope) = self.enter(principal, &request.workspace).await?;
        scope.require(WorkspaceRole::Editor)?;
        let (template, version) = self.installable(principal, &request).await?;
        let (plan, hash) = sound(pipeline::compile(&version.definition))?;
        let mut connector = self.blank_connector(
            &scope,
            NewConnector {
                name: request.name.unwrap_or_else(|| template.name.clone()),
                description: template.description.clone(),
                icon: template.icon.clone(),
                tags: template.tags.clone(),
                config: request.config,
                ..NewConnector::default()
            },
        )?;
        check_config(&plan, &connector.config)?;
        connector.draft = version.definition;
        connector.template_id = Some(template.id);
        connector.template_version_id = Some(version.id);

        let slots = &plan.definition.credentials;
        let tx = self.store().begin(&scope).await?;
        let filled = self.fill_slots(&tx, &scope, slots, (request.credentials, "credentials")).await?;
        for (index, (credential, sealed)) in filled.made.iter().enumerate() {
            let place = index.to_string();
            tx.insert_credential(credential, sealed)
                .await
                .map_err(|error| Error::from(error).at(&["credentials", &place, "credential", "create"]))?;
        }
        connector.key = free_key(&tx, &connector.name).await?;
        self.check_calls(&tx, &connector.key, &plan).await?;
        connector.status = status(slots, &filled.bindings);
        connector.bindings = filled.bindings;
        let first = self.version(&scope, &connector, (1, hash, None));
        connector.published_version_id = Some(first.id);
        connector.published_hash = Some(first.hash.clone());
        tx.insert_connector(&connector).await?;
        tx.insert_version(&first).await?;
        tx.commit().await?;
        self.inner.plans.insert(first.id, plan);
        Ok(Installed { connector, credentials: filled.made.into_iter().map(|(credential, _)| credential).collect(), scope })
    }

    /// The template and the version asked for, if they can be installed.
    async fn installable(&self, principal: &Principal, request: &InstallRequest) -> Result<(Template, TemplateVersion)> {
        let tx = self.store().read(&UserScope::of(principal)).await?;
        let looked_for = match &request.template {
            TemplateRef::Id(id) => id.to_string(),
            TemplateRef::Slug(slug) => slug.clone(),
        };
        let template = tx.find_template(&request.template).await?.ok_or_else(|| Error::not_found(looked_for, &["template"]))?;
        if template.status != TemplateStatus::Published {
            let kind = MistakeKind::TemplateUnavailable {
                state: template.status.as_str().to_ascii_uppercase(),
                allowed: vec!["PUBLISHED".to_owned()],
            };
            return Err(Mistake::new(kind, &["template"], "This template can no longer be installed.").into());
        }
        let version = tx.find_template_version_numbered(template.id, request.version.as_ref()).await?.ok_or_else(|| {
            let asked = request.version.as_ref().map(ToString::to_string).unwrap_or_default();
            Error::not_found(asked, &["version"])
        })?;
        Ok((template, version))
    }
}
