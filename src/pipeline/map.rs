//! One mapped value, one contact field, one policy → write or leave.

use chrono::{DateTime, Utc};
use serde_json::Value;
use std::time::Duration;

use super::interpolate::is_empty;
use crate::domain::contact::FieldChange;
use crate::domain::definition::WritePolicy;

/// What a mapping gives for one field, before any policy.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedValue {
    /// Contact field, e.g. `email` or `attributes.city`.
    pub to: String,
    /// The value.
    pub value: Value,
    /// When to write it.
    pub policy: WritePolicy,
    /// How sure it is, 0 to 1.
    pub confidence: Option<f64>,
    /// After this time it counts as stale.
    pub ttl: Option<Duration>,
    /// The step it comes from.
    pub step_path: Option<String>,
}

/// What becomes of a mapped value.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// The field takes this value.
    Write(Value),
    /// The field has it already.
    Unchanged,
    /// The field stays as it is.
    Keep {
        /// Why, for people.
        reason: &'static str,
    },
    /// There is no value to write.
    Empty,
}

/// Decides over one field.
///
/// `ledger` is the newest change some connector wrote to the field. It speaks for the value there only while that value is
/// still the one it wrote; any other was set by hand, which counts as certain and as of unknown age.
pub fn decide(policy: WritePolicy, before: &Value, ledger: Option<&FieldChange>, value: &MappedValue, now: DateTime<Utc>) -> Decision {
    let after = &value.value;
    if is_empty(after) {
        return Decision::Empty;
    }
    if policy == WritePolicy::Never {
        return Decision::Keep { reason: "the mapping never writes this field" };
    }
    if policy == WritePolicy::Append {
        return append(before, after);
    }
    if same(before, after) {
        return Decision::Unchanged;
    }
    let written = ledger.filter(|change| same(before, &change.after));
    let stale = written.and_then(|change| change.stale_at).is_some_and(|at| at <= now);
    if policy == WritePolicy::Overwrite || is_empty(before) || stale {
        return Decision::Write(after.clone());
    }
    match policy {
        WritePolicy::IfNewer if written.is_none_or(|change| change.occurred_at < now) => Decision::Write(after.clone()),
        WritePolicy::IfNewer => Decision::Keep { reason: "the value there is newer" },
        WritePolicy::IfMoreConfident => more_confident(written, value),
        _ => Decision::Keep { reason: "the field already has a value" },
    }
}

fn more_confident(written: Option<&FieldChange>, value: &MappedValue) -> Decision {
    let Some(written) = written else {
        return Decision::Keep { reason: "the value there was set by hand" };
    };
    match (value.confidence, written.confidence) {
        (Some(new), known) if new > known.unwrap_or(0.0) => Decision::Write(value.value.clone()),
        (None, _) => Decision::Keep { reason: "the new value has no confidence" },
        _ => Decision::Keep { reason: "the value there is at least as sure" },
    }
}

/// Adds what is not in the list yet; a single value there becomes a list.
fn append(before: &Value, after: &Value) -> Decision {
    let listed = |value: &Value| match value {
        Value::Array(items) => items.clone(),
        other if is_empty(other) => Vec::new(),
        other => vec![other.clone()],
    };
    let mut items = listed(before);
    let had = items.len();
    for item in listed(after).into_iter().filter(|item| !is_empty(item)) {
        if !items.iter().any(|known| same(known, &item)) {
            items.push(item);
        }
    }
    if items.len() == had { Decision::Unchanged } else { Decision::Write(Value::Array(items)) }
}

