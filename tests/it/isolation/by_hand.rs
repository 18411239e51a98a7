//! A workspace cannot see or touch another's data: what is foreign is answered exactly as what does not exist.

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::upstream::{Reply, Upstream};
use crate::support::{TestApp, one_step};

/// Two workspaces with one object of each kind in `a`, and a stranger who owns `b`.
struct Scene {
    app: TestApp,
    connector: String,
    version: String,
    credential: String,
    execution: String,
    step: String,
    contact: String,
    member: String,
}

async fn scene() -> Scene {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "value": "canary-of-a" }))).await;
    let app = TestApp::start().await;
    app.workspace("b", "bob").await;
    let connector = app.connector(one_step(&upstream.base_url(), |_| {})).await;
    let execution = app.run_to_end(&connector, json!({ "q": "canary-of-a" })).await["id"].as_str().unwrap().to_owned();
    let credential = app
        .ok(
            "ann",
            "mutation($input: CredentialCreateInput!) { credentialCreate(input: $input) { credential { id } userErrors { code } } }",
            json!({ "input": { "workspace": { "key": "a" }, "name": "canary-of-a", "secret": { "bearer": { "token": "t" } }, "allowedHosts": ["h.example"] } }),
        )
        .await["credentialCreate"]["credential"]["id"]
        .clone();
    let contact = app
        .ok(
            "ann",
            "mutation { contactUpsert(input: { workspace: { key: \"a\" }, contact: { key: \"canary-of-a\" } }) { contact { id } userErrors { code } } }",
            json!({}),
        )
        .await["contactUpsert"]["contact"]["id"]
        .clone();
    let read = "query($c: ID!, $e: ID!) { connector(id: $c) { publishedVersion { id } } execution(id: $e) { steps { id } } workspace(by: { key: \"a\" }) { members { nodes { id } } } }";
    let ids = app.ok("ann", read, json!({ "c": connector, "e": execution })).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Scene {
        version: text(&ids["connector"]["publishedVersion"]["id"]),
        step: text(&ids["execution"]["steps"][0]["id"]),
        member: text(&ids["workspace"]["members"]["nodes"][0]["id"]),
        credential: text(&credential),
        contact: text(&contact),
        app,
        connector,
        execution,
    }
}

/// A well-formed id of the same kind that nothing has.
fn random_like(id: &str) -> String {
    let (prefix, _) = id.split_once('_').unwrap();
    let fresh = connectors::domain::id::ConnectorId::from_uuid(uuid::Uuid::new_v4()).to_string();
    format!("{prefix}_{}", fresh.split_once('_').unwrap().1)
}

/// The answer with whatever names the id itself taken out, and the request's own id. Members are compared without
/// regard to their order, in which they happened to be resolved.
fn neutral(mut answer: Value, id: &str) -> Value {
    for error in answer.get_mut("errors").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(extensions) = error.get_mut("extensions").and_then(Value::as_object_mut) {
            extensions.remove("requestId");
        }
    }
    serde_json::from_str(&answer.to_string().replace(id, "ID")).unwrap()
}

