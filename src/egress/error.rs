//! Why a call had no usable answer. Never holds an address beyond its host, nor anything that was sent.

use std::error::Error as _;
use std::io::ErrorKind;
use std::time::Duration;

use super::resolver::ClosedName;
use crate::domain::execution::{ErrorClass, ExecutionError, ExecutionErrorCode};

/// Why a call had no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The policy closes this address.
    #[error("the host `{host}` may not be called: {reason}")]
    Denied {
        /// The host as written.
        host: String,
        /// Why, as a part of a sentence.
        reason: &'static str,
    },
    /// No full answer in time.
    #[error("there was no full answer within {} ms", after.as_millis())]
    Timeout {
        /// The time that was given.
        after: Duration,
    },
    /// The body, decoded, is longer than allowed.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// Most bytes.
        limit: u64,
    },
    /// Name, connection or protocol failed; another attempt may help.
    #[error("{what}")]
    Transport {
        /// What, as a sentence without its full stop.
        what: &'static str,
    },
    /// The server did not prove that it is who it should be.
    #[error("the server's TLS certificate is not valid for this host")]
    Untrusted,
    /// The credential cannot be put into this request.
    #[error("the credential in slot `{slot}` {fault}")]
    Credential {
        /// Name of the slot.
        slot: String,
        /// What is wrong.
        fault: CredentialFault,
    },
    /// A header cannot be sent.
    #[error("the header `{name}` {reason}")]
    InvalidHeader {
        /// Its name, cut to 64 characters, what cannot be shown replaced.
        name: String,
        /// Why, as a part of a sentence.
        reason: &'static str,
    },
    /// The client could not be set up.
    #[error("the HTTP client could not be set up: system CA certificates are required")]
    Setup,
}

/// Why a credential cannot be put into a request; each continues "the credential in slot `x` …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialFault {
    /// The slot or the credential is not for this host.
    #[error("may not be sent to `{host}`")]
    Host {
        /// The host of the request.
        host: String,
    },
    /// It would travel readable.
    #[error("is sent over https only")]
    PlainHttp,
    /// A part is missing.
    #[error("has no `{part}`")]
    Missing {
        /// Name of the part.
        part: &'static str,
    },
    /// It holds characters that cannot stand where the slot puts it.
    #[error("holds characters that cannot be sent there; look for a line break or space at its ends")]
    Unfit,
    /// The slot's header or cookie name cannot be sent.
    #[error("is to go under a name that cannot be sent")]
    Name,
    /// There is no JSON object or form to put it into.
    #[error("is to go into the body, but the request has neither a JSON object nor a form")]
    NoBody,
    /// The body already has a member of that name.
    #[error("is to go into the body under a name that is already taken there")]
    Taken,
}

