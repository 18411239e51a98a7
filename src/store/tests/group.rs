//! The group commit under many hands.

use futures_util::future::join_all;

use super::*;
use crate::store::Error;

#[tokio::test]
async fn one_bad_operation_fails_alone_and_the_rest_share_commits() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let connector = bench.connector(&scope, "c").await;
    let before = bench.store.commits();
    let ids = join_all((0..200).map(|_| bench.start(&scope, Some(connector.id)))).await;
    let started = bench.store.commits() - before;
    assert!(started < 50, "{started} commits for 200 operations");
    let claimed = join_all(ids.iter().map(|id| bench.claim(*id))).await;
    let answers = join_all(claimed.iter().enumerate().map(|(place, claimed)| {
        // Line 1 is there already, and a log line is never replaced.
        let sequence = if place == 77 { 1 } else { 2 };
        bench.store.record(&claimed.lease, record(claimed, sequence, ExecutionStatus::Succeeded))
    }))
    .await;
    for (place, answer) in answers.iter().enumerate() {
        match answer {
            Ok(_) => assert_ne!(place, 77),
            Err(error) => assert!(place == 77 && matches!(error, Error::Conflict { what: "sequence" }), "{place} {error:?}"),
        }
    }
    assert_eq!(bench.find(&scope, ids[77]).await.status, ExecutionStatus::Running);
    assert_eq!(bench.number("SELECT count(*) FROM connector_executions WHERE status = 'succeeded'").await, 199);
    assert_eq!(bench.number("SELECT count(*) FROM execution_logs").await, 399);
    assert_eq!(bench.number("SELECT count(DISTINCT number) FROM connector_executions WHERE number BETWEEN 1 AND 200").await, 200);
    let counted = bench.read(&scope).await.find_connector(connector.id).await.unwrap().unwrap();
    assert_eq!((counted.run_count, counted.success_count), (199, 199));
}

#[tokio::test]
async fn two_records_of_one_run_sent_together_are_both_written_in_order() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let id = bench.start(&scope, None).await;
    let claimed = bench.claim(id).await;
    let (first, second) = tokio::join!(
        bench.store.record(&claimed.lease, record(&claimed, 2, ExecutionStatus::Running)),
        bench.store.record(&claimed.lease, record(&claimed, 3, ExecutionStatus::Succeeded)),
    );
    first.unwrap();
    second.unwrap();
    let found = bench.find(&scope, id).await;
    assert_eq!((found.status, found.revision, found.last_log_sequence), (ExecutionStatus::Succeeded, 4, 3));
}

#[tokio::test]
async fn transactions_and_groups_take_turns() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let starts = join_all((0..50).map(|_| bench.start(&scope, None)));
    let keys: Vec<String> = (0..50).map(|n| format!("c{n}")).collect();
    let inserts = join_all(keys.iter().map(|key| bench.connector(&scope, key)));
    tokio::join!(starts, inserts);
    assert_eq!(bench.number("SELECT count(*) FROM connectors").await, 50);
}

#[tokio::test]
async fn a_stopped_writer_finishes_what_was_sent_and_takes_no_more() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let new = new_execution(execution_value(scope.workspace_id(), None));
    let sent = bench.store.insert_execution(&scope, new, None, |_| {});
    let stop = async { bench.stop.cancel() };
    let (inserted, ()) = tokio::join!(sent, stop);
    assert!(inserted.is_ok(), "{inserted:?}");
    bench.writer.await.unwrap();
    let refused = bench.store.insert_execution(&scope, new_execution(execution_value(scope.workspace_id(), None)), None, |_| {}).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
}

#[tokio::test]
async fn a_run_of_one_step_costs_at_most_two_kilobytes_beside_the_body_it_keeps() {
    let bench = bench_in_file().await;
    let scope = bench.workspace("a").await;
    let connector = bench.connector(&scope, "c").await;
    let pages = async || bench.number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").await;
    let before = pages().await;
    let runs = 400;
    join_all((0..runs).map(|_| async {
        let claimed = bench.claim(bench.start(&scope, Some(connector.id)).await).await;
        let mut write = record(&claimed, 2, ExecutionStatus::Succeeded);
        write.entries = write.entries.iter().cloned().chain([line(claimed.execution.id, 3)]).collect();
        write.steps = vec![records::step_with_body(&claimed, &"x".repeat(1024))];
        write.execution.output = Some(json!({"email": "ann@x.example"}));
        bench.store.record(&claimed.lease, write).await.unwrap();
    }))
    .await;
    let each = (pages().await - before) / runs;
    assert!(each - 1024 <= 2048, "{each} bytes");
}
