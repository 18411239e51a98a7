//! Following. Streams resume from a position and lose nothing.

use async_graphql::MergedSubscription;

mod executions;

/// Following what happens while it happens.
#[derive(MergedSubscription, Default)]
pub(crate) struct Subscription(executions::ExecutionSubscriptions);
