//! The throw-away workspaces of a self-test: made, looked at and removed.
//!
//! Their owners have fixed names, by which leftovers are found; everything else carries a mark that nobody can guess.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::auth::{self, Grant, UserScope, Verifier, WorkspaceScope};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::domain::id::{InstallationId, SaasAdminId, TemplateId, TemplateVersionId};
use crate::domain::page::PageRequest;
use crate::domain::workspace::WorkspaceRole;
use crate::http;
use crate::selftest::callers::{Caller, Tokens};
use crate::selftest::furnish;
use crate::selftest::judge::{Answer, Ask};
use crate::selftest::rules::ROLES;
use crate::selftest::scene::{Ids, Scene, Tenant, Word};
use crate::server::Beside;
use crate::store::{Rows, WorkspaceRef};

/// Owners of the guarded workspace and of the other one.
const OWNERS: [&str; 2] = ["connectors-self-test-guarded", "connectors-self-test-outside"];
/// How the keys of throw-away workspaces begin.
const KEY: &str = "selftest-";
/// How long the tokens are good.
const LIFETIME: Duration = Duration::from_mins(30);

/// The machine's clock, two hours late: it signs tokens whose time is over.
#[derive(Debug)]
struct TwoHoursAgo;

impl Clock for TwoHoursAgo {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() - TimeDelta::hours(2)
    }
    fn fresh_id(&self) -> uuid::Uuid {
        SystemClock.fresh_id()
    }
    fn chance(&self) -> f64 {
        SystemClock.chance()
    }
}

/// Both workspaces, furnished.
pub(super) struct Stage {
    pub(super) scene: Scene,
    /// Is there a published template to put questions with?
    pub(super) with_template: bool,
}

impl Stage {
    /// Makes and furnishes them.
    pub(super) async fn set(beside: &Beside, config: &Config) -> anyhow::Result<Self> {
        let marks = ["guarded", "outside"].map(|name| format!("{KEY}{name}-{}", random()));
        let [foreign, own] = &marks;
        let [guarded, outside] = OWNERS;
        let [mut foreign, mut own] = [(foreign, guarded), (own, outside)]
            .map(|(mark, owner)| Tenant { owner: owner.to_owned(), ..Tenant::new(mark, definition(mark)) });
        let (ask, tokens) = (ask(beside), tokens(beside, config, (&foreign, &own))?);
        for (tenant, caller) in [(&mut foreign, Caller::Insider("OWNER")), (&mut own, Caller::Neighbour("OWNER"))] {
            let token = tokens.get(&caller).and_then(Option::as_deref).unwrap_or_default();
            tenant.ids = furnish(&ask, tenant, token, None).await?;
        }
        let template = published(&ask, tokens.get(&Caller::Stranger).cloned().flatten()).await;
        let with_template = template.is_some();
        own.ids.extend(template.clone().unwrap_or_default());
        for tenant in [&mut foreign, &mut own] {
            tenant.shared = absent();
            tenant.shared.extend(template.clone().unwrap_or_default());
        }
        let twin = foreign.mark.replace("guarded", "missing");
        let words = vec![Word { foreign: foreign.mark.clone(), twin, admins_may: false }];
        let canary = foreign.mark.clone();
        Ok(Self { scene: Scene { foreign, own, words, canary, tokens }, with_template })
    }

    /// The rows of the guarded workspace and of the other one.
    pub(super) async fn rows(&self, beside: &Beside) -> anyhow::Result<(Rows, Rows)> {
        Ok((rows(beside, &self.scene.foreign).await?, rows(beside, &self.scene.own).await?))
    }
}

/// Characters that nobody can guess, and too few to be taken for a secret in a definition.
fn random() -> String {
    let mut text = uuid::Uuid::new_v4().simple().to_string();
    text.truncate(14);
    text
}

/// One step that computes and one that never calls: a run needs nobody outside, whoever works on it.
fn definition(mark: &str) -> Value {
    json!({
        "spec": "connectors/v1", "kind": "connector",
        "meta": { "slug": "self-test", "title": mark },
        "credentials": { "api": { "kind": "bearer", "hosts": ["127.0.0.1"] } },
        "config": { "type": "object", "properties": { "note": { "type": "string" } } },
        "inputs": { "type": "object", "properties": { "q": { "type": "string" } } },
        "defaults": { "base_url": "http://127.0.0.1", "auth": "api" },
        "steps": [
            { "id": "call", "kind": "set", "title": mark, "values": { "value": "{{ inputs.q }}" } },
            { "id": "never", "kind": "http", "when": "{{ inputs.q == null }}", "request": { "path": "/" } },
        ],
        "outputs": { "value": { "value": "{{ steps.call.value }}" } },
        "mapping": { "target": "contact", "fields": [{ "to": "company", "from": "{{ steps.call.value }}", "policy": "overwrite" }] },
    })
}

