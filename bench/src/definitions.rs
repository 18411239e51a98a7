//! The connectors that are run: one http step each, without credential and contact.

use serde_json::{Value, json};

/// Calls, takes one value, gives it as output.
pub(crate) fn one_step(url: &str) -> Value {
    let extract = json!({ "first": { "path": "$.people[0].first_name", "take": "first" } });
    let step = json!({ "id": "lookup", "kind": "http", "request": { "method": "GET", "url": url }, "extract": extract });
    let mut definition = around("one-step", &step);
    if let Some(members) = definition.as_object_mut() {
        members.insert("outputs".to_owned(), json!({ "first": { "type": "string", "value": "{{ steps.lookup.first }}" } }));
    }
    definition
}

/// Is refused once, then waits longer than any measure takes.
pub(crate) fn waiting(url: &str) -> Value {
    around("waiting", &retried(url, 2, "PT10M"))
}

/// Is refused again and again, a second apart, and writes log lines each time.
pub(crate) fn ticking(url: &str) -> Value {
    around("ticking", &retried(url, 20, "PT1S"))
}

fn retried(url: &str, attempts: u32, wait: &str) -> Value {
    let backoff = json!({ "kind": "constant", "base": wait, "max": wait, "jitter": 0 });
    let retry = json!({ "attempts": attempts, "backoff": backoff });
    json!({ "id": "call", "kind": "http", "request": { "method": "GET", "url": url }, "retry": retry })
}

fn around(slug: &str, step: &Value) -> Value {
    json!({ "spec": "connectors/v1", "kind": "connector", "meta": { "slug": slug, "title": slug }, "steps": [step] })
}
