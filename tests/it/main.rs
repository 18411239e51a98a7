//! Behaviour of the whole server: real HTTP, real sockets, real databases, a scripted API on loopback.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails loudly")]
#![expect(unreachable_pub, clippy::needless_pass_by_value, reason = "a test binary has no users")]

mod calls;
mod cli;
mod credentials;
mod examples;
mod executions;
mod faults;
mod flow;
mod install;
mod isolation;
mod jobs;
mod limits;
mod live_log;
mod mapping;
mod plans;
mod recording;
mod restart;
mod rls;
mod schema;
mod self_test;
mod support;
mod upstream_faults;
