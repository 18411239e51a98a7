//! Requests from end to end on a real database, without a transport.

mod batches;
mod contract;

use std::sync::Arc;

use async_graphql::{Request, Variables};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::{Options, Patience, RequestContext, Schema, schema, sdl};
use crate::app::tests::{Bench, bench, definition, principal};
use crate::auth::{self, Principal};

/// A schema over a bench, and short ways to ask it.
struct Asked {
    bench: Bench,
    schema: Schema,
}

async fn asked() -> Asked {
    let bench = bench().await;
    let schema = schema(bench.app.clone(), &Options::default());
    Asked { bench, schema }
}

fn request(principal: Result<Principal, auth::Error>, query: &str, variables: Value) -> Request {
    let context = RequestContext { principal, request_id: "req-1".to_owned() };
    Request::new(query).variables(Variables::from_json(variables)).data(Arc::new(context))
}

impl Asked {
    async fn raw(&self, principal: &Principal, query: &str, variables: Value) -> Value {
        serde_json::to_value(self.schema.execute(request(Ok(principal.clone()), query, variables)).await).unwrap()
    }

    /// The data of a request without errors.
    async fn data(&self, principal: &Principal, query: &str, variables: Value) -> Value {
        let response = self.raw(principal, query, variables).await;
        assert!(response.get("errors").is_none(), "{query}: {response:#}");
        response["data"].clone()
    }

    /// The code of a request's only error.
    async fn code(&self, principal: &Principal, query: &str, variables: Value) -> String {
        let response = self.raw(principal, query, variables).await;
        assert_eq!(response["errors"][0]["extensions"]["requestId"], "req-1", "{response}");
        response["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    }

    async fn workspace(&self, owner: &Principal, key: &str) -> String {
        let query = "mutation($key: String!) { workspaceCreate(input: {key: $key, name: \"W\"}) { workspace { id viewerRole } userErrors { code } } }";
        let data = self.data(owner, query, json!({ "key": key })).await;
        assert_eq!(data["workspaceCreate"]["workspace"]["viewerRole"], "OWNER");
        data["workspaceCreate"]["workspace"]["id"].as_str().unwrap().to_owned()
    }

    /// A connector published from a definition; its id.
    async fn connector(&self, owner: &Principal, workspace: &str, definition: &Value) -> String {
        let query = "mutation($input: ConnectorCreateInput!) { connectorCreate(input: $input) { connector { id key } edge { cursor } userErrors { code message } } }";
        let input = json!({ "workspace": { "id": workspace }, "name": "Greet people", "source": { "definition": definition } });
        let data = self.data(owner, query, json!({ "input": input })).await;
        let id = data["connectorCreate"]["connector"]["id"].as_str().unwrap().to_owned();
        let query = "mutation($id: ID!) { connectorPublish(input: {id: $id}) { version { number } userErrors { code message } } }";
        let data = self.data(owner, query, json!({ "id": id })).await;
        assert_eq!(data["connectorPublish"]["userErrors"], json!([]), "{data:#}");
        id
    }

    async fn credential(&self, owner: &Principal, workspace: &str, host: &str) -> String {
        let query = "mutation($input: CredentialCreateInput!) { credentialCreate(input: $input) { credential { id fields { preview } } edge { cursor } userErrors { code message path } } }";
        let secret = json!({ "apiKey": { "value": "canary-secret-value-1234" } });
        let input =
            json!({ "workspace": { "id": workspace }, "name": format!("Key for {host}"), "secret": secret, "allowedHosts": [host] });
        let data = self.data(owner, query, json!({ "input": input })).await;
        assert_eq!(data["credentialCreate"]["credential"]["fields"], json!([{ "preview": "••••1234" }]));
        data["credentialCreate"]["credential"]["id"].as_str().unwrap().to_owned()
    }
}

const START: &str =
    "mutation($id: ID!, $input: JSON, $key: String) { executionStart(input: {connectorId: $id, input: $input, idempotencyKey: $key}) {
    execution { id number status input progress { totalSteps } steps { path status } availableActions startedBy { subject } }
    finished repeated userErrors { __typename code message path ... on CredentialError { slot } ... on StateError { state } } } }";

