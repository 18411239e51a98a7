//! Results reach contacts by policy, with their provenance, and two runs never overwrite each other blindly.

use serde_json::{Value, json};

use crate::support::upstream::{Reply, Upstream};
use crate::support::{TestApp, one_step};

const UPSERT: &str =
    "mutation($input: ContactUpsertInput!) { contactUpsert(input: $input) { created contact { id revision } userErrors { code } } }";
const START: &str = "mutation($input: ExecutionStartInput!) { executionStart(input: $input) { execution { status error { code message } fieldChanges { contactField before after outcome reason source stepPath confidence } } userErrors { code path message } } }";

async fn contact(app: &TestApp, fields: Value) -> String {
    let made = app.ok("ann", UPSERT, json!({ "input": { "workspace": { "key": "a" }, "contact": fields } })).await;
    made["contactUpsert"]["contact"]["id"].as_str().unwrap().to_owned()
}

async fn read(app: &TestApp, id: &str) -> Value {
    let document = "query($id: ID!) { contact(id: $id) { key email phone firstName lastName attributes revision sources { contactField after execution { number } } } }";
    app.ok("ann", document, json!({ "id": id })).await["contact"].clone()
}

fn enriching(base_url: &str, mapping: Value) -> Value {
    one_step(base_url, |definition| {
        definition["inputs"] = json!({ "type": "object", "properties": { "phone": { "type": "string", "x-bind": "contact.phone" } } });
        definition["steps"][0]["request"]["query"] = json!({ "phone": "{{ inputs.phone }}" });
        definition["steps"][0]["extract"] =
            json!({ "name": { "path": "$.name" }, "city": { "path": "$.city" }, "score": { "path": "$.score" } });
        definition["outputs"] = json!({});
        definition["mapping"] = mapping;
    })
}

#[tokio::test]
async fn policies_decide_and_the_ledger_says_why() {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "name": "Ada", "city": "Albany", "score": 0.4 }))).await;
    let app = TestApp::start().await;
    let connector = app
        .connector(enriching(
            &upstream.base_url(),
            json!({ "target": "contact", "fields": [
                { "to": "first_name", "from": "{{ steps.call.name }}", "policy": "fill_if_empty" },
                { "to": "last_name", "from": "{{ steps.call.name }}", "policy": "fill_if_empty" },
                { "to": "attributes.city", "from": "{{ steps.call.city }}", "policy": "overwrite", "confidence": "{{ steps.call.score }}" },
                { "to": "attributes.tags", "from": "{{ steps.call.city }}", "policy": "append" },
                { "to": "company", "from": "{{ steps.call.city }}", "policy": "never" },
            ] }),
        ))
        .await;
    let id = contact(
        &app,
        json!({ "key": "c1", "phone": "+12125550100", "firstName": "Zoe", "attributes": { "city": "Boise", "tags": ["x"] } }),
    )
    .await;
    let started = app.ok("ann", START, json!({ "input": { "connectorId": connector, "contact": { "id": id }, "waitMs": 20_000 } })).await;
    let execution = &started["executionStart"]["execution"];
    assert_eq!(execution["status"], "SUCCEEDED", "{started}");
    let outcomes: Vec<_> = execution["fieldChanges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (change["contactField"].as_str().unwrap(), change["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("first_name", "KEPT"),
            ("last_name", "WRITTEN"),
            ("attributes.city", "WRITTEN"),
            ("attributes.tags", "WRITTEN"),
            ("company", "KEPT")
        ]
    );
    let city = &execution["fieldChanges"][2];
    assert_eq!(
        (&city["before"], &city["after"], &city["source"], &city["stepPath"], &city["confidence"]),
        (&json!("Boise"), &json!("Albany"), &json!("127.0.0.1"), &json!("call"), &json!(0.4))
    );
    let after = read(&app, &id).await;
    assert_eq!((&after["firstName"], &after["lastName"]), (&json!("Zoe"), &json!("Ada")));
    assert_eq!(after["attributes"], json!({ "city": "Albany", "tags": ["x", "Albany"] }));
    assert_eq!(upstream.calls()[0].query("phone").as_deref(), Some("+12125550100"), "bound from the contact");
    assert_eq!(after["sources"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_contact_is_found_by_another_field_or_made_or_its_absence_fails_the_run() {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "name": "Ada", "city": "ada@mail.example" }))).await;
    let app = TestApp::start().await;
    let by_email = |on_missing: &str| {
        json!({ "target": "contact", "match": ["id", "email"], "on_missing": on_missing, "fields": [
            { "to": "email", "from": "{{ steps.call.city }}" }, { "to": "first_name", "from": "{{ steps.call.name }}" },
        ] })
    };
    let run = async |on_missing: &str| {
        let connector = app.connector(enriching(&upstream.base_url(), by_email(on_missing))).await;
        app.ok("ann", START, json!({ "input": { "connectorId": connector, "input": { "phone": "1" }, "waitMs": 20_000 } })).await["executionStart"]["execution"].clone()
    };
    assert_eq!(run("skip").await["fieldChanges"], json!([]));
    let failed = run("fail").await;
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("FAILED"), &json!("MAPPING")), "{failed}");
    assert_eq!(run("create").await["status"], "SUCCEEDED");
    assert_eq!(run("create").await["fieldChanges"][1]["outcome"], "UNCHANGED", "the second run finds the contact the first made");
    let list = app.ok("ann", "{ workspace(by: { key: \"a\" }) { contacts { totalCount nodes { email firstName } } } }", json!({})).await;
    assert_eq!(list["workspace"]["contacts"]["nodes"], json!([{ "email": "ada@mail.example", "firstName": "Ada" }]));
}

