//! Work: the id of an execution to one worker, at least once. A ring is a doorbell, never the truth: a lost one
//! costs time, since the sweeper rings again, and one too many costs a look at the row.

pub mod memory;
mod seats;

pub use memory::Queue;
pub use seats::{Handed, Place, Seat, Workplace};
