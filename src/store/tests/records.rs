//! Writing what runs did.

use super::*;
use crate::domain::contact::FieldChangeOutcome;
use crate::domain::exchange::{Exchange, Method, PayloadPreview};
use crate::domain::execution::{ErrorClass, ExecutionError, ExecutionErrorCode, StepAttempt, StepRun, StepStatus};
use crate::domain::id::{FieldChangeId, StepRunId};
use crate::domain::page::PageRequest;
use crate::domain::step_log::LogFilter;
use crate::store::{ContactRef, ContactWrite, Error, NewContact};

fn step(claimed: &Claimed, path: &str, status: StepStatus) -> StepRun {
    let exchange = Exchange {
        method: Method::Get,
        url: "https://api.x.example/a".to_owned(),
        request_headers: vec![("accept".to_owned(), "application/json".to_owned())],
        request_body: None,
        status: Some(200),
        response_headers: Vec::new(),
        response_body: None,
        started_at: now(),
        duration_ms: Some(3),
        first_byte_ms: None,
        error: None,
    };
    let attempt =
        StepAttempt { number: 1, started_at: now(), finished_at: None, error: None, exchanges: vec![exchange], next_attempt_at: None };
    StepRun {
        id: StepRunId::fresh(&SystemClock),
        execution_id: claimed.execution.id,
        workspace_id: claimed.execution.workspace_id,
        path: path.to_owned(),
        parent_path: None,
        position: 0,
        title: "Look \"up\"".to_owned(),
        kind: "http".to_owned(),
        status,
        started_at: Some(now()),
        finished_at: None,
        attempts: vec![attempt],
        cost: 0.25,
        output: Some(json!({"z": null, "a": [1, "\u{e9}"]})),
        error: Some(ExecutionError::new(ExecutionErrorCode::Network, ErrorClass::Transient, "no answer")),
        skip_reason: None,
        memory: None,
        cached: false,
    }
}

/// A step whose only call was answered with this body.
pub(super) fn step_with_body(claimed: &Claimed, body: &str) -> StepRun {
    let mut step = step(claimed, "lookup", StepStatus::Succeeded);
    let text = Some(body.to_owned());
    let preview = PayloadPreview { content_type: None, size_bytes: body.len() as u64, truncated: false, text };
    step.attempts[0].exchanges[0].response_body = Some(preview);
    step.error = None;
    step
}

/// Ends a run having written a step, a contact, its ledger and a line.
pub(super) async fn record_everything(bench: &Bench, claimed: &Claimed, contact: &Contact) -> (StepRunId, FieldChangeId) {
    let mut write = record(claimed, 2, ExecutionStatus::Succeeded);
    let step = step(claimed, "lookup", StepStatus::Succeeded);
    let change = contacts::change_of(claimed, Some(contact.id), "email", FieldChangeOutcome::Written);
    let ids = (step.id, change.id);
    write.steps = vec![step];
    write.contact = Some(ContactWrite { insert: None, update: Some((contact.clone(), contact.revision)), changes: vec![change] });
    bench.store.record(&claimed.lease, write).await.unwrap();
    ids
}

#[tokio::test]
async fn a_step_is_written_and_then_replaced() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let claimed = bench.claim(bench.start(&scope, None).await).await;
    let first = step(&claimed, "lookup", StepStatus::Running);
    let write = |sequence, step: &StepRun| Record { steps: vec![step.clone()], ..record(&claimed, sequence, ExecutionStatus::Running) };
    bench.store.record(&claimed.lease, write(2, &first)).await.unwrap();
    let tx = bench.read(&scope).await;
    let found = tx.find_step(claimed.execution.id, "lookup").await.unwrap().unwrap();
    let kept = StepRun { output: first.output.as_ref().map(|output| bench.kept(output)), ..first.clone() };
    assert_eq!(format!("{found:?}"), format!("{kept:?}"));
    let mut second = StepRun { status: StepStatus::Succeeded, finished_at: Some(now()), error: None, ..first.clone() };
    second.id = StepRunId::fresh(&SystemClock);
    bench.store.record(&claimed.lease, write(3, &second)).await.unwrap();
    let steps = tx.list_steps(claimed.execution.id).await.unwrap();
    assert_eq!((steps.len(), steps[0].status, steps[0].id), (1, StepStatus::Succeeded, first.id), "the step keeps its id");
    assert!(steps[0].error.is_none() && tx.find_step_by_id(first.id).await.unwrap().is_some());
}

