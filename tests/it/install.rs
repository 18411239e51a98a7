//! The catalogue: official templates, versions by SaaS admins, installing with one's own credentials.

use serde_json::{Value, json};

use crate::support::upstream::{Reply, Upstream};
use crate::support::{TestApp, one_step};

const INSTALL: &str = "mutation($input: TemplateInstallInput!) { templateInstall(input: $input) { connector { id key name status credentialBindings { slot { key } credential { name } } publishedVersion { number } } createdCredentials { name } userErrors { code message path ... on CredentialError { slot } } } }";

#[tokio::test]
async fn the_official_catalogue_is_there_and_installs_atomically() {
    let app = TestApp::start().await;
    let list = app.ok("ann", "{ templates(orderBy: NAME) { totalCount nodes { slug official latestVersion { version definition { credentialSlots { key kind hosts } } } } } }", json!({})).await;
    assert_eq!(list["templates"]["totalCount"], 4, "{list}");
    let template = json!({ "slug": "phone-enrichment-audienceacuity" });

    let empty =
        app.ok("ann", INSTALL, json!({ "input": { "workspace": { "key": "a" }, "template": template, "name": "No key yet" } })).await;
    assert_eq!(empty["templateInstall"]["connector"]["status"], "BLOCKED");

    let filled =
        json!([{ "slot": "audienceacuity", "credential": { "create": { "name": "AA", "secret": { "apiKey": { "value": "k" } } } } }]);
    let installed =
        app.ok("ann", INSTALL, json!({ "input": { "workspace": { "key": "a" }, "template": template, "credentials": filled } })).await;
    let connector = &installed["templateInstall"]["connector"];
    assert_eq!((&connector["status"], &connector["publishedVersion"]["number"]), (&json!("ACTIVE"), &json!(1)), "{installed}");
    assert_eq!(connector["credentialBindings"][0]["credential"]["name"], "AA");
    assert_eq!(installed["templateInstall"]["createdCredentials"][0]["name"], "AA");

    // One good slot and one that does not exist: nothing of it is kept.
    let wrong = json!([
        { "slot": "audienceacuity", "credential": { "create": { "name": "BB", "secret": { "apiKey": { "value": "k" } } } } },
        { "slot": "nonsense", "credential": { "create": { "name": "CC", "secret": { "apiKey": { "value": "k" } } } } },
    ]);
    let refused =
        app.graphql("ann", INSTALL, json!({ "input": { "workspace": { "key": "a" }, "template": template, "credentials": wrong } })).await;
    assert_ne!(refused["data"]["templateInstall"]["userErrors"], json!([]), "{refused}");
    let after =
        app.ok("ann", "{ workspace(by: { key: \"a\" }) { connectors { totalCount } credentials { nodes { name } } } }", json!({})).await;
    assert_eq!(after["workspace"], json!({ "connectors": { "totalCount": 2 }, "credentials": { "nodes": [{ "name": "AA" }] } }));
}