#[tokio::test]
async fn a_connector_is_made_published_run_and_read_back() {
    let asked = asked().await;
    let ann = principal("ann");
    let workspace = asked.workspace(&ann, "a").await;
    let connector = asked.connector(&ann, &workspace, &definition(false)).await;
    let variables = json!({ "id": connector, "input": { "name": "Bo" }, "key": "once" });
    let started = asked.data(&ann, START, variables.clone()).await["executionStart"].clone();
    assert_eq!(started["userErrors"], json!([]));
    assert_eq!(started["execution"]["status"], "QUEUED");
    assert_eq!(started["execution"]["number"], 1);
    assert_eq!(started["execution"]["steps"], json!([{ "path": "greet", "status": "PENDING" }]));
    let again = asked.data(&ann, START, variables).await["executionStart"].clone();
    assert_eq!((&again["repeated"], &again["execution"]["id"]), (&json!(true), &started["execution"]["id"]));
    let other = asked.data(&ann, START, json!({ "id": connector, "input": { "name": "Cy" }, "key": "once" })).await;
    assert_eq!(other["executionStart"]["userErrors"][0]["code"], "IDEMPOTENCY_MISMATCH");
    let wrong = asked.data(&ann, START, json!({ "id": connector, "input": {} })).await;
    assert_eq!(wrong["executionStart"]["userErrors"][0]["__typename"], "InputError", "{wrong}");

    let query = "query($id: ID!, $c: ID!) { execution(id: $id) { logs(first: 5) { totalCount nodes { sequence message } } connector { key versions { nodes { number } } } workspace { key } }
        node(id: $c) { __typename id ... on Connector { name hasUnpublishedChanges draft { hash problems { code } steps { key } graph { edges { source target } } } } } }";
    let data = asked.data(&ann, query, json!({ "id": started["execution"]["id"], "c": connector })).await;
    assert_eq!(data["execution"]["logs"], json!({ "totalCount": 1, "nodes": [{ "sequence": 1, "message": "Queued." }] }));
    assert_eq!(data["execution"]["connector"]["key"], "greet-people");
    assert_eq!(data["node"]["hasUnpublishedChanges"], false);

    let cancel = "mutation($id: ID!) { executionCancel(input: {id: $id}) { execution { status availableActions } userErrors { code } } }";
    let data = asked.data(&ann, cancel, json!({ "id": started["execution"]["id"] })).await;
    assert_eq!(data["executionCancel"]["execution"], json!({ "status": "CANCELLING", "availableActions": [] }));
}

#[tokio::test]
async fn ten_1_a_stranger_gets_what_nobody_would() {
    let asked = asked().await;
    let (ann, eve) = (principal("ann"), principal("eve"));
    let workspace = asked.workspace(&ann, "a").await;
    let connector = asked.connector(&ann, &workspace, &definition(false)).await;
    let credential = asked.credential(&ann, &workspace, "api.one.example").await;
    let random = crate::domain::id::ConnectorId::fresh(asked.bench.app.clock()).to_string();
    for field in ["workspace(by: {id: $id}) { id }", "connector(id: $id) { id }", "credential(id: $id) { id }", "node(id: $id) { id }"] {
        let id = match field {
            field if field.starts_with("workspace") => &workspace,
            field if field.starts_with("credential") => &credential,
            _ => &connector,
        };
        let data = asked.data(&eve, &format!("query($id: ID!) {{ found: {field} }}"), json!({ "id": id })).await;
        assert_eq!(data, json!({ "found": null }), "{field}");
    }
    let mut answers = Vec::new();
    for id in [&connector, &random] {
        let data = asked.data(&eve, START, json!({ "id": id, "input": { "name": "x" } })).await;
        answers.push(data.to_string().replace(id, "ID"));
        assert_eq!(data["executionStart"]["userErrors"][0]["code"], "NOT_FOUND");
    }
    assert_eq!(answers[0], answers[1], "foreign and random ids are answered alike");
}