#[tokio::test]
async fn ten_1_ten_2_a_foreign_id_is_answered_like_one_that_does_not_exist() {
    let scene = scene().await;
    let app = &scene.app;
    let queries = [
        (&scene.connector, "query($id: ID!) { connector(id: $id) { id name } }"),
        (&scene.credential, "query($id: ID!) { credential(id: $id) { id name } }"),
        (&scene.contact, "query($id: ID!) { contact(id: $id) { id key } }"),
        (&scene.execution, "query($id: ID!) { execution(id: $id) { id output } }"),
        (&scene.connector, "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }"),
        (&scene.version, "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }"),
        (&scene.credential, "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }"),
        (&scene.execution, "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }"),
        (&scene.step, "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }"),
        (&scene.contact, "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }"),
        (&scene.member, "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }"),
        (
            &scene.connector,
            "query($id: ID!) { workspace(by: { key: \"b\" }) { connectors(filter: { credentialId: $id }) { totalCount nodes { id } } } }",
        ),
        (
            &scene.connector,
            "query($id: ID!) { workspace(by: { key: \"b\" }) { executions(filter: { connectorId: $id }) { totalCount nodes { id } } } }",
        ),
        (
            &scene.contact,
            "query($id: ID!) { workspace(by: { key: \"b\" }) { contacts(filter: { ids: [$id] }) { totalCount nodes { id } } } }",
        ),
        (
            &scene.connector,
            "mutation($id: ID!) { connectorUpdate(input: { id: $id, name: \"mine\" }) { connector { id } userErrors { code message path } } }",
        ),
        (
            &scene.connector,
            "mutation($id: ID!) { connectorPublish(input: { id: $id }) { connector { id } userErrors { code message path } } }",
        ),
        (&scene.connector, "mutation($id: ID!) { connectorDelete(input: { id: $id }) { deletedId userErrors { code message path } } }"),
        (
            &scene.connector,
            "mutation($id: ID!) { connectorCredentialsBind(input: { id: $id, unbind: [\"x\"] }) { connector { id } userErrors { code message path } } }",
        ),
        (
            &scene.connector,
            "mutation($id: ID!) { connectorCreate(input: { workspace: { key: \"b\" }, name: \"copy\", source: { connectorId: $id } }) { connector { id } userErrors { code message path } } }",
        ),
        (
            &scene.version,
            "mutation($id: ID!) { connectorCreate(input: { workspace: { key: \"b\" }, name: \"copy\", source: { versionId: $id } }) { connector { id } userErrors { code message path } } }",
        ),
        (
            &scene.connector,
            "mutation($id: ID!) { connectorTest(input: { workspace: { key: \"b\" }, target: { connectorId: $id } }) { execution { id } userErrors { code message path } } }",
        ),
        (&scene.credential, "mutation($id: ID!) { credentialDelete(input: { id: $id }) { deletedId userErrors { code message path } } }"),
        (
            &scene.connector,
            "mutation($id: ID!) { executionStart(input: { connectorId: $id, input: {} }) { execution { id } userErrors { code message path } } }",
        ),
        (
            &scene.execution,
            "mutation($id: ID!) { executionCancel(input: { id: $id }) { execution { id } userErrors { code message path } } }",
        ),
        (
            &scene.contact,
            "mutation($id: ID!) { contactUpsert(input: { workspace: { key: \"b\" }, match: { id: $id }, contact: { email: \"e\" } }) { contact { id } userErrors { code message path } } }",
        ),
        (
            &scene.member,
            "mutation($id: ID!) { workspaceMemberUpdate(input: { id: $id, role: VIEWER }) { member { id } userErrors { code message path } } }",
        ),
        (&scene.member, "mutation($id: ID!) { workspaceMemberRemove(input: { id: $id }) { deletedId userErrors { code message path } } }"),
    ];
    for (id, document) in queries {
        let foreign = app.graphql("bob", document, json!({ "id": id })).await;
        let random = random_like(id);
        let missing = app.graphql("bob", document, json!({ "id": random })).await;
        assert!(!foreign.to_string().contains("canary-of-a"), "{document}: {foreign}");
        assert_eq!(neutral(foreign, id), neutral(missing, &random), "{document}");
    }
    let untouched = app.ok("ann", "query($c: ID!, $e: ID!) { connector(id: $c) { name revision } execution(id: $e) { status } contact: workspace(by: { key: \"a\" }) { contacts { nodes { email } } members { nodes { role } } credentials { totalCount } executions { totalCount } } }", json!({ "c": scene.connector, "e": scene.execution })).await;
    assert_eq!(untouched["connector"]["name"], "Test");
    assert_eq!(
        untouched["contact"],
        json!({ "contacts": { "nodes": [{ "email": null }] }, "members": { "nodes": [{ "role": "OWNER" }] }, "credentials": { "totalCount": 1 }, "executions": { "totalCount": 1 } })
    );
}

#[tokio::test]
async fn ten_3_a_foreign_credential_cannot_be_bound() {
    let scene = scene().await;
    let made = scene
        .app
        .ok(
            "bob",
            "mutation($input: ConnectorCreateInput!) { connectorCreate(input: $input) { connector { id } userErrors { code } } }",
            json!({ "input": { "workspace": { "key": "b" }, "name": "Thief", "source": { "definition": one_step("http://h.example", |definition| {
                definition["credentials"] = json!({ "api": { "kind": "bearer", "hosts": ["h.example"] } });
                definition["defaults"]["auth"] = json!("api");
            }) } } }),
        )
        .await;
    let document = "mutation($c: ID!, $id: ID!) { connectorCredentialsBind(input: { id: $c, bind: [{ slot: \"api\", credential: { id: $id } }] }) { userErrors { code message path } } }";
    let connector = &made["connectorCreate"]["connector"]["id"];
    let random = random_like(&scene.credential);
    let foreign = scene.app.graphql("bob", document, json!({ "c": connector, "id": scene.credential })).await;
    let missing = scene.app.graphql("bob", document, json!({ "c": connector, "id": random })).await;
    assert_ne!(foreign["data"]["connectorCredentialsBind"]["userErrors"], json!([]));
    assert_eq!(neutral(foreign, &scene.credential), neutral(missing, &random));
}

