//! The probes are worth something: in each place that takes an id, one's own is answered otherwise than one that nothing
//! has, and the role that is declared is enough.

use serde_json::{Value, json};

use super::callers::Caller;
use super::judge::twin;
use super::operation::Shape;
use super::questions::{Question, Width, as_kind};
use super::rules::{Access, Names, of_field, of_id};
use super::scene::Scene;
use super::schema::{Place, Schema, named};
use super::values::Values;

/// The least caller that may ask, of those the own workspace has.
fn caller(question: &Question<'_>, kind: &str) -> Caller {
    let access = (question.owner == question.root).then(|| of_field(question.root, &question.field.name.node).unwrap());
    match access {
        _ if kind == "SaasAdmin" => Caller::Reviewer,
        Some(Access::SaasAdmin(_)) => Caller::Publisher,
        Some(Access::Member(role)) => Caller::Neighbour(role),
        _ => Caller::Neighbour("VIEWER"),
    }
}

/// The types an id in this place may be of.
fn kinds<'a>(schema: &'a Schema, place: &Place) -> Vec<&'a str> {
    match of_id(&place.name) {
        Some(Names::A(kind)) => vec![kind],
        Some(Names::AnyNode) => schema.implementers("Node"),
        None => panic!("declare a rule for `{}`", place.name),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_id_in_each_place_decides_and_the_declared_role_is_enough() {
    let (schema, scene) = (Schema::exported(), Scene::set().await);
    let judge = scene.judge().await;
    let values = Values { schema: &schema, tenant: &scene.own };
    let mut questions: Vec<_> = Question::reading(&schema).into_iter().chain(Question::changing(&schema)).collect();
    // What ends things comes last.
    questions.sort_by_key(|question| ["Delete", "Remove"].iter().any(|end| question.field.name.node.ends_with(end)));
    let (mut count, mut wrong) = (0, Vec::new());
    for question in &questions {
        for place in question.places(&schema, "ID") {
            for kind in kinds(&schema, &place) {
                let own = scene.own.id(kind).unwrap();
                let put = |id: &str| {
                    let operation = question.asked(values, Some((&place, &json!(id))), Width::Rich);
                    as_kind(&schema, operation, named(&question.field.ty.node), kind).written(&schema, Shape::Variables).unwrap()
                };
                let caller = caller(question, kind);
                let missing = judge.ask(caller, &put(&twin(own))).await.body;
                let found = judge.ask(caller, &put(own)).await.body;
                count += 1;
                if found.contains("\"FORBIDDEN\"") || found.replace(own, &twin(own)) == missing {
                    wrong.push(format!("{} as {caller:?}, {} of type {kind}: {found}", question.field.name.node, place.name));
                }
            }
        }
    }
    assert!(count >= super::rules::IDS.len() - 2, "only {count} places");
    assert!(wrong.is_empty(), "{} of {count}: {}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn every_text_of_the_guarded_workspace_holds_a_canary() {
    let scene = Scene::set().await;
    let rows = scene.app.rows().await;
    let (foreign, own) = scene.split(&rows);
    let tables = |rows: &[(&str, &crate::support::rows::Row)]| {
        let mut names: Vec<String> =
            rows.iter().filter(|(_, row)| row.contains_key("workspace_id")).map(|(name, _)| (*name).to_owned()).collect();
        names.dedup();
        names
    };
    let held = rows.iter().filter(|(_, rows)| rows.first().is_none_or(|row| row.contains_key("workspace_id")));
    let expected: Vec<_> = held.map(|(table, _)| table.clone()).collect();
    assert_eq!((tables(&foreign), tables(&own)), (expected.clone(), expected), "an object of each kind in both");
    let mut bare = std::collections::BTreeSet::new();
    for (table, row) in &foreign {
        for column in row.keys() {
            let values: Vec<_> = foreign.iter().filter(|(other, _)| other == table).map(|(_, row)| row[column].as_str()).collect();
            if values.iter().any(|value| is_prose(value)) && !values.iter().any(|value| value.contains(super::scene::CANARY)) {
                bare.insert(format!("{table}.{column}: {values:?}"));
            }
        }
    }
    assert!(bare.is_empty(), "put a canary into {bare:#?}");
}

/// Could people have written it? Not so ids, times, numbers, hashes, masked secrets and single words of the server's own.
fn is_prose(value: &str) -> bool {
    if value == "NULL" || value.starts_with("X'") {
        return false;
    }
    let text = value.trim_matches('\'');
    match serde_json::from_str::<Value>(text) {
        Ok(json) => leaves(&json).into_iter().any(is_free),
        Err(_) => is_free(text),
    }
}

fn leaves(json: &Value) -> Vec<&str> {
    match json {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(leaves).collect(),
        Value::Object(members) => members.values().flat_map(leaves).collect(),
        _ => Vec::new(),
    }
}

fn is_free(text: &str) -> bool {
    let only = |fits: fn(char) -> bool| text.trim_start_matches("sha256:").chars().all(fits);
    let id = connectors::selftest::scene::ids(text).any(|id| id == text);
    let time = chrono::DateTime::parse_from_rfc3339(text).is_ok();
    let word = only(|letter| letter.is_ascii_lowercase() || letter == '_');
    let number = only(|letter| letter.is_ascii_hexdigit() || letter == '.' || letter == '-');
    !(id || time || word || number || text.starts_with('\u{2022}'))
}