/// The token each caller shows. SaaS admins are not among them: none is made for a test.
fn tokens(beside: &Beside, config: &Config, (foreign, own): (&Tenant, &Tenant)) -> anyhow::Result<Tokens> {
    let sign = |subject: &str| beside.verifier().mint(&Grant::user(subject, LIFETIME));
    let late = Verifier::new(&config.auth, Arc::new(TwoHoursAgo))?;
    let options = auth::Options { jwt_secret: auth::generate_secret()?, ..config.auth.clone() };
    let other = Verifier::new(&options, Arc::new(SystemClock))?;
    let owner = Grant::user(foreign.member("OWNER"), LIFETIME);
    let mut tokens = Tokens::from([
        (Caller::Stranger, Some(sign(&format!("{}-stranger", own.mark))?)),
        (Caller::Anonymous, None),
        (Caller::Expired, Some(late.mint(&owner)?)),
        (Caller::Forged, Some(other.mint(&owner)?)),
    ]);
    for role in ROLES {
        tokens.insert(Caller::Insider(role), Some(sign(&foreign.member(role))?));
        tokens.insert(Caller::Neighbour(role), Some(sign(&own.member(role))?));
    }
    Ok(tokens)
}

/// Asks the API in this process.
pub(super) fn ask(beside: &Beside) -> Ask {
    let router = beside.router().clone();
    Arc::new(move |token, body| {
        let router = router.clone();
        Box::pin(async move {
            let (head, body) = http::post(router, token, body).await;
            Answer { head, body }
        })
    })
}

/// A published template and its newest version, if the catalogue has one.
async fn published(ask: &Ask, token: Option<String>) -> Option<Ids> {
    let query = json!({ "query": "{ templates(first: 1) { nodes { id latestVersion { id } } } }" });
    let answer: Value = serde_json::from_str(&ask(token, query.to_string()).await.body).ok()?;
    let text = |pointer: &str| answer.pointer(pointer)?.as_str().map(str::to_owned);
    let template = text("/data/templates/nodes/0/id")?;
    let version = text("/data/templates/nodes/0/latestVersion/id")?;
    Some(Ids::from([("Template".to_owned(), template), ("TemplateVersion".to_owned(), version)]))
}

/// Ids that nothing has, of the kinds that no self-test makes.
fn absent() -> Ids {
    let kinds = [
        ("Template", TemplateId::fresh(&SystemClock).to_string()),
        ("TemplateVersion", TemplateVersionId::fresh(&SystemClock).to_string()),
        ("TemplateInstallation", InstallationId::fresh(&SystemClock).to_string()),
        ("SaasAdmin", SaasAdminId::fresh(&SystemClock).to_string()),
    ];
    kinds.map(|(kind, id)| (kind.to_owned(), id)).into()
}

/// Every row of a workspace, seen as its owner.
async fn rows(beside: &Beside, tenant: &Tenant) -> anyhow::Result<Rows> {
    let user = owner(beside, &tenant.owner)?;
    let access = beside.store().read(&user).await?.find_access(&WorkspaceRef::Key(tenant.mark.clone())).await?;
    let (_, access) = access.context("a throw-away workspace is gone: another self-test removed it; run one at a time")?;
    let scope = WorkspaceScope::grant(user.principal(), &access);
    Ok(beside.store().read(&scope).await?.survey().await?)
}

fn owner(beside: &Beside, subject: &str) -> anyhow::Result<UserScope> {
    let token = beside.verifier().mint(&Grant::user(subject, LIFETIME))?;
    Ok(UserScope::of(&beside.verifier().verify(&token)?))
}

/// All rows as they are.
pub(super) fn texts(rows: &Rows) -> Vec<&str> {
    rows.values().flatten().map(String::as_str).collect()
}

/// The tables that are not as they were.
pub(super) fn differences(before: (&Rows, &Rows), after: &(Rows, Rows)) -> Vec<String> {
    let pairs = [(before.0, &after.0), (before.1, &after.1)];
    let changed = pairs.into_iter().flat_map(|(was, is)| was.iter().filter(|(table, rows)| is.get(*table) != Some(rows)));
    changed.map(|(table, _)| (*table).to_owned()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Removes every throw-away workspace, also those of earlier self-tests; gives how many there were.
pub(super) async fn remove_all(beside: &Beside) -> anyhow::Result<usize> {
    let mut removed = 0;
    for subject in OWNERS {
        let user = owner(beside, subject)?;
        let found = beside.store().read(&user).await?.list_workspaces(&PageRequest::first(100)).await?.items;
        for (_, workspace) in found.into_iter().filter(|(_, workspace)| workspace.key.starts_with(KEY)) {
            let access = beside.store().read(&user).await?.find_access(&WorkspaceRef::Id(workspace.id)).await?;
            // Someone may have made the subject a member of a workspace of their own.
            let Some((_, access)) = access.filter(|(_, access)| access.role == WorkspaceRole::Owner) else { continue };
            let tx = beside.store().begin(&WorkspaceScope::grant(user.principal(), &access)).await?;
            tx.delete_workspace().await?;
            tx.commit().await?;
            removed += 1;
        }
    }
    Ok(removed)
}
