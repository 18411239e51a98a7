//! Two workspaces that hold the same: one object of each kind, with the workspace's own mark in every text.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use crate::support::rows::{Row, Rows};
use crate::support::upstream::{Reply, Upstream};
use crate::support::{TestApp, one_step};

use super::rules::ROLES;
use super::schema::Schema;

/// A row, and the table it is in.
pub(super) type Stored<'a> = (&'a str, &'a Row);

/// What every text of the foreign workspace begins with.
pub(super) const CANARY: &str = "canary-";

/// A workspace and what is in it.
pub(super) struct Tenant {
    /// Key, name or text of everything in it that has one.
    pub(super) mark: &'static str,
    /// The key of a workspace its owner might still make.
    pub(super) second: String,
    /// The definition its connector follows.
    pub(super) definition: Value,
    ids: BTreeMap<String, String>,
}

impl Tenant {
    fn new(upstream: &Upstream, mark: &'static str) -> Self {
        Self { mark, second: format!("{mark}-second"), definition: definition(upstream, mark), ids: BTreeMap::new() }
    }

    /// The id of its object of this type.
    pub(super) fn id(&self, kind: &str) -> &str {
        self.ids.get(kind).unwrap_or_else(|| panic!("make an object of type `{kind}` in tests/it/isolation/scene.rs"))
    }

    /// Its member in a role.
    pub(super) fn member(&self, role: &str) -> String {
        format!("{}-{}", self.mark, role.to_lowercase())
    }
}

/// A server with a workspace to be guarded and one to be asked from.
pub(super) struct Scene {
    pub(super) app: TestApp,
    pub(super) foreign: Tenant,
    pub(super) own: Tenant,
    upstream: Upstream,
}

/// The SaaS admin that makes templates, and one that may only review them.
pub(super) const PUBLISHER: &str = "publisher";
pub(super) const REVIEWER: &str = "reviewer";

/// The name of a template that only SaaS admins may see.
pub(super) const UNPUBLISHED: &str = "unpublished-t";

impl Scene {
    pub(super) async fn set() -> Self {
        let upstream = Upstream::start(|call| Reply::Json(200, json!({ "value": call.query("q") }))).await;
        let app = TestApp::start().await;
        app.saas_admin(PUBLISHER);
        let add = "mutation { adminSaasAdminAdd(input: { subject: \"reviewer\", role: REVIEWER, displayName: \"Reviewer\" }) { userErrors { message } } }";
        app.ok(PUBLISHER, add, json!({})).await;
        let shared = template(&app, &upstream, "shared", true).await;
        let draft = template(&app, &upstream, UNPUBLISHED, false).await;
        let mut scene = Self { foreign: Tenant::new(&upstream, "canary-of-a"), own: Tenant::new(&upstream, "token-of-b"), app, upstream };
        scene.foreign.ids = furnish(&scene.app, &scene.foreign, &shared).await;
        scene.own.ids = furnish(&scene.app, &scene.own, &shared).await;
        scene.foreign.ids.extend(draft);
        scene.own.ids.extend(shared);
        let admins = scene.app.ok(PUBLISHER, "{ admin { saasAdmins { nodes { id subject } } } }", json!({})).await;
        let admins = admins["admin"]["saasAdmins"]["nodes"].as_array().unwrap();
        for (subject, tenant) in [(PUBLISHER, &mut scene.foreign), (REVIEWER, &mut scene.own)] {
            let row = admins.iter().find(|admin| admin["subject"] == subject).unwrap();
            tenant.ids.insert("SaasAdmin".to_owned(), text(&row["id"]));
        }
        scene
    }

    /// Another workspace that holds the same.
    pub(super) async fn another(&self, mark: &'static str) -> Tenant {
        let shared = ["Template", "TemplateVersion"].map(|kind| (kind.to_owned(), self.own.id(kind).to_owned())).into();
        let mut tenant = Tenant::new(&self.upstream, mark);
        tenant.ids = furnish(&self.app, &tenant, &shared).await;
        tenant.ids.extend(shared);
        tenant
    }

