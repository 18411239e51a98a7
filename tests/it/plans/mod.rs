//! Every statement the product sends at size is carried out by an index: it scans no large table, sorts no workspace and
//! reads no more than its page or its count needs.
//!
//! No statement is listed here. The lists are derived from the schema, each is asked in every order, by every filter and
//! from every side, runs are started, ended and followed, and the engine tells what was really sent: PostgreSQL by
//! `auto_explain`, with row security on, SQLite by the log of its driver. So a new list is judged by itself.
//!
//! PostgreSQL plans by statistics and therefore holds [`EXECUTIONS`] executions. The planner of SQLite knows nothing of
//! numbers of rows as long as nobody runs `ANALYZE`, which the product does not; there a few rows of each kind will do.

mod fill;
mod lists;
mod lookups;
mod postgres;
mod sqlite;

use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::upstream::{Reply, Upstream};
use crate::support::{TestApp, one_step};

/// Executions in the one database of PostgreSQL.
const EXECUTIONS: u32 = 1_000_000;
/// In the file.
const FEW: u32 = 1_000;

/// Rows a statement may read: a count gives up after 10,000.
const READ: f64 = 11_000.0;

/// Filters no index serves, so that a page walks along the index of its order, past what does not fit.
const WALKS: &[(&str, &str)] = &[
    ("ConnectorFilterInput.credentialId", "bindings are JSON; a workspace has thousands of connectors at most"),
    ("ConnectorFilterInput.search", "words in the middle of texts"),
    ("ConnectorFilterInput.tags", "labels are JSON; a workspace has thousands of connectors at most"),
    ("ContactFilterInput.hasFields", "any of many fields"),
    ("ContactFilterInput.missingFields", "any of many fields"),
    ("ContactFilterInput.search", "words in the middle of texts"),
    ("ContactFilterInput.updated", "walks newest first by id, past contacts changed at other times"),
    ("CredentialFilterInput.host", "hosts are JSON; a workspace has hundreds of credentials at most"),
    ("CredentialFilterInput.kinds", "a workspace has hundreds of credentials at most"),
    ("CredentialFilterInput.search", "words in the middle of texts"),
    ("ExecutionFilterInput.errorCodes", "stands in JSON; to be asked together with a state or a time"),
    ("Connector.executions ExecutionFilterInput.statuses", "two conditions with an index each: the connector's runs are walked along"),
    ("Contact.executions ExecutionFilterInput.statuses", "two conditions with an index each: the contact's runs are walked along"),
    ("ExecutionFilterInput.minDurationMs", "a difference of two columns"),
    ("ExecutionFilterInput.queued", "walks newest first by id, past what was queued later"),
    ("ExecutionFilterInput.tags", "labels are JSON"),
    ("Connector.executions ExecutionFilterInput.kinds", "two conditions with an index each: the workspace's tests are walked along"),
    ("Contact.executions ExecutionFilterInput.kinds", "two conditions with an index each: the workspace's tests are walked along"),
    ("Connector.executions ExecutionFilterInput.triggers", "two conditions with an index each: the connector's runs are walked along"),
    ("Contact.executions ExecutionFilterInput.triggers", "two conditions with an index each: the contact's runs are walked along"),
    ("ConnectorFilterInput.statuses", "a workspace has thousands of connectors at most"),
    ("Credential.connectors", "bindings are JSON; a workspace has thousands of connectors at most"),
    ("ContactFilterInput.notEnrichedByConnectorId", "looks at each contact's own changes until a page is full"),
];

/// What was asked, and each statement sent for it that is carried out badly.
type Findings = Vec<String>;

/// How far the plans of an engine can be told from what it sent.
enum Watch {
    Server(postgres::Watch),
    File(sqlite::Watch),
}

impl Watch {
    /// Ends one question; `walks` when what it asks for may read more than [`READ`] rows.
    async fn judge(&mut self, asked: &str, walks: bool) -> Findings {
        match self {
            Self::Server(watch) => watch.judge(asked, walks),
            Self::File(watch) => watch.judge(asked).await,
        }
    }