#[tokio::test]
async fn ten_3_credentials_go_only_where_they_may() {
    let asked = asked().await;
    let (ann, bob) = (principal("ann"), principal("bob"));
    let workspace = asked.workspace(&ann, "a").await;
    let foreign = asked.workspace(&bob, "b").await;
    let connector = asked.connector(&ann, &workspace, &definition(true)).await;
    let bind = "mutation($id: ID!, $credential: ID!) { connectorCredentialsBind(input: {id: $id, bind: [{slot: \"key\", credential: {id: $credential}}]}) {
        connector { status credentialBindings { credential { id } } } userErrors { code path ... on CredentialError { host credential { name } } } } }";
    let data = asked.data(&ann, START, json!({ "id": connector, "input": { "name": "x" } })).await;
    assert_eq!(data["executionStart"]["userErrors"][0]["code"], "CREDENTIAL_MISSING");

    let of_bob = asked.credential(&bob, &foreign, "api.one.example").await;
    let data = asked.data(&ann, bind, json!({ "id": connector, "credential": of_bob })).await;
    assert_eq!(data["connectorCredentialsBind"]["userErrors"][0]["code"], "NOT_FOUND");

    let elsewhere = asked.credential(&ann, &workspace, "api.two.example").await;
    let data = asked.data(&ann, bind, json!({ "id": connector, "credential": elsewhere })).await;
    let error = &data["connectorCredentialsBind"]["userErrors"][0];
    assert_eq!((&error["code"], &error["host"]), (&json!("HOST_NOT_ALLOWED"), &json!("api.one.example")));

    let fitting = asked.credential(&ann, &workspace, "api.one.example").await;
    let data = asked.data(&ann, bind, json!({ "id": connector, "credential": fitting })).await;
    assert_eq!(data["connectorCredentialsBind"]["connector"]["status"], "ACTIVE", "{data:#}");
    let data = asked.data(&ann, START, json!({ "id": connector, "input": { "name": "x" } })).await;
    assert_eq!(data["executionStart"]["userErrors"], json!([]));

    let mut moved = definition(true);
    moved["credentials"]["key"]["hosts"] = json!(["api.evil.example"]);
    moved["steps"][0]["request"]["url"] = json!("https://api.evil.example/greet");
    let update = "mutation($id: ID!, $definition: ConnectorDefinition!) { connectorUpdate(input: {id: $id, definition: $definition, publish: true}) { userErrors { code } } }";
    let data = asked.data(&ann, update, json!({ "id": connector, "definition": moved })).await;
    assert_eq!(data["connectorUpdate"]["userErrors"][0]["code"], "HOST_NOT_ALLOWED");

    let delete = "mutation($id: ID!, $unbind: Boolean!) { credentialDelete(input: {id: $id, unbind: $unbind}) { deletedId userErrors { code ... on InUseError { count connectors { key } } } } }";
    let data = asked.data(&ann, delete, json!({ "id": fitting, "unbind": false })).await;
    assert_eq!(
        data["credentialDelete"]["userErrors"],
        json!([{ "code": "IN_USE", "count": 1, "connectors": [{ "key": "greet-people" }] }])
    );
    let data = asked.data(&ann, delete, json!({ "id": fitting, "unbind": true })).await;
    assert_eq!(data["credentialDelete"]["deletedId"], json!(fitting));
    let data = asked.data(&ann, "query($id: ID!) { connector(id: $id) { status } }", json!({ "id": connector })).await;
    assert_eq!(data["connector"]["status"], "BLOCKED");
}

