//! Why a use case did not happen, sorted by what the caller can do about it.
//!
//! Anything the caller may not see is [`Error::NotFound`], word for word as if it did not exist.

use chrono::{DateTime, Utc};

use crate::auth::{self, WorkspaceScope};
use crate::domain::connector::Connector;
use crate::domain::credential::Credential;
use crate::domain::problem::Problem;
use crate::domain::workspace::Actor;
use crate::{store, vault};

/// Why a use case did not happen. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing, or the caller may not see it.
    #[error("`{looked_for}` was not found")]
    NotFound {
        /// The id or name that was looked for, as the caller gave it.
        looked_for: String,
        /// Where in the input it stands.
        path: Vec<String>,
    },
    /// The caller sees the thing, but the role is too low.
    #[error("the role {required} is required")]
    Forbidden {
        /// The role that would do.
        required: &'static str,
    },
    /// The caller can mend the input, or a rule of the business said no.
    #[error("{} mistakes in the input", .0.len())]
    Invalid(Vec<Mistake>),
    /// The token ended while a stream was open.
    #[error("the token has ended")]
    TokenExpired,
    /// The store is away for the moment.
    #[error("the store is not available")]
    Unavailable(#[source] store::Error),
    /// A fault of this program.
    #[error("{what}")]
    Internal {
        /// What went wrong, for the log.
        what: &'static str,
        /// The cause.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// What a mistake is about, beyond its sentence.
#[derive(Debug, Clone)]
pub enum MistakeKind {
    /// A value must be given.
    Required,
    /// A value is not allowed here.
    InvalidValue,
    /// A text or list is longer than allowed.
    TooLong {
        /// The most that is allowed.
        maximum: i64,
    },
    /// Another object already has this name.
    NotUnique,
    /// A thing named in the input is not there.
    NotFound {
        /// The id or name looked for.
        looked_for: String,
    },
    /// Someone was faster.
    Revision(Option<Winner>),
    /// The idempotency key was used with other input.
    Idempotency,
    /// The object is in the wrong state.
    State {
        /// Its state, as the name of an enum value.
        state: String,
        /// States that would do.
        allowed: Vec<String>,
    },
    /// The template cannot be used as asked.
    TemplateUnavailable {
        /// Its state, as the name of an enum value.
        state: String,
        /// States that would do.
        allowed: Vec<String>,
    },
    /// The definition has errors.
    Definition(Vec<Problem>),
    /// A slot has no credential.
    CredentialMissing {
        /// The slot.
        slot: String,
    },
    /// The credential does not fit the slot.
    CredentialMismatch {
        /// The slot.
        slot: String,
        /// The credential, if it exists already.
        credential: Option<Box<Credential>>,
    },
    /// The credential may not be sent where the slot sends it.
    HostNotAllowed {
        /// The slot.
        slot: Option<String>,
        /// The credential, if it exists already.
        credential: Option<Box<Credential>>,
        /// The host.
        host: String,
    },
    /// Others use it.
    InUse {
        /// Up to 20 of them.
        connectors: Vec<Connector>,
        /// How many there are.
        count: u64,
    },
    /// The workspace would be left without an owner.
    LastOwner,
}

/// The change that won a race.
#[derive(Debug, Clone)]
pub struct Winner {
    /// The revision now.
    pub revision: i32,
    /// Who made it, if known.
    pub by: Option<Actor>,
    /// When.
    pub at: DateTime<Utc>,
}

/// One thing wrong with what was asked.
#[derive(Debug, Clone)]
pub struct Mistake {
    /// What it is about.
    pub kind: MistakeKind,
    /// One sentence, for people.
    pub message: String,
    /// Where in the input; empty when it is about the whole.
    pub path: Vec<String>,
    /// The scope in which the rows named by `kind` were seen.
    pub scope: Option<Box<WorkspaceScope>>,
}

impl Mistake {
    /// A mistake at a place in the input.
    pub fn new(kind: MistakeKind, path: &[&str], message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), path: path.iter().map(|&part| part.to_owned()).collect(), scope: None }
    }

    /// A value that is not allowed.
    pub fn invalid(path: &[&str], message: impl Into<String>) -> Self {
        Self::new(MistakeKind::InvalidValue, path, message)
    }

    /// The same, with the scope in which its rows were seen.
    #[must_use]
    pub fn seen_in(mut self, scope: &WorkspaceScope) -> Self {
        self.scope = Some(Box::new(scope.clone()));
        self
    }

    /// The same below another place of the input.
    #[must_use]
    pub fn below(mut self, prefix: &[String]) -> Self {
        self.path = prefix.iter().cloned().chain(self.path).collect();
        self
    }
}

impl Error {
    /// Nothing of that name, named at that place of the input.
    pub fn not_found(looked_for: impl std::fmt::Display, path: &[&str]) -> Self {
        Self::NotFound { looked_for: looked_for.to_string(), path: path.iter().map(|&part| part.to_owned()).collect() }
    }

    /// A fault without a cause of its own.
    pub fn internal(what: &'static str) -> Self {
        Self::Internal { what, source: None }
    }

    /// The same, with not-found and mistakes said to be at another place of the input.
    #[must_use]
    pub fn at(self, prefix: &[&str]) -> Self {
        let prefix: Vec<String> = prefix.iter().map(|&part| part.to_owned()).collect();
        match self {
            Self::NotFound { looked_for, path } => Self::NotFound { looked_for, path: [prefix, path].concat() },
            Self::Invalid(mistakes) => Self::Invalid(mistakes.into_iter().map(|mistake| mistake.below(&prefix)).collect()),
            other => other,
        }
    }
}

impl From<Mistake> for Error {
    fn from(mistake: Mistake) -> Self {
        Self::Invalid(vec![mistake])
    }
}

impl From<auth::Forbidden> for Error {
    fn from(forbidden: auth::Forbidden) -> Self {
        Self::Forbidden { required: forbidden.required }
    }
}

impl From<vault::Error> for Error {
    fn from(error: vault::Error) -> Self {
        Self::Internal { what: "the vault could not seal or open a secret", source: Some(Box::new(error)) }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound => Self::NotFound { looked_for: String::new(), path: Vec::new() },
            store::Error::Conflict { what } => conflict(what).into(),
            store::Error::Cursor(_) => Mistake::invalid(&["after"], "The cursor does not belong to this list.").into(),
            store::Error::Unavailable(_) => Self::Unavailable(error),
            other => Self::Internal { what: "the store failed", source: Some(Box::new(other)) },
        }
    }
}

/// What a conflict in the store means for the caller.
fn conflict(what: &'static str) -> Mistake {
    match what {
        "revision" | "contact" => Mistake::new(MistakeKind::Revision(None), &[], "Someone else changed it since you read it."),
        "idempotency" => {
            Mistake::new(MistakeKind::Idempotency, &["idempotencyKey"], "This idempotency key was used before with other input.")
        }
        "state" => Mistake::new(
            MistakeKind::State { state: "FINISHED".into(), allowed: vec!["QUEUED".into(), "RUNNING".into(), "WAITING".into()] },
            &["id"],
            "It has already ended.",
        ),
        name => Mistake::new(MistakeKind::NotUnique, &[name], format!("This {name} is already in use.")),
    }
}

/// What use cases give.
pub type Result<T, E = Error> = std::result::Result<T, E>;