    fn statements(&self) -> usize {
        match self {
            Self::Server(watch) => watch.statements,
            Self::File(watch) => watch.statements,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_is_carried_out_by_an_index_at_a_million_executions() {
    let begun = std::time::Instant::now();
    let upstream = Upstream::start(|call| Reply::Json(200, json!({ "value": call.query("q") }))).await;
    let database = Database::own().await;
    let app = TestApp::start_on(database, |config| {
        config.graphql.limits.cost = 1_000_000;
        config.graphql.limits.depth = 30;
        config.worker.sweep = std::time::Duration::from_secs(2);
    })
    .await;
    let scene = Scene::set(&app, &upstream).await;
    let mut watch = None;
    let app = app.restart_after(async |database| watch = Some(fill::fill(database, &scene).await)).await;
    let mut watch = watch.unwrap();
    println!("filled after {:?}", begun.elapsed());
    let mut findings = watch.judge("the start", true).await;
    let schema = lists::Schema::asked(&app).await;
    let questions = schema.questions(&scene);
    for question in &questions {
        question.ask(&app).await;
        let walks = WALKS.iter().any(|(filter, _)| question.name.ends_with(filter));
        findings.extend(watch.judge(&question.name, walks).await);
    }
    for (name, _) in WALKS {
        assert!(questions.iter().any(|question| question.name.ends_with(name)), "no list has the filter {name}: remove it from WALKS");
    }
    for name in lookups::NAMES {
        lookups::ask(name, &app, &scene).await;
        findings.extend(watch.judge(name, false).await);
    }
    println!("{} questions about lists, {} statements, {:?}", questions.len(), watch.statements(), begun.elapsed());
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n\n"));
    assert!(questions.len() > 100 && watch.statements() > 300, "{} questions, {} statements", questions.len(), watch.statements());
}

/// One real object of each kind, of which the others are copies.
struct Scene {
    /// Ids by type.
    ids: std::collections::BTreeMap<&'static str, String>,
}

impl Scene {
    async fn set(app: &TestApp, upstream: &Upstream) -> Self {
        app.saas_admin("root");
        let connector = app.connector(one_step(&upstream.base_url(), with_mapping)).await;
        for key in ["b", "c", "d"] {
            app.workspace(key, key).await;
        }
        let credential = "mutation($s: CredentialSecretInput!) { credentialCreate(input: { workspace: { key: \"a\" }, name: \"key\", secret: $s, allowedHosts: [\"127.0.0.1\"] }) { credential { id } userErrors { message } } }";
        let made = app.ok("ann", credential, json!({ "s": { "bearer": { "token": "a-secret-57c1" } } })).await;
        let contact = "mutation { contactUpsert(input: { workspace: { key: \"a\" }, contact: { key: \"k\", email: \"k@x.example\", phone: \"1\" } }) { contact { id } userErrors { message } } }";
        let contact = text(&app.ok("ann", contact, json!({})).await["contactUpsert"]["contact"]["id"]);
        let start =
            "mutation($i: ExecutionStartInput!) { executionStart(input: $i) { finished execution { id status } userErrors { message } } }";
        let input =
            json!({ "connectorId": connector, "contact": { "id": contact }, "input": { "q": "x" }, "tags": ["t"], "waitMs": 30_000 });
        let run = app.ok("ann", start, json!({ "i": input })).await["executionStart"]["execution"].take();
        assert_eq!(run["status"], "SUCCEEDED", "{run}");
        let read = "query($c: ID!, $e: ID!) { connector(id: $c) { workspace { id } } execution(id: $e) { steps { id } } templates(first: 1) { nodes { id } } }";
        let read = app.ok("ann", read, json!({ "c": connector, "e": run["id"] })).await;
        let ids = [
            ("Workspace", text(&read["connector"]["workspace"]["id"])),
            ("Connector", connector),
            ("Credential", text(&made["credentialCreate"]["credential"]["id"])),
            ("Contact", contact),
            ("Execution", text(&run["id"])),
            ("StepRun", text(&read["execution"]["steps"][0]["id"])),
            ("Template", text(&read["templates"]["nodes"][0]["id"])),
        ];
        Self { ids: ids.into() }
    }

    fn id(&self, kind: &str) -> &str {
        self.ids.get(kind).unwrap_or_else(|| panic!("make an object of type `{kind}` in tests/it/plans/mod.rs"))
    }
}

fn with_mapping(definition: &mut Value) {
    definition["mapping"] =
        json!({ "target": "contact", "fields": [{ "to": "company", "from": "{{ steps.call.value }}", "policy": "overwrite" }] });
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
