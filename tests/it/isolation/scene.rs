//! The scene of the probes on a server of the test's own, with everything in it that a self-test must leave out:
//! templates and SaaS admins made for the purpose, runs that call out, and every row read past the server.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use connectors::auth::{Grant, Options, Verifier};
use connectors::clock::SystemClock;
use connectors::selftest::furnish;
use connectors::selftest::judge::{Answer, Ask, Judge};
use connectors::selftest::scene::{Ids, Scene as Probed, Tenant, Word};
use serde_json::{Value, json};

use crate::support::rows::{Row, Rows};
use crate::support::upstream::{Reply, Upstream};
use crate::support::{TestApp, one_step};

use super::callers::{Caller, Tokens};
use super::rules::ROLES;

/// A row, and the table it is in.
pub(super) type Stored<'a> = (&'a str, &'a Row);

/// What every text of the foreign workspace begins with.
pub(super) const CANARY: &str = "canary-";

/// The SaaS admin that makes templates, and one that may only review them.
const PUBLISHER: &str = "publisher";
const REVIEWER: &str = "reviewer";

/// The name of a template that only SaaS admins may see.
const UNPUBLISHED: &str = "unpublished-t";

/// A server with a workspace to be guarded and one to be asked from.
pub(super) struct Scene {
    pub(super) app: TestApp,
    probed: Probed,
    upstream: Upstream,
}

impl Deref for Scene {
    type Target = Probed;

    fn deref(&self) -> &Probed {
        &self.probed
    }
}

impl Scene {
    pub(super) async fn set() -> Self {
        let upstream = Upstream::start(|call| Reply::Json(200, json!({ "value": call.query("q") }))).await;
        let app = TestApp::start().await;
        app.saas_admin(PUBLISHER);
        let add = "mutation { adminSaasAdminAdd(input: { subject: \"reviewer\", role: REVIEWER, displayName: \"Reviewer\" }) { userErrors { message } } }";
        app.ok(PUBLISHER, add, json!({})).await;
        let shared = template(&app, &upstream, "shared", true).await;
        let draft = template(&app, &upstream, UNPUBLISHED, false).await;
        let [mut foreign, mut own] = ["canary-of-a", "token-of-b"].map(|mark| Tenant::new(mark, definition(&upstream, mark)));
        for tenant in [&mut foreign, &mut own] {
            tenant.ids = furnished(&app, tenant, &shared).await;
        }
        foreign.ids.extend(draft);
        own.ids.extend(shared);
        let admins = app.ok(PUBLISHER, "{ admin { saasAdmins { nodes { id subject } } } }", json!({})).await;
        let admins = admins["admin"]["saasAdmins"]["nodes"].as_array().unwrap();
        for (subject, tenant) in [(PUBLISHER, &mut foreign), (REVIEWER, &mut own)] {
            let row = admins.iter().find(|admin| admin["subject"] == subject).unwrap();
            tenant.ids.insert("SaasAdmin".to_owned(), text(&row["id"]));
        }
        let word = |foreign: &str, twin: &str, admins_may| Word { foreign: foreign.to_owned(), twin: twin.to_owned(), admins_may };
        let words = vec![word("canary-of-a", "absent-in-a", false), word(UNPUBLISHED, "not-there-at-", true)];
        let tokens = tokens(&app, &foreign, &own);
        Self { app, probed: Probed { foreign, own, words, canary: CANARY.to_owned(), tokens }, upstream }
    }

    /// The same, with the server started again without its first wall.
    #[cfg(debug_assertions)]
    pub(super) async fn without_first_wall(self) -> Self {
        Self { app: self.app.without_first_wall().await, ..self }
    }

    /// Another workspace that holds the same.
    pub(super) async fn another(&self, mark: &str) -> Tenant {
        let shared: Ids = ["Template", "TemplateVersion"].map(|kind| (kind.to_owned(), self.own.any(kind).to_owned())).into();
        let mut tenant = Tenant::new(mark, definition(&self.upstream, mark));
        tenant.ids = furnished(&self.app, &tenant, &shared).await;
        tenant.ids.extend(shared);
        tenant
    }