#[tokio::test]
async fn roles_are_read_for_each_operation() {
    let asked = asked().await;
    let (ann, vic) = (principal("ann"), principal("vic"));
    let workspace = asked.workspace(&ann, "a").await;
    let connector = asked.connector(&ann, &workspace, &definition(false)).await;
    let add = "mutation($input: WorkspaceMemberAddInput!) { workspaceMemberAdd(input: $input) { member { id role } userErrors { code } } }";
    let input = json!({ "input": { "workspace": { "key": "a" }, "subject": "vic", "role": "VIEWER" } });
    let data = asked.data(&ann, add, input.clone()).await;
    let member = data["workspaceMemberAdd"]["member"]["id"].clone();
    let data = asked.data(&ann, add, input).await;
    assert_eq!(data["workspaceMemberAdd"]["userErrors"][0]["code"], "NOT_UNIQUE");
    let variables = json!({ "id": connector, "input": { "name": "x" } });
    assert_eq!(asked.code(&vic, START, variables.clone()).await, "FORBIDDEN");
    let change = "mutation($id: ID!) { workspaceMemberUpdate(input: {id: $id, role: OPERATOR}) { member { role } userErrors { code } } }";
    asked.data(&ann, change, json!({ "id": member })).await;
    assert_eq!(asked.data(&vic, START, variables.clone()).await["executionStart"]["userErrors"], json!([]));
    let remove = "mutation($id: ID!) { workspaceMemberRemove(input: {id: $id}) { deletedId userErrors { code } } }";
    asked.data(&ann, remove, json!({ "id": member })).await;
    let gone = asked.data(&vic, START, variables).await;
    assert_eq!(gone["executionStart"]["userErrors"][0]["code"], "NOT_FOUND");
    let members = asked
        .data(
            &ann,
            "{ workspace(by: {key: \"a\"}) { members { nodes { id subject } } } viewer { workspaces { nodes { key } } } }",
            json!({}),
        )
        .await;
    let own = members["workspace"]["members"]["nodes"][0]["id"].clone();
    let data = asked.data(&ann, remove, json!({ "id": own })).await;
    assert_eq!(data["workspaceMemberRemove"]["userErrors"][0]["code"], "LAST_OWNER");
    assert_eq!(members["viewer"]["workspaces"]["nodes"], json!([{ "key": "a" }]));
}

#[tokio::test]
async fn secrets_come_in_variables_only() {
    let asked = asked().await;
    let ann = principal("ann");
    asked.workspace(&ann, "a").await;
    let literal = "mutation { credentialCreate(input: {workspace: {key: \"a\"}, name: \"x\", allowedHosts: [\"x.example\"], secret: {apiKey: {value: \"canary-7\"}}}) { userErrors { code } } }";
    let default = "mutation($s: Secret! = \"canary-7\") { credentialCreate(input: {workspace: {key: \"a\"}, name: \"x\", allowedHosts: [\"x.example\"], secret: {apiKey: {value: $s}}}) { userErrors { code } } }";
    for query in [literal, default] {
        let response = asked.raw(&ann, query, json!({})).await;
        assert_eq!(response["errors"][0]["extensions"]["code"], "SECRET_IN_DOCUMENT", "{response}");
        assert!(!response.to_string().contains("canary"));
    }
    let variable = default.replace(" = \"canary-7\"", "");
    let data = asked.data(&ann, &variable, json!({ "s": "canary-7" })).await;
    assert_eq!(data["credentialCreate"]["userErrors"], json!([]));
    let response = asked
        .raw(&ann, "{ workspace(by: {key: \"a\"}) { credentials { nodes { name kind fields { key secret preview } } } } }", json!({}))
        .await;
    assert!(!response.to_string().contains("canary"), "{response}");
}

