//! The store on real databases, one of each test's own: files, or PostgreSQL when `CONNECTORS_TEST_ENGINE` says so.

mod access;
mod cancel;
mod claims;
mod connectors;
mod contacts;
mod credentials;
mod group;
mod pages;
mod pooled;
mod records;
mod schema;
mod starts;
pub(crate) mod statements;
mod templates;
mod workspaces;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use sqlx::ConnectOptions;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{ExecutionChange, Inserted, NewExecution, Options, Record, Store, Tx};
use crate::auth::{self, Access, AdminScope, Principal, SystemScope, UserScope, WorkspaceScope};
use crate::clock::{Clock, SystemClock};
use crate::domain::connector::{Connector, ConnectorStatus};
use crate::domain::contact::Contact;
use crate::domain::execution::{Execution, ExecutionKind, ExecutionStatus, ExecutionTrigger};
use crate::domain::id::{ConnectorId, ContactId, ExecutionId, MemberId, WorkspaceId};
use crate::domain::lease::{Claimed, LeaseRequest};
use crate::domain::step_log::{LogEntry, LogKind, LogLevel};
use crate::domain::workspace::{Actor, Member, Workspace, WorkspaceRole};

#[path = "../../../tests/it/support/postgres.rs"]
#[expect(dead_code, unreachable_pub, reason = "the tests from outside use the rest")]
mod postgres;

/// A database that goes away with the test, and its writer.
struct Bench {
    store: Store,
    writer: JoinHandle<()>,
    system: SystemScope,
    stop: CancellationToken,
    folder: tempfile::TempDir,
    server: Option<postgres::Database>,
}

async fn bench() -> Bench {
    if postgres::is_wanted() { bench_on_server(4).await } else { bench_in_file().await }
}

/// For what is only so in a file.
async fn bench_in_file() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    open(options(&folder), folder, None).await
}

/// With that many connections beside the one that commits.
async fn bench_on_server(max_connections: u32) -> Bench {
    let server = postgres::Database::migrated(async |owner| {
        let (store, _) = Store::connect(&server_options(owner), Arc::new(SystemClock)).await.unwrap();
        store.migrate(&mut |_| ()).await.unwrap();
    });
    let server = server.await;
    let options = Options { max_connections, ..server_options(&server.url()) };
    open(options, tempfile::tempdir().unwrap(), Some(server)).await
}

#[expect(clippy::disallowed_methods, reason = "a test tracks its one task itself")]
async fn open(options: Options, folder: tempfile::TempDir, server: Option<postgres::Database>) -> Bench {
    let (store, writer) = Store::connect(&options, Arc::new(SystemClock)).await.unwrap();
    store.migrate(&mut |_| ()).await.unwrap();
    store.verify().await.unwrap();
    let stop = CancellationToken::new();
    let writer = tokio::spawn(writer.run(stop.clone()));
    Bench { store, writer, system: SystemScope::for_server(), stop, folder, server }
}

fn server_options(url: &str) -> Options {
    Options { url: url.to_owned(), max_connections: 4, ..Options::default() }
}

fn options(folder: &tempfile::TempDir) -> Options {
    Options { url: folder.path().join("a.db").display().to_string(), max_connections: 4, ..Options::default() }
}

fn now() -> DateTime<Utc> {
    SystemClock.now()
}

fn later(seconds: i64) -> DateTime<Utc> {
    now() + TimeDelta::seconds(seconds)
}

fn principal(subject: &str, service: bool) -> Principal {
    let options = auth::Options { jwt_secret: "nothing but a test of thirty-two bytes or more".to_owned(), ..Default::default() };
    let verifier = auth::Verifier::new(&options, Arc::new(SystemClock)).unwrap();
    let grant = auth::Grant { subject: subject.to_owned(), email: None, service, lifetime: Duration::from_hours(1) };
    verifier.verify(&verifier.mint(&grant).unwrap()).unwrap()
}

fn user(subject: &str) -> UserScope {
    UserScope::of(&principal(subject, false))
}

