//! How an http step goes through the pages of a list, and how it makes itself known as a repetition.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Through the pages of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Paginate {
    /// How the service names the next page.
    pub kind: PageKind,
    /// JSONPath of the cursor, or of the next address.
    #[serde(default)]
    pub token: Option<String>,
    /// Where cursor, offset or number of the page go.
    #[serde(default)]
    pub inject: Option<PageInject>,
    /// Where the size of a page goes.
    #[serde(default)]
    pub size: Option<PageSize>,
    /// The number of the first page, for `page`.
    #[serde(default = "one")]
    pub start: u32,
    /// JSONPath of the records of a page; what extracts of `all` take unless told.
    #[serde(default)]
    pub records: Option<String>,
    /// Expression over `page` and `response`; this page is the last if it comes out true.
    #[serde(default)]
    pub stop_when: Option<String>,
    /// Pages at most.
    #[serde(default = "hundred")]
    pub max_pages: u32,
    /// Records at most; the rest of the last page is left out.
    #[serde(default)]
    pub max_records: Option<u64>,
}

const fn one() -> u32 {
    1
}

const fn hundred() -> u32 {
    100
}

/// How a service names the next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageKind {
    /// By a word of the answer, to be sent with the next request.
    Cursor,
    /// By how many records were read.
    Offset,
    /// By a number.
    Page,
    /// By a `Link` header, RFC 8288, with `rel="next"`.
    Link,
    /// By an address in the answer.
    NextUrl,
}

/// Where something goes in the request for a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageInject {
    /// Where.
    #[serde(rename = "in", default)]
    pub place: PagePlace,
    /// Name of the query parameter, header, or top member of a JSON body.
    pub name: String,
}

/// The size of a page and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageSize {
    /// Where.
    #[serde(rename = "in", default)]
    pub place: PagePlace,
    /// Name of the query parameter, header, or top member of a JSON body.
    pub name: String,
    /// The size.
    pub value: u64,
}

/// Parts of a request that can name a page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PagePlace {
    /// A query parameter.
    #[default]
    Query,
    /// A header.
    Header,
    /// A top member of a JSON body.
    Body,
}

/// How repetitions of a request are made known to the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// Header that carries the key.
    #[serde(default = "header")]
    pub header: String,
    /// Text with expressions; the same for all attempts of a step. Run and step unless told.
    #[serde(default)]
    pub key: Option<String>,
}

fn header() -> String {
    "Idempotency-Key".to_owned()
}

/// What an answer must be like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BodyCheck {
    /// JSON Schema 2020-12 of the decoded body.
    pub body: Value,
    /// What follows when it is not.
    #[serde(default)]
    pub on_mismatch: OnMismatch,
}

/// What follows when an answer is not as its schema says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMismatch {
    /// A line in the log.
    Warn,
    /// The step fails.
    #[default]
    Fail,
}
