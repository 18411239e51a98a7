//! Tests from the builder: a draft, a version or a definition never saved, run as an execution of kind TEST.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::auth::{Principal, WorkspaceScope};
use crate::domain::connector::Connector;
use crate::domain::execution::{ExecutionKind, ExecutionTrigger};
use crate::domain::id::{ConnectorId, ConnectorVersionId};
use crate::domain::problem::nearest;
use crate::domain::workspace::WorkspaceRole;
use crate::pipeline;
use crate::store::{ContactRef, Tx, WorkspaceRef};

use super::bindings::{CredentialSource, SlotFill};
use super::connectors::{check_config, checked_definition, misfits, sound};
use super::error::{Mistake, MistakeKind};
use super::executions::{Prepared, Started, checked_wait, find_contact, used_bindings};
use super::{App, Error, Result, text};

/// Outputs that may be pinned.
const MAX_PINNED: usize = 100;

/// What a test runs.
#[derive(Debug, Clone)]
pub enum TestTarget {
    /// The draft of a connector.
    Draft(ConnectorId),
    /// A version of a connector.
    Version(ConnectorVersionId),
    /// A definition, saved or not.
    Definition(Value),
}

/// A test that is asked for.
#[derive(Debug, Clone)]
pub struct TestRequest {
    /// The workspace.
    pub workspace: WorkspaceRef,
    /// What to run.
    pub target: TestTarget,
    /// Run just this step.
    pub only_step: Option<String>,
    /// What a caller would give.
    pub input: Option<Value>,
    /// The contact to run it for.
    pub contact: Option<ContactRef>,
    /// Outputs taken as given, by step path.
    pub pinned: Vec<(String, Value)>,
    /// Credentials for slots; those bound to the connector unless told.
    pub credentials: Vec<SlotFill>,
    /// Values of the definition's `config`; the connector's unless told.
    pub config: Option<Value>,
    /// Really write to the contact?
    pub write_contact: bool,
    /// How long to wait for the end.
    pub wait: Duration,
}

impl App {
    /// Runs a test.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below EDITOR; [`Error::Invalid`] when the definition has errors or the input does not fit.
    pub async fn test(&self, principal: &Principal, request: TestRequest) -> Result<Started> {
        let (_, scope) = self.enter(principal, &request.workspace).await?;
        scope.require(WorkspaceRole::Editor)?;
        let wait = checked_wait(request.wait)?;
        let prepared = self.prepare_test(&scope, request).await?;
        self.launch(scope, prepared, wait).await
    }

    async fn prepare_test(&self, scope: &WorkspaceScope, request: TestRequest) -> Result<Prepared> {
        let tx = self.store().read(scope).await?;
        let (definition, connector, version_id) = target(&tx, request.target).await?;
        let (plan, _) = sound(pipeline::compile(&definition)).map_err(|error| error.at(&["target"]))?;
        let known: Vec<&str> = plan.every_step().into_iter().map(|step| step.path.as_str()).collect();
        check_steps(&known, request.only_step.as_deref(), &request.pinned)?;
        if let Some(place) = request.credentials.iter().position(|fill| matches!(fill.source, CredentialSource::New(_))) {
            let place = place.to_string();
            let message = "A test uses credentials that exist; make this one first.";
            return Err(Mistake::invalid(&["credentials", &place, "credential", "create"], message).into());
        }
        let slots = &plan.definition.credentials;
        let mut bindings = connector.as_ref().map(|connector| connector.bindings.clone()).unwrap_or_default();
        bindings.extend(self.fill_slots(&tx, scope, slots, (request.credentials, "credentials")).await?.bindings);
        let whole = request.only_step.is_none() && request.pinned.is_empty();
        self.check_bindings((&tx, scope), slots, &bindings, whole).await?;
        let contact = find_contact(&tx, request.contact.as_ref()).await?;
        drop(tx);
        let given = request.input.unwrap_or_else(|| Value::Object(Map::new()));
        let input = plan.resolve_input(&given, contact.as_ref()).map_err(|wrong| Error::Invalid(misfits("input", wrong)))?;
        let config = request.config.or_else(|| connector.as_ref().map(|connector| connector.config.clone()));
        let config = check_config(&plan, &config.unwrap_or_else(|| Value::Object(Map::new())))?;
        let pinned: Map<String, Value> = request.pinned.into_iter().collect();
        let options = json!({ "write_contact": request.write_contact, "pinned": pinned, "only_step": request.only_step });
        Ok(Prepared {
            kind: ExecutionKind::Test,
            trigger: ExecutionTrigger::Test,
            connector_id: connector.map(|connector| connector.id),
            version_id,
            contact,
            input,
            config,
            bindings: used_bindings(&plan, &bindings),
            definition: version_id.is_none().then_some(definition),
            options,
            tags: Vec::new(),
            expires_after: None,
            idempotency: None,
            plan,
        })
    }
}

/// The definition to run, with the connector and version it belongs to.
async fn target(tx: &Tx<WorkspaceScope>, target: TestTarget) -> Result<(Value, Option<Connector>, Option<ConnectorVersionId>)> {
    match target {
        TestTarget::Draft(id) => {
            let connector = tx.find_connector(id).await?.ok_or_else(|| Error::not_found(id, &["target", "connectorId"]))?;
            Ok((connector.draft.clone(), Some(connector), None))
        }
        TestTarget::Version(id) => {
            let version = tx.find_version(id).await?.ok_or_else(|| Error::not_found(id, &["target", "versionId"]))?;
            let connector = tx.find_connector(version.connector_id).await?;
            Ok((version.definition, connector, Some(id)))
        }
        TestTarget::Definition(definition) => Ok((checked_definition(definition, &["target", "definition"])?, None, None)),
    }
}

fn check_steps(known: &[&str], only: Option<&str>, pinned: &[(String, Value)]) -> Result<()> {
    if pinned.len() > MAX_PINNED {
        return Err(text::too_long(MAX_PINNED, &["pinned"], format!("At most {MAX_PINNED} outputs can be pinned.")).into());
    }
    let unknown = |path: &str, place: &[&str]| {
        let hint = nearest(path, known.iter().copied()).map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default();
        let kind = MistakeKind::NotFound { looked_for: path.to_owned() };
        Mistake::new(kind, place, format!("The definition has no step `{path}`.{hint}"))
    };
    if let Some(only) = only.filter(|only| !known.contains(only)) {
        return Err(unknown(only, &["onlyStepPath"]).into());
    }
    match pinned.iter().enumerate().find(|(_, (path, _))| !known.contains(&path.as_str())) {
        Some((index, (path, _))) => Err(unknown(path, &["pinned", &index.to_string(), "stepPath"]).into()),
        None => Ok(()),
    }
}
