//! Executions: started, read, told to stop.
//!
//! Starting is the hot path: one read for the right and the connector, the plan from memory, one durable insert, and a free
//! worker has it at once, or the doorbell rings. The row is the truth; a lost ring costs time, never the run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::auth::{Principal, UserScope, WorkspaceScope};
use crate::domain::connector::{Connector, ConnectorStatus};
use crate::domain::contact::{Contact, FieldChange};
use crate::domain::event::ExecutionEvent;
use crate::domain::execution::{Execution, ExecutionKind, ExecutionStatus, ExecutionTrigger, StepRun};
use crate::domain::id::{ConnectorId, ConnectorVersionId, CredentialId, ExecutionId, StepRunId};
use crate::domain::lease::Claimed;
use crate::domain::page::{Page, PageRequest};
use crate::domain::step_log::{LogEntry, LogFilter, LogKind, LogLevel};
use crate::domain::workspace::WorkspaceRole;
use crate::pipeline::{self, Plan};
use crate::store::{ContactRef, ExecutionFilter, Inserted, NewExecution, ObjectId, Tx};

use super::connectors::{check_config, misfits};
use super::error::{Mistake, MistakeKind};
use super::text;
use super::{App, Error, Result};

/// The longest a caller may wait for the end of a run.
pub const MAX_WAIT: Duration = Duration::from_secs(30);
/// While waiting the row is looked at this often, should an event have been lost.
const RECHECK: Duration = Duration::from_secs(5);
/// Labels an execution may have.
const MAX_TAGS: usize = 10;
/// Characters an idempotency key may have.
const IDEMPOTENCY_LENGTH: usize = 200;

/// A run that is asked for.
#[derive(Debug, Clone)]
pub struct StartRequest {
    /// The connector.
    pub connector_id: ConnectorId,
    /// The version; the published one unless told.
    pub version_id: Option<ConnectorVersionId>,
    /// What the connector asks for.
    pub input: Option<Value>,
    /// The contact to run it for.
    pub contact: Option<ContactRef>,
    /// Free labels.
    pub tags: Vec<String>,
    /// What set it going.
    pub trigger: Option<ExecutionTrigger>,
    /// How long to wait for the end; zero answers at once.
    pub wait: Duration,
    /// Give up if it has not begun within this time.
    pub expires_after: Option<Duration>,
    /// Makes it safe to send again.
    pub idempotency_key: Option<String>,
}

/// A run that was asked for.
#[derive(Debug, Clone)]
pub struct Started {
    /// As far as it is.
    pub execution: Execution,
    /// Did it end within the wait?
    pub finished: bool,
    /// Was it begun by an earlier call with the same idempotency key?
    pub repeated: bool,
    /// The scope it runs in.
    pub scope: WorkspaceScope,
}

/// Everything needed to insert an execution.
pub(super) struct Prepared {
    pub(super) kind: ExecutionKind,
    pub(super) trigger: ExecutionTrigger,
    pub(super) connector_id: Option<ConnectorId>,
    pub(super) version_id: Option<ConnectorVersionId>,
    pub(super) plan: Arc<Plan>,
    pub(super) contact: Option<Contact>,
    pub(super) input: Value,
    pub(super) config: Value,
    pub(super) bindings: BTreeMap<String, CredentialId>,
    pub(super) definition: Option<Value>,
    pub(super) options: Value,
    pub(super) tags: Vec<String>,
    pub(super) expires_after: Option<Duration>,
    pub(super) idempotency: Option<(String, String)>,
}

