//! Rows into values of the domain and back: one file per group of tables, and here what they share.

mod connectors;
mod contacts;
mod executions;
mod templates;
mod workspaces;

use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Error;

pub(super) use connectors::{connector, connector_row, credential, credential_row, version, version_row};
pub(super) use contacts::{change, contact, contact_row};
pub(super) use executions::{execution, log_entry, step};
pub(super) use templates::{template, template_row, template_version, template_version_row};
pub(super) use workspaces::{admin, admin_row, member, member_row, workspace, workspace_row};

/// An id from its text.
pub(super) fn id<T: FromStr>(text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| corrupt("id", text))
}

fn maybe_id<T: FromStr>(text: Option<&String>) -> Result<Option<T>, Error> {
    text.map(|text| id(text)).transpose()
}

/// An enum from its stored word.
pub(super) fn word<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, Error> {
    read(text).ok_or_else(|| corrupt("word", text))
}

/// A typed value from JSON.
fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| Error::Corrupt { what: error.to_string() })
}

/// JSON from a typed value.
pub(super) fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// A count that is never negative.
fn count<T: TryFrom<i32>>(value: i32) -> Result<T, Error> {
    T::try_from(value).map_err(|_| corrupt("number", &value.to_string()))
}

/// The whole milliseconds of an instant: all that is stored.
pub(super) fn ms(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(3)
}

/// An instant as its column holds it, the same text the ORM writes.
pub(super) fn time_text(time: DateTime<Utc>) -> String {
    ms(time).to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

fn corrupt(what: &str, text: &str) -> Error {
    let shown: String = text.chars().take(40).collect();
    Error::Corrupt { what: format!("`{shown}` is no {what} this version knows") }
}
