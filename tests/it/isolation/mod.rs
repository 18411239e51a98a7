//! A workspace cannot see or touch another's data: what is foreign is answered exactly as what does not exist.
//!
//! The probes and their judge are the product's own, in `connectors::selftest`: they are derived from the exported schema,
//! so a new field, argument or id is probed by itself, and fails the suite until its rule is declared.
//! What only a test can do stands here: it reads every row past the server and has the services behind connectors count.
//! That foreign and missing ids also take the same time is not judged here: a test does not measure time.

#[cfg(debug_assertions)]
mod alone;
mod by_hand;
mod decides;
mod declared;
mod foreign;
mod names;
mod planted;
mod scene;
mod sockets;

use connectors::selftest::{callers, judge, operation, questions, rules, schema, values};
