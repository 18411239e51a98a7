//! Leases: one winner, and what is due to be won.

use super::*;
use crate::store::Claim;

#[tokio::test]
async fn of_many_claims_one_wins() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let id = bench.start(&scope, None).await;
    let claims = (0..100).map(|n| bench.store.claim(&bench.system, id, owner(&format!("node{n}"))));
    let answers = futures_util::future::join_all(claims).await;
    let won: Vec<_> = answers.into_iter().filter_map(|claim| claim.unwrap().taken()).collect();
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
    let first = bench.store.claim(&bench.system, id, stale).await.unwrap().taken().unwrap();
    let second = bench.store.claim(&bench.system, id, owner("two")).await.unwrap().taken().unwrap();
    assert!(second.interrupted && second.lease.fence == 2);
    assert_eq!(first.execution.started_at, second.execution.started_at, "it began once");
    assert_eq!(bench.store.renew(&bench.system, &[first.lease.clone(), second.lease.clone()], later(60)).await.unwrap(), [first.lease]);
}

#[tokio::test]
async fn the_one_owner_of_a_file_takes_over_at_once() {
    let bench = bench_in_file().await;
    let scope = bench.workspace("a").await;
    let first = bench.claim(bench.start(&scope, None).await).await;
    assert_eq!(bench.store.free_leases(&bench.system).await.unwrap(), 1);
    assert_eq!(
        bench.store.renew(&bench.system, std::slice::from_ref(&first.lease), later(60)).await.unwrap(),
        std::slice::from_ref(&first.lease)
    );
    let next = bench.store.claim(&bench.system, first.execution.id, owner("two")).await.unwrap().taken();
    assert!(next.is_some_and(|claimed| claimed.interrupted));
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
    assert!(bench.store.claim(&bench.system, first, owner("two")).await.unwrap().taken().is_none());
    assert_eq!(bench.store.due(&bench.system, later(31), 10).await.unwrap(), [first, second, third]);
    // Ended: never due again.
    let claimed = bench.claim(second).await;
    bench.store.record(&claimed.lease, record(&claimed, 2, ExecutionStatus::Succeeded)).await.unwrap();
    assert_eq!(due().await, [third]);
    assert!(bench.store.claim(&bench.system, second, owner("two")).await.unwrap().taken().is_none());
}

#[tokio::test]
async fn one_inserted_with_a_lease_runs_from_the_start_and_its_worker_gets_what_a_claim_would_give() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let new = new_execution(execution_value(scope.workspace_id(), None));
    let id = new.execution.id;
    let (told, worker) = tokio::sync::oneshot::channel();
    let then = move |claimed| told.send(claimed).unwrap();
    let inserted = bench.store.insert_execution(&scope, new, Some(owner("one")), then).await.unwrap();
    assert_eq!(inserted, Inserted::New { number: 1, leased: true });
    let handed = worker.await.unwrap().unwrap();
    let row = bench.find(&scope, id).await;
    assert_eq!(row.input, handed.execution.input);
    // Not every engine keeps the order of members.
    let handed_over = Execution { input: row.input.clone(), ..handed.execution.clone() };
    assert_eq!(format!("{row:?}"), format!("{handed_over:?}"));
    assert_eq!((handed.execution.status, handed.lease.fence), (ExecutionStatus::Running, 1));
    assert!(bench.store.claim(&bench.system, id, owner("two")).await.unwrap().taken().is_none(), "someone works on it");
    let done = bench.store.record(&handed.lease, record(&handed, 2, ExecutionStatus::Succeeded)).await.unwrap();
    assert_eq!(done.status, ExecutionStatus::Succeeded);
}

#[tokio::test]
async fn the_announced_end_equals_the_row() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let claimed = bench.claim(bench.start(&scope, None).await).await;
    let mut write = record(&claimed, 2, ExecutionStatus::Failed);
    write.execution.output = Some(json!({ "a": 1 }));
    write.execution.result = Some("no_match".to_owned());
    write.execution.finished_at = Some(later(1));
    (write.execution.cost, write.execution.warning_count, write.execution.finished_steps) = (2.5, 3, 1);
    let change = write.execution.clone();
    let recorded = bench.store.record(&claimed.lease, write).await.unwrap();
    let row = bench.find(&scope, claimed.execution.id).await;
    assert_eq!(format!("{:?}", change.ended(&claimed.execution, recorded, 2)), format!("{row:?}"));
}

#[tokio::test]
async fn a_full_workspace_lets_one_in_for_each_that_leaves() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let other = bench.workspace("b").await;
    let tx = bench.begin(&scope).await;
    let mut workspace = tx.get_workspace().await.unwrap();
    workspace.max_concurrent_executions = 2;
    tx.update_workspace(&workspace, None).await.unwrap();
    tx.commit().await.unwrap();

    let seated = async || {
        let new = new_execution(execution_value(scope.workspace_id(), None));
        let (told, worker) = tokio::sync::oneshot::channel();
        let then = move |claimed| told.send(claimed).unwrap();
        bench.store.insert_execution(&scope, new, Some(owner("one")), then).await.unwrap();
        worker.await.unwrap()
    };
    let (one, two, three) = (seated().await.unwrap(), seated().await.unwrap(), seated().await);
    assert!(three.is_none(), "the third is queued");
    let waits = bench.store.due(&bench.system, now(), 10).await.unwrap();
    let claim = async || bench.store.claim(&bench.system, waits[0], owner("one")).await.unwrap();
    assert!(matches!(claim().await, Claim::Full(workspace) if workspace == scope.workspace_id()));
    bench.claim(bench.start(&other, None).await).await;

    // Those that left make room, those that are to stop need none.
    bench.store.request_cancel(&scope, waits[0], now()).await.unwrap();
    assert!(matches!(claim().await, Claim::Taken(_)));
    bench.store.record(&one.lease, record(&one, 2, ExecutionStatus::Succeeded)).await.unwrap();
    bench.store.record(&two.lease, record(&two, 2, ExecutionStatus::Succeeded)).await.unwrap();
    assert!(seated().await.is_some());
}

#[tokio::test]
async fn lost_workers_are_counted_until_a_step_is_recorded() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let id = bench.start(&scope, None).await;
    let stale = async || {
        let request = LeaseRequest { owner: "one".into(), until: later(-1) };
        bench.store.claim(&bench.system, id, request).await.unwrap().taken().unwrap()
    };
    let counts = [stale().await.recoveries, stale().await.recoveries, stale().await.recoveries];
    assert_eq!(counts, [0, 1, 2]);
    let claimed = stale().await;
    let step = records::step_with_body(&claimed, "x");
    bench.store.record(&claimed.lease, Record { steps: vec![step], ..record(&claimed, 2, ExecutionStatus::Running) }).await.unwrap();
    assert_eq!(stale().await.recoveries, 1, "counted anew");
}
