//! What every test starts from: a whole server on a database of its own, tokens, a workspace, and real clients.

pub mod client;
pub mod database;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod rows;
pub mod upstream;
#[expect(dead_code, reason = "the edge's own tests, which share this file, use the rest")]
pub mod ws;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use connectors::auth::{Grant, Verifier};
use connectors::clock::{Clock, SystemClock};
use connectors::config::Config;
use connectors::server::{Overrides, Server};
use connectors::vault::Vault;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use database::Database;

/// A server of this test's own. It ends with [`TestApp::stop`], or with the test's runtime.
pub struct TestApp {
    /// Where it listens.
    pub address: SocketAddr,
    config: Config,
    verifier: Verifier,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    http: reqwest::Client,
    database: Database,
}

/// The machine's clock, two hours late.
#[derive(Debug)]
struct TwoHoursAgo;

impl Clock for TwoHoursAgo {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() - TimeDelta::hours(2)
    }
    fn fresh_id(&self) -> uuid::Uuid {
        SystemClock.fresh_id()
    }
    fn chance(&self) -> f64 {
        SystemClock.chance()
    }
}

impl TestApp {
    /// A server with a workspace `a`, owned by `ann`, whose connectors may call loopback.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with a changed configuration.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_on(Database::fresh().await, change).await
    }

    /// The same on that database.
    pub async fn start_on(database: Database, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::built_in().unwrap();
        config.database.url = database.url();
        // Whoever opens a transaction inside another one would wait for itself.
        config.database.max_connections = 1;
        config.encryption.key = Some(Vault::generate_key().unwrap());
        config.auth.jwt_secret = connectors::auth::generate_secret().unwrap();
        config.egress.allow = vec!["127.0.0.0/8".parse().unwrap()];
        config.graphql.introspection = true;
        config.worker.sweep = Duration::from_millis(200);
        change(&mut config);
        let app = Self::serve(config, database, Overrides::default()).await;
        app.workspace("a", "ann").await;
        app
    }

    /// The same going by another clock.
    pub async fn start_by(clock: Arc<dyn Clock>) -> Self {
        let Self { config, stop, serving, database, .. } = Self::start().await;
        stop.cancel();
        serving.await.unwrap();
        Self::serve(config, database, Overrides { clock, ..Overrides::default() }).await
    }

    async fn serve(config: Config, database: Database, overrides: Overrides) -> Self {
        let server = Server::build(config.clone(), overrides, &mut |_| {}).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (verifier, stop) = (server.verifier().clone(), server.stop());
        #[expect(clippy::disallowed_methods, reason = "awaited by `stop`, or ended with the test's runtime")]
        let serving = tokio::spawn(async move { server.run(listener).await.unwrap() });
        #[expect(clippy::disallowed_methods, reason = "a client of the API, not of a third party")]
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { address, config, verifier, stop, serving, http, database }
    }

    /// Stops the server in order and starts another one on the same database.
    pub async fn restart(self) -> Self {
        self.restart_after(async |_| {}).await
    }

    /// The same with something done to the database in between.
    pub async fn restart_after(self, between: impl AsyncFnOnce(&Database)) -> Self {
        let Self { config, stop, serving, database, .. } = self;
        stop.cancel();
        serving.await.unwrap();
        between(&database).await;
        Self::serve(config, database, Overrides::default()).await
    }

    /// Starts the server again without what keeps workspaces apart in its own code, so that only the database does.
    #[cfg(debug_assertions)]
    pub async fn without_first_wall(self) -> Self {
        let Self { mut config, stop, serving, database, .. } = self;
        stop.cancel();
        serving.await.unwrap();
        config.database.first_wall = false;
        Self::serve(config, database, Overrides::default()).await
    }

    /// Stops the server in order; gives its database, so that a test can look at what is there.
    pub async fn stop(self) -> Database {
        self.stop.cancel();
        self.serving.await.unwrap();
        self.database
    }

    /// Its database, for doing something to it past the server.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// A token for a subject, good for an hour.
    pub fn token(&self, subject: &str) -> String {
        self.verifier.mint(&Grant::user(subject, Duration::from_hours(1))).unwrap()
    }

    /// A token for a subject, rightly signed, whose hour is over.
    pub fn expired_token(&self, subject: &str) -> String {
        let then = Verifier::new(&self.config.auth, Arc::new(TwoHoursAgo)).unwrap();
        then.mint(&Grant::user(subject, Duration::from_hours(1))).unwrap()
    }

    /// Makes a workspace owned by the subject.
    pub async fn workspace(&self, key: &str, owner: &str) {
        let document = "mutation($input: WorkspaceCreateInput!) { workspaceCreate(input: $input) { userErrors { message } } }";
        self.ok(owner, document, json!({ "input": { "key": key, "name": key } })).await;
    }

    /// Sends one operation as the subject; the whole answer.
    pub async fn graphql(&self, subject: &str, document: &str, variables: Value) -> Value {
        let (status, answer) = self.post(Some(&self.token(subject)), document, variables).await;
        assert!(status == 200 || answer.get("errors").is_some(), "{status}: {answer}");
        answer
    }

    /// Sends one operation with that token, or none: status and answer.
    pub async fn post(&self, token: Option<&str>, document: &str, variables: Value) -> (u16, Value) {
        let mut request = self.http.post(format!("http://{}/graphql", self.address)).header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = json!({ "query": document, "variables": variables }).to_string();
        let response = request.body(body).send().await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.bytes().await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned())))
    }

    /// What `/readyz` says: status and body.
    pub async fn ready(&self) -> (u16, Value) {
        let response = self.http.get(format!("http://{}/readyz", self.address)).send().await.unwrap();
        (response.status().as_u16(), serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
    }

    /// Sends one operation that must succeed without user errors; its `data`.
    pub async fn ok(&self, subject: &str, document: &str, variables: Value) -> Value {
        let answer = self.graphql(subject, document, variables).await;
        assert!(answer.get("errors").is_none(), "{document}: {answer}");
        let data = answer["data"].clone();
        for payload in data.as_object().into_iter().flat_map(|fields| fields.values()) {
            let errors = payload.get("userErrors").and_then(Value::as_array);
            assert!(errors.is_none_or(Vec::is_empty), "{document}: {answer}");
        }
        data
    }

    /// Makes and publishes a connector of workspace `a`; its id.
    pub async fn connector(&self, definition: Value) -> String {
        let document = "mutation($input: ConnectorCreateInput!) { connectorCreate(input: $input) { connector { id } userErrors { code message path } } }";
        let name = definition.pointer("/meta/title").cloned().unwrap_or_else(|| json!("Test"));
        let input = json!({ "workspace": { "key": "a" }, "name": name, "source": { "definition": definition } });
        let made = self.ok("ann", document, json!({ "input": input })).await;
        let id = made["connectorCreate"]["connector"]["id"].as_str().unwrap().to_owned();
        let document = "mutation($input: ConnectorPublishInput!) { connectorPublish(input: $input) { connector { status } userErrors { code message ... on DefinitionError { problems { code pointer message } } } } }";
        self.ok("ann", document, json!({ "input": { "id": id } })).await;
        id
    }

    /// Starts an execution; its id.
    pub async fn run(&self, connector: &str, input: Value) -> String {
        let document = "mutation($input: ExecutionStartInput!) { executionStart(input: $input) { execution { id } userErrors { code message path } } }";
        let started = self.ok("ann", document, json!({ "input": { "connectorId": connector, "input": input } })).await;
        started["executionStart"]["execution"]["id"].as_str().unwrap().to_owned()
    }

    /// Starts an execution and waits for its end (at most half a minute); the execution.
    pub async fn run_to_end(&self, connector: &str, input: Value) -> Value {
        let document = format!(
            "mutation($input: ExecutionStartInput!) {{ executionStart(input: $input) {{ finished execution {{ {EXECUTION} }} userErrors {{ code message path }} }} }}"
        );
        let started = self.ok("ann", &document, json!({ "input": { "connectorId": connector, "input": input, "waitMs": 30_000 } })).await;
        assert_eq!(started["executionStart"]["finished"], true, "{started}");
        started["executionStart"]["execution"].clone()
    }

    /// Waits for the end of an execution by its own live stream; the execution.
    pub async fn await_end(&self, id: &str) -> Value {
        let mut stream = self.follow(id, 0).await;
        while stream.next().await.is_some() {}
        self.execution(id).await
    }

    /// A live log from after a sequence on, on a socket of its own.
    pub async fn follow(&self, id: &str, after: i64) -> client::Stream {
        let mut socket = client::Client::connect(self.address, &self.token("ann")).await;
        let document = "subscription($id: ID!, $after: Int!) { executionLogs(executionId: $id, after: $after) { entries { sequence level kind message stepPath attempt } throughSequence caughtUp complete } }";
        let operation = socket.subscribe(document, json!({ "id": id, "after": after })).await;
        client::Stream::new(socket, operation)
    }

    /// An execution as the API shows it.
    pub async fn execution(&self, id: &str) -> Value {
        let document = format!("query($id: ID!) {{ execution(id: $id) {{ {EXECUTION} }} }}");
        self.ok("ann", &document, json!({ "id": id })).await["execution"].clone()
    }
}

