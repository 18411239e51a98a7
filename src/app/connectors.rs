//! Connectors: made, edited as a draft, published, bound to credentials, deleted.
//!
//! A draft may be saved half done; only publishing wants a definition without errors.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

use crate::auth::{Principal, WorkspaceScope};
use crate::domain::connector::{Connector, ConnectorStatus, ConnectorVersion};
use crate::domain::definition::{MAX_BYTES, SPEC, Slot};
use crate::domain::id::{ConnectorId, ConnectorVersionId, CredentialId};
use crate::domain::page::{Cursor, Page, PageRequest};
use crate::domain::workspace::WorkspaceRole;
use crate::pipeline::{self, Compiled, Plan};
use crate::store::{ConnectorFilter, ConnectorOrder, ObjectId, Tx, WorkspaceRef};

use super::bindings::{SlotFill, empty_slots};
use super::error::{Mistake, MistakeKind, Winner};
use super::text::{self, Mistakes};
use super::{App, Error, Result};

/// Names tried before a key made from a name is given up.
const KEY_ATTEMPTS: u32 = 100;
/// Executions one connector may be told to run at one time.
const MAX_CONCURRENCY: i32 = 10_000;

/// What a new connector starts from.
#[derive(Debug, Clone)]
pub enum ConnectorSource {
    /// A definition.
    Definition(Value),
    /// The draft of another connector.
    Connector(ConnectorId),
    /// A version of a connector.
    Version(ConnectorVersionId),
}

/// A connector to make.
#[derive(Debug, Clone, Default)]
pub struct NewConnector {
    /// Name to show.
    pub name: String,
    /// Name for programs; made from the name unless told.
    pub key: Option<String>,
    /// Markdown.
    pub description: Option<String>,
    /// An emoji or the name of an icon.
    pub icon: Option<String>,
    /// Free labels.
    pub tags: Vec<String>,
    /// What to start from; an empty definition unless told.
    pub source: Option<ConnectorSource>,
    /// Values of the definition's `config`.
    pub config: Option<Value>,
}

/// What is to change: `None` leaves as is, `Some(None)` empties.
#[derive(Debug, Clone, Default)]
pub struct ConnectorChange {
    /// The revision that was read.
    pub expected_revision: Option<i32>,
    /// Name to show.
    pub name: Option<String>,
    /// Name for programs.
    pub key: Option<String>,
    /// Markdown.
    pub description: Option<Option<String>>,
    /// An emoji or the name of an icon.
    pub icon: Option<Option<String>>,
    /// Free labels.
    pub tags: Option<Vec<String>>,
    /// The whole new definition.
    pub definition: Option<Value>,
    /// Values of the definition's `config`.
    pub config: Option<Value>,
    /// Executions at one time.
    pub max_concurrency: Option<Option<i32>>,
    /// Publish as well?
    pub publish: bool,
}

impl App {
    /// The workspace's connectors.
    pub async fn list_connectors(
        &self,
        scope: &WorkspaceScope,
        (filter, order): (&ConnectorFilter, ConnectorOrder),
        page: &PageRequest,
    ) -> Result<Page<Connector>> {
        Ok(self.store().read(scope).await?.list_connectors(filter, order, page).await?)
    }

    /// One connector.
    pub async fn find_connector(&self, principal: &Principal, id: ConnectorId) -> Result<(Connector, WorkspaceScope)> {
        let scope = self.enter_of(principal, ObjectId::Connector(id), id).await?;
        let found = self.store().read(&scope).await?.find_connector(id).await?.ok_or_else(|| Error::not_found(id, &["id"]))?;
        Ok((found, scope))
    }

    /// One connector by its key.
    pub async fn find_connector_by_key(&self, scope: &WorkspaceScope, key: &str) -> Result<Option<Connector>> {
        Ok(self.store().read(scope).await?.find_connector_by_key(key).await?)
    }

    /// Those of these connectors that are in the workspace.
    pub async fn connectors_of(&self, scope: &WorkspaceScope, ids: &[ConnectorId]) -> Result<Vec<Connector>> {
        Ok(self.store().read(scope).await?.find_connectors(ids).await?)
    }