fn workspace_value(key: &str) -> Workspace {
    let (id, at) = (WorkspaceId::fresh(&SystemClock), now());
    let (key, name) = (key.to_owned(), format!("Workspace {key}"));
    Workspace { id, key, name, revision: 1, max_concurrent_executions: 1_000, created_at: at, updated_at: at }
}

fn member_value(workspace_id: WorkspaceId, subject: &str, role: WorkspaceRole) -> Member {
    let id = MemberId::fresh(&SystemClock);
    let (display_name, email) = (Some(subject.to_uppercase()), None);
    Member { id, workspace_id, subject: subject.to_owned(), display_name, email, role, added_by: Some(Actor::SYSTEM), created_at: now() }
}

fn connector_value(workspace_id: WorkspaceId, key: &str) -> Connector {
    let at = now();
    Connector {
        id: ConnectorId::fresh(&SystemClock),
        workspace_id,
        key: key.to_owned(),
        name: format!("Connector {key}"),
        description: None,
        icon: Some("🔌".to_owned()),
        tags: vec!["crm".to_owned()],
        status: ConnectorStatus::Active,
        revision: 1,
        draft: json!({"spec": "connectors/v1", "a": {"z": 1, "b": 2}}),
        published_version_id: None,
        published_hash: None,
        config: json!({"region": "eu"}),
        bindings: BTreeMap::new(),
        max_concurrency: Some(3),
        template_id: None,
        template_version_id: None,
        run_count: 0,
        success_count: 0,
        failure_count: 0,
        last_run_at: None,
        created_by: Actor::SYSTEM,
        created_at: at,
        updated_by: Actor::SYSTEM,
        updated_at: at,
    }
}

fn contact_value(workspace_id: WorkspaceId, key: &str) -> Contact {
    let at = now();
    Contact {
        id: ContactId::fresh(&SystemClock),
        workspace_id,
        key: Some(key.to_owned()),
        email: Some(format!("{key}@X.example")),
        phone: None,
        first_name: Some("Ann".to_owned()),
        last_name: None,
        company: None,
        attributes: Map::from_iter([("city".to_owned(), json!("Bonn"))]),
        revision: 1,
        created_at: at,
        updated_at: at,
    }
}

fn line(execution_id: ExecutionId, sequence: i32) -> LogEntry {
    LogEntry {
        execution_id,
        sequence,
        logged_at: now(),
        level: LogLevel::Info,
        kind: LogKind::Lifecycle,
        message: format!("line \"{sequence}\"\n\u{1F600}\0 after"),
        step_path: (sequence > 1).then(|| "lookup".to_owned()),
        attempt: (sequence > 1).then_some(1),
        fields: (sequence > 1).then(|| json!({"n": sequence})),
    }
}

fn execution_value(workspace_id: WorkspaceId, connector_id: Option<ConnectorId>) -> Execution {
    Execution {
        id: ExecutionId::fresh(&SystemClock),
        workspace_id,
        number: 0,
        kind: ExecutionKind::Live,
        status: ExecutionStatus::Queued,
        revision: 1,
        connector_id,
        version_id: None,
        trigger: ExecutionTrigger::Api,
        started_by: Actor::from_stored("user:ann"),
        contact_id: None,
        tags: vec!["night".to_owned()],
        input: json!({"z": "\u{e9}\"\\", "a": 1.5}),
        output: None,
        result: None,
        cost: 0.0,
        error: None,
        warning_count: 0,
        finished_steps: 0,
        total_steps: 1,
        current_step_path: None,
        last_log_sequence: 0,
        cancel_requested: false,
        queued_at: now(),
        started_at: None,
        finished_at: None,
        wake_at: None,
        expires_at: None,
    }
}

fn new_execution(execution: Execution) -> NewExecution {
    let entries = vec![line(execution.id, 1)];
    let (config, options) = (json!({"region": "eu"}), Value::Null);
    NewExecution { execution, config, bindings: BTreeMap::new(), definition: None, idempotency: None, entries, options }
}

fn change(status: ExecutionStatus) -> ExecutionChange {
    ExecutionChange {
        status,
        output: None,
        result: None,
        cost: 0.25,
        error: None,
        warning_count: 0,
        finished_steps: 1,
        current_step_path: None,
        finished_at: None,
        wake_at: None,
        release_lease: false,
    }
}

