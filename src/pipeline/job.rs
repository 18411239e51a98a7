//! How far a job at a provider is, by the state its answers name.

use std::time::Duration;

use serde_json::Value;

use super::compiler::Compiler;
use super::error::Error;
use super::interpolate::to_text;
use super::path::Path;
use crate::domain::definition::{PollStates, PollStep};

/// Characters of an unknown state that are shown.
const SHOWN: usize = 60;

/// What states of a job mean, compiled.
pub(crate) struct PlannedStates {
    path: Path,
    states: PollStates,
    /// Between two askings.
    pub(crate) every: Duration,
    /// The longest that a job may take.
    pub(crate) patience: Duration,
    pub(crate) pointer: String,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobState {
    Done,
    Running,
}

impl PlannedStates {
    pub(crate) fn compile(compiler: &mut Compiler, poll: &PollStep, (pointer, patience): (&str, Duration)) -> Self {
        Self {
            path: compiler.path(&poll.status.state, &format!("{pointer}/state")),
            states: poll.status.states.clone(),
            every: poll.every.get().max(Duration::from_secs(1)),
            patience,
            pointer: format!("{pointer}/states"),
        }
    }

    /// How far the job is by this answer.
    ///
    /// # Errors
    /// When it failed, or is in a state the definition does not know.
    pub(crate) fn judge(&self, body: &Value) -> Result<JobState, Error> {
        let found = self.path.find(body).ok().and_then(|found| found.first().copied().filter(|value| !value.is_null()));
        let Some(state) = found.map(to_text) else {
            return Err(Error::extraction(&self.pointer, format!("The answer names no state at `{}`", self.path.text())));
        };
        let is = |known: &[String]| known.contains(&state);
        let shown: String = state.chars().filter(|letter| !letter.is_control()).take(SHOWN).collect();
        if is(&self.states.done) {
            Ok(JobState::Done)
        } else if is(&self.states.failed) {
            Err(Error::upstream(&self.pointer, format!("The job failed: its state is `{shown}`")))
        } else if self.states.running.is_empty() || is(&self.states.running) {
            Ok(JobState::Running)
        } else {
            Err(Error::extraction(&self.pointer, format!("The job is in a state that `states` does not know: `{shown}`")))
        }
    }
}
