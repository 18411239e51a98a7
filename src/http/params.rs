//! The parameters of a GraphQL request, from a body, a query string or a socket's message.

use super::error::{Code, Failure};
use async_graphql::Variables;
use serde::Deserialize;

/// The parameters as sent; the JSON is read once, straight into the library's values.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Params {
    pub(super) query: Option<String>,
    pub(super) operation_name: Option<String>,
    pub(super) variables: Option<Variables>,
    extensions: Option<serde_json::Map<String, serde_json::Value>>,
    document_id: Option<String>,
}

const SHAPE: &str =
    "A GraphQL request is a JSON object with `query` (text), `operationName` (text), `variables` (object) and `extensions` (object).";

impl Params {
    /// Reads a JSON object. Lists are batches, and those are refused whatever they hold.
    pub(super) fn from_json(text: &[u8]) -> Result<Self, Failure> {
        match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => {}
            Some(b'[') => return Err(Failure::new(Code::BAD_REQUEST, "Batches are not supported; send one request at a time.")),
            _ => return Err(Failure::new(Code::BAD_REQUEST, SHAPE)),
        }
        serde_json::from_slice(text).map_err(|error| {
            let message = if error.is_data() {
                SHAPE.into()
            } else {
                format!("The body is not JSON: line {}, column {}.", error.line(), error.column()).into()
            };
            Failure { message, ..Failure::new(Code::BAD_REQUEST, SHAPE) }
        })
    }

    /// Reads a query string, in which `variables` and `extensions` are JSON text.
    pub(super) fn from_query(text: &str) -> Result<Self, Failure> {
        fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<Option<T>, Failure> {
            if text.is_empty() {
                return Ok(None);
            }
            serde_json::from_str(text).map_err(|_| Failure::new(Code::BAD_REQUEST, "`variables` and `extensions` are JSON objects."))
        }
        let mut params = Self::default();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            match &*name {
                "query" => params.query = Some(value.into_owned()),
                "operationName" => params.operation_name = Some(value.into_owned()),
                "documentId" => params.document_id = Some(value.into_owned()),
                "variables" => params.variables = object(&value)?,
                "extensions" => params.extensions = object(&value)?,
                _ => {}
            }
        }
        Ok(params)
    }

    /// Whether the request names a stored document in place of sending one.
    pub(super) fn names_a_document(&self) -> bool {
        self.document_id.is_some() || self.extensions.as_ref().is_some_and(|given| given.contains_key("persistedQuery"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_bodies_are_refused() {
        for body in [
            "",
            " ",
            "null",
            "1",
            "\"text\"",
            "{",
            "[]",
            "[{\"query\":\"{a}\"}]",
            "{\"query\":1}",
            "{\"query\":\"{a}\",\"variables\":[]}",
            "{\"query\":\"{a}\",\"variables\":\"{}\"}",
            "{\"query\":\"{a}\",\"extensions\":1}",
            "{\"query\":\"{a}\",\"operationName\":{}}",
            "{\"query\":\"{a}\",\"query\":\"{b}\"}",
            "\u{feff}{\"query\":\"{a}\"}",
        ] {
            let failure = Params::from_json(body.as_bytes()).map(|params| format!("{params:?}")).expect_err(body);
            assert_eq!(failure.code, Code::BAD_REQUEST, "{body}");
        }
        assert!(Params::from_json(b"{\"query\":\"\xff\"}").is_err(), "text that is not UTF-8");
    }

    #[test]
    fn absent_and_null_mean_the_same() {
        for body in ["{\"query\":\"{a}\"}", "{\"query\":\"{a}\",\"variables\":null,\"operationName\":null,\"extensions\":null,\"more\":1}"]
        {
            let params = Params::from_json(body.as_bytes()).unwrap();
            assert_eq!(params.query.as_deref(), Some("{a}"));
            assert!(params.variables.is_none_or(|variables| variables.is_empty()));
            assert!(params.operation_name.is_none());
        }
    }

    #[test]
    fn a_query_string_carries_variables_as_json() {
        let params = Params::from_query("query=%7Ba%7D&variables=%7B%22n%22%3A1%7D&operationName=&token=x").unwrap();
        assert_eq!(params.variables.unwrap().len(), 1);
        assert!(Params::from_query("query=%7Ba%7D&variables=1").is_err());
        assert!(Params::from_query("documentId=sha256:00").unwrap().names_a_document());
    }
}
