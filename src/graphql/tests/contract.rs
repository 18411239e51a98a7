//! What descriptions in the schema promise.

use super::*;

/// Places of these words in a text, which must all be there.
fn places(text: &str, words: &[&str]) -> Vec<usize> {
    words.iter().map(|word| text.find(&format!("\"{word}\":")).unwrap_or_else(|| panic!("{word}: {text}"))).collect()
}

#[tokio::test]
async fn members_of_an_answer_come_in_the_order_of_the_request() {
    let asked = asked().await;
    let ann = principal("ann");
    let workspace = asked.workspace(&ann, "a").await;
    let connector = asked.connector(&ann, &workspace, &definition(false)).await;
    let query = "query q($id: ID!) { slow: workspace(by: {key: \"a\"}) { members { nodes { subject } } key ...w } quick: serverInfo { version } last: connector(id: $id) { versions { totalCount } icon lastExecution { id } revision } }
        fragment w on Workspace { connectors { totalCount } name } query other { serverInfo { version } }";
    let request = request(Ok(ann), query, json!({ "id": connector })).operation_name("q");
    let text = serde_json::to_string(&asked.schema.execute(request).await).unwrap();
    let words =
        ["slow", "members", "key", "connectors", "name", "quick", "version", "last", "versions", "icon", "lastExecution", "revision"];
    assert!(places(&text, &words).is_sorted(), "{text}");
}

#[tokio::test]
async fn a_failed_member_that_is_never_null_takes_its_object_along() {
    let asked = asked().await;
    let ann = principal("ann");
    asked.workspace(&ann, "a").await;
    let query = "{ workspace(by: {key: \"a\"}) { key members(first: 101) { totalCount } } viewer { workspaces { nodes { key connectors(first: 101) { totalCount } } } actor { subject } } serverInfo { version } }";
    let response = asked.raw(&ann, query, json!({})).await;
    assert_eq!(response["data"], json!({ "workspace": null, "viewer": null, "serverInfo": { "version": env!("CARGO_PKG_VERSION") } }));
    let paths: Vec<_> = response["errors"].as_array().unwrap().iter().map(|error| error["path"].clone()).collect();
    assert!(paths.contains(&json!(["workspace", "members"])), "{response}");
    assert!(paths.contains(&json!(["viewer", "workspaces", "nodes", 0, "connectors"])), "{response}");
}