#[tokio::test]
async fn templates_are_published_once_their_tests_pass_and_installed_whole() {
    let asked = asked().await;
    let (root, ann) = (asked.bench.admin("root").await, principal("ann"));
    asked.workspace(&ann, "a").await;
    let create = "mutation($input: AdminTemplateCreateInput!) { adminTemplateCreate(input: $input) { template { id slug status latestVersion { version } } version { id status } userErrors { code message ... on DefinitionError { problems { code message } } } } }";
    let mut template = definition(true);
    template["kind"] = json!("template");
    let details = json!({ "name": "Greet", "summary": "Greets." });
    let input = json!({ "input": { "slug": "greet", "details": details, "definition": template, "version": "1.0.0", "publish": true } });
    assert_eq!(asked.code(&ann, create, input.clone()).await, "FORBIDDEN");
    let mut failing = input.clone();
    failing["input"]["definition"]["tests"] =
        json!([{ "name": "fails", "inputs": { "name": "x" }, "exchanges": [], "expect": { "status": "succeeded" } }]);
    let data = asked.data(&root, create, failing).await;
    assert_eq!(data["adminTemplateCreate"]["userErrors"][0]["problems"][0]["code"], "test-failed", "{data:#}");
    let data = asked.data(&root, create, input).await;
    assert_eq!(data["adminTemplateCreate"]["template"]["status"], "PUBLISHED", "{data:#}");

    let install = "mutation($input: TemplateInstallInput!) { templateInstall(input: $input) { connector { id key status publishedVersion { number } } createdCredentials { name allowedHosts } userErrors { code path message } } }";
    let bare = json!({ "input": { "workspace": { "key": "a" }, "template": { "slug": "greet" } } });
    let data = asked.data(&ann, install, bare.clone()).await;
    assert_eq!(data["templateInstall"]["connector"]["status"], "BLOCKED", "{data:#}");
    let mut filled = bare.clone();
    let draft = json!({ "name": "Mine", "secret": { "apiKey": { "value": "sesame-open" } } });
    filled["input"]["credentials"] = json!([{ "slot": "key", "credential": { "create": draft } }]);
    let data = asked.data(&ann, install, filled.clone()).await;
    let made = &data["templateInstall"];
    assert_eq!((&made["connector"]["status"], &made["connector"]["key"]), (&json!("ACTIVE"), &json!("greet-2")), "{data:#}");
    assert_eq!(made["connector"]["publishedVersion"]["number"], 1);
    assert_eq!(made["createdCredentials"], json!([{ "name": "Mine", "allowedHosts": ["api.one.example"] }]));
    let data = asked.data(&ann, install, filled).await;
    assert_eq!(data["templateInstall"]["userErrors"][0]["code"], "NOT_UNIQUE", "{data:#}");
    let data = asked
        .data(&ann, "{ workspace(by: {key: \"a\"}) { connectors { totalCount } } templates { nodes { slug installCount } } }", json!({}))
        .await;
    assert_eq!(data["workspace"]["connectors"]["totalCount"], 2, "a refused installation leaves nothing");
    assert_eq!(data["templates"]["nodes"], json!([{ "slug": "greet", "installCount": 2 }]));
    assert_eq!(asked.code(&ann, "{ admin { saasAdmins { nodes { subject } } } }", json!({})).await, "FORBIDDEN");
    let data = asked.data(&root, "{ admin { saasAdmins { nodes { subject } } templates { nodes { slug } } } }", json!({})).await;
    assert_eq!(data["admin"]["saasAdmins"]["nodes"], json!([{ "subject": "root" }]));
}

#[tokio::test]
async fn contacts_are_made_changed_and_imported_row_by_row() {
    let asked = asked().await;
    let ann = principal("ann");
    asked.workspace(&ann, "a").await;
    let upsert = "mutation($input: ContactUpsertInput!) { contactUpsert(input: $input) { contact { id key email attributes } created userErrors { code path } } }";
    let input = |contact: Value| json!({ "input": { "workspace": { "key": "a" }, "contact": contact } });
    let data = asked.data(&ann, upsert, input(json!({ "key": "c1", "email": "a@x.example", "attributes": { "a": 1, "b": 2 } }))).await;
    assert_eq!(data["contactUpsert"]["created"], true);
    let data = asked.data(&ann, upsert, input(json!({ "key": "c1", "email": null, "attributes": { "a": null, "c": 3 } }))).await;
    let contact = &data["contactUpsert"]["contact"];
    assert_eq!((&contact["email"], &contact["attributes"]), (&Value::Null, &json!({ "b": 2, "c": 3 })));
    let import = "mutation($input: ContactsImportInput!) { contactsImport(input: $input) { createdCount changedCount rows { index created userErrors { code path } } userErrors { code } } }";
    let rows = json!([{ "key": "c1" }, { "key": "c2" }, { "key": "x".repeat(300) }, {}]);
    let data = asked.data(&ann, import, json!({ "input": { "workspace": { "key": "a" }, "contacts": rows } })).await;
    let done = &data["contactsImport"];
    assert_eq!((&done["createdCount"], &done["changedCount"]), (&json!(2), &json!(1)), "{data:#}");
    assert_eq!(done["rows"][2]["userErrors"][0]["code"], "TOO_LONG");
}