    /// One version.
    pub async fn find_version(&self, principal: &Principal, id: ConnectorVersionId) -> Result<(ConnectorVersion, WorkspaceScope)> {
        let scope = self.enter_of(principal, ObjectId::ConnectorVersion(id), id).await?;
        let found = self.store().read(&scope).await?.find_version(id).await?.ok_or_else(|| Error::not_found(id, &["id"]))?;
        Ok((found, scope))
    }

    /// Those of these versions that are in the workspace.
    pub async fn versions_of(&self, scope: &WorkspaceScope, ids: &[ConnectorVersionId]) -> Result<Vec<ConnectorVersion>> {
        Ok(self.store().read(scope).await?.find_versions(ids).await?)
    }

    /// The published versions of a connector, newest first.
    pub async fn list_versions(&self, scope: &WorkspaceScope, id: ConnectorId, page: &PageRequest) -> Result<Page<ConnectorVersion>> {
        Ok(self.store().read(scope).await?.list_versions(id, page).await?)
    }

    /// Makes a connector, unpublished and without credentials.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below EDITOR; [`Error::Invalid`] for bad texts or a taken key.
    pub async fn create_connector(
        &self,
        principal: &Principal,
        workspace: &WorkspaceRef,
        new: NewConnector,
    ) -> Result<(Connector, WorkspaceScope)> {
        let (_, scope) = self.enter(principal, workspace).await?;
        scope.require(WorkspaceRole::Editor)?;
        let source = new.source.clone();
        let mut connector = self.blank_connector(&scope, new)?;
        let tx = self.store().begin(&scope).await?;
        let draft = match source {
            None => None,
            Some(ConnectorSource::Definition(definition)) => Some(checked_definition(definition, &["source", "definition"])?),
            Some(ConnectorSource::Connector(id)) => {
                let path = ["source", "connectorId"];
                Some(tx.find_connector(id).await?.ok_or_else(|| Error::not_found(id, &path))?.draft)
            }
            Some(ConnectorSource::Version(id)) => {
                let path = ["source", "versionId"];
                Some(tx.find_version(id).await?.ok_or_else(|| Error::not_found(id, &path))?.definition)
            }
        };
        if let Some(draft) = draft {
            connector.draft = draft;
        }
        if connector.key.is_empty() {
            connector.key = free_key(&tx, &connector.name).await?;
        }
        tx.insert_connector(&connector).await?;
        tx.commit().await?;
        Ok((connector, scope))
    }

    /// A connector with checked texts and an empty definition; its key is empty when none was given.
    pub(super) fn blank_connector(&self, scope: &WorkspaceScope, new: NewConnector) -> Result<Connector> {
        let mut mistakes = Mistakes::default();
        let name = mistakes.note(text::required(&new.name, text::NAME_LENGTH, &["name"])).unwrap_or_default();
        let key = new.key.and_then(|key| mistakes.note(text::key(&key, &["key"]))).unwrap_or_default();
        let tags = mistakes.note(text::tags(new.tags, text::MAX_TAGS, &["tags"])).unwrap_or_default();
        mistakes.note(text::limited(new.description.as_deref().unwrap_or_default(), text::PROSE_LENGTH, &["description"]));
        mistakes.note(text::limited(new.icon.as_deref().unwrap_or_default(), text::NAME_LENGTH, &["icon"]));
        let config = new.config.unwrap_or_else(|| Value::Object(Map::new()));
        mistakes.note(object(&config, &["config"]));
        mistakes.done()?;
        let now = self.clock().now();
        let draft = json!({ "spec": SPEC, "kind": "connector", "meta": { "slug": text::slug(&name), "title": name }, "steps": [] });
        Ok(Connector {
            id: ConnectorId::fresh(self.clock()),
            workspace_id: scope.workspace_id(),
            key,
            name,
            description: new.description,
            icon: new.icon,
            tags,
            status: ConnectorStatus::Draft,
            revision: 1,
            draft,
            published_version_id: None,
            published_hash: None,
            config,
            bindings: BTreeMap::new(),
            max_concurrency: None,
            template_id: None,
            template_version_id: None,
            run_count: 0,
            success_count: 0,
            failure_count: 0,
            last_run_at: None,
            created_by: scope.actor().clone(),
            created_at: now,
            updated_by: scope.actor().clone(),
            updated_at: now,
        })
    }

