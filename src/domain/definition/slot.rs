//! Credential slots: a place for a secret, and where it may go.

use serde::{Deserialize, Serialize};

use crate::domain::credential::CredentialKind;
use crate::domain::exchange::Method;

/// A place for a credential.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    /// Kind of credential that fits.
    pub kind: CredentialKind,
    /// Name to show; the slot's name unless told.
    #[serde(default)]
    pub label: Option<String>,
    /// How a person gets one. Markdown.
    #[serde(default)]
    pub help: Option<String>,
    /// Hosts the secret may go to, `*.` allowed in front; nowhere else.
    pub hosts: Vec<String>,
    /// How it enters a request; by the kind's usual way unless told.
    #[serde(default)]
    pub inject: Option<Inject>,
    /// A request that shows whether a credential works.
    #[serde(default)]
    pub test: Option<TestRequest>,
}

/// How a secret enters a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inject {
    /// Where.
    #[serde(rename = "in")]
    pub place: InjectPlace,
    /// Name of the header, query parameter, cookie or body member.
    pub name: String,
    /// Text around it; `{}` stands for the secret, e.g. `Token {}`.
    #[serde(default)]
    pub format: Option<String>,
}

/// Where a secret enters a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InjectPlace {
    /// A header line.
    Header,
    /// A query parameter.
    Query,
    /// A cookie.
    Cookie,
    /// A top member of a JSON or form body.
    Body,
}

/// A request that shows whether a credential works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestRequest {
    /// Method.
    pub method: Method,
    /// Absolute address.
    #[serde(default)]
    pub url: Option<String>,
    /// Below `defaults.base_url`.
    #[serde(default)]
    pub path: Option<String>,
    /// Statuses that mean the credential works; any 2xx unless told.
    #[serde(default)]
    pub expect_status: Option<Vec<u16>>,
}
