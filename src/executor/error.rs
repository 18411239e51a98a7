//! Why a run could not go on here. A step that fails is not an error of the executor: it is a result, and recorded.

use crate::store;

/// Why a run stopped without reaching an end that could be recorded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process holds the lease now; nothing more may be written.
    #[error("the lease was lost to another process")]
    Fenced,
    /// The database did not take a record.
    #[error("the store failed")]
    Store(#[source] store::Error),
    /// Something that should not be possible; the reason is for the server's log only.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Fenced => Self::Fenced,
            other => Self::Store(other),
        }
    }
}