impl App {
    /// Runs a connector; durable once this returns.
    ///
    /// Dropping the future while it waits leaves the run going on.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below OPERATOR; [`Error::Invalid`] when the connector cannot run, the input does not fit,
    /// a slot is empty, or the idempotency key was used with other input.
    pub async fn start(&self, principal: &Principal, request: StartRequest) -> Result<Started> {
        let id = request.connector_id;
        let found = self.store().read(&UserScope::of(principal)).await?.find_connector_with_access(id).await?;
        let (connector, access) = found.ok_or_else(|| Error::not_found(id, &["connectorId"]))?;
        let scope = WorkspaceScope::grant(principal, &access);
        scope.require(WorkspaceRole::Operator)?;
        let wait = checked_wait(request.wait)?;
        let idempotency = idempotency(&request)?;
        // Judged before everything that may have changed since: the first call's answer stands.
        if let Some(earlier) = self.earlier(&scope, idempotency.as_ref()).await? {
            let follower = self.events().subscribe(earlier);
            return self.await_end(scope, (earlier, follower), wait, true).await;
        }
        let prepared = self.prepare((principal, &scope), connector, request, idempotency).await?;
        self.launch(scope, prepared, wait).await
    }

    /// The execution that the same request began before. Its transaction has ended by the time this returns.
    async fn earlier(&self, scope: &WorkspaceScope, idempotency: Option<&(String, String)>) -> Result<Option<ExecutionId>> {
        let Some((key, hash)) = idempotency else { return Ok(None) };
        match self.store().read(scope).await?.find_repeated(key).await? {
            Some((_, known)) if known != *hash => Err(crate::store::Error::Conflict { what: "idempotency" }.into()),
            found => Ok(found.map(|(id, _)| id)),
        }
    }

    async fn prepare(
        &self,
        (principal, scope): (&Principal, &WorkspaceScope),
        connector: Connector,
        request: StartRequest,
        idempotency: Option<(String, String)>,
    ) -> Result<Prepared> {
        let trigger = trigger(principal, request.trigger)?;
        let tags = text::tags(request.tags, MAX_TAGS, &["tags"])?;
        let tx = self.store().read(scope).await?;
        let (version_id, plan) = self.runnable(&tx, &connector, request.version_id).await?;
        let contact = find_contact(&tx, request.contact.as_ref()).await?;
        self.check_bindings((&tx, scope), &plan.definition.credentials, &connector.bindings, true).await?;
        if connector.status == ConnectorStatus::Blocked {
            return Err(not_active(&connector));
        }
        drop(tx);
        let given = request.input.unwrap_or_else(|| Value::Object(Map::new()));
        let input = plan.resolve_input(&given, contact.as_ref()).map_err(|wrong| Error::Invalid(misfits("input", wrong)))?;
        let config = check_config(&plan, &connector.config)?;
        Ok(Prepared {
            kind: ExecutionKind::Live,
            trigger,
            connector_id: Some(connector.id),
            version_id: Some(version_id),
            contact,
            input,
            config,
            bindings: used_bindings(&plan, &connector.bindings),
            definition: None,
            options: json!({}),
            tags,
            expires_after: request.expires_after,
            idempotency,
            plan,
        })
    }

    /// The plan a run of this connector follows, if it may run.
    async fn runnable(
        &self,
        tx: &Tx<WorkspaceScope>,
        connector: &Connector,
        version: Option<ConnectorVersionId>,
    ) -> Result<(ConnectorVersionId, Arc<Plan>)> {
        // A blocked connector goes on to the slots, where the reason is told.
        if !matches!(connector.status, ConnectorStatus::Active | ConnectorStatus::Blocked) {
            return Err(not_active(connector));
        }
        let Some(published) = connector.published_version_id else { return Err(not_active(connector)) };
        let Some(asked) = version.filter(|asked| *asked != published) else {
            return Ok((published, self.plan(tx, published).await?));
        };
        let version = tx
            .find_version(asked)
            .await?
            .filter(|found| found.connector_id == connector.id)
            .ok_or_else(|| Error::not_found(asked, &["versionId"]))?;
        Ok((asked, self.plan_of(&version)?))
    }

