//! Why the server closes a socket: the protocol's codes and our own.

use axum::extract::ws::{CloseFrame, Message};
use std::borrow::Cow;

/// Longest reason a close frame can carry, in bytes (RFC 6455, section 5.5).
const LONGEST_REASON: usize = 123;

/// A close code and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: u16,
    pub(super) reason: Cow<'static, str>,
}

impl Close {
    const fn fixed(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Cow::Borrowed(reason) }
    }

    /// The server stops; clients come back.
    pub(super) const RESTART: Self = Self::fixed(1012, "Service restart");
    /// The subject holds too many sockets.
    pub(super) const TOO_MANY_SOCKETS: Self = Self::fixed(1013, "Too many sockets");
    /// The client asked for something before the acknowledgement.
    pub(super) const UNAUTHORIZED: Self = Self::fixed(4401, "Unauthorized");
    /// The token is missing, bad or over.
    pub(super) const FORBIDDEN: Self = Self::fixed(4403, "Forbidden");
    /// Another sub-protocol, or none.
    pub(super) const PROTOCOL: Self = Self::fixed(4406, "Subprotocol not acceptable");
    /// No `connection_init` in time.
    pub(super) const INIT_TIMEOUT: Self = Self::fixed(4408, "Connection initialisation timeout");
    /// A second `connection_init`.
    pub(super) const TOO_MANY_INITS: Self = Self::fixed(4429, "Too many initialisation requests");
    /// No answer to a ping.
    pub(super) const SILENT: Self = Self::fixed(4499, "No pong in time");

    /// The message breaks the protocol.
    pub(super) fn broken(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code: 4400, reason: reason.into() }
    }

    /// The operation's id is in use.
    pub(super) fn taken(id: &str) -> Self {
        Self { code: 4409, reason: format!("Subscriber for {id} already exists").into() }
    }

    /// The frame; a reason that is too long is cut between two characters.
    pub(super) fn into_message(self) -> Message {
        let reason = self.reason.get(..self.reason.floor_char_boundary(LONGEST_REASON)).unwrap_or_default();
        Message::Close(Some(CloseFrame { code: self.code, reason: reason.into() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wss_5_a_long_reason_is_cut_between_characters() {
        let Message::Close(Some(frame)) = Close::taken(&"é".repeat(200)).into_message() else { panic!("a close frame") };
        assert!((122..=123).contains(&frame.reason.as_str().len()), "{}", frame.reason.as_str().len());
        assert_eq!(frame.code, 4409);
    }
}
