//! Telling executions to stop.

use super::*;
use crate::store::Error;

#[tokio::test]
async fn a_queued_one_becomes_due_for_winding_up() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let id = bench.start(&scope, None).await;
    let told = bench.store.request_cancel(&scope, id, now()).await.unwrap().unwrap();
    assert_eq!((told.status, told.cancel_requested, told.revision), (ExecutionStatus::Cancelling, true, 2));
    let again = bench.store.request_cancel(&scope, id, now()).await.unwrap().unwrap();
    assert_eq!(again.revision, 2, "asking twice changes nothing");
    assert_eq!(bench.store.due(&bench.system, now(), 10).await.unwrap(), [id]);
    let claimed = bench.claim(id).await;
    assert_eq!((claimed.execution.status, claimed.interrupted), (ExecutionStatus::Cancelling, false));
    bench.store.record(&claimed.lease, record(&claimed, 2, ExecutionStatus::Cancelled)).await.unwrap();
    assert_eq!(bench.find(&scope, id).await.status, ExecutionStatus::Cancelled);
    assert!(matches!(bench.store.request_cancel(&scope, id, now()).await, Err(Error::Conflict { what: "state" })));
}

#[tokio::test]
async fn a_running_one_learns_of_it_and_cannot_go_back_to_running() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let id = bench.start(&scope, None).await;
    let claimed = bench.claim(id).await;
    bench.store.request_cancel(&scope, id, now()).await.unwrap().unwrap();
    let mut wait = record(&claimed, 2, ExecutionStatus::Waiting);
    wait.execution.wake_at = Some(later(60));
    wait.execution.release_lease = true;
    let state = bench.store.record(&claimed.lease, wait).await.unwrap();
    assert!(state.cancel_requested && state.status == ExecutionStatus::Cancelling, "{state:?}");
    let found = bench.find(&scope, id).await;
    assert_eq!((found.status, found.wake_at, found.revision), (ExecutionStatus::Cancelling, None, state.revision));
    assert_eq!(bench.store.due(&bench.system, now(), 10).await.unwrap(), [id]);
}

#[tokio::test]
async fn one_that_is_not_there_is_nothing() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    assert!(bench.store.request_cancel(&scope, ExecutionId::fresh(&SystemClock), now()).await.unwrap().is_none());
}