    /// Inserts an execution, hands it to a free worker or else rings for one, and waits for the end if asked.
    pub(super) async fn launch(&self, scope: WorkspaceScope, prepared: Prepared, wait: Duration) -> Result<Started> {
        let (seat, queue) = (self.queue().seat(), self.queue().clone());
        let new = self.new_execution(&scope, prepared);
        let id = new.execution.id;
        let lease = seat.as_ref().map(|seat| seat.lease(new.execution.queued_at));
        let then = move |claimed: Option<Claimed>| match (seat, claimed) {
            (Some(seat), Some(claimed)) => seat.hand_over(claimed),
            _ => queue.ring(id),
        };
        if wait.is_zero() {
            let execution = new.execution.clone();
            return match self.store().insert_execution(&scope, new, lease, then).await? {
                Inserted::New { number, leased } => {
                    let execution = Execution { number, ..execution };
                    let execution = if leased { execution.begun() } else { execution };
                    Ok(Started { execution, finished: false, repeated: false, scope })
                }
                Inserted::Repeated(earlier) => self.await_end(scope, (earlier, self.events().subscribe(earlier)), wait, true).await,
            };
        }
        // Listening begins before the row exists, so that no end can be missed.
        let follower = self.events().subscribe(id);
        match self.store().insert_execution(&scope, new, lease, then).await? {
            Inserted::New { .. } => self.await_end(scope, (id, follower), wait, false).await,
            Inserted::Repeated(earlier) => self.await_end(scope, (earlier, self.events().subscribe(earlier)), wait, true).await,
        }
    }

    /// The rows to insert.
    fn new_execution(&self, scope: &WorkspaceScope, prepared: Prepared) -> NewExecution {
        let now = self.clock().now();
        let execution = Execution {
            id: ExecutionId::fresh(self.clock()),
            workspace_id: scope.workspace_id(),
            number: 0,
            kind: prepared.kind,
            status: ExecutionStatus::Queued,
            revision: 1,
            connector_id: prepared.connector_id,
            version_id: prepared.version_id,
            trigger: prepared.trigger,
            started_by: scope.actor().clone(),
            contact_id: prepared.contact.as_ref().map(|contact| contact.id),
            tags: prepared.tags,
            input: prepared.input,
            output: None,
            result: None,
            cost: 0.0,
            error: None,
            warning_count: 0,
            finished_steps: 0,
            total_steps: i32::try_from(prepared.plan.steps.len()).unwrap_or(i32::MAX),
            current_step_path: None,
            last_log_sequence: 1,
            cancel_requested: false,
            queued_at: now,
            started_at: None,
            finished_at: None,
            wake_at: None,
            expires_at: prepared.expires_after.map(|after| now + after),
        };
        let queued = LogEntry {
            execution_id: execution.id,
            sequence: 1,
            logged_at: now,
            level: LogLevel::Info,
            kind: LogKind::Lifecycle,
            message: "Queued.".to_owned(),
            step_path: None,
            attempt: None,
            fields: None,
        };
        NewExecution {
            execution,
            config: prepared.config,
            bindings: prepared.bindings,
            definition: prepared.definition,
            idempotency: prepared.idempotency,
            entries: vec![queued],
            options: prepared.options,
        }
    }

    /// The execution at its end, or as far as it is when the time is over.
    async fn await_end(
        &self,
        scope: WorkspaceScope,
        (id, mut follower): (ExecutionId, crate::events::Follower),
        wait: Duration,
        repeated: bool,
    ) -> Result<Started> {
        let deadline = tokio::time::Instant::now() + wait;
        let mut look = repeated;
        loop {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            if look || left.is_zero() {
                let tx = self.store().read(&scope).await?;
                let execution = tx.find_execution(id).await?.ok_or_else(|| Error::not_found(id, &[]))?;
                let finished = execution.status.is_final();
                if finished || left.is_zero() {
                    return Ok(Started { execution, finished, repeated, scope });
                }
            }
            look = match tokio::time::timeout(left.min(RECHECK), follower.next()).await {
                Ok(Ok(ExecutionEvent { ended: Some(execution), .. })) => {
                    return Ok(Started { execution: Arc::unwrap_or_clone(execution), finished: true, repeated, scope });
                }
                Ok(Ok(event)) => event.status.is_final(),
                Ok(Err(_lagged)) => true,
                Err(_elapsed) => true,
            };
        }
    }