/// What tests look at of an execution.
pub const EXECUTION: &str = "id number status finished result output cost warningCount lastLogSequence \
    error { code errorClass message hint stepPath attempt httpStatus retryable pointer } \
    steps { path status output skipReason cost error { code message } attempts { number error { code message } exchanges { method url status requestHeaders { name value } responseBody { text truncated sizeBytes } } } } \
    fieldChanges { contactField before after outcome reason source stepPath } \
    logs(first: 100) { nodes { sequence level kind message stepPath } }";

/// A definition of one http step `call` against that base address, changed as the test needs it.
pub fn one_step(base_url: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut definition = json!({
        "spec": "connectors/v1", "kind": "connector",
        "meta": { "slug": "test", "title": "Test" },
        "inputs": { "type": "object", "properties": { "q": { "type": "string" } } },
        "defaults": { "base_url": base_url, "timeout": "PT5S" },
        "steps": [{
            "id": "call", "kind": "http",
            "request": { "path": "/x", "query": { "q": "{{ inputs.q }}" }, "omit_empty": true },
            "retry": { "attempts": 3, "backoff": { "kind": "constant", "base": "PT0.01S", "jitter": 0 } },
            "extract": { "value": { "path": "$.value" } },
        }],
        "outputs": { "value": { "value": "{{ steps.call.value }}" } },
    });
    change(&mut definition);
    definition
}

