//! When a failed attempt is tried again.

use serde::{Deserialize, Serialize};

use super::duration::IsoDuration;
use crate::domain::execution::ErrorClass;

/// When and how often a step is tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// Attempts in all, 1 to 20; 1 means never again.
    #[serde(default = "three")]
    pub attempts: u32,
    /// How long to wait between attempts.
    #[serde(default)]
    pub backoff: Backoff,
    /// No attempt begins later than this after the first.
    #[serde(default)]
    pub max_elapsed: Option<IsoDuration>,
    /// Error classes worth another attempt; `transient` and `rate_limited` unless told.
    #[serde(default)]
    pub on: Option<Vec<ErrorClass>>,
}

const fn three() -> u32 {
    3
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 3, backoff: Backoff::default(), max_elapsed: None, on: None }
    }
}

impl Retry {
    /// Attempts a definition may ask for.
    pub const MAX_ATTEMPTS: u32 = 20;

    /// Is a failure of this class worth another attempt?
    pub fn covers(&self, class: ErrorClass) -> bool {
        self.on.as_ref().map_or(matches!(class, ErrorClass::Transient | ErrorClass::RateLimited), |classes| classes.contains(&class))
    }
}

/// How long to wait between attempts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backoff {
    /// How waits grow.
    #[serde(default)]
    pub kind: BackoffKind,
    /// The first wait.
    #[serde(default = "one_second")]
    pub base: IsoDuration,
    /// Each wait is this many times the one before, 1 to 10.
    #[serde(default = "two")]
    pub factor: f64,
    /// No wait is longer.
    #[serde(default = "one_minute")]
    pub max: IsoDuration,
    /// Random part of each wait, 0 to 1.
    #[serde(default = "a_fifth")]
    pub jitter: f64,
}

const fn one_second() -> IsoDuration {
    IsoDuration::from_secs(1)
}

const fn one_minute() -> IsoDuration {
    IsoDuration::from_secs(60)
}

const fn two() -> f64 {
    2.0
}

const fn a_fifth() -> f64 {
    0.2
}

impl Default for Backoff {
    fn default() -> Self {
        Self { kind: BackoffKind::Exponential, base: one_second(), factor: two(), max: one_minute(), jitter: a_fifth() }
    }
}

/// How waits grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackoffKind {
    /// Always `base`.
    Constant,
    /// `base`, then `factor` times as long each time.
    #[default]
    Exponential,
}