    /// Changes a connector's draft or texts, and publishes it if asked.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below EDITOR; [`Error::Invalid`] for bad values, a newer revision, or a definition with
    /// errors that was to be published.
    pub async fn change_connector(
        &self,
        principal: &Principal,
        id: ConnectorId,
        change: ConnectorChange,
    ) -> Result<(Connector, Option<ConnectorVersion>, WorkspaceScope)> {
        let scope = self.enter_of(principal, ObjectId::Connector(id), id).await?;
        scope.require(WorkspaceRole::Editor)?;
        let publish = change.publish;
        let expected = change.expected_revision;
        let tx = self.store().begin(&scope).await?;
        let mut connector = current(&tx, id, expected).await?;
        apply(&mut connector, change)?;
        let version = if publish { self.publish_draft(&tx, &scope, &mut connector, None).await? } else { None };
        let connector = self.save(&tx, &scope, connector).await?;
        tx.commit().await?;
        Ok((connector, version, scope))
    }

    /// Makes the draft the version that runs; the present version when nothing had changed.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below EDITOR; [`Error::Invalid`] listing every problem of the definition, its configuration
    /// or its credentials.
    pub async fn publish_connector(
        &self,
        principal: &Principal,
        id: ConnectorId,
        (expected, note): (Option<i32>, Option<String>),
    ) -> Result<(Connector, Option<ConnectorVersion>, WorkspaceScope)> {
        let scope = self.enter_of(principal, ObjectId::Connector(id), id).await?;
        scope.require(WorkspaceRole::Editor)?;
        text::limited(note.as_deref().unwrap_or_default(), text::PROSE_LENGTH, &["note"])?;
        let tx = self.store().begin(&scope).await?;
        let mut connector = current(&tx, id, expected).await?;
        let version = match self.publish_draft(&tx, &scope, &mut connector, note).await? {
            Some(version) => Some(version),
            None => match connector.published_version_id {
                Some(version) => tx.find_version(version).await?,
                None => None,
            },
        };
        let connector = self.save(&tx, &scope, connector).await?;
        tx.commit().await?;
        Ok((connector, version, scope))
    }

    /// Writes a version from the draft and points the connector at it, inside the caller's transaction.
    async fn publish_draft(
        &self,
        tx: &Tx<WorkspaceScope>,
        scope: &WorkspaceScope,
        connector: &mut Connector,
        note: Option<String>,
    ) -> Result<Option<ConnectorVersion>> {
        let compiled = pipeline::compile(&connector.draft);
        let (plan, hash) = sound(compiled)?;
        check_config(&plan, &connector.config)?;
        self.check_calls(tx, &connector.key, &plan).await?;
        let slots = &plan.definition.credentials;
        self.check_bindings((tx, scope), slots, &connector.bindings, false).await?;
        if !matches!(connector.status, ConnectorStatus::Paused | ConnectorStatus::Archived) {
            connector.status = status(slots, &connector.bindings);
        }
        if connector.published_version_id.is_some() && connector.published_hash.as_deref() == Some(&hash) {
            return Ok(None);
        }
        let number = tx.next_version_number(connector.id).await?;
        let version = self.version(scope, connector, (number, hash, note));
        tx.insert_version(&version).await?;
        connector.published_version_id = Some(version.id);
        connector.published_hash = Some(version.hash.clone());
        Ok(Some(version))
    }

    /// A version of the connector's draft, not yet inserted.
    pub(super) fn version(
        &self,
        scope: &WorkspaceScope,
        connector: &Connector,
        (number, hash, note): (i32, String, Option<String>),
    ) -> ConnectorVersion {
        ConnectorVersion {
            id: ConnectorVersionId::fresh(self.clock()),
            workspace_id: connector.workspace_id,
            connector_id: connector.id,
            number,
            definition: connector.draft.clone(),
            hash,
            note,
            published_by: scope.actor().clone(),
            published_at: self.clock().now(),
        }
    }