impl Error {
    /// Could another attempt help?
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::Transport { .. })
    }

    /// As the run records it.
    pub fn into_execution_error(self) -> ExecutionError {
        use {ErrorClass as Class, ExecutionErrorCode as Code};
        let (code, class, hint) = match &self {
            Self::Denied { .. } => (
                Code::HostBlocked,
                Class::Configuration,
                "Call a host on the public internet, or ask whoever runs this server to allow its network.",
            ),
            Self::Timeout { .. } => {
                (Code::Timeout, Class::Transient, "Try again later, or give the step a longer timeout if the service is always this slow.")
            }
            Self::TooLarge { .. } => (Code::ResponseTooLarge, Class::Data, "Ask the service for less, e.g. smaller pages or fewer fields."),
            Self::Transport { .. } => (Code::Network, Class::Transient, "Try again later; if it stays so, check the address of the step."),
            Self::Untrusted => (Code::Network, Class::Upstream, "Check the address; the service must present a valid certificate."),
            Self::Credential { fault: CredentialFault::Missing { .. } | CredentialFault::Unfit, .. } => {
                (Code::Credential, Class::Credential, "Enter the credential again.")
            }
            Self::Credential { fault: CredentialFault::Host { .. }, .. } => {
                (Code::Credential, Class::Configuration, "Compare the step's address with the hosts of the slot and of the credential.")
            }
            Self::Credential { .. } => {
                (Code::Credential, Class::Configuration, "Change the step's address or body, or how the slot injects it.")
            }
            Self::InvalidHeader { .. } => (Code::Template, Class::Configuration, "Change the step's headers."),
            Self::Setup => (Code::Internal, Class::System, "Ask whoever runs this server to look at its log."),
        };
        let mut text = self.to_string();
        if let Some(first) = text.get(..1).map(str::to_uppercase) {
            text.replace_range(..1, &first);
        }
        let error = ExecutionError::new(code, class, format!("{text}.")).hint(hint);
        if self.is_retryable() { error.retryable() } else { error }
    }

    /// Tells the client's failures apart. Only fixed sentences come out: the client's own texts carry addresses.
    pub(super) fn from_client(error: reqwest::Error, host: &str, connect_timeout: Duration) -> Self {
        let error = error.without_url();
        let mut found = None;
        let mut source = error.source();
        while let Some(cause) = source {
            if cause.is::<ClosedName>() {
                return Self::Denied { host: host.to_owned(), reason: "it is not on the public internet" };
            }
            if let Some(rustls::Error::InvalidCertificate(_)) = cause.downcast_ref::<rustls::Error>() {
                return Self::Untrusted;
            }
            let io = cause.downcast_ref::<std::io::Error>();
            found = io.and_then(|io| sentence(io.kind())).or(found);
            // An I/O error made of another error passes over it in `source`.
            let inner = io.and_then(std::io::Error::get_ref).map(|inner| inner as &(dyn std::error::Error + 'static));
            source = inner.or_else(|| cause.source());
        }
        match found {
            _ if error.is_dns() => Self::Transport { what: "the host's name could not be resolved" },
            _ if error.is_timeout() && error.is_connect() => Self::Timeout { after: connect_timeout },
            Some(what) => Self::Transport { what },
            None if error.is_connect() => Self::Transport { what: "no connection could be made" },
            None if error.is_decode() || error.is_body() => Self::Transport { what: "the answer broke off or could not be decoded" },
            None => Self::Transport { what: "the connection ended before there was an answer" },
        }
    }
}

fn sentence(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::ConnectionRefused => Some("the connection was refused"),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => Some("the connection was reset"),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Some("the host cannot be reached"),
        ErrorKind::UnexpectedEof => Some("the answer broke off"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_records() {
        let check = |error: Error, code, class, retryable, message: &str| {
            let recorded = error.into_execution_error();
            assert_eq!((recorded.code, recorded.class, recorded.retryable), (code, class, retryable), "{message}");
            assert_eq!(recorded.message, message);
            assert!(recorded.hint.is_some());
        };
        check(
            Error::Denied { host: "10.0.0.1".to_owned(), reason: "it is not on the public internet" },
            ExecutionErrorCode::HostBlocked,
            ErrorClass::Configuration,
            false,
            "The host `10.0.0.1` may not be called: it is not on the public internet.",
        );
        check(
            Error::Timeout { after: Duration::from_millis(1500) },
            ExecutionErrorCode::Timeout,
            ErrorClass::Transient,
            true,
            "There was no full answer within 1500 ms.",
        );
        check(
            Error::Transport { what: "the connection was reset" },
            ExecutionErrorCode::Network,
            ErrorClass::Transient,
            true,
            "The connection was reset.",
        );
        check(
            Error::TooLarge { limit: 9 },
            ExecutionErrorCode::ResponseTooLarge,
            ErrorClass::Data,
            false,
            "The answer is larger than 9 bytes.",
        );
        check(
            Error::Credential { slot: "crm".to_owned(), fault: CredentialFault::Missing { part: "token" } },
            ExecutionErrorCode::Credential,
            ErrorClass::Credential,
            false,
            "The credential in slot `crm` has no `token`.",
        );
    }
}
