//! What the generated probes cannot know: roles that change between two requests, and what exactly is said where.

use serde_json::{Value, json};

use crate::support::TestApp;

use super::scene::Scene;

#[tokio::test]
async fn ten_3_a_foreign_credential_cannot_be_bound() {
    let scene = Scene::set().await;
    let document = "mutation($c: ID!, $id: ID!) { connectorCredentialsBind(input: { id: $c, bind: [{ slot: \"api\", credential: { id: $id } }] }) { userErrors { code path } } }";
    let (connector, credential) = (scene.own.any("Connector"), scene.foreign.any("Credential"));
    let refused = scene.app.graphql(&scene.own.member("OWNER"), document, json!({ "c": connector, "id": credential })).await;
    let expected = json!([{ "code": "NOT_FOUND", "path": ["bind", "0", "credential", "id"] }]);
    assert_eq!(refused["data"]["connectorCredentialsBind"]["userErrors"], expected, "{refused}");
}

#[tokio::test]
async fn jwt_3_without_a_token_or_with_a_bad_one_nothing_is_answered() {
    let scene = Scene::set().await;
    let owner = scene.foreign.member("OWNER");
    let foreign = TestApp::start().await.token(&owner);
    let expired = scene.app.expired_token(&owner);
    let (document, variables) = ("query($id: ID!) { execution(id: $id) { id } }", json!({ "id": scene.foreign.any("Execution") }));
    for (token, code) in [
        (None, "UNAUTHENTICATED"),
        (Some(foreign.as_str()), "UNAUTHENTICATED"),
        (Some(expired.as_str()), "TOKEN_EXPIRED"),
        (Some("x.y.z"), "UNAUTHENTICATED"),
        (Some(""), "UNAUTHENTICATED"),
    ] {
        let (_, answer) = scene.app.post(token, document, variables.clone()).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{token:?}: {answer}");
        assert!(!answer.to_string().contains(scene.foreign.any("Execution")), "{token:?}: {answer}");
    }
    let (status, answer) = scene.app.post(Some(&expired), document, variables).await;
    assert_eq!((status, answer.get("data")), (401, None), "{answer}");
    let (status, answer) = scene.app.post(None, "{ serverInfo { version } }", json!({})).await;
    assert_eq!((status, answer["data"]["serverInfo"]["version"].is_string()), (200, true), "{answer}");
}

#[tokio::test]
async fn jwt_7_roles_are_read_for_each_operation() {
    let scene = Scene::set().await;
    let (app, owner) = (&scene.app, scene.foreign.member("OWNER"));
    let add = "mutation($w: WorkspaceLookup!) { workspaceMemberAdd(input: { workspace: $w, subject: \"cy\", role: EDITOR }) { member { id } userErrors { code } } }";
    let added = app.ok(&owner, add, json!({ "w": { "key": scene.foreign.mark } })).await;
    let member = json!({ "id": added["workspaceMemberAdd"]["member"]["id"] });
    let connector = json!({ "id": scene.foreign.any("Connector") });
    let rename = "mutation($id: ID!) { connectorUpdate(input: { id: $id, name: \"by cy\" }) { connector { name } userErrors { code } } }";
    app.ok("cy", rename, connector.clone()).await;
    let lower = "mutation($id: ID!) { workspaceMemberUpdate(input: { id: $id, role: VIEWER }) { userErrors { code } } }";
    app.ok(&owner, lower, member.clone()).await;
    let refused = app.graphql("cy", rename, connector.clone()).await;
    let extensions = &refused["errors"][0]["extensions"];
    assert_eq!((&extensions["code"], &extensions["requiredRole"]), (&json!("FORBIDDEN"), &json!("EDITOR")), "{refused}");
    let remove = "mutation($id: ID!) { workspaceMemberRemove(input: { id: $id }) { userErrors { code } } }";
    app.ok(&owner, remove, member).await;
    assert_eq!(app.ok("cy", "query($id: ID!) { connector(id: $id) { id } }", connector).await["connector"], Value::Null);
}

#[tokio::test]
async fn adm_4_the_last_owner_stays() {
    let scene = Scene::set().await;
    let owner = scene.foreign.member("OWNER");
    let read = "query($w: WorkspaceLookup!) { workspace(by: $w) { members { nodes { id role } } } }";
    let members = scene.app.ok(&owner, read, json!({ "w": { "key": scene.foreign.mark } })).await["workspace"]["members"]["nodes"].take();
    let own = members.as_array().unwrap().iter().find(|member| member["role"] == "OWNER").unwrap();
    let remove = "mutation($id: ID!) { workspaceMemberRemove(input: { id: $id }) { userErrors { code } } }";
    let last = scene.app.graphql(&owner, remove, json!({ "id": own["id"] })).await;
    assert_eq!(last["data"]["workspaceMemberRemove"]["userErrors"][0]["code"], "LAST_OWNER", "{last}");
}

#[tokio::test]
async fn ten_6_a_cursor_of_another_list_is_refused() {
    let scene = Scene::set().await;
    let read = "query($w: WorkspaceLookup!) { workspace(by: $w) { executions(first: 1) { pageInfo { endCursor } } } }";
    let owner = scene.foreign.member("OWNER");
    let cursor =
        scene.app.ok(&owner, read, json!({ "w": { "key": scene.foreign.mark } })).await["workspace"]["executions"]["pageInfo"]["endCursor"]
            .take();
    for (list, cursor) in [("contacts", cursor), ("executions", json!("AAAA"))] {
        let document = format!(
            "query($w: WorkspaceLookup!, $c: String) {{ workspace(by: $w) {{ {list}(first: 1, after: $c) {{ nodes {{ id }} }} }} }}"
        );
        let variables = json!({ "w": { "key": scene.own.mark }, "c": cursor });
        let answer = scene.app.graphql(&scene.own.member("OWNER"), &document, variables).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    }
}