    async fn save(&self, tx: &Tx<WorkspaceScope>, scope: &WorkspaceScope, mut connector: Connector) -> Result<Connector> {
        connector.updated_by = scope.actor().clone();
        connector.updated_at = self.clock().now();
        Ok(tx.update_connector(&connector, None).await?)
    }

    /// Fills and empties credential slots; a published connector becomes able or unable to run by it.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below EDITOR, or below ADMIN to make credentials; [`Error::Invalid`] for whatever does not fit.
    pub async fn bind_credentials(
        &self,
        principal: &Principal,
        id: ConnectorId,
        (fills, unbind): (Vec<SlotFill>, Vec<String>),
    ) -> Result<(Connector, WorkspaceScope)> {
        let scope = self.enter_of(principal, ObjectId::Connector(id), id).await?;
        scope.require(WorkspaceRole::Editor)?;
        let tx = self.store().begin(&scope).await?;
        let mut connector = current(&tx, id, None).await?;
        let published = match connector.published_version_id {
            Some(version) => Some(self.plan(&tx, version).await?),
            None => None,
        };
        let mut slots = published.as_ref().map(|plan| plan.definition.credentials.clone()).unwrap_or_default();
        slots.extend(pipeline::compile(&connector.draft).definition.map(|definition| definition.credentials).unwrap_or_default());
        let filled = self.fill_slots(&tx, &scope, &slots, (fills, "bind")).await?;
        for (credential, sealed) in &filled.made {
            tx.insert_credential(credential, sealed).await?;
        }
        connector.bindings.retain(|slot, _| !unbind.contains(slot));
        connector.bindings.extend(filled.bindings);
        if let Some(plan) = published
            && matches!(connector.status, ConnectorStatus::Active | ConnectorStatus::Blocked)
        {
            connector.status = status(&plan.definition.credentials, &connector.bindings);
        }
        let connector = self.save(&tx, &scope, connector).await?;
        tx.commit().await?;
        Ok((connector, scope))
    }

