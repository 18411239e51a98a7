//! The use cases on a real database that goes away with the test, and parties to use them.

mod follow;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::auth::{self, AdminScope, Principal, SystemScope};
use crate::clock::{Clock, SystemClock};
use crate::domain::event::ExecutionEvent;
use crate::domain::execution::ExecutionStatus;
use crate::domain::id::{ExecutionId, SaasAdminId};
use crate::domain::lease::{Lease, LeaseRequest};
use crate::domain::step_log::{LogEntry, LogKind, LogLevel};
use crate::domain::workspace::{SaasAdmin, SaasAdminRole};
use crate::events::Events;
use crate::queue::Queue;
use crate::store::tests::statements::Statements;
use crate::store::{ExecutionChange, Options, Record, Store};
use crate::vault::{self, Vault};

use super::App;

/// The machine's clock, which a test can set forward.
#[derive(Debug, Default)]
pub(crate) struct Movable(AtomicI64);

impl Movable {
    pub(crate) fn forward(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
    }
}

impl Clock for Movable {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::milliseconds(self.0.load(Ordering::Relaxed))
    }
    fn fresh_id(&self) -> uuid::Uuid {
        SystemClock.fresh_id()
    }
    fn chance(&self) -> f64 {
        SystemClock.chance()
    }
}

/// An app with a database and writer of its own.
pub(crate) struct Bench {
    pub(crate) app: App,
    pub(crate) clock: Arc<Movable>,
    /// What is read with.
    pub(crate) statements: Statements,
    pub(crate) events: Events,
    pub(crate) store: Store,
    _stop: tokio_util::sync::DropGuard,
    _writer: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

#[expect(clippy::disallowed_methods, reason = "a test tracks its one task itself")]
pub(crate) async fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { url: folder.path().join("a.db").display().to_string(), max_connections: 4, ..Options::default() };
    let clock = Arc::new(Movable::default());
    let (mut store, writer) = Store::connect(&options, clock.clone()).await.unwrap();
    let statements = store.listen();
    store.migrate(&mut |_| ()).await.unwrap();
    let stop = CancellationToken::new();
    let writer = tokio::spawn(writer.run(stop.clone()));
    let vault = Vault::new(&vault::Options { key: Some(Vault::generate_key().unwrap()), previous_keys: Vec::new() }).unwrap();
    let events = Events::default();
    let app = App::new(store.clone(), vault, Queue::default(), events.clone(), crate::pipeline::PlanCache::default(), clock.clone());
    Bench { app, clock, statements, events, store, _stop: stop.drop_guard(), _writer: writer, _folder: folder }
}

/// Someone with a valid token.
pub(crate) fn principal(subject: &str) -> Principal {
    let options = auth::Options { jwt_secret: "nothing but a test of thirty-two bytes or more".to_owned(), ..Default::default() };
    let verifier = auth::Verifier::new(&options, Arc::new(SystemClock)).unwrap();
    let grant = auth::Grant { subject: subject.to_owned(), email: None, service: false, lifetime: Duration::from_hours(1) };
    verifier.verify(&verifier.mint(&grant).unwrap()).unwrap()
}

/// A definition of one `set` step; with a slot when asked for.
pub(crate) fn definition(slot: bool) -> Value {
    let mut whole = json!({
        "spec": "connectors/v1",
        "kind": "connector",
        "meta": { "slug": "greet", "title": "Greet" },
        "inputs": { "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] },
        "steps": [{ "id": "greet", "kind": "set", "values": { "text": "Hello {{ inputs.name }}" } }],
        "outputs": { "text": { "type": "string", "value": "{{ steps.greet.text }}" } }
    });
    if slot {
        whole["credentials"] =
            json!({ "key": { "kind": "api_key", "hosts": ["api.one.example"], "inject": { "in": "header", "name": "x-api-key" } } });
        whole["steps"] = json!([{
            "id": "greet",
            "kind": "http",
            "auth": "key",
            "request": { "method": "GET", "url": "https://api.one.example/greet", "query": { "name": "{{ inputs.name }}" } },
            "extract": { "text": { "path": "$.text" } }
        }]);
    }
    whole
}

impl Bench {
    /// Makes someone a SaaS admin, as the command line would.
    pub(crate) async fn admin(&self, subject: &str) -> Principal {
        let (id, created_at) = (SaasAdminId::fresh(&SystemClock), SystemClock.now());
        let admin = SaasAdmin { id, subject: subject.to_owned(), display_name: None, role: SaasAdminRole::Owner, created_at };
        let tx = self.store.begin(&AdminScope::for_server(&SystemScope::for_server())).await.unwrap();
        tx.insert_saas_admin(&admin).await.unwrap();
        tx.commit().await.unwrap();
        principal(subject)
    }

    /// Takes a run up, as a worker would.
    pub(crate) async fn claim(&self, id: ExecutionId) -> Arc<Lease> {
        let until = SystemClock.now() + Duration::from_mins(1);
        let request = LeaseRequest { owner: "test".into(), until };
        self.store.claim(&SystemScope::for_server(), id, request).await.unwrap().taken().unwrap().lease
    }

    /// Writes log lines of a run and tells its followers, as a worker would.
    pub(crate) async fn record(&self, lease: &Arc<Lease>, lines: std::ops::RangeInclusive<i32>, status: ExecutionStatus) {
        let now = SystemClock.now();
        let line = |sequence| LogEntry {
            execution_id: lease.execution_id,
            sequence,
            logged_at: now,
            level: LogLevel::Info,
            kind: LogKind::User,
            message: format!("line {sequence}"),
            step_path: None,
            attempt: None,
            fields: None,
        };
        let entries: Arc<[LogEntry]> = lines.map(line).collect();
        let execution = ExecutionChange {
            status,
            output: None,
            result: None,
            cost: 0.0,
            error: None,
            warning_count: 0,
            finished_steps: 0,
            current_step_path: None,
            finished_at: status.is_final().then_some(now),
            wake_at: None,
            release_lease: false,
        };
        let record = Record { entries: Arc::clone(&entries), steps: Vec::new(), execution, contact: None, now };
        let recorded = self.store.record(lease, record).await.unwrap();
        self.events.publish(lease.execution_id, || ExecutionEvent {
            execution_id: lease.execution_id,
            entries,
            status: recorded.status,
            revision: recorded.revision,
            ended: None,
        });
    }
}