#[tokio::test]
async fn adm_1_only_saas_admins_make_templates_and_a_version_needs_passing_tests() {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "value": 1 }))).await;
    let app = TestApp::start().await;
    app.saas_admin("root");
    let create = "mutation($input: AdminTemplateCreateInput!) { adminTemplateCreate(input: $input) { template { id status official } version { id status version } userErrors { code message path ... on DefinitionError { problems { code message } } } } }";
    let template = |change: &dyn Fn(&mut Value)| {
        one_step(&upstream.base_url(), |definition| {
            definition["kind"] = json!("template");
            definition["tests"] = json!([{ "name": "t", "inputs": { "q": "1" },
                "exchanges": [{ "request": { "method": "GET", "url": format!("{}/x?q=1", upstream.base_url()) }, "response": { "status": 200, "body": { "value": 5 } } }],
                "expect": { "outputs": { "value": 5 } } }]);
            change(definition);
        })
    };
    let input = |definition: Value| json!({ "input": { "slug": "mine", "details": { "name": "Mine", "summary": "s" }, "definition": definition, "version": "1.0.0", "publish": true } });

    let denied = app.graphql("ann", create, input(template(&|_| {}))).await;
    assert_eq!(denied["errors"][0]["extensions"]["code"], "FORBIDDEN", "{denied}");

    let failing =
        app.graphql("root", create, input(template(&|definition| definition["tests"][0]["expect"]["outputs"]["value"] = json!(6)))).await;
    assert_ne!(failing["data"]["adminTemplateCreate"]["userErrors"], json!([]), "{failing}");

    let made = app.ok("root", create, input(template(&|_| {}))).await;
    assert_eq!(
        (&made["adminTemplateCreate"]["template"]["status"], &made["adminTemplateCreate"]["version"]["status"]),
        (&json!("PUBLISHED"), &json!("PUBLISHED")),
        "{made}"
    );

    let id = made["adminTemplateCreate"]["template"]["id"].clone();
    let version = "mutation($input: AdminTemplateVersionCreateInput!) { adminTemplateVersionCreate(input: $input) { version { id status } userErrors { code path } } }";
    let lower =
        app.graphql("root", version, json!({ "input": { "templateId": id, "version": "0.9.0", "definition": template(&|_| {}) } })).await;
    assert_ne!(lower["data"]["adminTemplateVersionCreate"]["userErrors"], json!([]), "{lower}");
    let drafted =
        app.ok("root", version, json!({ "input": { "templateId": id, "version": "1.1.0", "definition": template(&|_| {}) } })).await;
    let drafted = &drafted["adminTemplateVersionCreate"]["version"];
    assert_eq!(drafted["status"], "DRAFT");
    let latest = "{ template(by: { slug: \"mine\" }) { latestVersion { version } versions { nodes { version } } } }";
    assert_eq!(
        app.ok("ann", latest, json!({})).await["template"]["versions"]["nodes"],
        json!([{ "version": "1.0.0" }]),
        "a draft is not seen"
    );
    app.ok("root", "mutation($input: AdminTemplateVersionPublishInput!) { adminTemplateVersionPublish(input: $input) { version { status } userErrors { code } } }", json!({ "input": { "versionId": drafted["id"] } })).await;
    assert_eq!(app.ok("ann", latest, json!({})).await["template"]["latestVersion"]["version"], "1.1.0");

    let installed = app
        .ok("ann", INSTALL, json!({ "input": { "workspace": { "key": "a" }, "template": { "slug": "mine" }, "version": "1.0.0" } }))
        .await;
    let connector = installed["templateInstall"]["connector"]["id"].as_str().unwrap().to_owned();
    assert_eq!(app.run_to_end(&connector, json!({ "q": "1" })).await["output"]["value"], 1);
}

#[tokio::test]
async fn a_broken_definition_is_saved_as_a_draft_but_not_published_and_every_problem_is_told() {
    let app = TestApp::start().await;
    let definition = one_step("http://127.0.0.1:9", |definition| {
        definition["steps"][0]["request"]["query"]["q"] = json!("{{ input.q }}");
        definition["steps"][0]["extract"]["value"]["path"] = json!("$.[");
        definition["stepz"] = json!(1);
        definition["outputs"]["value"]["value"] = json!("{{ steps.gone.x | uper }}");
    });
    let create = "mutation($input: ConnectorCreateInput!) { connectorCreate(input: $input) { connector { id status draft { problems { code } } } userErrors { code } } }";
    let made = app
        .ok("ann", create, json!({ "input": { "workspace": { "key": "a" }, "name": "Half done", "source": { "definition": definition } } }))
        .await;
    let connector = &made["connectorCreate"]["connector"];
    assert_eq!(connector["status"], "DRAFT");
    let publish = "mutation($id: ID!) { connectorPublish(input: { id: $id }) { version { id } userErrors { code ... on DefinitionError { problems { code pointer message suggestion span { start end } severity stepPath } } } } }";
    let refused = app.graphql("ann", publish, json!({ "id": connector["id"] })).await;
    let error = &refused["data"]["connectorPublish"]["userErrors"][0];
    assert_eq!(error["code"], "DEFINITION_INVALID", "{refused}");
    let pointers: Vec<_> = error["problems"].as_array().unwrap().iter().map(|problem| problem["pointer"].as_str().unwrap()).collect();
    for pointer in ["/steps/0/request/query/q", "/steps/0/extract/value/path", "/stepz", "/outputs/value/value"] {
        assert!(pointers.contains(&pointer), "{pointer} is missing: {error:#}");
    }
    let unknown = error["problems"].as_array().unwrap().iter().find(|problem| problem["pointer"] == "/steps/0/request/query/q").unwrap();
    assert_eq!(unknown["code"], "unknown-variable");
    assert!(unknown["suggestion"].as_str().unwrap().contains("inputs"), "{unknown}");
}