#[tokio::test]
async fn drafts_of_templates_are_seen_by_admins_and_installations_tell_where_they_come_from() {
    let asked = asked().await;
    let (root, ann, eve) = (asked.bench.admin("root").await, principal("ann"), principal("eve"));
    asked.workspace(&ann, "a").await;
    let create = "mutation($input: AdminTemplateCreateInput!) { adminTemplateCreate(input: $input) { template { id } userErrors { code message } } }";
    let mut template = definition(false);
    template["kind"] = json!("template");
    let details = json!({ "name": "Greet", "summary": "Greets." });
    let input = json!({ "slug": "greet", "details": details, "definition": template, "version": "1.0.0", "publish": true });
    let data = asked.data(&root, create, json!({ "input": input })).await;
    let id = data["adminTemplateCreate"]["template"]["id"].clone();
    let install = "mutation { templateInstall(input: {workspace: {key: \"a\"}, template: {slug: \"greet\"}}) { connector { id } installation { id modified upgrade { version } version { version } template { slug } installedBy { subject } } userErrors { code } } }";
    let data = asked.data(&ann, install, json!({})).await;
    let made = data["templateInstall"]["installation"].clone();
    let expected = json!({ "id": made["id"], "modified": false, "upgrade": null, "version": { "version": "1.0.0" }, "template": { "slug": "greet" }, "installedBy": { "subject": "ann" } });
    assert_eq!(made, expected, "{data:#}");

    let add = "mutation($input: AdminTemplateVersionCreateInput!) { adminTemplateVersionCreate(input: $input) { version { id status } userErrors { code } } }";
    let input = json!({ "templateId": id, "version": "1.1.0", "definition": template });
    let data = asked.data(&root, add, json!({ "input": input })).await;
    let versions = "{ template(by: {slug: \"greet\"}) { versions { nodes { version } } } }";
    for (who, expected) in [(&root, json!([{ "version": "1.1.0" }, { "version": "1.0.0" }])), (&ann, json!([{ "version": "1.0.0" }]))] {
        assert_eq!(asked.data(who, versions, json!({})).await["template"]["versions"]["nodes"], expected);
    }
    let publish = "mutation($id: ID!) { adminTemplateVersionPublish(input: {versionId: $id}) { userErrors { code } } }";
    asked.data(&root, publish, json!({ "id": data["adminTemplateVersionCreate"]["version"]["id"] })).await;

    let node = "query($id: ID!) { node(id: $id) { ... on TemplateInstallation { connector { key installation { id } } upgrade { version } template { installations(workspace: {key: \"a\"}) { id } } } } }";
    let found = json!({ "connector": { "key": "greet", "installation": { "id": made["id"] } }, "upgrade": { "version": "1.1.0" }, "template": { "installations": [{ "id": made["id"] }] } });
    assert_eq!(asked.data(&ann, node, json!({ "id": made["id"] })).await["node"], found);
    assert_eq!(asked.data(&eve, node, json!({ "id": made["id"] })).await["node"], Value::Null);
    let elsewhere = "{ template(by: {slug: \"greet\"}) { installations(workspace: {key: \"a\"}) { id } } }";
    assert_eq!(asked.data(&eve, elsewhere, json!({})).await["template"]["installations"], json!([]));

    let list = "query($statuses: [TemplateStatus!]) { admin { templates(statuses: $statuses) { totalCount } } }";
    for (statuses, expected) in [(json!(null), 1), (json!(["PUBLISHED"]), 1), (json!(["UNPUBLISHED", "DEPRECATED"]), 0)] {
        assert_eq!(asked.data(&root, list, json!({ "statuses": statuses })).await["admin"]["templates"]["totalCount"], expected);
    }
}

#[tokio::test]
async fn a_row_that_is_no_contact_does_not_harm_the_rest() {
    let asked = asked().await;
    let ann = principal("ann");
    asked.workspace(&ann, "a").await;
    let import = "mutation($input: ContactsImportInput!) { contactsImport(input: $input) { createdCount rows { contact { key } userErrors { code path } } userErrors { code } } }";
    let rows = json!([{ "key": "c1", "attributes": 7 }, { "key": "c2", "attributes": { "a": 1 } }]);
    let data = asked.data(&ann, import, json!({ "input": { "workspace": { "key": "a" }, "contacts": rows } })).await;
    let done = &data["contactsImport"];
    assert_eq!((&done["createdCount"], &done["userErrors"]), (&json!(1), &json!([])));
    let refused = json!([{ "code": "INVALID_VALUE", "path": ["contacts", "0", "contact", "attributes"] }]);
    assert_eq!(done["rows"], json!([{ "contact": null, "userErrors": refused }, { "contact": { "key": "c2" }, "userErrors": [] }]));

    let upsert =
        "mutation($input: ContactUpsertInput!) { contactUpsert(input: $input) { contact { attributes } userErrors { code path } } }";
    let emptied = json!({ "workspace": { "key": "a" }, "contact": { "key": "c2", "attributes": null } });
    let data = asked.data(&ann, upsert, json!({ "input": emptied })).await;
    assert_eq!(data["contactUpsert"]["contact"]["attributes"], json!({}), "null empties");
}

#[tokio::test]
async fn what_the_caller_can_mend_is_told_in_the_payload() {
    let asked = asked().await;
    let ann = principal("ann");
    let workspace = asked.workspace(&ann, "a").await;
    let connector = asked.connector(&ann, &workspace, &definition(false)).await;
    let start = "mutation($id: ID!, $wait: Int!, $after: Int) { executionStart(input: {connectorId: $id, waitMs: $wait, expiresAfterMs: $after}) { userErrors { code path } } }";
    for (wait, after, member) in [(-1, json!(null), "waitMs"), (0, json!(-1), "expiresAfterMs")] {
        let data = asked.data(&ann, start, json!({ "id": connector, "wait": wait, "after": after })).await;
        assert_eq!(data["executionStart"]["userErrors"], json!([{ "code": "INVALID_VALUE", "path": [member] }]));
    }
    let test = "mutation($id: ID!) { connectorTest(input: {workspace: {key: \"a\"}, target: {connectorId: $id}, waitMs: -1}) { userErrors { code path } } }";
    let data = asked.data(&ann, test, json!({ "id": connector })).await;
    assert_eq!(data["connectorTest"]["userErrors"], json!([{ "code": "INVALID_VALUE", "path": ["waitMs"] }]));
}