    /// Deletes a connector with its versions; its unfinished executions are told to stop.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below EDITOR.
    pub async fn delete_connector(&self, principal: &Principal, id: ConnectorId) -> Result<ConnectorId> {
        let scope = self.enter_of(principal, ObjectId::Connector(id), id).await?;
        scope.require(WorkspaceRole::Editor)?;
        let tx = self.store().begin(&scope).await?;
        tx.delete_connector(id).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// The workspace's scope for someone who may edit connectors in it.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below EDITOR.
    pub async fn enter_to_edit(&self, principal: &Principal, workspace: &WorkspaceRef) -> Result<WorkspaceScope> {
        let (_, scope) = self.enter(principal, workspace).await?;
        scope.require(WorkspaceRole::Editor)?;
        Ok(scope)
    }
}

/// The connector as it is in this transaction, if its revision is the one expected.
async fn current(tx: &Tx<WorkspaceScope>, id: ConnectorId, expected: Option<i32>) -> Result<Connector> {
    let connector = tx.find_connector(id).await?.ok_or_else(|| Error::not_found(id, &["id"]))?;
    if expected.is_none_or(|revision| revision == connector.revision) {
        return Ok(connector);
    }
    let winner = Winner { revision: connector.revision, by: Some(connector.updated_by), at: connector.updated_at };
    let message = "Someone else changed the connector since you read it.";
    Err(Mistake::new(MistakeKind::Revision(Some(winner)), &["expectedRevision"], message).into())
}

fn apply(connector: &mut Connector, change: ConnectorChange) -> Result<()> {
    let mut mistakes = Mistakes::default();
    if let Some(name) = change.name.and_then(|name| mistakes.note(text::required(&name, text::NAME_LENGTH, &["name"]))) {
        connector.name = name;
    }
    if let Some(key) = change.key.and_then(|key| mistakes.note(text::key(&key, &["key"]))) {
        connector.key = key;
    }
    if let Some(tags) = change.tags.and_then(|tags| mistakes.note(text::tags(tags, text::MAX_TAGS, &["tags"]))) {
        connector.tags = tags;
    }
    if let Some(description) = change.description {
        mistakes.note(text::limited(description.as_deref().unwrap_or_default(), text::PROSE_LENGTH, &["description"]));
        connector.description = description;
    }
    if let Some(icon) = change.icon {
        mistakes.note(text::limited(icon.as_deref().unwrap_or_default(), text::NAME_LENGTH, &["icon"]));
        connector.icon = icon;
    }
    if let Some(config) = change.config {
        mistakes.note(object(&config, &["config"]));
        connector.config = config;
    }
    match change.max_concurrency {
        Some(Some(given)) if !(1..=MAX_CONCURRENCY).contains(&given) => {
            mistakes.push(Mistake::invalid(&["maxConcurrency"], format!("It must be between 1 and {MAX_CONCURRENCY}.")));
        }
        Some(given) => connector.max_concurrency = given.and_then(|given| u32::try_from(given).ok()),
        None => {}
    }
    if let Some(definition) = change.definition.and_then(|given| mistakes.note(checked_definition(given, &["definition"]))) {
        connector.draft = definition;
    }
    mistakes.done()
}

/// A definition fit to be saved as a draft: an object that is not too large.
pub(super) fn checked_definition(definition: Value, path: &[&str]) -> Result<Value, Mistake> {
    object(&definition, path)?;
    if definition.to_string().len() > MAX_BYTES {
        return Err(text::too_long(MAX_BYTES, path, format!("A definition may have at most {MAX_BYTES} bytes.")));
    }
    Ok(definition)
}

fn object(value: &Value, path: &[&str]) -> Result<(), Mistake> {
    if value.is_object() { Ok(()) } else { Err(Mistake::invalid(path, "It must be a JSON object.")) }
}

/// The plan and hash of a definition without errors.
///
/// # Errors
/// [`Error::Invalid`] with every problem found.
pub(super) fn sound(compiled: Compiled) -> Result<(Arc<Plan>, String)> {
    match compiled.plan {
        Some(plan) => Ok((plan, compiled.hash)),
        None => Err(Mistake::new(
            MistakeKind::Definition(compiled.problems),
            &["definition"],
            "The definition has problems that must be mended first.",
        )
        .into()),
    }
}

/// Refuses configuration values that do not fit the definition.
pub(super) fn check_config(plan: &Plan, config: &Value) -> Result<Value> {
    plan.resolve_config(config).map_err(|wrong| Error::Invalid(misfits("config", wrong)))
}

/// Mistakes from (JSON Pointer, sentence) pairs below one member of the input.
pub(super) fn misfits(member: &str, wrong: Vec<(String, String)>) -> Vec<Mistake> {
    wrong
        .into_iter()
        .map(|(pointer, sentence)| {
            let parts: Vec<&str> = std::iter::once(member).chain(pointer.split('/').filter(|part| !part.is_empty())).collect();
            Mistake::invalid(&parts, sentence)
        })
        .collect()
}

/// Able to run once every slot is filled.
pub(super) fn status(slots: &BTreeMap<String, Slot>, bindings: &BTreeMap<String, CredentialId>) -> ConnectorStatus {
    if empty_slots(slots, bindings) { ConnectorStatus::Blocked } else { ConnectorStatus::Active }
}

/// A key made from a name that no connector of the workspace has.
pub(super) async fn free_key(tx: &Tx<WorkspaceScope>, name: &str) -> Result<String> {
    let slug = text::slug(name);
    for attempt in 1..=KEY_ATTEMPTS {
        let key = text::numbered(&slug, attempt);
        if tx.find_connector_by_key(&key).await?.is_none() {
            return Ok(key);
        }
    }
    Err(Mistake::new(MistakeKind::NotUnique, &["name"], "Too many connectors have this name; give a key.").into())
}

/// The place of a connector in the list's usual order, by last change.
pub fn connector_cursor(connector: &Connector) -> String {
    let key = connector.updated_at.to_rfc3339_opts(SecondsFormat::AutoSi, false);
    Cursor { list: "connectors.updated".to_owned(), key, id: connector.id.to_string() }.encode()
}