    /// The workspace's executions, newest first.
    pub async fn list_executions(&self, scope: &WorkspaceScope, filter: &ExecutionFilter, page: &PageRequest) -> Result<Page<Execution>> {
        Ok(self.store().read(scope).await?.list_executions(filter, page).await?)
    }

    /// One execution.
    pub async fn find_execution(&self, principal: &Principal, id: ExecutionId) -> Result<(Execution, WorkspaceScope)> {
        let scope = self.enter_of(principal, ObjectId::Execution(id), id).await?;
        let found = self.find_execution_in(&scope, id).await?.ok_or_else(|| Error::not_found(id, &["id"]))?;
        Ok((found, scope))
    }

    /// One execution of the workspace.
    pub async fn find_execution_in(&self, scope: &WorkspaceScope, id: ExecutionId) -> Result<Option<Execution>> {
        Ok(self.store().read(scope).await?.find_execution(id).await?)
    }

    /// The top steps of an execution that were reached, in order, at most so many.
    pub async fn list_top_steps(&self, scope: &WorkspaceScope, id: ExecutionId, limit: u64) -> Result<Vec<StepRun>> {
        Ok(self.store().read(scope).await?.list_top_steps(id, limit).await?)
    }

    /// The steps within a step of an execution.
    pub async fn list_steps_within(&self, scope: &WorkspaceScope, around: &StepRun, page: &PageRequest) -> Result<Page<StepRun>> {
        Ok(self.store().read(scope).await?.list_steps_within(around.execution_id, &around.path, page).await?)
    }

    /// One step of an execution.
    pub async fn find_step(&self, scope: &WorkspaceScope, id: ExecutionId, path: &str) -> Result<Option<StepRun>> {
        Ok(self.store().read(scope).await?.find_step(id, path).await?)
    }

    /// One step by its id.
    pub async fn find_step_run(&self, principal: &Principal, id: StepRunId) -> Result<(StepRun, WorkspaceScope)> {
        let scope = self.enter_of(principal, ObjectId::StepRun(id), id).await?;
        let found = self.store().read(&scope).await?.find_step_by_id(id).await?.ok_or_else(|| Error::not_found(id, &["id"]))?;
        Ok((found, scope))
    }

    /// What an execution wrote to its contact.
    pub async fn execution_field_changes(&self, scope: &WorkspaceScope, id: ExecutionId) -> Result<Vec<FieldChange>> {
        Ok(self.store().read(scope).await?.execution_field_changes(id).await?)
    }

    /// Stored log lines of an execution.
    pub async fn list_logs(
        &self,
        scope: &WorkspaceScope,
        (id, filter): (ExecutionId, &LogFilter),
        page: &PageRequest,
    ) -> Result<Page<LogEntry>> {
        Ok(self.store().read(scope).await?.list_logs(id, filter, page).await?)
    }

