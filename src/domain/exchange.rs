//! One HTTP call and its answer, as values: what the pipeline builds, egress sends and the log shows.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::execution::ExecutionError;
use super::stored_enum;

stored_enum! {
    /// HTTP methods a step can use, RFC 9110 section 9.
    pub enum Method {
        /// Read.
        Get = "GET",
        /// Read the head.
        Head = "HEAD",
        /// Send.
        Post = "POST",
        /// Put in place.
        Put = "PUT",
        /// Change in part.
        Patch = "PATCH",
        /// Remove.
        Delete = "DELETE",
    }
}

impl Method {
    /// Is a repetition harmless by the method's own meaning (RFC 9110 section 9.2.2)?
    pub const fn is_idempotent(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Put | Self::Delete)
    }
}

/// A body to send.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestBody {
    /// Media type for the `Content-Type` header.
    pub content_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A call ready to be sent, still without its credential.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Absolute address, already encoded.
    pub url: url::Url,
    /// Header lines.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Option<RequestBody>,
}

/// An answer, read in full within its limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// Status.
    pub status: u16,
    /// Header lines; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The decoded bytes of the body.
    pub body: Vec<u8>,
    /// Milliseconds until the first byte of the answer.
    pub first_byte_ms: u32,
    /// Milliseconds in all.
    pub duration_ms: u32,
}

impl Response {
    /// The first value of a header, by lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The start of a body, for looking at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadPreview {
    /// Media type.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub content_type: Option<String>,
    /// Size of the whole body in bytes.
    pub size_bytes: u64,
    /// Is `text` less than the whole?
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub truncated: bool,
    /// The body as text, redacted; `None` for binary bodies and those not recorded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
}

/// One call with secrets masked, as recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// Method.
    pub method: Method,
    /// Address, secrets masked.
    pub url: String,
    /// Header lines sent, secrets masked.
    pub request_headers: Vec<(String, String)>,
    /// Body sent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_body: Option<PayloadPreview>,
    /// Status of the answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// Header lines received, secrets masked.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub response_headers: Vec<(String, String)>,
    /// Body received.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub response_body: Option<PayloadPreview>,
    /// When the call began.
    pub started_at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub duration_ms: Option<u32>,
    /// Milliseconds until the first byte of the answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_byte_ms: Option<u32>,
    /// Why there was no usable answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<ExecutionError>,
}

/// A decoded answer as expressions see it under `response`.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodedResponse {
    /// Status.
    pub status: u16,
    /// Header lines; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body after decoding: JSON, text, or null when empty.
    pub body: Value,
}
