//! Names of another workspace mean nothing: two neighbours do the same, one with names that the guarded workspace uses,
//! the other with names that nobody does, and both are answered alike.

use serde_json::{Value, json};

use connectors::selftest::scene::ids;

use super::callers::Caller;
use super::operation::Shape;
use super::questions::{Question, Width};
use super::rules::SERVER_WIDE;
use super::scene::{CANARY, Scene};
use super::schema::Schema;
use super::values::Values;

/// How names begin that the guarded workspace uses, and others like them.
const USED: &str = "canary-text-";
const FREE: &str = "nobody-text-";

/// A name the guarded workspace uses, and one like it.
fn name(index: usize) -> (String, String) {
    (format!("{USED}{index:03}"), format!("{FREE}{index:03}"))
}

/// Something of each kind in the guarded workspace, by that name.
async fn use_name(scene: &Scene, name: &str) {
    let (owner, workspace) = (scene.foreign.member("OWNER"), json!({ "key": scene.foreign.mark }));
    let document = "mutation($w: WorkspaceCreateInput!, $c: ConnectorCreateInput!, $s: CredentialCreateInput!, $m: WorkspaceMemberAddInput!, $p: ContactUpsertInput!, $e: ExecutionStartInput!) {
        workspaceCreate(input: $w) { userErrors { message } } connectorCreate(input: $c) { userErrors { message } } credentialCreate(input: $s) { userErrors { message } }
        workspaceMemberAdd(input: $m) { userErrors { message } } contactUpsert(input: $p) { userErrors { message } } executionStart(input: $e) { finished userErrors { message } } }";
    let variables = json!({
        "w": { "key": name, "name": name },
        "c": { "workspace": workspace, "name": name, "key": name },
        "s": { "workspace": workspace, "name": name, "secret": { "bearer": { "token": name } }, "allowedHosts": ["127.0.0.1"] },
        "m": { "workspace": workspace, "subject": name, "role": "VIEWER" },
        "p": { "workspace": workspace, "contact": { "key": name } },
        "e": { "connectorId": scene.foreign.any("Connector"), "idempotencyKey": name, "tags": [name], "waitMs": 30_000 },
    });
    let done = scene.app.ok(&owner, document, variables).await;
    assert_eq!(done["executionStart"]["finished"], true, "{done}");
}

/// The answer with everything that is each neighbour's own taken out: its mark, its ids, and the start of its names.
fn neutral(answer: &str, own: [&str; 2]) -> String {
    let found: Vec<String> = ids(answer).map(str::to_owned).collect();
    let text = found.iter().fold(answer.to_owned(), |text, id| text.replace(id, "ID"));
    own.iter().fold(text, |text, own| text.replace(own, "OWN"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_4_ten_9_a_name_used_elsewhere_is_as_free_as_any() {
    let (schema, scene) = (Schema::exported(), Scene::set().await);
    let other = scene.another("token-of-c").await;
    let judge = scene.judge().await;
    let places: Vec<_> = Question::changing(&schema)
        .into_iter()
        .flat_map(|question| question.places(&schema, "String").into_iter().map(move |place| (question, place)))
        .filter(|(_, place)| !SERVER_WIDE.iter().any(|(known, _)| *known == place.name))
        .collect();
    for index in 0..places.len() {
        use_name(&scene, &name(index).0).await;
    }
    let before = scene.app.rows().await;
    let (token, mut wrong) = (scene.app.token(&other.member("OWNER")), Vec::new());
    for (index, (question, place)) in places.iter().enumerate() {
        let (used, free) = name(index);
        let ask = |tenant, text: &str| {
            let operation = question.asked(Values { schema: &schema, tenant }, Some((place, &Value::from(text))), Width::Lasting);
            operation.written(&schema, Shape::Variables).unwrap()
        };
        let one = judge.ask(Caller::Neighbour("OWNER"), &ask(&scene.own, &used)).await.body;
        let two = judge.ask_as(Some(&token), &ask(&other, &free)).await.body;
        let (one, two) = (neutral(&one, [USED, &scene.own.mark]), neutral(&two, [FREE, &other.mark]));
        if one != two || one.contains(CANARY) {
            wrong.push(format!("{} in {}:\n  {one}\n  {two}", place.name, question.field.name.node));
        }
    }
    assert!(wrong.is_empty(), "{} of {}: {}", wrong.len(), places.len(), wrong.join("\n"));
    assert!(places.len() > 50, "{} places", places.len());
    let after = scene.app.rows().await;
    assert_eq!(scene.split(&after).0, scene.split(&before).0, "nothing is changed in the guarded workspace");
}
