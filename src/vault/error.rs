//! What can go wrong with keys and envelopes. Names key ids, never a key or a secret.

/// Why the vault refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A configured key cannot be used.
    #[error("{0}; `connectors key generate` makes a good one")]
    Key(KeyFault),
    /// The envelope was changed, belongs elsewhere, or its key is not configured.
    #[error("the credential cannot be read with the keys configured (it names the key `{key_id}`)")]
    Unreadable {
        /// The key the envelope names, or `?` when even that cannot be read.
        key_id: String,
    },
    /// The parts together are too long.
    #[error("the parts of a credential may together have at most {limit} bytes")]
    TooLarge {
        /// The most bytes.
        limit: usize,
    },
    /// The machine gave no random bytes.
    #[error("no random bytes could be had from the machine")]
    NoRandomness,
}

/// What is wrong with a configured key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// There is none.
    #[error("no encryption key is set")]
    Missing,
    /// Not of the form `id:base64`.
    #[error("an encryption key must have the form `id:base64`, the id made of at most 32 letters, digits, `-` and `_`")]
    Malformed,
    /// Too few or too many bytes.
    #[error("the encryption key `{id}` must hold exactly 32 bytes")]
    WrongLength {
        /// Its id.
        id: String,
    },
    /// It was typed, counted up or repeated, not drawn.
    #[error("the encryption key `{id}` is an example or can be guessed")]
    Guessable {
        /// Its id.
        id: String,
    },
    /// Two keys have one id.
    #[error("two encryption keys have the id `{id}`")]
    Repeated {
        /// The id.
        id: String,
    },
}
