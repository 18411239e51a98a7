//! The only folder that calls third parties.
//!
//! [`Client`] sends one rendered [`Request`](crate::domain::exchange::Request) under the operator's policy, with a deadline
//! over everything and a cap on decoded bytes. [`inject`] puts a credential into it at the last moment.
//! Redirects are never followed: a 3xx answer is an answer. Nothing here retries.

mod client;
mod error;
mod inject;
mod policy;
mod resolver;

use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

use crate::domain::definition::IsoDuration;

pub use client::{Client, Limits};
pub use error::{CredentialFault, Error};
pub use inject::inject;

/// Where calls may go and how much may come back.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Networks that may be called although they are not public, e.g. `10.1.0.0/16`. Empty unless set.
    #[serde(deserialize_with = "networks")]
    pub allow: Vec<IpNet>,
    /// Longest time for name, connection and TLS together, as ISO 8601 text. Default `PT5S`.
    #[serde(deserialize_with = "duration")]
    pub connect_timeout: Duration,
    /// Most decoded bytes of a body; a call may ask for less, not for more. Default 8 MiB.
    pub max_response_bytes: u64,
    /// Most bytes of all header names and values of an answer together. Default 64 KiB.
    pub max_header_bytes: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { allow: Vec::new(), connect_timeout: Duration::from_secs(5), max_response_bytes: 8 << 20, max_header_bytes: 64 << 10 }
    }
}

fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let malformed = |text: &str| serde::de::Error::custom(format!("`{text}` is not a network such as `10.1.0.0/16`"));
    texts.iter().map(|text| text.parse().map_err(|_| malformed(text))).collect()
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Ok(IsoDuration::deserialize(deserializer)?.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_from_text() {
        let options: Options = serde_json::from_str(r#"{"allow": ["10.1.0.0/16", "fd00::/8"], "connect_timeout": "PT2S"}"#).unwrap();
        assert_eq!((options.allow.len(), options.connect_timeout, options.max_response_bytes), (2, Duration::from_secs(2), 8 << 20));
        for wrong in [r#"{"allow": ["10.1"]}"#, r#"{"allowed": []}"#, r#"{"connect_timeout": 5}"#] {
            assert!(serde_json::from_str::<Options>(wrong).is_err(), "{wrong}");
        }
    }
}
