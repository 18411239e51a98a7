//! Connectors and their versions.

use super::*;
use crate::domain::connector::ConnectorVersion;
use crate::domain::id::{ConnectorVersionId, CredentialId};
use crate::domain::page::PageRequest;
use crate::store::{ConnectorFilter, ConnectorOrder, Error};

pub(super) async fn insert_version(bench: &Bench, scope: &WorkspaceScope, connector_id: ConnectorId, number: i32) -> ConnectorVersion {
    let version = ConnectorVersion {
        id: ConnectorVersionId::fresh(&SystemClock),
        workspace_id: scope.workspace_id(),
        connector_id,
        number,
        definition: json!({"z": number, "a": [1, 2]}),
        hash: format!("sha256:{number}"),
        note: Some("first".to_owned()),
        published_by: Actor::from_stored("user:ann"),
        published_at: now(),
    };
    let tx = bench.begin(scope).await;
    tx.insert_version(&version).await.unwrap();
    tx.commit().await.unwrap();
    version
}

#[tokio::test]
async fn a_connector_round_trips_and_changes_by_revision() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let given = bench.connector(&scope, "c").await;
    bench.connector(&scope, "d").await;
    let tx = bench.begin(&scope).await;
    let mut connector = tx.find_connector_by_key("c").await.unwrap().unwrap();
    let given = Connector { draft: bench.kept(&given.draft), ..given };
    assert_eq!(format!("{connector:?}"), format!("{given:?}"), "every column comes back as it went in");
    connector.name = "New".to_owned();
    connector.bindings.insert("main".to_owned(), CredentialId::fresh(&SystemClock));
    connector.run_count = 99;
    connector.updated_at = later(5);
    let changed = tx.update_connector(&connector, Some(1)).await.unwrap();
    assert_eq!((changed.revision, changed.run_count, changed.updated_at), (2, 0, connector.updated_at));
    assert_eq!((changed.name.as_str(), &changed.bindings), ("New", &connector.bindings));
    assert!(matches!(tx.update_connector(&connector, Some(1)).await, Err(Error::Conflict { what: "revision" })));
    connector.key = "d".to_owned();
    assert!(matches!(tx.update_connector(&connector, None).await, Err(Error::Conflict { what: "key" })));
    assert!(matches!(tx.insert_connector(&connector_value(scope.workspace_id(), "c")).await, Err(Error::Conflict { what: "key" })));
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let credential = CredentialId::fresh(&SystemClock);
    let tx = bench.begin(&scope).await;
    for (key, name, tags, status) in [
        ("one", "50% off_er", vec!["crm", "a\"b"], ConnectorStatus::Active),
        ("two", "500 offers", vec!["crm"], ConnectorStatus::Draft),
        ("old", "put away", vec![], ConnectorStatus::Archived),
    ] {
        let mut connector = connector_value(scope.workspace_id(), key);
        connector.name = name.to_owned();
        connector.tags = tags.into_iter().map(str::to_owned).collect();
        connector.status = status;
        if key == "two" {
            connector.bindings.insert("main".to_owned(), credential);
        }
        tx.insert_connector(&connector).await.unwrap();
    }
    let by = ConnectorFilter::default;
    let text = |words: &str| Some(words.to_owned());
    for (filter, expected) in [
        (by(), vec!["one", "two"]),
        (ConnectorFilter { search: text("50% OFF_"), ..by() }, vec!["one"]),
        (ConnectorFilter { search: text("offers two"), ..by() }, vec!["two"]),
        (ConnectorFilter { search: text("\\"), ..by() }, vec![]),
        (ConnectorFilter { statuses: Some(vec![ConnectorStatus::Archived]), ..by() }, vec!["old"]),
        (ConnectorFilter { tags: Some(vec!["crm".to_owned(), "a\"b".to_owned()]), ..by() }, vec!["one"]),
        (ConnectorFilter { tags: Some(vec!["cr".to_owned()]), ..by() }, vec![]),
        (ConnectorFilter { tags: Some(vec!["CRM".to_owned()]), ..by() }, vec![]),
        (ConnectorFilter { credential_id: Some(credential), ..by() }, vec!["two"]),
    ] {
        let page = tx.list_connectors(&filter, ConnectorOrder::default(), &PageRequest::first(10)).await.unwrap();
        let mut keys: Vec<_> = page.items.into_iter().map(|(_, connector)| connector.key).collect();
        keys.sort();
        assert_eq!(keys, expected, "{filter:?}");
    }
    let (using, total) = tx.connectors_using(credential, 5).await.unwrap();
    assert_eq!((using.len(), total, using[0].key.as_str()), (1, 1, "two"));
}

#[tokio::test]
async fn versions_are_numbered_per_connector_and_stay_in_their_workspace() {
    let bench = bench().await;
    let (scope, other) = (bench.workspace("a").await, bench.workspace("b").await);
    let connector = bench.connector(&scope, "c").await;
    let foreign = bench.connector(&other, "c").await;
    let first = insert_version(&bench, &scope, connector.id, 1).await;
    let tx = bench.begin(&scope).await;
    assert_eq!(tx.next_version_number(connector.id).await.unwrap(), 2);
    assert_eq!(tx.next_version_number(foreign.id).await.unwrap(), 1);
    let kept = ConnectorVersion { definition: bench.kept(&first.definition), ..first.clone() };
    assert_eq!(format!("{:?}", tx.find_version(first.id).await.unwrap().unwrap()), format!("{kept:?}"));
    let fresh = |connector_id| ConnectorVersion { id: ConnectorVersionId::fresh(&SystemClock), connector_id, ..first.clone() };
    assert!(matches!(tx.insert_version(&fresh(connector.id)).await, Err(Error::Conflict { what: "version" })));
    assert!(matches!(tx.insert_version(&fresh(foreign.id)).await, Err(Error::NotFound)), "a parent elsewhere is no parent");
    tx.commit().await.unwrap();
    insert_version(&bench, &scope, connector.id, 2).await;
    let page = bench.read(&scope).await.list_versions(connector.id, &PageRequest::first(10)).await.unwrap();
    assert_eq!(page.items.iter().map(|(_, version)| version.number).collect::<Vec<_>>(), [2, 1]);
}

#[tokio::test]
async fn a_deleted_connector_leaves_its_history_and_stops_what_runs() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let connector = bench.connector(&scope, "c").await;
    let version = insert_version(&bench, &scope, connector.id, 1).await;
    let done = bench.claim(bench.start(&scope, Some(connector.id)).await).await;
    bench.store.record(&done.lease, record(&done, 2, ExecutionStatus::Succeeded)).await.unwrap();
    let running = bench.claim(bench.start(&scope, Some(connector.id)).await).await;
    let tx = bench.begin(&scope).await;
    tx.delete_connector(connector.id).await.unwrap();
    assert!(matches!(tx.delete_connector(connector.id).await, Err(Error::NotFound)));
    tx.commit().await.unwrap();
    assert!(bench.read(&scope).await.find_version(version.id).await.unwrap().is_none());
    assert_eq!(bench.find(&scope, done.execution.id).await.status, ExecutionStatus::Succeeded);
    let stopped = bench.find(&scope, running.execution.id).await;
    assert!(stopped.cancel_requested && stopped.status == ExecutionStatus::Cancelling, "{stopped:?}");
    bench.store.record(&running.lease, record(&running, 2, ExecutionStatus::Cancelled)).await.unwrap();
}
