//! Why the probes could not be asked.

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The schema has places that no rule says anything about.
    #[error("this program does not know who may ask what, which is a fault of its own: {}", gaps.join("; "))]
    Undeclared {
        /// What to do about each.
        gaps: Vec<String>,
    },
    /// The server refused what was needed for the workspaces.
    #[error("the throw-away workspaces could not be furnished: `{document}` was answered with {answer}")]
    Refused {
        /// What was asked.
        document: String,
        /// What came back.
        answer: String,
    },
    /// An answer lacks what was asked for.
    #[error("the throw-away workspaces could not be furnished: nothing at {pointer} in {answer}")]
    Missing {
        /// Where it was looked for.
        pointer: String,
        /// The answer.
        answer: String,
    },
    /// The run in a workspace did not succeed.
    #[error("the throw-away workspaces could not be furnished: their run ended as {status}")]
    Run {
        /// How it stands.
        status: String,
    },
    /// So few probes came together that they prove little.
    #[error("only {count} probes could be made, of the {least} at least that the schema gives")]
    Few {
        /// Probes made.
        count: usize,
        /// Probes expected.
        least: usize,
    },
}
