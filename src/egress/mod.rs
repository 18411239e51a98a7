//! The only folder that calls third parties.
//!
//! [`Client`] sends one rendered [`Request`](crate::domain::exchange::Request) under the operator's policy, with a deadline
//! over everything and a cap on decoded bytes. [`inject()`] puts a credential into it at the last moment.
//! Redirects are never followed: a 3xx answer is an answer. Nothing here retries.

mod client;
mod error;
mod inject;
mod policy;
mod resolver;

use std::time::Duration;

use ipnet::IpNet;

pub use client::{Client, Limits};
pub use error::{CredentialFault, Error};
pub use inject::inject;

/// Where calls may go and how much may come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Networks that may be called although they are not public, e.g. `10.1.0.0/16`. Empty unless set.
    pub allow: Vec<IpNet>,
    /// Longest time for name, connection and TLS together. Default 10 s.
    pub connect_timeout: Duration,
    /// Most decoded bytes of a body; a call may ask for less, not for more. Default 8 MiB.
    pub max_response_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { allow: Vec::new(), connect_timeout: Duration::from_secs(10), max_response_bytes: 8 << 20 }
    }
}
