//! News: what happened to an execution, to every follower, none waited for. Losing a headline costs a read of the
//! store, never a line.

pub mod memory;

pub use memory::{Events, Follower, Lagged};
