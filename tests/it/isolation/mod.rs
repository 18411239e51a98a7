//! A workspace cannot see or touch another's data: what is foreign is answered exactly as what does not exist.
//!
//! Nothing here is listed by hand but the access rules in `rules`: the probes are derived from the exported schema, so a
//! new field, argument or id is probed by itself, and fails the suite until its rule is declared.
//! That foreign and missing ids also take the same time is not judged here: a test does not measure time.

mod by_hand;
mod callers;
mod decides;
mod declared;
mod foreign;
mod judge;
mod names;
mod operation;
mod planted;
mod questions;
mod rules;
mod scene;
mod schema;
mod selection;
mod sockets;
mod values;
