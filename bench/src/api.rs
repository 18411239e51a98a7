//! The few GraphQL operations the measures need, over ordinary HTTP.

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use crate::Result;

/// Starts sent at one time while runs are being prepared.
const STARTS_IN_FLIGHT: usize = 64;

const START: &str =
    "mutation($input: ExecutionStartInput!) { executionStart(input: $input) { execution { id status } userErrors { message } } }";
const WORKSPACE: &str =
    "mutation($input: WorkspaceCreateInput!) { workspaceCreate(input: $input) { workspace { id } userErrors { message } } }";
const CONNECTOR: &str =
    "mutation($input: ConnectorCreateInput!) { connectorCreate(input: $input) { connector { id } userErrors { message } } }";
const PUBLISH: &str =
    "mutation($input: ConnectorPublishInput!) { connectorPublish(input: $input) { connector { id } userErrors { message } } }";

/// How long a start waits for the end of its execution.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wait {
    /// Not at all: the answer means stored.
    None,
    /// The answer means ended and stored.
    End,
}

impl Wait {
    const fn milliseconds(self) -> u32 {
        match self {
            Self::None => 0,
            Self::End => 30_000,
        }
    }
}

/// A client with the token of one subject.
pub(crate) struct Api {
    client: reqwest::Client,
    url: String,
    token: String,
}

impl Api {
    /// A client of the server at this address.
    pub(crate) fn new(address: std::net::SocketAddr, token: &str) -> Result<Self> {
        Ok(Self { client: http_client()?, url: format!("http://{address}/graphql"), token: token.to_owned() })
    }

    /// Makes a workspace; gives its id.
    pub(crate) async fn create_workspace(&self) -> Result<String> {
        let data = self.ask(WORKSPACE, &json!({ "key": "bench", "name": "Bench" })).await?;
        text_at(&data, "/workspaceCreate/workspace/id")
    }

    /// Makes a connector from a definition and publishes it; gives its id.
    pub(crate) async fn publish_connector(&self, workspace: &str, name: &str, definition: &Value) -> Result<String> {
        let input = json!({ "workspace": { "id": workspace }, "name": name, "source": { "definition": definition } });
        let data = self.ask(CONNECTOR, &input).await?;
        let id = text_at(&data, "/connectorCreate/connector/id")?;
        self.ask(PUBLISH, &json!({ "id": id })).await?;
        Ok(id)
    }

    /// Starts an execution; gives its id.
    pub(crate) async fn start(&self, connector: &str, wait: Wait) -> Result<String> {
        let data = self.ask(START, &start_input(connector, wait)).await?;
        let status = text_at(&data, "/executionStart/execution/status")?;
        if matches!(wait, Wait::End) && status != "SUCCEEDED" {
            return Err(format!("the execution is {status}, not SUCCEEDED: {data}").into());
        }
        text_at(&data, "/executionStart/execution/id")
    }

    /// Starts so many executions, waiting for none.
    pub(crate) async fn start_many(&self, connector: &str, count: u32) -> Result<Vec<String>> {
        let starts = futures_util::stream::iter(0..count).map(|_| self.start(connector, Wait::None));
        starts.buffer_unordered(STARTS_IN_FLIGHT).try_collect().await
    }

    /// Sends one operation; what went wrong, on either way the API tells it, is an error.
    async fn ask(&self, query: &str, input: &Value) -> Result<Value> {
        let body = document(query, input);
        let request = self.client.post(&self.url).bearer_auth(&self.token).header("content-type", "application/json").body(body);
        let answer = request.send().await?.bytes().await?;
        let mut answer = serde_json::from_slice::<Value>(&answer)?;
        if let Some(errors) = answer.get("errors") {
            return Err(format!("the server answered: {errors}").into());
        }
        let data = answer.get_mut("data").map(Value::take).unwrap_or_default();
        match refusal(&data) {
            Some(errors) => Err(format!("the server refused: {errors}").into()),
            None => Ok(data),
        }
    }
}

/// The HTTP client of this process: plain, direct, keep-alive.
#[expect(clippy::disallowed_methods, reason = "the benchmark is no part of the server and calls loopback alone")]
pub(crate) fn http_client() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().pool_max_idle_per_host(4096).build()?)
}

/// The body of a request that starts an execution.
pub(crate) fn start_body(connector: &str, wait: Wait) -> String {
    document(START, &start_input(connector, wait))
}

fn start_input(connector: &str, wait: Wait) -> Value {
    json!({ "connectorId": connector, "waitMs": wait.milliseconds() })
}

fn document(query: &str, input: &Value) -> String {
    json!({ "query": query, "variables": { "input": input } }).to_string()
}

/// The first list of user errors that is not empty.
fn refusal(data: &Value) -> Option<&Value> {
    let payloads = data.as_object()?.values();
    payloads.filter_map(|payload| payload.get("userErrors")).find(|errors| errors.as_array().is_some_and(|list| !list.is_empty()))
}

fn text_at(data: &Value, pointer: &str) -> Result<String> {
    let text = data.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| format!("no {pointer} in the answer {data}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_errors_are_found_in_any_payload() {
        assert_eq!(refusal(&json!({ "a": { "userErrors": [] }, "b": null })), None);
        let errors = json!([{ "message": "no" }]);
        assert_eq!(refusal(&json!({ "a": { "userErrors": [] }, "b": { "userErrors": errors } })), Some(&errors));
    }

    #[test]
    fn a_start_waits_only_when_told() {
        for (wait, expected) in [(Wait::None, 0), (Wait::End, 30_000)] {
            let body = serde_json::from_str::<Value>(&start_body("cnr_1", wait)).unwrap();
            assert_eq!(body["variables"]["input"], json!({ "connectorId": "cnr_1", "waitMs": expected }));
        }
    }
}