/// A definition of two http steps, `one` and `two`, which asks with what `one` gave.
pub fn two_steps(base_url: &str) -> Value {
    one_step(base_url, |definition| {
        definition["steps"] = json!([
            { "id": "one", "kind": "http", "request": { "method": "POST", "path": "/one", "query": { "q": "{{ inputs.q }}" } }, "extract": { "value": { "path": "$.value" } } },
            { "id": "two", "kind": "http", "request": { "path": "/two", "query": { "q": "{{ inputs.q }}", "from": "{{ steps.one.value }}" } }, "extract": { "value": { "path": "$.value" } } },
        ]);
        definition["outputs"] = json!({ "value": { "value": "{{ steps.two.value }}" } });
    })
}

impl TestApp {
    /// The binary on this server's database, with this server's keys.
    pub fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = process::command();
        command.env("CONNECTORS_AUTH__JWT_SECRET", &self.config.auth.jwt_secret);
        command.env("CONNECTORS_ENCRYPTION__KEY", self.config.encryption.key.as_deref().unwrap());
        command.args(arguments).args(["--database", &self.database.url()]);
        command
    }

    /// Makes a subject a SaaS admin, as the command line does.
    pub fn saas_admin(&self, subject: &str) {
        let output = process::run(&["admin", "add", subject, "--database", &self.database.url()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