#[tokio::test]
async fn requests_that_cannot_be_answered_say_why() {
    let asked = asked().await;
    let ann = principal("ann");
    for (query, variables, code) in [
        ("{ viewer { ", json!({}), "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", json!({}), "GRAPHQL_VALIDATION_FAILED"),
        ("query a { __typename } query b { __typename }", json!({}), "OPERATION_RESOLUTION_FAILED"),
        ("query($id: ID!) { connector(id: $id) { id } }", json!({ "id": "nonsense" }), "BAD_USER_INPUT"),
        ("query($id: ID!) { connector(id: $id) { id } }", json!({}), "BAD_USER_INPUT"),
        ("{ templates(first: 101) { nodes { id } } }", json!({}), "BAD_USER_INPUT"),
        ("{ templates(first: 1, last: 1) { nodes { id } } }", json!({}), "BAD_USER_INPUT"),
        ("{ templates(after: \"x\") { nodes { id } } }", json!({}), "BAD_USER_INPUT"),
        ("{ templates(first: 100) { nodes { versions(first: 100) { nodes { id } } } } }", json!({}), "QUERY_TOO_COMPLEX"),
        ("{ ...a } fragment a on Query { ...a }", json!({}), "QUERY_TOO_COMPLEX"),
    ] {
        assert_eq!(asked.code(&ann, query, variables).await, code, "{query}");
    }
    for (error, code) in [(auth::Error::Missing, "UNAUTHENTICATED"), (auth::Error::Expired, "TOKEN_EXPIRED")] {
        let response = asked.schema.execute(request(Err(error), "{ viewer { email } serverInfo { version } }", json!({}))).await;
        let json = serde_json::to_value(response).unwrap();
        assert_eq!(json["errors"][0]["extensions"]["code"], code);
        let data = json!({ "viewer": null, "serverInfo": { "version": env!("CARGO_PKG_VERSION") } });
        assert_eq!(json["data"], data, "what needs no token is answered");
    }
}

#[tokio::test]
async fn a_log_is_followed_to_its_end() {
    let asked = asked().await;
    let ann = principal("ann");
    let workspace = asked.workspace(&ann, "a").await;
    let connector = asked.connector(&ann, &workspace, &definition(false)).await;
    let started = asked.data(&ann, START, json!({ "id": connector, "input": { "name": "Bo" } })).await;
    let id = started["executionStart"]["execution"]["id"].clone();
    let lease = asked.bench.claim(id.as_str().unwrap().parse().unwrap()).await;
    asked.bench.record(&lease, 2..=3, crate::domain::execution::ExecutionStatus::Succeeded).await;
    let query = "subscription($id: ID!) { executionLogs(executionId: $id) { entries { sequence } throughSequence caughtUp complete } }";
    let items: Vec<Value> = asked
        .schema
        .execute_stream(request(Ok(ann.clone()), query, json!({ "id": id })))
        .map(|item| serde_json::to_value(item).unwrap())
        .collect()
        .await;
    let batch = json!({ "entries": [{ "sequence": 1 }, { "sequence": 2 }, { "sequence": 3 }], "throughSequence": 3, "caughtUp": true, "complete": true });
    assert_eq!(items, [json!({ "data": { "executionLogs": batch } })]);
    let strange = asked.schema.execute_stream(request(Ok(principal("eve")), query, json!({ "id": id }))).collect::<Vec<_>>().await;
    assert_eq!(serde_json::to_value(&strange[0]).unwrap()["errors"][0]["extensions"]["code"], "NOT_FOUND");
}

#[test]
fn everything_in_the_schema_is_described() {
    let sdl = sdl();
    let mut previous = "";
    let mut inside_arguments = false;
    for line in sdl.lines().take_while(|line| !line.starts_with("schema {")) {
        let trimmed = line.trim();
        let starts = ["type ", "interface ", "enum ", "input ", "scalar "].iter().any(|word| line.starts_with(word));
        let described = previous == "\"\"\"";
        if starts {
            assert!(described, "{line}");
        }
        inside_arguments |= trimmed.ends_with('(');
        let member = line.starts_with('\t') && !trimmed.starts_with(['"', ')']) && !trimmed.is_empty() && !inside_arguments;
        if member && (trimmed.contains(':') || trimmed.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')) {
            assert!(described, "{line}");
        }
        inside_arguments &= !trimmed.starts_with(')');
        previous = trimmed;
    }
}