#[tokio::test]
async fn streams_of_foreign_executions_do_not_open() {
    let scene = scene().await;
    let mut client = Client::connect(scene.app.address, &scene.app.token("bob")).await;
    for document in [
        "subscription($id: ID!) { executionLogs(executionId: $id) { throughSequence } }",
        "subscription($id: ID!) { executionUpdated(executionId: $id) { complete } }",
    ] {
        let mut answers = Vec::new();
        for id in [scene.execution.clone(), random_like(&scene.execution)] {
            let operation = client.subscribe(document, json!({ "id": id })).await;
            let mut messages = Vec::new();
            while let Some(message) = client.next(&operation).await {
                messages.push(neutral(message, &id));
            }
            answers.push(messages);
        }
        assert_eq!(answers[0], answers[1], "{document}");
        assert!(answers[0].iter().all(|message| message.get("errors").is_some()), "{answers:?}");
    }
}

#[tokio::test]
async fn jwt_3_without_a_token_or_with_a_bad_one_nothing_is_answered() {
    let scene = scene().await;
    let foreign = TestApp::start().await.token("ann");
    let expired = scene.app.expired_token("ann");
    let document = "query($id: ID!) { execution(id: $id) { id } }";
    for (token, code) in [
        (None, "UNAUTHENTICATED"),
        (Some(foreign.as_str()), "UNAUTHENTICATED"),
        (Some(expired.as_str()), "TOKEN_EXPIRED"),
        (Some("x.y.z"), "UNAUTHENTICATED"),
        (Some(""), "UNAUTHENTICATED"),
    ] {
        let (_, answer) = scene.app.post(token, document, json!({ "id": scene.execution })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{token:?}: {answer}");
        assert!(!answer.to_string().contains(&scene.execution), "{token:?}: {answer}");
    }
    let (status, answer) = scene.app.post(Some(&expired), document, json!({ "id": scene.execution })).await;
    assert_eq!((status, answer.get("data")), (401, None), "{answer}");
    let (status, answer) = scene.app.post(None, "{ serverInfo { version } }", json!({})).await;
    assert_eq!((status, answer["data"]["serverInfo"]["version"].is_string()), (200, true), "{answer}");
}

#[tokio::test]
async fn jwt_7_roles_are_read_for_each_operation() {
    let scene = scene().await;
    let app = &scene.app;
    let add = "mutation($role: WorkspaceRole!) { workspaceMemberAdd(input: { workspace: { key: \"a\" }, subject: \"cy\", role: $role }) { member { id } userErrors { code } } }";
    let member = app.ok("ann", add, json!({ "role": "EDITOR" })).await["workspaceMemberAdd"]["member"]["id"].clone();
    let rename = "mutation($id: ID!) { connectorUpdate(input: { id: $id, name: \"by cy\" }) { connector { name } userErrors { code } } }";
    app.ok("cy", rename, json!({ "id": scene.connector })).await;
    app.ok(
        "ann",
        "mutation($id: ID!) { workspaceMemberUpdate(input: { id: $id, role: VIEWER }) { userErrors { code } } }",
        json!({ "id": member }),
    )
    .await;
    let refused = app.graphql("cy", rename, json!({ "id": scene.connector })).await;
    let extensions = &refused["errors"][0]["extensions"];
    assert_eq!((&extensions["code"], &extensions["requiredRole"]), (&json!("FORBIDDEN"), &json!("EDITOR")), "{refused}");
    app.ok("ann", "mutation($id: ID!) { workspaceMemberRemove(input: { id: $id }) { userErrors { code } } }", json!({ "id": member }))
        .await;
    assert_eq!(
        app.ok("cy", "query($id: ID!) { connector(id: $id) { id } }", json!({ "id": scene.connector })).await["connector"],
        Value::Null
    );
    let last = app
        .graphql(
            "ann",
            "mutation($id: ID!) { workspaceMemberRemove(input: { id: $id }) { userErrors { code } } }",
            json!({ "id": scene.member }),
        )
        .await;
    assert_eq!(last["data"]["workspaceMemberRemove"]["userErrors"][0]["code"], "LAST_OWNER", "{last}");
}

#[tokio::test]
async fn ten_6_a_cursor_of_another_list_is_refused() {
    let scene = scene().await;
    let cursor = scene
        .app
        .ok("ann", "{ workspace(by: { key: \"a\" }) { executions(first: 1) { pageInfo { endCursor } } } }", json!({}))
        .await["workspace"]["executions"]["pageInfo"]["endCursor"]
        .clone();
    for (document, cursor) in [
        ("query($c: String) { workspace(by: { key: \"b\" }) { contacts(first: 1, after: $c) { nodes { id } } } }", cursor.clone()),
        ("query($c: String) { workspace(by: { key: \"b\" }) { executions(first: 1, after: $c) { nodes { id } } } }", json!("AAAA")),
    ] {
        let answer = scene.app.graphql("bob", document, json!({ "c": cursor })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    }
    let own = scene
        .app
        .ok(
            "bob",
            "query($c: String) { workspace(by: { key: \"b\" }) { executions(first: 5, before: null, after: $c) { nodes { id } } } }",
            json!({ "c": cursor }),
        )
        .await;
    assert_eq!(own["workspace"]["executions"]["nodes"], json!([]), "a cursor moves within one's own rows only");
}