    /// The plan an execution followed, if its version or the definition it carries is still there.
    pub async fn plan_behind(&self, scope: &WorkspaceScope, execution: &Execution) -> Result<Option<Arc<Plan>>> {
        let Some(version) = execution.version_id else {
            let own = self.store().read(scope).await?.find_own_definition(execution.id).await?;
            return Ok(own.and_then(|definition| pipeline::compile(&definition).plan));
        };
        if let Some(plan) = self.cached_plan(version) {
            return Ok(Some(plan));
        }
        let tx = self.store().read(scope).await?;
        match self.plan(&tx, version).await {
            Ok(plan) => Ok(Some(plan)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// The input as it may be shown: what the definition redacts is masked. Nothing once the definition is gone, since
    /// nobody can tell any more what it would have redacted.
    pub async fn shown_input(&self, scope: &WorkspaceScope, execution: &Execution) -> Result<Option<Value>> {
        let plan = self.plan_behind(scope, execution).await?;
        Ok(plan.map(|plan| plan.redactor().json(&execution.input)))
    }

    /// Stops an execution; calls under way are broken off by its worker.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below OPERATOR; [`Error::Invalid`] when it has already ended.
    pub async fn cancel(&self, principal: &Principal, id: ExecutionId) -> Result<(Execution, WorkspaceScope)> {
        let scope = self.enter_of(principal, ObjectId::Execution(id), id).await?;
        scope.require(WorkspaceRole::Operator)?;
        let now = self.clock().now();
        let execution = match self.store().request_cancel(&scope, id, now).await {
            Ok(found) => found.ok_or_else(|| Error::not_found(id, &["id"]))?,
            Err(crate::store::Error::Conflict { what: "state" }) => {
                let state = self.find_execution_in(&scope, id).await?.map(|found| found.status.as_str().to_ascii_uppercase());
                let allowed = ["QUEUED", "RUNNING", "WAITING", "CANCELLING"].map(str::to_owned).to_vec();
                let kind = MistakeKind::State { state: state.unwrap_or_default(), allowed };
                return Err(Mistake::new(kind, &["id"], "The execution has already ended.").into());
            }
            Err(other) => return Err(other.into()),
        };
        self.queue().ring_stop(id);
        let (status, revision) = (execution.status, execution.revision);
        self.events().publish(id, || ExecutionEvent { execution_id: id, entries: Arc::default(), status, revision, ended: None });
        Ok((execution, scope))
    }
}

/// The contact a run is for.
pub(super) async fn find_contact(tx: &Tx<WorkspaceScope>, by: Option<&ContactRef>) -> Result<Option<Contact>> {
    let Some(by) = by else { return Ok(None) };
    let looked_for = match by {
        ContactRef::Id(id) => id.to_string(),
        ContactRef::Key(key) => key.clone(),
    };
    Ok(Some(tx.find_contact(by).await?.ok_or_else(|| Error::not_found(looked_for, &["contact"]))?))
}

/// Bindings of the slots the plan has; others stay behind.
pub(super) fn used_bindings(plan: &Plan, bindings: &BTreeMap<String, CredentialId>) -> BTreeMap<String, CredentialId> {
    bindings
        .iter()
        .filter(|(slot, _)| plan.definition.credentials.contains_key(*slot))
        .map(|(slot, credential)| (slot.clone(), *credential))
        .collect()
}

/// The caller's key against repetition, and the hash of what was asked with it.
fn idempotency(request: &StartRequest) -> Result<Option<(String, String)>> {
    let Some(key) = &request.idempotency_key else { return Ok(None) };
    let key = text::required(key, IDEMPOTENCY_LENGTH, &["idempotencyKey"])?;
    let contact = request.contact.as_ref().map(|contact| match contact {
        ContactRef::Id(id) => json!({ "id": id }),
        ContactRef::Key(key) => json!({ "key": key }),
    });
    let StartRequest { connector_id, version_id, input, tags, .. } = request;
    let whole = json!({ "connector": connector_id, "version": version_id, "input": input, "contact": contact, "tags": tags });
    Ok(Some((key, pipeline::hash(&whole))))
}

/// A wait within its bound.
pub(super) fn checked_wait(wait: Duration) -> Result<Duration> {
    if wait <= MAX_WAIT {
        return Ok(wait);
    }
    Err(text::too_long(30_000, &["waitMs"], "A caller may wait at most 30000 milliseconds.".to_owned()).into())
}

fn trigger(principal: &Principal, told: Option<ExecutionTrigger>) -> Result<ExecutionTrigger> {
    match told {
        Some(ExecutionTrigger::Test) => Err(Mistake::invalid(&["trigger"], "Tests are begun with `connectorTest`.").into()),
        Some(told) => Ok(told),
        None if principal.is_service() => Ok(ExecutionTrigger::Api),
        None => Ok(ExecutionTrigger::Manual),
    }
}

fn not_active(connector: &Connector) -> Error {
    let state = connector.status.as_str().to_ascii_uppercase();
    let message = format!("The connector is {state}; only an ACTIVE one can run.");
    Mistake::new(MistakeKind::State { state, allowed: vec!["ACTIVE".to_owned()] }, &["connectorId"], message).into()
}
