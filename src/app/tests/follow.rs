//! Followers beside a run that is being written: in order, no hole, none twice, whoever is slow.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::{Bench, bench, definition, principal};
use crate::app::{ConnectorSource, Error, NewConnector, NewMember, NewWorkspace, StartRequest};
use crate::auth::Principal;
use crate::domain::execution::ExecutionStatus;
use crate::domain::id::ExecutionId;
use crate::domain::step_log::LogFilter;
use crate::domain::workspace::WorkspaceRole;
use crate::store::WorkspaceRef;

const LINES: i32 = 900;
/// Lines one batch may have.
const BATCH: usize = 200;

/// A run of a published connector that ann started.
async fn started(bench: &Bench) -> (Principal, ExecutionId) {
    let ann = principal("ann");
    let new = NewWorkspace { key: "a".into(), name: "A".into(), owner_subject: None };
    bench.app.create_workspace(&ann, new).await.unwrap();
    let new =
        NewConnector { name: "Greet".into(), source: Some(ConnectorSource::Definition(definition(false))), ..NewConnector::default() };
    let (connector, _) = bench.app.create_connector(&ann, &WorkspaceRef::Key("a".into()), new).await.unwrap();
    bench.app.publish_connector(&ann, connector.id, (None, None)).await.unwrap();
    let request = StartRequest {
        connector_id: connector.id,
        version_id: None,
        input: Some(json!({ "name": "Bo" })),
        contact: None,
        tags: Vec::new(),
        trigger: None,
        wait: Duration::ZERO,
        expires_after: None,
        idempotency_key: None,
    };
    let execution = bench.app.start(&ann, request).await.unwrap().execution;
    (ann, execution.id)
}

/// Writes lines in records of changing size until the run is over.
async fn write(bench: &Bench, id: ExecutionId) {
    let lease = bench.claim(id).await;
    let mut next = 2;
    while next <= LINES {
        let last = (next + next % 7).min(LINES);
        let status = if last == LINES { ExecutionStatus::Succeeded } else { ExecutionStatus::Running };
        bench.record(&lease, next..=last, status).await;
        next = last + 1;
    }
}

/// Follows to the end, dropping the stream after each so many batches and resuming from the last position.
async fn read(bench: &Bench, principal: &Principal, id: ExecutionId, patience: usize) -> Vec<i32> {
    let mut seen = Vec::new();
    let mut after = 0;
    loop {
        let mut follower = bench.app.follow_logs(principal, id, (after, LogFilter::default())).await.unwrap();
        for _ in 0..patience {
            let Some(batch) = follower.next().await else { return seen };
            let batch = batch.unwrap();
            assert!(batch.entries.len() <= BATCH);
            seen.extend(batch.entries.iter().map(|entry| entry.sequence));
            after = batch.through;
            if batch.complete {
                return seen;
            }
        }
    }
}

#[tokio::test]
async fn every_follower_gets_every_line_once_and_in_order() {
    let bench = bench().await;
    let (ann, id) = started(&bench).await;
    let all: Vec<i32> = (1..=LINES).collect();
    let ((), eager, hasty, jumpy) =
        tokio::join!(write(&bench, id), read(&bench, &ann, id, usize::MAX), read(&bench, &ann, id, 1), read(&bench, &ann, id, 3));
    assert_eq!(eager, all);
    assert_eq!(hasty, all);
    assert_eq!(jumpy, all);
    assert_eq!(read(&bench, &ann, id, usize::MAX).await, all, "afterwards, from the store alone");
}

#[tokio::test]
async fn lost_news_loses_no_line() {
    let bench = bench().await;
    let (ann, id) = started(&bench).await;
    let mut follower = bench.app.follow_logs(&ann, id, (0, LogFilter::default())).await.unwrap();
    assert_eq!(follower.next().await.unwrap().unwrap().through, 1);
    // While nobody reads, far more is announced than the follower's channel holds.
    write(&bench, id).await;
    let mut seen = vec![1];
    while let Some(batch) = follower.next().await {
        seen.extend(batch.unwrap().entries.iter().map(|entry| entry.sequence));
    }
    assert_eq!(seen, (1..=LINES).collect::<Vec<_>>());
}

#[tokio::test]
async fn filters_leave_lines_out_but_not_the_end() {
    let bench = bench().await;
    let (ann, id) = started(&bench).await;
    let filter = LogFilter { search: Some("line 17".into()), ..LogFilter::default() };
    let mut follower = bench.app.follow_logs(&ann, id, (0, filter)).await.unwrap();
    let mut last = None;
    let mut seen = Vec::new();
    let follow = async {
        while let Some(batch) = follower.next().await {
            let batch = batch.unwrap();
            seen.extend(batch.entries.iter().map(|entry| entry.sequence));
            last = Some(batch);
        }
    };
    tokio::join!(write(&bench, id), follow);
    assert_eq!(seen.len(), 11, "{seen:?}");
    let last = last.unwrap();
    assert!(last.complete && last.through == LINES);
}

