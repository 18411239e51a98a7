//! Reasons why a mutation changed nothing, as data.

use async_graphql::{Interface, SimpleObject};

use crate::app::{self, Mistake, MistakeKind};
use crate::graphql::error::Error;
use crate::graphql::scalar::{DateTime, SafeInt, int};

use super::{Actor, Connector, Credential, DefinitionProblem, UserErrorCode};

/// Why a mutation changed nothing, said so that a person can be shown it.
#[derive(Interface, Clone)]
#[expect(clippy::enum_variant_names, reason = "variants are named as their types, types as the contract has them")]
#[graphql(
    field(name = "code", ty = "UserErrorCode", desc = "A fixed word for programs."),
    field(name = "message", ty = "String", desc = "A sentence for people, in English."),
    field(
        name = "path",
        ty = "Vec<String>",
        desc = "The place in the input, e.g. `[\"definition\", \"steps\", \"0\"]`; empty when all of it is meant."
    )
)]
pub(crate) enum UserError {
    InputError(InputError),
    NotFoundError(NotFoundError),
    ConflictError(ConflictError),
    StateError(StateError),
    LimitError(LimitError),
    DefinitionError(DefinitionError),
    CredentialError(CredentialError),
    InUseError(InUseError),
}

/// Gives an error type its three common fields and those of its own.
macro_rules! user_error {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(SimpleObject, Clone)]
        pub(crate) struct $name {
            /// A fixed word for programs.
            #[graphql(owned)]
            code: UserErrorCode,
            /// A sentence for people.
            #[graphql(owned)]
            message: String,
            /// The place in the input.
            #[graphql(owned)]
            path: Vec<String>,
            $($(#[$field_doc])* $field: $type,)*
        }
    };
}

user_error! {
    /// The input holds a value that is wrong.
    InputError {
        /// The most that is allowed, when the value is too large or too long.
        maximum: Option<SafeInt>,
    }
}

user_error! {
    /// The input names something that is not there.
    NotFoundError {
        /// The id or name that nothing was found for.
        looked_for: String,
    }
}

user_error! {
    /// Someone else came first, or the idempotency key came with other input before.
    ConflictError {
        /// The object's revision by now.
        current_revision: Option<i32>,
        /// The party whose change came first.
        changed_by: Option<Actor>,
        /// The time of that change.
        changed_at: Option<DateTime>,
    }
}

user_error! {
    /// The object's state does not allow this.
    StateError {
        /// The state it is in: the name of an enum value.
        state: String,
        /// The states that would allow it.
        allowed_states: Vec<String>,
    }
}

user_error! {
    /// There is no room left under a limit.
    LimitError {
        /// The limit's name, as in `ServerInfo.limits`.
        limit: String,
        /// What it allows at most.
        maximum: SafeInt,
        /// What is used up already.
        current: SafeInt,
    }
}

user_error! {
    /// The definition does not hold together.
    DefinitionError {
        /// All that is wrong with it, the worst first.
        problems: Vec<DefinitionProblem>,
    }
}

user_error! {
    /// A slot has no credential, or one that does not fit or may not go to a host.
    CredentialError {
        /// The slot in question.
        slot: Option<String>,
        /// The credential in question.
        credential: Option<Credential>,
        /// The host in question, if it is the trouble.
        host: Option<String>,
    }
}

user_error! {
    /// The object stays as long as others use it.
    InUseError {
        /// Connectors that use it. At most 20.
        connectors: Vec<Connector>,
        /// The number of all that use it.
        count: i32,
    }
}

/// What a payload can tell of a failure.
///
/// # Errors
/// The failure itself when the caller cannot mend it.
pub(crate) fn user_errors(error: app::Error) -> Result<Vec<UserError>, Error> {
    match error {
        app::Error::NotFound { looked_for, path } => {
            let message = "It does not exist, or you may not see it.".to_owned();
            Ok(vec![NotFoundError { code: UserErrorCode::NotFound, message, path, looked_for }.into()])
        }
        app::Error::Invalid(mistakes) => Ok(mistakes.into_iter().map(Into::into).collect()),
        other => Err(other.into()),
    }
}

impl From<Mistake> for UserError {
    fn from(mistake: Mistake) -> Self {
        let Mistake { kind, message, path, scope } = mistake;
        let input = |code, maximum: Option<i64>| (code, maximum.map(SafeInt));
        let (code, maximum) = match kind {
            MistakeKind::Required => input(UserErrorCode::Required, None),
            MistakeKind::InvalidValue => input(UserErrorCode::InvalidValue, None),
            MistakeKind::TooLong { maximum } => input(UserErrorCode::TooLong, Some(maximum)),
            MistakeKind::NotUnique => input(UserErrorCode::NotUnique, None),
            MistakeKind::LastOwner => input(UserErrorCode::LastOwner, None),
            MistakeKind::NotFound { looked_for } => {
                return NotFoundError { code: UserErrorCode::NotFound, message, path, looked_for }.into();
            }
            MistakeKind::Revision(winner) => {
                let (revision, by, at) = winner.map_or((None, None, None), |won| (Some(won.revision), won.by, Some(won.at)));
                return ConflictError {
                    code: UserErrorCode::RevisionConflict,
                    message,
                    path,
                    current_revision: revision,
                    changed_by: by.as_ref().map(Into::into),
                    changed_at: at.map(DateTime),
                }
                .into();
            }
            MistakeKind::Idempotency => {
                let code = UserErrorCode::IdempotencyMismatch;
                return ConflictError { code, message, path, current_revision: None, changed_by: None, changed_at: None }.into();
            }
            MistakeKind::State { state, allowed } => {
                return StateError { code: UserErrorCode::InvalidState, message, path, state, allowed_states: allowed }.into();
            }
            MistakeKind::TemplateUnavailable { state, allowed } => {
                return StateError { code: UserErrorCode::TemplateUnavailable, message, path, state, allowed_states: allowed }.into();
            }
            MistakeKind::Definition(problems) => {
                let problems = problems.iter().map(Into::into).collect();
                return DefinitionError { code: UserErrorCode::DefinitionInvalid, message, path, problems }.into();
            }
            MistakeKind::CredentialMissing { slot } => {
                let code = UserErrorCode::CredentialMissing;
                return CredentialError { code, message, path, slot: Some(slot), credential: None, host: None }.into();
            }
            MistakeKind::CredentialMismatch { slot, credential } => {
                let credential = scope.zip(credential).map(|(scope, row)| Credential::new(&scope, *row));
                let code = UserErrorCode::CredentialMismatch;
                return CredentialError { code, message, path, slot: Some(slot), credential, host: None }.into();
            }
            MistakeKind::HostNotAllowed { slot, credential, host } => {
                let credential = scope.zip(credential).map(|(scope, row)| Credential::new(&scope, *row));
                return CredentialError { code: UserErrorCode::HostNotAllowed, message, path, slot, credential, host: Some(host) }.into();
            }
            MistakeKind::InUse { connectors, count } => {
                let shown = scope.map(|scope| connectors.into_iter().map(|row| Connector::new(&scope, row)).collect());
                let code = UserErrorCode::InUse;
                return InUseError { code, message, path, connectors: shown.unwrap_or_default(), count: int(count) }.into();
            }
        };
        InputError { code, message, path, maximum }.into()
    }
}