    /// Every type with a global id, and the foreign object of it.
    pub(super) fn foreign_nodes<'a>(&'a self, schema: &'a Schema) -> impl Iterator<Item = (&'a str, &'a str)> {
        schema.implementers("Node").into_iter().map(|kind| (kind, self.foreign.id(kind)))
    }

    /// The ids that only the foreign workspace and the unpublished template have.
    pub(super) fn guarded(&self, rows: &Rows) -> HashSet<String> {
        let (foreign, others) = self.split(rows);
        let known: HashSet<_> = others.iter().flat_map(|(_, row)| ids_in(row)).collect();
        let held = foreign.iter().flat_map(|(_, row)| ids_in(row)).filter(|id| !known.contains(id));
        held.chain(self.foreign.ids.values().cloned()).collect()
    }

    /// Rows of the foreign workspace, and all others.
    pub(super) fn split<'a>(&self, rows: &'a Rows) -> (Vec<Stored<'a>>, Vec<Stored<'a>>) {
        let id = format!("'{}'", self.foreign.id("Workspace"));
        let all = rows.iter().flat_map(|(table, rows)| rows.iter().map(move |row| (table.as_str(), row)));
        all.partition(|(table, row)| row.get(if *table == "workspaces" { "id" } else { "workspace_id" }) == Some(&id))
    }

    /// Calls that reached the services behind the connectors.
    pub(super) fn calls(&self) -> usize {
        self.upstream.calls().len()
    }
}

/// The ids a row names.
fn ids_in(row: &Row) -> impl Iterator<Item = String> {
    row.values().flat_map(|value| ids(value)).map(str::to_owned)
}

/// The ids in a text: a prefix, `_`, and 26 characters.
pub(super) fn ids(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.len() > 28 && word.split_once('_').is_some_and(|(prefix, rest)| prefix.len() < 4 && rest.len() == 26))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn definition(upstream: &Upstream, mark: &str) -> Value {
    one_step(&upstream.base_url(), |definition| {
        definition["meta"]["title"] = json!(mark);
        definition["credentials"] = json!({ "api": { "kind": "bearer", "hosts": ["127.0.0.1"] } });
        definition["defaults"]["auth"] = json!("api");
        definition["config"] = json!({ "type": "object", "properties": { "note": { "type": "string" } } });
        definition["steps"][0]["title"] = json!(mark);
        definition["mapping"] =
            json!({ "target": "contact", "fields": [{ "to": "company", "from": "{{ steps.call.value }}", "policy": "overwrite" }] });
    })
}

/// A template; the ids of it and of its version.
async fn template(app: &TestApp, upstream: &Upstream, mark: &str, publish: bool) -> BTreeMap<String, String> {
    let mut definition = definition(upstream, mark);
    definition["kind"] = json!("template");
    let details = json!({ "name": mark, "summary": mark, "description": mark, "setupGuide": mark, "tags": [mark] });
    let input = json!({ "slug": mark, "details": details, "definition": definition, "version": "1.0.0", "publish": publish });
    let create = "mutation($input: AdminTemplateCreateInput!) { adminTemplateCreate(input: $input) { template { id } version { id } userErrors { message path } } }";
    let made = app.ok(PUBLISHER, create, json!({ "input": input })).await["adminTemplateCreate"].take();
    [("Template", &made["template"]["id"]), ("TemplateVersion", &made["version"]["id"])]
        .map(|(kind, id)| (kind.to_owned(), text(id)))
        .into()
}

