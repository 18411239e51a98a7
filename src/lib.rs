//! Connectors: define API calls as data, install them, run them durably, watch them live.
//!
//! The crate map, in reading order; each layer imports only from those above it in this list.

pub mod clock;
pub mod domain;
pub mod telemetry;

pub mod auth;
pub mod pipeline;
pub mod vault;

pub mod egress;
pub mod events;
pub mod queue;
pub mod store;

pub mod app;
pub mod executor;

pub mod graphql;

pub mod http;
pub mod selftest;

pub mod config;
pub mod server;

pub mod cli;