#[tokio::test]
async fn runs_that_write_one_contact_at_the_same_time_lose_nothing() {
    let upstream = Upstream::start(|call| Reply::Json(200, json!({ "city": call.query("phone") }))).await;
    let app = TestApp::start().await;
    let mapping =
        json!({ "target": "contact", "fields": [{ "to": "attributes.seen", "from": "{{ steps.call.city }}", "policy": "append" }] });
    let connector = app.connector(enriching(&upstream.base_url(), mapping)).await;
    let id = contact(&app, json!({ "key": "c1" })).await;
    let runs = (0..20).map(|n| {
        app.ok("ann", START, json!({ "input": { "connectorId": connector, "contact": { "id": id }, "input": { "phone": n.to_string() }, "waitMs": 20_000 } }))
    });
    for started in futures_util::future::join_all(runs).await {
        assert_eq!(started["executionStart"]["execution"]["status"], "SUCCEEDED", "{started}");
    }
    let after = read(&app, &id).await;
    assert_eq!(after["attributes"]["seen"].as_array().unwrap().len(), 20, "{after}");
}

#[tokio::test]
async fn a_test_run_says_what_it_would_write_and_writes_nothing() {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "name": "Ada" }))).await;
    let app = TestApp::start().await;
    let mapping = json!({ "target": "contact", "fields": [{ "to": "first_name", "from": "{{ steps.call.name }}" }] });
    let definition = enriching(&upstream.base_url(), mapping);
    let id = contact(&app, json!({ "key": "c1" })).await;
    let document = "mutation($input: ConnectorTestInput!) { connectorTest(input: $input) { finished execution { kind status fieldChanges { outcome } } userErrors { code message } } }";
    let input = json!({ "workspace": { "key": "a" }, "target": { "definition": definition }, "contact": { "id": id }, "waitMs": 20_000 });
    let tested = app.ok("ann", document, json!({ "input": input })).await;
    let execution = &tested["connectorTest"]["execution"];
    assert_eq!(
        (&execution["kind"], &execution["status"], &execution["fieldChanges"][0]["outcome"]),
        (&json!("TEST"), &json!("SUCCEEDED"), &json!("DRY_RUN")),
        "{tested}"
    );
    assert_eq!(read(&app, &id).await["firstName"], Value::Null);
    let list = app.ok("ann", "{ workspace(by: { key: \"a\" }) { executions { totalCount } } }", json!({})).await;
    assert_eq!(list["workspace"]["executions"]["totalCount"], 0, "tests are not among the live runs");
}

#[tokio::test]
async fn an_import_answers_row_by_row() {
    let app = TestApp::start().await;
    contact(&app, json!({ "key": "known", "firstName": "Old" })).await;
    let document = "mutation($input: ContactsImportInput!) { contactsImport(input: $input) { createdCount changedCount rows { index created contact { key firstName } userErrors { code path } } userErrors { code } } }";
    let rows = json!([{ "key": "new" }, { "key": "known", "firstName": "New" }, { "key": "x".repeat(5000) }]);
    let answer = app.graphql("ann", document, json!({ "input": { "workspace": { "key": "a" }, "contacts": rows } })).await;
    let imported = &answer["data"]["contactsImport"];
    assert_eq!((&imported["createdCount"], &imported["changedCount"]), (&json!(1), &json!(1)), "{answer}");
    assert_eq!(imported["rows"][1]["contact"]["firstName"], "New");
    assert_eq!(imported["rows"][2]["userErrors"][0]["code"], "TOO_LONG", "{answer}");
}