/// Equal, or equal once a number is written as the text a column holds.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(text), Value::Number(number)) | (Value::Number(number), Value::String(text)) => *text == number.to_string(),
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::sample;
    use super::*;

    fn mapped(value: Value, confidence: Option<f64>) -> MappedValue {
        MappedValue { to: "email".into(), value, policy: WritePolicy::default(), confidence, ttl: None, step_path: None }
    }

    fn decided(policy: WritePolicy, before: &Value, ledger: Option<&FieldChange>, after: Value, confidence: Option<f64>) -> String {
        match decide(policy, before, ledger, &mapped(after, confidence), sample::now()) {
            Decision::Write(value) => format!("write {value}"),
            Decision::Unchanged => "unchanged".into(),
            Decision::Keep { reason } => format!("keep: {reason}"),
            Decision::Empty => "empty".into(),
        }
    }

    #[test]
    fn each_policy_decides_as_it_says() {
        let check = |policy: WritePolicy, before: Value, after: Value, expected: &str| {
            assert_eq!(decided(policy, &before, None, after.clone(), Some(0.9)), expected, "{policy:?} {before} {after}");
        };
        check(WritePolicy::FillIfEmpty, Value::Null, json!("b"), "write \"b\"");
        check(WritePolicy::FillIfEmpty, json!(""), json!("b"), "write \"b\"");
        check(WritePolicy::FillIfEmpty, json!("a"), json!("b"), "keep: the field already has a value");
        check(WritePolicy::FillIfEmpty, json!("a"), json!(""), "empty");
        check(WritePolicy::Overwrite, json!("a"), json!("b"), "write \"b\"");
        check(WritePolicy::Overwrite, json!("5"), json!(5), "unchanged");
        check(WritePolicy::Overwrite, json!("a"), Value::Null, "empty");
        check(WritePolicy::IfNewer, json!("a"), json!("b"), "write \"b\"");
        check(WritePolicy::IfMoreConfident, Value::Null, json!("b"), "write \"b\"");
        check(WritePolicy::IfMoreConfident, json!("a"), json!("b"), "keep: the value there was set by hand");
        check(WritePolicy::Append, json!(["a"]), json!("b"), "write [\"a\",\"b\"]");
        check(WritePolicy::Append, json!(["a"]), json!(["a", "c"]), "write [\"a\",\"c\"]");
        check(WritePolicy::Append, json!(["a"]), json!("a"), "unchanged");
        check(WritePolicy::Append, Value::Null, json!("a"), "write [\"a\"]");
        check(WritePolicy::Append, json!("a"), json!("b"), "write [\"a\",\"b\"]");
        check(WritePolicy::Never, Value::Null, json!("b"), "keep: the mapping never writes this field");
    }

    #[test]
    fn the_ledger_tells_age_and_confidence() {
        let hour = TimeDelta::hours(1);
        let change = |confidence: Option<f64>, occurred: TimeDelta, stale: Option<TimeDelta>| {
            sample::change(json!("a"), confidence, sample::now() + occurred, stale.map(|after| sample::now() + after))
        };
        let check = |policy: WritePolicy, ledger: FieldChange, confidence: Option<f64>, expected: &str| {
            assert_eq!(decided(policy, &json!("a"), Some(&ledger), json!("b"), confidence), expected, "{policy:?}");
        };
        check(WritePolicy::FillIfEmpty, change(None, -hour, Some(-hour)), None, "write \"b\"");
        check(WritePolicy::FillIfEmpty, change(None, -hour, Some(hour)), None, "keep: the field already has a value");
        check(WritePolicy::IfNewer, change(None, hour, None), None, "keep: the value there is newer");
        check(WritePolicy::IfMoreConfident, change(Some(0.5), -hour, None), Some(0.6), "write \"b\"");
        check(WritePolicy::IfMoreConfident, change(Some(0.6), -hour, None), Some(0.6), "keep: the value there is at least as sure");
        check(WritePolicy::IfMoreConfident, change(None, -hour, None), Some(0.1), "write \"b\"");
        check(WritePolicy::IfMoreConfident, change(Some(0.1), -hour, None), None, "keep: the new value has no confidence");
        check(WritePolicy::IfMoreConfident, change(Some(1.0), -hour, Some(-hour)), Some(0.1), "write \"b\"");
        let by_hand = sample::change(json!("other"), Some(0.1), sample::now() - hour, None);
        check(WritePolicy::IfMoreConfident, by_hand, Some(0.9), "keep: the value there was set by hand");
    }

    fn policies() -> impl Strategy<Value = WritePolicy> {
        prop::sample::select(vec![
            WritePolicy::FillIfEmpty,
            WritePolicy::Overwrite,
            WritePolicy::IfNewer,
            WritePolicy::IfMoreConfident,
            WritePolicy::Append,
            WritePolicy::Never,
        ])
    }

    fn values() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            Just(json!("")),
            "[ab]".prop_map(Value::from),
            (0..3).prop_map(Value::from),
            prop::collection::vec("[ab]", 0..3).prop_map(Value::from)
        ]
    }

    proptest! {
        #[test]
        fn policies_hold(policy in policies(), before in values(), after in values(), confidence in prop::option::of(0.0..1.0_f64)) {
            let decision = decide(policy, &before, None, &mapped(after.clone(), confidence), sample::now());
            prop_assert_eq!(decision == Decision::Empty, is_empty(&after));
            if let Decision::Write(written) = &decision {
                prop_assert!(policy != WritePolicy::Never && !is_empty(written));
                prop_assert!(*written != before);
                // Writing twice changes nothing.
                let again = decide(policy, written, None, &mapped(after, confidence), sample::now());
                prop_assert_eq!(again, Decision::Unchanged);
            }
        }
    }
}