#[tokio::test]
async fn null_empties_and_what_is_left_out_stays() {
    let asked = asked().await;
    let ann = principal("ann");
    let workspace = asked.workspace(&ann, "a").await;
    let connector = asked.connector(&ann, &workspace, &definition(false)).await;
    let update = "mutation($input: ConnectorUpdateInput!) { connectorUpdate(input: $input) { connector { name tags config description } userErrors { code path } } }";
    let full = json!({ "name": "N", "tags": ["t"], "config": { "a": 1 }, "description": "d" });
    let empty = json!({ "name": "N", "tags": [], "config": {}, "description": null });
    for (change, expected) in
        [(full.clone(), &full), (json!({}), &full), (json!({ "tags": null, "config": null, "description": null }), &empty)]
    {
        let mut input = change;
        input["id"] = json!(connector);
        assert_eq!(asked.data(&ann, update, json!({ "input": input })).await["connectorUpdate"]["connector"], *expected);
    }
    let data = asked.data(&ann, update, json!({ "input": { "id": connector, "name": null } })).await;
    assert_eq!(data["connectorUpdate"]["userErrors"], json!([{ "code": "REQUIRED", "path": ["name"] }]));
}

#[tokio::test]
async fn the_test_of_a_draft_shows_its_steps_and_hides_what_it_redacts() {
    let asked = asked().await;
    let ann = principal("ann");
    asked.workspace(&ann, "a").await;
    let mut draft = definition(false);
    draft["redact"] = json!(["$..name"]);
    let test = "mutation($definition: ConnectorDefinition!) { connectorTest(input: {workspace: {key: \"a\"}, target: {definition: $definition}, input: {name: \"canary-name\"}}) { execution { input steps { path } step(path: \"greet\") { status } } userErrors { code message } } }";
    let data = asked.data(&ann, test, json!({ "definition": draft })).await;
    let execution = &data["connectorTest"]["execution"];
    assert_eq!(execution["steps"], json!([{ "path": "greet" }]), "{data:#}");
    assert_eq!(execution["step"]["status"], "PENDING");
    assert!(!execution.to_string().contains("canary"), "{execution}");
}

#[tokio::test]
async fn an_operation_announces_how_long_it_was_asked_to_wait() {
    let asked = asked().await;
    let ann = principal("ann");
    let workspace = asked.workspace(&ann, "a").await;
    let connector = asked.connector(&ann, &workspace, &definition(false)).await;
    let start = "mutation($id: ID!, $wait: Int!) { executionStart(input: {connectorId: $id, input: {name: \"Bo\"}, waitMs: $wait}) { finished userErrors { code } } }";
    let test = "mutation($id: ID!, $wait: Int!) { connectorTest(input: {workspace: {key: \"a\"}, target: {connectorId: $id}, input: {name: \"Bo\"}, waitMs: $wait}) { finished userErrors { code } } }";
    for (document, wait, granted, code) in [
        (start, 0, 0, None),
        (start, 2, 2, None),
        (start, 99_000, 30_000, Some("TOO_LONG")),
        (test, 3, 3, None),
        (test, 99_000, 30_000, Some("TOO_LONG")),
    ] {
        let patience = Patience::default();
        let request = request(Ok(ann.clone()), document, json!({ "id": connector, "wait": wait })).data(patience.clone());
        let answer = serde_json::to_value(asked.schema.execute(request).await).unwrap();
        let payload = answer["data"].as_object().unwrap().values().next().unwrap();
        assert_eq!(payload["userErrors"][0]["code"].as_str(), code, "{answer}");
        assert_eq!(patience.granted(), std::time::Duration::from_millis(granted), "{document} {wait}");
    }
}
