//! What many items of one answer point to is read together, not item by item.

use super::*;
use crate::auth::{AdminScope, SystemScope};

/// Items of an answer.
const MANY: usize = 50;

/// Answers the query for all items, with fewer statements than one for each.
async fn check(asked: &Asked, principal: &Principal, query: &str) {
    asked.bench.statements.take();
    let data = asked.data(principal, query, json!({})).await;
    let statements = asked.bench.statements.take();
    let nodes = data.pointer("/workspace/executions/nodes").or_else(|| data.pointer("/templates/nodes")).unwrap();
    assert_eq!(nodes.as_array().unwrap().len(), MANY, "{data}");
    for node in nodes.as_array().unwrap() {
        assert!(node.as_object().unwrap().values().all(|found| !found.is_null()), "{node}");
    }
    // How many batches there are is a matter of timing; a few for each field, while item by item would be fifty.
    assert!(!statements.is_empty() && statements.len() < MANY, "{query}\n{}", statements.join("\n"));
}

#[tokio::test]
async fn rows_of_a_workspace_are_read_for_many_items_at_once() {
    let asked = asked().await;
    let ann = principal("ann");
    let workspace = asked.workspace(&ann, "a").await;
    let start = "mutation($id: ID!, $contact: ContactLookup) { executionStart(input: {connectorId: $id, contact: $contact, input: {name: \"Bo\"}}) { userErrors { message } } }";
    let contact = "mutation($key: String!) { contactUpsert(input: {workspace: {key: \"a\"}, contact: {key: $key}}) { contact { id } } }";
    for number in 0..MANY {
        let connector = asked.connector(&ann, &workspace, &definition(false)).await;
        let made = asked.data(&ann, contact, json!({ "key": format!("c{number}") })).await;
        let id = &made["contactUpsert"]["contact"]["id"];
        let started = asked.data(&ann, start, json!({ "id": connector, "contact": { "id": id } })).await;
        assert_eq!(started["executionStart"]["userErrors"], json!([]), "{started}");
    }
    let list = "workspace(by: {key: \"a\"}) { executions(first: 50) { nodes";
    check(&asked, &ann, &format!("{{ {list} {{ connector {{ id }} version {{ number connector {{ id }} }} contact {{ id }} }} }} }} }}"))
        .await;
}

#[tokio::test]
async fn templates_and_their_versions_are_read_for_many_items_at_once() {
    let asked = asked().await;
    let documents: Vec<Value> = (0..MANY)
        .map(|number| {
            let mut document = definition(false);
            document["meta"]["slug"] = json!(format!("greet-{number}"));
            document
        })
        .collect();
    let scope = AdminScope::for_server(&SystemScope::for_server());
    asked.bench.app.stock_catalogue(&scope, &documents).await.unwrap();
    check(&asked, &principal("ann"), "{ templates(first: 50) { nodes { latestVersion { version template { id } } } } }").await;
}