#[tokio::test]
async fn the_final_state_is_never_skipped() {
    let bench = bench().await;
    let (ann, id) = started(&bench).await;
    let follow = async {
        let mut follower = bench.app.follow_execution(&ann, id).await.unwrap();
        let mut revisions = Vec::new();
        let mut last = None;
        while let Some(state) = follower.next().await {
            let state = state.unwrap();
            revisions.push(state.execution.revision);
            last = Some(state);
        }
        (revisions, last.unwrap())
    };
    let ((), (revisions, last)) = tokio::join!(write(&bench, id), follow);
    assert!(revisions.windows(2).all(|pair| pair[0] < pair[1]), "{revisions:?}");
    assert!(last.complete);
    assert_eq!(last.execution.status, ExecutionStatus::Succeeded);
}

#[tokio::test]
async fn a_caller_may_wait_for_the_end() {
    let bench = bench().await;
    let (ann, first) = started(&bench).await;
    assert_eq!(bench.app.queue().next().await, first);
    let earlier = bench.app.find_execution(&ann, first).await.unwrap().0;
    let request = StartRequest {
        connector_id: earlier.connector_id.unwrap(),
        version_id: None,
        input: Some(json!({ "name": "Cy" })),
        contact: None,
        tags: Vec::new(),
        trigger: None,
        wait: Duration::from_secs(20),
        expires_after: None,
        idempotency_key: Some("k".into()),
    };
    let work = async {
        let id = bench.app.queue().next().await;
        write(&bench, id).await;
    };
    let (outcome, ()) = tokio::join!(bench.app.start(&ann, request.clone()), work);
    let outcome = outcome.unwrap();
    assert!(outcome.finished && !outcome.repeated);
    assert_eq!((outcome.execution.number, outcome.execution.status), (2, ExecutionStatus::Succeeded));
    let again = bench.app.start(&ann, request).await.unwrap();
    assert!(again.finished && again.repeated && again.execution.id == outcome.execution.id);
}

#[tokio::test]
async fn a_stranger_follows_nothing() {
    let bench = bench().await;
    let (_, id) = started(&bench).await;
    let stranger = principal("eve");
    for id in [id, ExecutionId::fresh(bench.app.clock())] {
        let refused = bench.app.follow_logs(&stranger, id, (0, LogFilter::default())).await.err();
        assert!(matches!(refused, Some(Error::NotFound { .. })), "{refused:?}");
        assert!(matches!(bench.app.follow_execution(&stranger, id).await.err(), Some(Error::NotFound { .. })));
    }
}

/// Follows a run as someone who has seen all of it so far, until that is taken from them; gives what came next.
async fn cut_off(bench: &Bench, who: &Principal, id: ExecutionId, take: impl AsyncFnOnce()) -> Option<Error> {
    let lease = bench.claim(id).await;
    let mut follower = bench.app.follow_logs(who, id, (0, LogFilter::default())).await.unwrap();
    assert_eq!(follower.next().await.unwrap().unwrap().through, 1);
    bench.record(&lease, 2..=2, ExecutionStatus::Running).await;
    assert_eq!(follower.next().await.unwrap().unwrap().through, 2);
    take().await;
    // News never pauses: the next line is there already.
    bench.record(&lease, 3..=3, ExecutionStatus::Running).await;
    let next = follower.next().await.unwrap().err();
    assert!(follower.next().await.is_none(), "the stream is over");
    next
}

#[tokio::test]
async fn jwt_7_a_removed_member_is_cut_off_although_news_never_pauses() {
    let bench = bench().await;
    let (ann, id) = started(&bench).await;
    let new = NewMember { subject: "bob".into(), role: WorkspaceRole::Viewer, display_name: None, email: None };
    let member = bench.app.add_member(&ann, &WorkspaceRef::Key("a".into()), new).await.unwrap();
    let removed = async || {
        bench.app.remove_member(&ann, member.id).await.unwrap();
        bench.clock.forward(TimeDelta::seconds(5));
    };
    let ended = cut_off(&bench, &principal("bob"), id, removed).await;
    assert!(matches!(ended, Some(Error::NotFound { .. })), "{ended:?}");
}

#[tokio::test]
async fn jwt_6_a_stream_ends_with_its_token_although_news_never_pauses() {
    let bench = bench().await;
    let (ann, id) = started(&bench).await;
    let ended = cut_off(&bench, &ann, id, async || bench.clock.forward(TimeDelta::minutes(61))).await;
    assert!(matches!(ended, Some(Error::TokenExpired)), "{ended:?}");
}
