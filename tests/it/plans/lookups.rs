//! What is no list: single objects, changes, runs from start to end, live logs, and what the executor does besides.

use serde_json::{Value, json};

use crate::support::TestApp;

use super::{Scene, text};

/// Each thing that is asked, in order.
pub(super) const NAMES: &[&str] = &[
    "single objects",
    "a run to its end",
    "the same run asked for again",
    "a run with a contact by its fields",
    "a live log from within",
    "cancelling",
    "contacts by key and e-mail address",
    "many contacts at once",
    "members",
    "publishing",
    "sweeps",
    "deleting a connector that ran often",
    "deleting a credential",
];

const START: &str =
    "mutation($i: ExecutionStartInput!) { executionStart(input: $i) { finished execution { id status } userErrors { code message } } }";
const UPSERT: &str = "mutation($i: ContactUpsertInput!) { contactUpsert(input: $i) { contact { id } userErrors { code message } } }";

/// Asks one of them.
pub(super) async fn ask(name: &str, app: &TestApp, scene: &Scene) {
    let (connector, contact, execution) = (scene.id("Connector"), scene.id("Contact"), scene.id("Execution"));
    let start = async |input: Value| app.ok("ann", START, json!({ "i": input })).await["executionStart"]["execution"].take();
    let ask = async |document: &str, variables: Value| app.ok("ann", document, variables).await;
    let by_key = json!({ "workspace": { "key": "a" }, "contact": { "key": "k-7", "company": "x" } });
    match name {
        "single objects" => {
            for id in scene.ids.values() {
                ask("query($id: ID!) { node(id: $id) { __typename id } }", json!({ "id": id })).await;
            }
            let ids: Vec<_> = scene.ids.values().collect();
            ask(
                "query($ids: [ID!]!) { nodes(ids: $ids) { id } workspace(by: { key: \"a\" }) { id connector(key: \"c-7\") { id } } }",
                json!({ "ids": ids }),
            )
            .await;
            app.execution(execution).await;
        }
        "a run to its end" | "the same run asked for again" => {
            let run = start(json!({ "connectorId": connector, "input": { "q": "x" }, "idempotencyKey": "again", "waitMs": 30_000 })).await;
            assert_eq!(run["status"], "SUCCEEDED", "{run}");
        }
        "a run with a contact by its fields" => {
            start(json!({ "connectorId": connector, "contact": { "id": contact }, "input": { "q": "y" }, "waitMs": 30_000 })).await;
        }
        "a live log from within" => {
            let mut stream = app.follow(execution, 3).await;
            while stream.next().await.is_some() {}
        }
        "cancelling" => {
            let run = start(json!({ "connectorId": connector, "input": {} })).await;
            let cancel = "mutation($id: ID!) { executionCancel(input: { id: $id }) { userErrors { code } } }";
            app.graphql("ann", cancel, json!({ "id": run["id"] })).await;
            app.await_end(&text(&run["id"])).await;
        }
        "contacts by key and e-mail address" => {
            ask(UPSERT, json!({ "i": by_key })).await;
            let by_email = json!({ "workspace": { "key": "a" }, "contact": { "email": "p-8@x.example", "company": "x" }, "matchBy": ["email", "phone"] });
            app.graphql("ann", UPSERT, json!({ "i": by_email })).await;
        }
        "many contacts at once" => {
            let import = "mutation($i: ContactsImportInput!) { contactsImport(input: $i) { __typename } }";
            let contacts = json!([{ "key": "k-9", "company": "y" }, { "key": "new", "email": "new@x.example" }]);
            app.graphql("ann", import, json!({ "i": { "workspace": { "key": "a" }, "contacts": contacts } })).await;
        }
        "members" => {
            let add = "mutation { workspaceMemberAdd(input: { workspace: { key: \"a\" }, subject: \"cy\", role: EDITOR }) { member { id } userErrors { code } } }";
            let added = ask(add, json!({})).await["workspaceMemberAdd"]["member"]["id"].take();
            let change = "mutation($id: ID!) { workspaceMemberUpdate(input: { id: $id, role: OWNER }) { userErrors { code } } }";
            ask(change, json!({ "id": added })).await;
            ask("mutation($id: ID!) { workspaceMemberRemove(input: { id: $id }) { userErrors { code } } }", json!({ "id": added })).await;
        }
        "publishing" => {
            let change = "mutation($id: ID!) { connectorUpdate(input: { id: $id, name: \"other\" }) { userErrors { code } } }";
            ask(change, json!({ "id": connector })).await;
            app.graphql(
                "ann",
                "mutation($id: ID!) { connectorPublish(input: { id: $id }) { userErrors { code } } }",
                json!({ "id": connector }),
            )
            .await;
        }
        // A run that waits is found by the sweep.
        "sweeps" => drop(start(json!({ "connectorId": connector, "input": {}, "waitMs": 30_000 })).await),
        "deleting a connector that ran often" => {
            ask("mutation($id: ID!) { connectorDelete(input: { id: $id }) { userErrors { code } } }", json!({ "id": connector })).await;
        }
        "deleting a credential" => {
            let delete = "mutation($id: ID!) { credentialDelete(input: { id: $id }) { userErrors { code } } }";
            app.graphql("ann", delete, json!({ "id": scene.id("Credential") })).await;
        }
        other => panic!("nothing is called {other}"),
    }
}
