//! How long an operation may take beyond its timeout, because it was asked to wait.
//!
//! Whoever runs the operation puts a [`Patience`] into the request's data and reads it when the timeout is over; a resolver that
//! waits for its caller's sake tells it for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_graphql::Context;

use crate::app::MAX_WAIT;

/// The waits that one operation has announced; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Patience(Arc<AtomicU64>);

impl Patience {
    /// Announces a wait; one longer than any resolver may wait counts as that.
    pub fn grant(&self, wait: Duration) {
        let millis = u64::try_from(wait.min(MAX_WAIT).as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_add(millis, Ordering::Relaxed);
    }

    /// All waits announced so far.
    pub fn granted(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Announces a wait to whoever runs this operation; nobody need be listening.
pub(super) fn announce(ctx: &Context<'_>, wait: Duration) {
    if let Some(patience) = ctx.data_opt::<Patience>() {
        patience.grant(wait);
    }
}
