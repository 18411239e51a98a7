//! Leases: one winner, and what is due to be won.

use super::*;

#[tokio::test]
async fn of_many_claims_one_wins() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let id = bench.start(&scope, None).await;
    let claims = (0..100).map(|n| bench.store.claim(&bench.system, id, owner(&format!("node{n}"))));
    let answers = futures_util::future::join_all(claims).await;
    let won: Vec<_> = answers.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(won.len(), 1);
    let found = bench.find(&scope, id).await;
    assert_eq!((found.status, found.revision, won[0].lease.fence), (ExecutionStatus::Running, 2, 1));
    assert_eq!((found.started_at, won[0].interrupted), (won[0].execution.started_at, false));
    assert!(found.started_at.is_some());
}

#[tokio::test]
async fn a_stale_lease_can_be_taken_and_says_so() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let id = bench.start(&scope, None).await;
    let stale = LeaseRequest { owner: "one".into(), until: later(-1) };
    let first = bench.store.claim(&bench.system, id, stale).await.unwrap().unwrap();
    let second = bench.store.claim(&bench.system, id, owner("two")).await.unwrap().unwrap();
    assert!(second.interrupted && second.lease.fence == 2);
    assert_eq!(first.execution.started_at, second.execution.started_at, "it began once");
    assert_eq!(bench.store.renew(&[first.lease.clone(), second.lease.clone()], later(60)).await.unwrap(), [first.lease]);
    assert_eq!(bench.store.free_leases(&bench.system).await.unwrap(), 1);
    assert_eq!(bench.store.renew(std::slice::from_ref(&second.lease), later(60)).await.unwrap(), [second.lease]);
    assert!(bench.store.claim(&bench.system, id, owner("three")).await.unwrap().is_some_and(|claimed| claimed.interrupted));
}

#[tokio::test]
async fn what_is_due_comes_oldest_first() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let due = async || bench.store.due(&bench.system, now(), 10).await.unwrap();
    let mut ids = Vec::new();
    for age in [30, 20, 40] {
        let mut new = new_execution(execution_value(scope.workspace_id(), None));
        new.execution.queued_at = later(-age);
        ids.push(new.execution.id);
        bench.store.insert_execution(&scope, new, None, |_| {}).await.unwrap();
    }
    let [second, third, first] = ids[..] else { panic!() };
    assert_eq!(due().await, [first, second, third]);
    assert_eq!(bench.store.due(&bench.system, now(), 1).await.unwrap(), [first]);
    // Worked on: not due. Waiting: due when its time has come.
    let claimed = bench.claim(first).await;
    assert_eq!(due().await, [second, third]);
    assert_eq!(bench.store.next_wake(&bench.system).await.unwrap(), None);
    let mut wait = record(&claimed, 2, ExecutionStatus::Waiting);
    wait.execution.wake_at = Some(later(30));
    wait.execution.release_lease = true;
    let wake_at = wait.execution.wake_at;
    bench.store.record(&claimed.lease, wait).await.unwrap();
    assert_eq!(due().await, [second, third]);
    assert_eq!(bench.store.next_wake(&bench.system).await.unwrap(), wake_at);
    assert!(bench.store.claim(&bench.system, first, owner("two")).await.unwrap().is_none());
    assert_eq!(bench.store.due(&bench.system, later(31), 10).await.unwrap(), [first, second, third]);
    // Ended: never due again.
    let claimed = bench.claim(second).await;
    bench.store.record(&claimed.lease, record(&claimed, 2, ExecutionStatus::Succeeded)).await.unwrap();
    assert_eq!(due().await, [third]);
    assert!(bench.store.claim(&bench.system, second, owner("two")).await.unwrap().is_none());
}