#[tokio::test]
async fn the_end_frees_the_lease_and_counts_for_live_runs_only() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let connector = bench.connector(&scope, "c").await;
    let before = bench.read(&scope).await.find_connector(connector.id).await.unwrap().unwrap();
    for (kind, status) in [
        (ExecutionKind::Live, ExecutionStatus::Succeeded),
        (ExecutionKind::Live, ExecutionStatus::Failed),
        (ExecutionKind::Live, ExecutionStatus::TimedOut),
        (ExecutionKind::Live, ExecutionStatus::Cancelled),
        (ExecutionKind::Test, ExecutionStatus::Succeeded),
    ] {
        let mut new = new_execution(execution_value(scope.workspace_id(), Some(connector.id)));
        new.execution.kind = kind;
        let id = new.execution.id;
        bench.store.insert_execution(&scope, new, None, |_| {}).await.unwrap();
        let claimed = bench.claim(id).await;
        let mut end = record(&claimed, 2, status);
        end.execution.output = Some(json!({"z": 1, "a": null}));
        end.execution.result = Some("found".to_owned());
        end.execution.error = Some(ExecutionError::new(ExecutionErrorCode::Timeout, ErrorClass::Transient, "slow"));
        end.execution.warning_count = 2;
        bench.store.record(&claimed.lease, end.clone()).await.unwrap();
        let found = bench.find(&scope, id).await;
        assert_eq!((found.status, found.revision, found.last_log_sequence), (status, 3, 2));
        assert_eq!((found.output, found.error), (end.execution.output.clone(), end.execution.error.clone()));
        assert_eq!((found.finished_at, found.cost, found.warning_count), (Some(end.now), 0.25, 2));
        let next = bench.store.record(&claimed.lease, record(&claimed, 3, status)).await;
        assert!(matches!(next, Err(Error::Fenced)), "what ended stays as it is");
    }
    let after = bench.read(&scope).await.find_connector(connector.id).await.unwrap().unwrap();
    assert_eq!((after.run_count, after.success_count, after.failure_count), (4, 1, 2));
    assert!(after.last_run_at.is_some());
    assert_eq!((after.revision, after.updated_at), (before.revision, before.updated_at), "counting is no change");
}

