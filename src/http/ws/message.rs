//! The protocol's messages: reading the client's, writing ours.

use super::close::Close;
use crate::http::params::Params;
use async_graphql::{Response, ServerError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Longest id of an operation, in bytes.
const LONGEST_ID: usize = 128;

/// What a client may say.
#[derive(Debug)]
pub(super) enum Incoming {
    /// `connection_init`, with what its payload says under `authorization`.
    Init {
        authorization: Option<String>,
    },
    Ping,
    Pong,
    Subscribe {
        id: String,
        params: Params,
    },
    Complete {
        id: String,
    },
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    id: Option<String>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct InitPayload {
    #[serde(alias = "Authorization")]
    authorization: Option<String>,
}

/// Reads one message; what breaks the protocol is a reason to close.
pub(super) fn read(text: &str) -> Result<Incoming, Close> {
    if !text.trim_ascii_start().starts_with('{') {
        return Err(Close::broken("A message is a JSON object"));
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|_| Close::broken("A message is a JSON object with a type"))?;
    match &*envelope.kind {
        "connection_init" => {
            let payload = envelope.payload.map(|raw| serde_json::from_str::<Option<InitPayload>>(raw.get())).transpose();
            let payload = payload.map_err(|_| Close::broken("The payload of connection_init is broken"))?.flatten().unwrap_or_default();
            Ok(Incoming::Init { authorization: payload.authorization })
        }
        "ping" => Ok(Incoming::Ping),
        "pong" => Ok(Incoming::Pong),
        "subscribe" => {
            let id = id(envelope.id)?;
            let payload = envelope.payload.ok_or_else(|| Close::broken("A subscribe message needs a payload"))?;
            let params = Params::from_json(payload.get().as_bytes()).map_err(|failure| Close::broken(failure.message))?;
            Ok(Incoming::Subscribe { id, params })
        }
        "complete" => Ok(Incoming::Complete { id: id(envelope.id)? }),
        _ => Err(Close::broken("Unknown message type")),
    }
}

fn id(given: Option<String>) -> Result<String, Close> {
    given.filter(|id| (1..=LONGEST_ID).contains(&id.len())).ok_or_else(|| Close::broken("The message needs an id of 1 to 128 bytes"))
}

pub(super) const ACKNOWLEDGEMENT: &str = r#"{"type":"connection_ack"}"#;
pub(super) const PONG: &str = r#"{"type":"pong"}"#;

#[derive(Serialize)]
struct Frame<'a, P> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a P>,
}

/// A result of an operation.
pub(super) fn next(id: &str, response: &Response) -> Option<String> {
    write(&Frame { id, kind: "next", payload: Some(response) })
}

/// The end of an operation that never began.
pub(super) fn error(id: &str, errors: &Vec<ServerError>) -> Option<String> {
    write(&Frame { id, kind: "error", payload: Some(errors) })
}

/// The end of an operation.
pub(super) fn complete(id: &str) -> Option<String> {
    write(&Frame::<()> { id, kind: "complete", payload: None })
}

/// `None` after the reason is logged: nothing we send should be impossible to write.
fn write(frame: &impl Serialize) -> Option<String> {
    serde_json::to_string(frame).inspect_err(|error| tracing::error!(%error, "a message could not be written")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wss_5_what_breaks_the_protocol_is_4400() {
        for text in [
            "",
            "ping",
            "[\"ping\"]",
            "{",
            "{}",
            "{\"type\":1}",
            "{\"type\":\"start\"}",
            "{\"type\":\"next\",\"id\":\"1\"}",
            "{\"type\":\"subscribe\"}",
            "{\"type\":\"subscribe\",\"id\":\"1\"}",
            "{\"type\":\"subscribe\",\"id\":\"\",\"payload\":{\"query\":\"{a}\"}}",
            "{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":[]}",
            "{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":7}}",
            "{\"type\":\"complete\"}",
            "{\"type\":\"connection_init\",\"payload\":{\"authorization\":5}}",
        ] {
            assert_eq!(read(text).map(|message| format!("{message:?}")).expect_err(text).code, 4400, "{text}");
        }
    }

    #[test]
    fn the_token_is_found_where_clients_put_it() {
        for (payload, expected) in [
            (r#"{"authorization":"Bearer a"}"#, Some("Bearer a")),
            (r#"{"Authorization":"Bearer a","more":1}"#, Some("Bearer a")),
            ("{}", None),
            ("null", None),
        ] {
            let message = read(&format!(r#"{{"type":"connection_init","payload":{payload}}}"#)).unwrap();
            let Incoming::Init { authorization } = message else { panic!("{payload}") };
            assert_eq!(authorization.as_deref(), expected, "{payload}");
        }
        assert!(matches!(read(r#"{"type":"connection_init"}"#), Ok(Incoming::Init { authorization: None })));
    }
}
