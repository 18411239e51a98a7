//! Adding executions.

use super::*;
use crate::domain::id::CredentialId;
use crate::domain::page::PageRequest;
use crate::store::{Error, ExecutionFilter};

#[tokio::test]
async fn an_execution_round_trips_with_all_it_needs_to_run() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let mut new = new_execution(execution_value(scope.workspace_id(), Some(ConnectorId::fresh(&SystemClock))));
    new.execution.expires_at = Some(later(60));
    new.definition = Some(json!({"z": 1, "a": 2}));
    new.options = json!({"dry_run": true});
    new.bindings.insert("main".to_owned(), CredentialId::fresh(&SystemClock));
    assert_eq!(bench.store.insert_execution(&scope, new.clone(), None, |_| {}).await.unwrap(), Inserted::New { number: 1, leased: false });
    let found = bench.find(&scope, new.execution.id).await;
    let input = bench.kept(&new.execution.input);
    let expected = Execution { number: 1, last_log_sequence: 1, input, ..new.execution.clone() };
    assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    let lines: Vec<_> = new.entries.iter().map(|line| LogEntry { message: bench.kept_text(&line.message), ..line.clone() }).collect();
    assert_eq!(bench.read(&scope).await.logs_after(found.id, 0, 10).await.unwrap(), lines);
    let claimed = bench.claim(found.id).await;
    assert_eq!((&claimed.config, &claimed.bindings, &claimed.options), (&new.config, &new.bindings, &new.options));
    let kept = bench.kept(&json!({"z": 1, "a": 2}));
    assert_eq!(claimed.definition.map(|definition| definition.to_string()), Some(kept.to_string()));
}

#[tokio::test]
async fn numbers_count_up_by_workspace_without_touching_it() {
    let bench = bench().await;
    let (one, two) = (bench.workspace("one").await, bench.workspace("two").await);
    let before = bench.read(&one).await.get_workspace().await.unwrap();
    for (scope, expected) in [(&one, 1), (&one, 2), (&two, 1), (&one, 3)] {
        let id = bench.start(scope, None).await;
        assert_eq!(bench.find(scope, id).await.number, expected);
    }
    let after = bench.read(&one).await.get_workspace().await.unwrap();
    assert_eq!((before.updated_at, before.revision), (after.updated_at, after.revision));
}

#[tokio::test]
async fn a_repeated_request_makes_nothing_new() {
    let bench = bench().await;
    let (scope, other) = (bench.workspace("a").await, bench.workspace("b").await);
    let with = |scope: &WorkspaceScope, hash: &str| {
        let mut new = new_execution(execution_value(scope.workspace_id(), None));
        new.idempotency = Some(("k".to_owned(), hash.to_owned()));
        new
    };
    let first = with(&scope, "h");
    let id = first.execution.id;
    assert!(bench.read(&scope).await.find_repeated("k").await.unwrap().is_none());
    assert_eq!(bench.store.insert_execution(&scope, first, None, |_| {}).await.unwrap(), Inserted::New { number: 1, leased: false });
    assert_eq!(bench.store.insert_execution(&scope, with(&scope, "h"), None, |_| {}).await.unwrap(), Inserted::Repeated(id));
    let refused = bench.store.insert_execution(&scope, with(&scope, "other"), None, |_| {}).await;
    assert!(matches!(refused, Err(Error::Conflict { what: "idempotency" })), "{refused:?}");
    assert_eq!(
        bench.store.insert_execution(&other, with(&other, "x"), None, |_| {}).await.unwrap(),
        Inserted::New { number: 1, leased: false }
    );
    assert_eq!(bench.read(&scope).await.find_repeated("k").await.unwrap(), Some((id, "h".to_owned())));
    // The same key many times at once, in one group or several.
    let tries = (0..20).map(|_| {
        let mut new = with(&scope, "h");
        new.idempotency = Some(("again".to_owned(), "h".to_owned()));
        bench.store.insert_execution(&scope, new, None, |_| {})
    });
    let answers = futures_util::future::join_all(tries).await;
    let fresh = answers.iter().filter(|answer| matches!(answer, Ok(Inserted::New { .. }))).count();
    assert_eq!((fresh, bench.number("SELECT count(*) FROM connector_executions").await), (1, 3));
}

#[tokio::test]
async fn a_workspace_that_is_gone_takes_no_executions() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let tx = bench.begin(&scope).await;
    tx.delete_workspace().await.unwrap();
    tx.commit().await.unwrap();
    let refused = bench.store.insert_execution(&scope, new_execution(execution_value(scope.workspace_id(), None)), None, |_| {}).await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
}

#[tokio::test]
async fn filters_narrow_the_list() {
    use crate::domain::execution::{ErrorClass, ExecutionError, ExecutionErrorCode};
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let (connector, contact) = (ConnectorId::fresh(&SystemClock), ContactId::fresh(&SystemClock));
    let mut plain = execution_value(scope.workspace_id(), Some(connector));
    plain.queued_at = now() - TimeDelta::hours(1);
    let mut failed = execution_value(scope.workspace_id(), None);
    failed.status = ExecutionStatus::Failed;
    failed.contact_id = Some(contact);
    failed.trigger = ExecutionTrigger::Manual;
    failed.tags = vec!["day".to_owned()];
    failed.error = Some(ExecutionError::new(ExecutionErrorCode::Timeout, ErrorClass::Transient, "took too long"));
    failed.started_at = Some(now());
    failed.finished_at = failed.started_at.map(|start| start + TimeDelta::milliseconds(1500));
    let mut test = execution_value(scope.workspace_id(), None);
    test.kind = ExecutionKind::Test;
    for execution in [&plain, &failed, &test] {
        bench.store.insert_execution(&scope, new_execution(execution.clone()), None, |_| {}).await.unwrap();
    }
    let tx = bench.read(&scope).await;
    let by = ExecutionFilter::default;
    for (filter, expected) in [
        (by(), vec![failed.id, plain.id]),
        (ExecutionFilter { kinds: Some(vec![ExecutionKind::Test]), ..by() }, vec![test.id]),
        (ExecutionFilter { statuses: Some(vec![ExecutionStatus::Queued]), ..by() }, vec![plain.id]),
        (ExecutionFilter { connector_id: Some(connector), ..by() }, vec![plain.id]),
        (ExecutionFilter { contact_id: Some(contact), ..by() }, vec![failed.id]),
        (ExecutionFilter { triggers: Some(vec![ExecutionTrigger::Api]), ..by() }, vec![plain.id]),
        (ExecutionFilter { error_codes: Some(vec![ExecutionErrorCode::Timeout]), ..by() }, vec![failed.id]),
        (ExecutionFilter { error_codes: Some(vec![ExecutionErrorCode::Network]), ..by() }, vec![]),
        (ExecutionFilter { tags: Some(vec!["night".to_owned()]), ..by() }, vec![plain.id]),
        (ExecutionFilter { queued: (None, Some(later(-60))), ..by() }, vec![plain.id]),
        (ExecutionFilter { queued: (Some(later(-60)), None), ..by() }, vec![failed.id]),
        (ExecutionFilter { min_duration_ms: Some(1500), ..by() }, vec![failed.id]),
        (ExecutionFilter { min_duration_ms: Some(1501), ..by() }, vec![]),
    ] {
        let page = tx.list_executions(&filter, &PageRequest::first(10)).await.unwrap();
        assert_eq!(page.items.iter().map(|(_, execution)| execution.id).collect::<Vec<_>>(), expected, "{filter:?}");
    }
}
