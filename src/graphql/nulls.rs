//! Lets a failure climb to the nearest place that may be null.
//!
//! The library leaves every field out that failed. The specification wants it to be null, and where it can never be, the
//! object around it, and so on upwards until null is allowed:
//! [handling field errors](https://spec.graphql.org/October2021/#sec-Handling-Field-Errors). Answers without such a
//! failure are not looked at.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use async_graphql::{Name, PathSegment, QueryPathNode, QueryPathSegment, Response, Value};

/// What is known about one request that failed somewhere below.
#[derive(Debug, Default)]
pub(super) struct Nulls {
    failed: AtomicBool,
    /// Types of the fields that were under way when something failed, by their names from the root.
    types: Mutex<HashMap<String, String>>,
}

impl Nulls {
    /// Notes that a field is done. A field that is done after one of its members failed is kept in mind.
    pub(super) fn note(&self, failed: bool, path: &QueryPathNode<'_>, kind: &str) {
        if failed {
            self.failed.store(true, Ordering::Relaxed);
        }
        if self.failed.load(Ordering::Relaxed) {
            let nodes = std::iter::successors(Some(path), |node| node.parent);
            let mut names: Vec<_> = nodes
                .filter_map(|node| match node.segment {
                    QueryPathSegment::Name(name) => Some(name),
                    QueryPathSegment::Index(_) => None,
                })
                .collect();
            names.reverse();
            self.types.lock().unwrap_or_else(PoisonError::into_inner).insert(names.join("."), kind.to_owned());
        }
    }

    /// Puts null where it belongs.
    pub(super) fn spread(&self, response: &mut Response) {
        if !self.failed.load(Ordering::Relaxed) {
            return;
        }
        let types = self.types.lock().unwrap_or_else(PoisonError::into_inner);
        if response.data == Value::Null {
            return;
        }
        // First what is null itself, so that an object whose members all failed is there again.
        for error in &response.errors {
            if types.get(&names(&error.path)).is_some_and(|kind| !kind.ends_with('!')) {
                fill(&mut response.data, &error.path);
            }
        }
        for error in &response.errors {
            let place = Place { names: String::new(), kind: "", path: &error.path };
            if !place.holds(&mut response.data, &types) {
                response.data = Value::Null;
            }
        }
    }
}

/// The names on a path, without the places in lists.
fn names(path: &[PathSegment]) -> String {
    let names: Vec<&str> = path
        .iter()
        .filter_map(|segment| match segment {
            PathSegment::Field(name) => Some(name.as_str()),
            PathSegment::Index(_) => None,
        })
        .collect();
    names.join(".")
}

/// Puts null at the end of a path where nothing is.
fn fill(value: &mut Value, path: &[PathSegment]) {
    match (value, path) {
        (Value::Object(members), [PathSegment::Field(name)]) => {
            members.entry(Name::new(name)).or_insert(Value::Null);
        }
        (emptied @ Value::Null, [PathSegment::Field(name)]) => *emptied = Value::Object([(Name::new(name), Value::Null)].into()),
        (Value::Object(members), [PathSegment::Field(name), path @ ..]) => {
            if let Some(below) = members.get_mut(name.as_str()) {
                fill(below, path);
            }
        }
        (Value::List(items), [PathSegment::Index(index), path @ ..]) => {
            if let Some(below) = items.get_mut(*index) {
                fill(below, path);
            }
        }
        _ => {}
    }
}

/// A place in an answer, and the way from there to what failed.
struct Place<'a> {
    /// Names from the root to the field the place is in.
    names: String,
    /// The type of what is here.
    kind: &'a str,
    path: &'a [PathSegment],
}

impl<'a> Place<'a> {
    /// Puts null below where it is allowed; false when it must be here.
    fn holds(self, value: &mut Value, types: &'a HashMap<String, String>) -> bool {
        let Some((step, path)) = self.path.split_first() else { return true };
        let (below, inner) = match (value, step) {
            // All of its members failed, or an earlier failure climbed past.
            (Value::Null, _) => return false,
            (Value::Object(members), PathSegment::Field(name)) => {
                let names = if self.names.is_empty() { name.clone() } else { format!("{}.{name}", self.names) };
                let Some(below) = members.get_mut(name.as_str()) else { return false };
                let kind = types.get(&names).map_or("", String::as_str);
                (below, Self { names, kind, path })
            }
            (Value::List(items), PathSegment::Index(index)) => {
                let Some(below) = items.get_mut(*index) else { return true };
                let kind = self.kind.trim_end_matches('!');
                let kind = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')).unwrap_or_default();
                (below, Self { names: self.names, kind, path })
            }
            _ => return true,
        };
        let nullable = !inner.kind.ends_with('!');
        if inner.holds(below, types) {
            return true;
        }
        *below = Value::Null;
        nullable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::ServerError;
    use serde_json::{Value as Json, json};

    fn check(types: &[(&str, &str)], path: Json, answer: Json, expected: &Json) {
        let types = types.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect();
        let nulls = Nulls { failed: AtomicBool::new(true), types: Mutex::new(types) };
        let mut error = ServerError::new("x", None);
        error.path = serde_json::from_value(path).unwrap();
        let mut response = Response::new(Value::from_json(answer).unwrap());
        response.errors = vec![error.clone(), error];
        nulls.spread(&mut response);
        assert_eq!(response.data.into_json().unwrap(), *expected);
    }

    #[test]
    fn null_climbs_to_where_it_is_allowed() {
        let kinds = [
            ("a", "A"),
            ("a.b", "[B!]!"),
            ("a.b.c", "C!"),
            ("z", "Z!"),
            ("l", "[L]!"),
            ("l.x", "X!"),
            ("a.b.n", "N"),
            ("z.y", "Y!"),
            ("a.b.c.d", "D!"),
        ];
        for (path, answer, expected) in [
            (json!(["a", "b"]), json!({ "a": { "k": 1 }, "o": 2 }), json!({ "a": null, "o": 2 })),
            (json!(["a", "b", 1, "c", "d"]), json!({ "a": { "b": [{ "c": {} }, { "c": null }] } }), json!({ "a": null })),
            (json!(["l", 1, "x"]), json!({ "l": [{ "x": 1 }, { "y": 2 }] }), json!({ "l": [{ "x": 1 }, null] })),
            (json!(["z", "y"]), json!({ "z": { "k": 1 }, "o": 2 }), json!(null)),
            (json!(["a"]), json!({ "a": null }), json!({ "a": null })),
            (json!(["a"]), json!({ "o": 2 }), json!({ "o": 2, "a": null })),
            (json!(["a", "b", 0, "n"]), json!({ "a": { "b": [null, { "n": 1 }] } }), json!({ "a": { "b": [{ "n": null }, { "n": 1 }] } })),
            (json!(["a"]), json!(null), json!(null)),
            (json!(["a", "b", 0, "e"]), json!({ "a": { "b": [{ "e": null }] } }), json!({ "a": { "b": [{ "e": null }] } })),
        ] {
            check(&kinds, path, answer, &expected);
        }
    }
}