/// Makes a workspace with one object of each kind; their ids by type.
async fn furnish(app: &TestApp, tenant: &Tenant, shared: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mark = tenant.mark;
    let (owner, workspace) = (tenant.member("OWNER"), json!({ "key": mark }));
    let made = async |field: &str, result: &str, input: Value| {
        let kind = format!("{}{}Input", field[..1].to_uppercase(), &field[1..]);
        let document = format!("mutation($input: {kind}!) {{ {field}(input: $input) {{ {result} userErrors {{ message path }} }} }}");
        app.ok(&owner, &document, json!({ "input": input })).await[field].take()
    };
    made("workspaceCreate", "workspace { id }", json!({ "key": mark, "name": mark })).await;
    for role in ROLES.iter().filter(|role| **role != "OWNER") {
        let (subject, email) = (tenant.member(role), format!("{mark}@x.example"));
        let input = json!({ "workspace": workspace, "subject": subject, "role": role, "displayName": mark, "email": email });
        made("workspaceMemberAdd", "member { id }", input).await;
    }
    let secret = json!({ "bearer": { "token": format!("{mark}-secret-57c1") } });
    let hosts = json!(["127.0.0.1", format!("{mark}.example")]);
    let input = json!({ "workspace": workspace, "name": mark, "secret": secret, "allowedHosts": hosts });
    let credential = text(&made("credentialCreate", "credential { id }", input).await["credential"]["id"]);
    let bind = json!([{ "slot": "api", "credential": { "id": credential } }]);

    let input = json!({ "workspace": workspace, "name": mark, "key": mark, "description": mark, "icon": mark, "tags": [mark],
        "config": { "note": mark }, "source": { "definition": tenant.definition } });
    let connector = text(&made("connectorCreate", "connector { id }", input).await["connector"]["id"]);
    made("connectorCredentialsBind", "connector { id }", json!({ "id": connector, "bind": bind })).await;
    made("connectorPublish", "connector { id }", json!({ "id": connector, "note": mark })).await;
    let input = json!({ "workspace": workspace, "template": { "id": shared["Template"] }, "name": mark, "credentials": bind });
    made("templateInstall", "connector { id }", input).await;

    let contact = json!({ "key": mark, "email": format!("{mark}@x.example"), "phone": mark, "firstName": mark, "lastName": mark,
        "company": mark, "attributes": { "note": mark } });
    let contact =
        text(&made("contactUpsert", "contact { id }", json!({ "workspace": workspace, "contact": contact })).await["contact"]["id"]);
    let input = json!({ "connectorId": connector, "contact": { "id": contact }, "input": { "q": format!("{mark}-value") }, "tags": [mark],
        "idempotencyKey": mark, "waitMs": 30_000 });
    let started = made("executionStart", "finished execution { id status }", input).await;
    assert_eq!(started["execution"]["status"], "SUCCEEDED", "{started}");
    let execution = text(&started["execution"]["id"]);
    read_ids(app, &owner, [&connector, &execution, &credential, &contact], shared).await
}

async fn read_ids(app: &TestApp, owner: &str, known: [&str; 4], shared: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let [connector, execution, credential, contact] = known;
    let document = "query($c: ID!, $e: ID!, $t: ID!) { connector(id: $c) { publishedVersion { id } workspace { id key members { nodes { id role } } } }
        execution(id: $e) { steps { id } fieldChanges { id } } template(by: { id: $t }) { id } viewer { workspaces { nodes { connectors { nodes { installation { id } } } } } } }";
    let read = app.ok(owner, document, json!({ "c": connector, "e": execution, "t": shared["Template"] })).await;
    let workspace = &read["connector"]["workspace"];
    // The admin: no role that is too low for a change of members is its own.
    let member = workspace["members"]["nodes"].as_array().unwrap().iter().find(|member| member["role"] == "ADMIN").unwrap();
    let connectors = read["viewer"]["workspaces"]["nodes"][0]["connectors"]["nodes"].as_array().unwrap();
    let installation = connectors.iter().find(|connector| !connector["installation"].is_null()).unwrap();
    let ids = [
        ("Workspace", &workspace["id"]),
        ("WorkspaceMember", &member["id"]),
        ("ConnectorVersion", &read["connector"]["publishedVersion"]["id"]),
        ("StepRun", &read["execution"]["steps"][0]["id"]),
        ("ContactFieldChange", &read["execution"]["fieldChanges"][0]["id"]),
        ("TemplateInstallation", &installation["installation"]["id"]),
    ];
    let plain = [("Connector", connector), ("Execution", execution), ("Credential", credential), ("Contact", contact)];
    let plain = plain.map(|(kind, id)| (kind.to_owned(), id.to_owned()));
    ids.map(|(kind, id)| (kind.to_owned(), text(id))).into_iter().chain(plain).collect()
}