    /// A judge that asks over HTTP and guards what the foreign workspace alone holds.
    pub(super) async fn judge(&self) -> Judge {
        let rows = self.app.rows().await;
        let (foreign, others) = self.split(&rows);
        let guarded = self.guarded(&values(&foreign), &values(&others));
        Judge::over(over_http(&self.app), self, guarded)
    }

    /// Rows of the foreign workspace, and all others.
    pub(super) fn split<'a>(&self, rows: &'a Rows) -> (Vec<Stored<'a>>, Vec<Stored<'a>>) {
        let id = format!("'{}'", self.foreign.any("Workspace"));
        let all = rows.iter().flat_map(|(table, rows)| rows.iter().map(move |row| (table.as_str(), row)));
        all.partition(|(table, row)| row.get(if *table == "workspaces" { "id" } else { "workspace_id" }) == Some(&id))
    }

    /// Calls that reached the services behind the connectors.
    pub(super) fn calls(&self) -> usize {
        self.upstream.calls().len()
    }
}

fn values<'a>(rows: &[Stored<'a>]) -> Vec<&'a str> {
    rows.iter().flat_map(|(_, row)| row.values()).map(String::as_str).collect()
}

/// The findings of a judge, the first ones in full.
pub(super) fn told(judge: &Judge) -> String {
    let first: Vec<_> = judge.findings.iter().take(10).map(ToString::to_string).collect();
    format!("{} findings, the first: {}", judge.findings.len(), first.join("\n\n"))
}

/// Asks the server of the test as any client would.
fn over_http(app: &TestApp) -> Ask {
    drop(rustls::crypto::ring::default_provider().install_default());
    #[expect(clippy::disallowed_methods, reason = "a client of the API, not of a third party")]
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/graphql", app.address);
    Arc::new(move |token, body| {
        let mut request = http.post(&url).header("content-type", "application/json").header("x-request-id", "isolation-probe");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        Box::pin(async move {
            let response = request.body(body).send().await.unwrap();
            let mut head = response.status().to_string();
            for (name, value) in response.headers().iter().filter(|(name, _)| *name != "date") {
                write!(head, "\n{name}: {}", value.to_str().unwrap()).unwrap();
            }
            Answer { head, body: response.text().await.unwrap() }
        })
    })
}

/// The token each caller shows.
fn tokens(app: &TestApp, foreign: &Tenant, own: &Tenant) -> Tokens {
    let owner = foreign.member("OWNER");
    let mut tokens = BTreeMap::from([
        (Caller::Stranger, Some(app.token("stranger"))),
        (Caller::Reviewer, Some(app.token(REVIEWER))),
        (Caller::Publisher, Some(app.token(PUBLISHER))),
        (Caller::Anonymous, None),
        (Caller::Expired, Some(app.expired_token(&owner))),
        (Caller::Forged, Some(forged(&owner))),
    ]);
    for role in ROLES {
        tokens.insert(Caller::Insider(role), Some(app.token(&foreign.member(role))));
        tokens.insert(Caller::Neighbour(role), Some(app.token(&own.member(role))));
    }
    tokens
}

fn forged(subject: &str) -> String {
    let options = Options { jwt_secret: connectors::auth::generate_secret().unwrap(), ..Options::default() };
    let verifier = Verifier::new(&options, Arc::new(SystemClock)).unwrap();
    verifier.mint(&Grant::user(subject, Duration::from_hours(1))).unwrap()
}

/// Everything in a workspace, a run that called out and an installation of the shared template among it.
async fn furnished(app: &TestApp, tenant: &Tenant, shared: &Ids) -> Ids {
    let token = app.token(&tenant.member("OWNER"));
    furnish(&over_http(app), tenant, &token, shared.get("Template").map(String::as_str)).await.unwrap()
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
async fn template(app: &TestApp, upstream: &Upstream, mark: &str, publish: bool) -> Ids {
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