#[tokio::test]
async fn a_lost_lease_writes_nothing() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let id = bench.start(&scope, None).await;
    let stale = LeaseRequest { owner: "same".into(), until: later(-1) };
    let old = bench.store.claim(&bench.system, id, stale).await.unwrap().taken().unwrap();
    let new = bench.store.claim(&bench.system, id, owner("same")).await.unwrap().taken().unwrap();
    let mut write = record(&old, 2, ExecutionStatus::Failed);
    write.steps = vec![step(&old, "lookup", StepStatus::Failed)];
    assert!(matches!(bench.store.record(&old.lease, write).await, Err(Error::Fenced)));
    assert!(bench.read(&scope).await.list_steps(id).await.unwrap().is_empty());
    bench.store.record(&new.lease, record(&new, 2, ExecutionStatus::Succeeded)).await.unwrap();
    assert_eq!(bench.read(&scope).await.logs_after(id, 0, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_contact_is_added_or_changed_with_the_rest_or_not_at_all() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let mut contact = bench.contact(&scope, "p").await;
    let id = bench.start(&scope, None).await;
    let claimed = bench.claim(id).await;
    contact.phone = Some("+4912".to_owned());
    let write = |sequence, insert, update| Record {
        steps: vec![step(&claimed, "lookup", StepStatus::Succeeded)],
        contact: Some(ContactWrite {
            insert,
            update,
            changes: vec![contacts::change_of(&claimed, Some(contact.id), "phone", FieldChangeOutcome::Written)],
        }),
        ..record(&claimed, sequence, ExecutionStatus::Running)
    };
    let missed = bench.store.record(&claimed.lease, write(2, None, Some((contact.clone(), 7)))).await;
    assert!(matches!(missed, Err(Error::Conflict { what: "contact" })), "{missed:?}");
    let taken = bench.store.record(&claimed.lease, write(2, Some(new_contact(contact_value(scope.workspace_id(), "p"))), None)).await;
    assert!(matches!(taken, Err(Error::Conflict { what: "key" })), "{taken:?}");
    let tx = bench.read(&scope).await;
    assert!(tx.list_steps(id).await.unwrap().is_empty() && tx.newest_changes(contact.id).await.unwrap().is_empty());
    assert_eq!((bench.find(&scope, id).await.revision, tx.logs_after(id, 0, 10).await.unwrap().len()), (2, 1));
    bench.store.record(&claimed.lease, write(2, None, Some((contact.clone(), 1)))).await.unwrap();
    let changed = tx.find_contact(&ContactRef::Id(contact.id)).await.unwrap().unwrap();
    assert_eq!((changed.phone, changed.revision, changed.created_at), (contact.phone.clone(), 2, contact.created_at));
    let fresh = contact_value(scope.workspace_id(), "q");
    bench.store.record(&claimed.lease, write(3, Some(new_contact(fresh.clone())), None)).await.unwrap();
    let added = tx.find_contact(&ContactRef::Id(fresh.id)).await.unwrap().unwrap();
    assert_eq!(format!("{added:?}"), format!("{fresh:?}"));
}

fn new_contact(contact: Contact) -> NewContact {
    NewContact { contact, unless: Vec::new() }
}

#[tokio::test]
async fn a_contact_that_came_meanwhile_is_not_added_again() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let known = Contact { phone: Some("+1".to_owned()), ..contact_value(scope.workspace_id(), "known") };
    let tx = bench.store.begin(&scope).await.unwrap();
    tx.insert_contact(&known).await.unwrap();
    tx.commit().await.unwrap();
    for (field, value, there) in
        [("email", "KNOWN@x.example", true), ("phone", "+1", true), ("key", "known", true), ("key", "other", false)]
    {
        let claimed = bench.claim(bench.start(&scope, None).await).await;
        let contact = Contact { key: None, ..contact_value(scope.workspace_id(), "late") };
        let insert = Some(NewContact { contact, unless: vec![(field.to_owned(), value.to_owned())] });
        let contact = Some(ContactWrite { insert, ..ContactWrite::default() });
        let outcome = bench.store.record(&claimed.lease, Record { contact, ..record(&claimed, 2, ExecutionStatus::Succeeded) }).await;
        assert_eq!(matches!(outcome, Err(Error::Conflict { what: "contact" })), there, "{field}: {outcome:?}");
    }
}

#[tokio::test]
async fn log_lines_are_read_as_the_filter_accepts_them() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let id = bench.start(&scope, None).await;
    let claimed = bench.claim(id).await;
    let mut write = record(&claimed, 2, ExecutionStatus::Running);
    let mut entries = vec![line(id, 2), line(id, 3), line(id, 4)];
    entries[1].level = LogLevel::Warn;
    entries[1].kind = LogKind::Http;
    entries[1].step_path = Some("lookup/inner".to_owned());
    entries[2].step_path = Some("look_p".to_owned());
    entries[2].message = "100% Done".to_owned();
    write.entries = entries.clone().into();
    bench.store.record(&claimed.lease, write).await.unwrap();
    entries.insert(0, line(id, 1));
    let by = LogFilter::default;
    let paths = |path: &str| Some(vec![path.to_owned()]);
    let tx = bench.read(&scope).await;
    for filter in [
        by(),
        LogFilter { min_level: Some(LogLevel::Warn), ..by() },
        LogFilter { kinds: Some(vec![LogKind::Http]), ..by() },
        LogFilter { step_paths: paths("lookup"), ..by() },
        LogFilter { step_paths: paths("look_p"), ..by() },
        LogFilter { step_paths: Some(Vec::new()), ..by() },
        LogFilter { search: Some("0% done".to_owned()), ..by() },
        LogFilter { search: Some("%".to_owned()), ..by() },
    ] {
        let page = tx.list_logs(id, &filter, &PageRequest::first(10)).await.unwrap();
        let found: Vec<_> = page.items.iter().map(|(_, entry)| entry.sequence).collect();
        let expected: Vec<_> = entries.iter().filter(|entry| filter.accepts(entry)).map(|entry| entry.sequence).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
    let page = tx.list_logs(id, &by(), &PageRequest::first(2)).await.unwrap();
    let after = PageRequest { cursor: Some(page.items[1].0.clone()), ..PageRequest::first(2) };
    let next = tx.list_logs(id, &by(), &after).await.unwrap();
    assert_eq!(next.items.iter().map(|(_, entry)| entry.sequence).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(tx.logs_after(id, 2, 1).await.unwrap()[0].sequence, 3);
}
