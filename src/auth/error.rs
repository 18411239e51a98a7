//! Why a token is not accepted, and why a role does not suffice.

/// Why no principal could be had. Says nothing about which check failed, so that a forger learns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no token.
    #[error("a bearer token is required")]
    Missing,
    /// The token is not one this server accepts.
    #[error("the bearer token is not valid")]
    Malformed,
    /// The token was good but its time is over.
    #[error("the bearer token has expired")]
    Expired,
    /// The configured secret can be guessed.
    #[error(
        "the JWT secret is missing or weak: it needs at least 32 random bytes and must not be an example; make one with `connectors key generate --token`"
    )]
    WeakSecret,
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    NoRandomness,
}

/// The role held does not suffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this needs the role {required}")]
pub struct Forbidden {
    /// The least role that would do, as the API writes it: `EDITOR`.
    pub required: &'static str,
}