fn record(claimed: &Claimed, sequence: i32, status: ExecutionStatus) -> Record {
    let entries = vec![line(claimed.execution.id, sequence)];
    Record { entries: entries.into(), steps: Vec::new(), execution: change(status), contact: None, now: now() }
}

fn owner(name: &str) -> LeaseRequest {
    LeaseRequest { owner: name.into(), until: later(60) }
}

impl Bench {
    /// A workspace with `ann` as its owner.
    async fn workspace(&self, key: &str) -> WorkspaceScope {
        let workspace = workspace_value(key);
        let tx = self.store.begin(&user("ann")).await.unwrap();
        tx.insert_workspace(&workspace, &member_value(workspace.id, "ann", WorkspaceRole::Owner)).await.unwrap();
        tx.commit().await.unwrap();
        WorkspaceScope::grant(&principal("ann", false), &Access { workspace_id: workspace.id, role: WorkspaceRole::Owner })
    }

    fn admin(&self) -> AdminScope {
        AdminScope::for_server(&self.system)
    }

    async fn read<S: super::Scope>(&self, scope: &S) -> Tx<S> {
        self.store.read(scope).await.unwrap()
    }

    async fn begin<S: super::Scope>(&self, scope: &S) -> Tx<S> {
        self.store.begin(scope).await.unwrap()
    }

    async fn connector(&self, scope: &WorkspaceScope, key: &str) -> Connector {
        let connector = connector_value(scope.workspace_id(), key);
        let tx = self.begin(scope).await;
        tx.insert_connector(&connector).await.unwrap();
        tx.commit().await.unwrap();
        connector
    }

    async fn contact(&self, scope: &WorkspaceScope, key: &str) -> Contact {
        let contact = contact_value(scope.workspace_id(), key);
        let tx = self.begin(scope).await;
        tx.insert_contact(&contact).await.unwrap();
        tx.commit().await.unwrap();
        contact
    }

    async fn start(&self, scope: &WorkspaceScope, connector: Option<ConnectorId>) -> ExecutionId {
        let new = new_execution(execution_value(scope.workspace_id(), connector));
        let id = new.execution.id;
        assert!(matches!(self.store.insert_execution(scope, new, None, |_| {}).await.unwrap(), Inserted::New { .. }));
        id
    }

    async fn claim(&self, id: ExecutionId) -> Claimed {
        self.store.claim(&self.system, id, owner("one")).await.unwrap().taken().unwrap()
    }

    async fn find(&self, scope: &WorkspaceScope, id: ExecutionId) -> Execution {
        self.read(scope).await.find_execution(id).await.unwrap().unwrap()
    }

    /// A connection past the store, for looking at what is really there.
    async fn raw(&self) -> sqlx::SqliteConnection {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.folder.path().join("a.db"));
        options.foreign_keys(true).busy_timeout(Duration::from_secs(5)).connect().await.unwrap()
    }

    /// JSON as the engine gives it back: PostgreSQL sorts members by length and then by letter, SQLite keeps their order.
    fn kept(&self, value: &Value) -> Value {
        match value {
            _ if self.server.is_none() => value.clone(),
            Value::Object(members) => {
                let mut names: Vec<_> = members.keys().collect();
                names.sort_by_key(|name| (name.len(), name.as_bytes()));
                Value::Object(names.into_iter().map(|name| (name.clone(), self.kept(&members[name]))).collect())
            }
            Value::Array(items) => items.iter().map(|item| self.kept(item)).collect(),
            other => other.clone(),
        }
    }

    /// Text as the engine gives it back: PostgreSQL holds no NUL.
    fn kept_text(&self, text: &str) -> String {
        if self.server.is_some() { text.replace('\0', "\u{fffd}") } else { text.to_owned() }
    }

    async fn number(&self, sql: &'static str) -> i64 {
        match &self.server {
            Some(server) => sqlx::query_scalar(sql).fetch_one(&mut server.raw().await).await.unwrap(),
            None => sqlx::query_scalar(sql).fetch_one(&mut self.raw().await).await.unwrap(),
        }
    }
}
