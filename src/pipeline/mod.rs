//! What a definition means, as pure functions: no clock, no network, no database, no secret.
//!
//! [`compile`] turns a document into a [`Plan`] and reports every problem at once. From then on nothing is parsed:
//! templates, paths, patterns, schemas and addresses are compiled and bounded, so that a run only walks them.
//! [`walk`] tells the way through [`Plan::steps`]; each attempt at an http step begins with [`PlannedHttp::begin`], and
//! [`PlannedHttp::judge`] says what each answer means. [`backoff`] says when to try again,
//! [`map`] what may be written to a contact, and [`Redactor`] masks what is recorded.
//!
//! An expression sees the values of [`Context`] and nothing else; a credential joins a request after it is built.

mod address;
mod answer;
pub mod backoff;
mod cache;
mod call;
mod capture;
mod compare;
mod compiler;
mod context;
mod engine;
mod error;
mod extract;
mod filters;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;

mod interpolate;
mod job;
mod limit;
pub mod map;
mod multipart;
mod pages;
mod path;
mod plan;
mod preview;
mod recorded;
mod redact;
mod request;
mod rules;
mod scan;
mod schema;
mod steps;
mod view;
mod wait;
pub mod walk;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod sample;

pub use backoff::next_delay;
pub use cache::PlanCache;
pub use call::{Call, PlannedHttp};
pub use compiler::CODES;
pub use context::{Context, RunFacts};
pub use error::Error;
pub use interpolate::Expression;
pub use limit::PlannedLimit;
pub use map::{Decision, MappedValue, decide};
pub use path::Path;
pub use plan::{Compiled, Plan, compile, hash};
pub use preview::{Preview, preview_path, preview_template};
pub use recorded::{RecordedOutcome, run_recorded};
pub use redact::Redactor;
pub use rules::Verdict;
pub use steps::{PlannedAction, PlannedStep};
