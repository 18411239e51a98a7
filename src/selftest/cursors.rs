//! Cursors of the guarded workspace's lists: positions that mean nothing to anyone else.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::callers::Caller;
use super::judge::Judge;
use super::operation::Shape;
use super::questions::{Question, Width};
use super::scene::Scene;
use super::schema::Schema;
use super::values::Values;

/// The cursors of every list of the guarded workspace; the judge learns what each would be if its row were not there.
pub(super) async fn cursors(schema: &Schema, scene: &Scene, judge: &mut Judge) -> BTreeSet<String> {
    let values = Values { schema, tenant: &scene.foreign };
    let mut found = BTreeSet::new();
    for question in Question::reading(schema).iter().filter(|question| !question.cursors(schema).is_empty()) {
        let mut operation = question.asked(values, None, Width::Lean);
        "{ edges { cursor } }".clone_into(&mut operation.selection);
        let Some(body) = operation.written(schema, Shape::Variables) else { continue };
        let answer = judge.ask(Caller::Insider("OWNER"), &body).await;
        collect(&serde_json::from_str(&answer.body).unwrap_or_default(), &mut found);
    }
    for cursor in &found {
        let plain = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let twin = plain.map_or_else(|| flipped(cursor), |plain| URL_SAFE_NO_PAD.encode(judge.without_ids(&plain)));
        judge.guard(cursor.clone(), twin);
    }
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => {
            found.extend(members.get("cursor").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect(member, found));
        }
        _ => {}
    }
}

/// The same cursor with one bit of its middle changed.
pub(super) fn flipped(cursor: &str) -> String {
    let middle = cursor.len() / 2;
    cursor.char_indices().map(|(at, letter)| if at == middle { if letter == 'A' { 'B' } else { 'A' } } else { letter }).collect()
}
