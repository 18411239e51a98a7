//! Keyset pages, on lists with ties.

use super::*;
use crate::domain::page::{Page, PageEnd, PageRequest};
use crate::store::{ConnectorFilter, ConnectorOrder, ConnectorOrderField, Error};

const FIELDS: [ConnectorOrderField; 4] =
    [ConnectorOrderField::Name, ConnectorOrderField::CreatedAt, ConnectorOrderField::UpdatedAt, ConnectorOrderField::LastExecutedAt];

async fn seven(bench: &Bench) -> WorkspaceScope {
    let scope = bench.workspace("a").await;
    let tx = bench.begin(&scope).await;
    let start = now();
    for place in 0..7_i64 {
        let mut connector = connector_value(scope.workspace_id(), &format!("k{place}"));
        // Names and times come in pairs, so that the id must decide.
        connector.name = format!("Name {}", place / 2);
        connector.created_at = start + TimeDelta::milliseconds(500 * (place / 2));
        connector.updated_at = connector.created_at;
        connector.last_run_at = (place > 2).then_some(connector.created_at);
        tx.insert_connector(&connector).await.unwrap();
    }
    tx.commit().await.unwrap();
    scope
}

async fn list(bench: &Bench, scope: &WorkspaceScope, order: ConnectorOrder, request: &PageRequest) -> Result<Page<Connector>, Error> {
    bench.read(scope).await.list_connectors(&ConnectorFilter::default(), order, request).await
}

async fn walk(bench: &Bench, scope: &WorkspaceScope, order: ConnectorOrder, end: PageEnd) -> Vec<String> {
    let mut keys = Vec::new();
    let mut request = PageRequest { size: 2, end, cursor: None, count: false };
    loop {
        let page = list(bench, scope, order, &request).await.unwrap();
        let found: Vec<_> = page.items.iter().map(|(_, connector)| connector.key.clone()).collect();
        let (more, behind, edge) = match end {
            PageEnd::First => (page.has_next, page.has_previous, page.items.last()),
            PageEnd::Last => (page.has_previous, page.has_next, page.items.first()),
        };
        assert_eq!(behind, request.cursor.is_some(), "{order:?} {end:?}");
        request.cursor = edge.map(|(cursor, _)| cursor.clone());
        match end {
            PageEnd::First => keys.extend(found),
            PageEnd::Last => keys.splice(0..0, found).for_each(drop),
        }
        if !more {
            return keys;
        }
    }
}

#[tokio::test]
async fn every_order_can_be_walked_both_ways() {
    let bench = bench().await;
    let scope = seven(&bench).await;
    let expected: Vec<String> = (0..7).map(|place| format!("k{place}")).collect();
    for field in FIELDS {
        for end in [PageEnd::First, PageEnd::Last] {
            let mut keys = walk(&bench, &scope, ConnectorOrder { field, descending: false }, end).await;
            assert_eq!(keys, expected, "{field:?} {end:?}");
            keys = walk(&bench, &scope, ConnectorOrder { field, descending: true }, end).await;
            keys.reverse();
            assert_eq!(keys, expected, "{field:?} {end:?} descending");
        }
    }
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let bench = bench().await;
    let scope = seven(&bench).await;
    let by = |field| ConnectorOrder { field, descending: false };
    let page = list(&bench, &scope, by(ConnectorOrderField::Name), &PageRequest::first(1)).await.unwrap();
    let after = PageRequest { cursor: Some(page.items[0].0.clone()), ..PageRequest::first(1) };
    let refused = list(&bench, &scope, by(ConnectorOrderField::CreatedAt), &after).await;
    assert!(matches!(refused, Err(Error::Cursor(_))), "{refused:?}");
    let made_up = PageRequest { cursor: Some("x".to_owned()), ..PageRequest::first(1) };
    assert!(matches!(list(&bench, &scope, by(ConnectorOrderField::Name), &made_up).await, Err(Error::Cursor(_))));
    let foreign = bench.read(&scope).await.list_members(&after).await;
    assert!(matches!(foreign, Err(Error::Cursor(_))));
}

#[tokio::test]
async fn a_page_counts_when_asked_and_may_be_empty() {
    let bench = bench().await;
    let scope = seven(&bench).await;
    let order = ConnectorOrder::default();
    let page = list(&bench, &scope, order, &PageRequest { count: true, ..PageRequest::first(3) }).await.unwrap();
    assert_eq!((page.items.len(), page.total, page.has_next, page.has_previous), (3, Some(7), true, false));
    let page = list(&bench, &scope, order, &PageRequest::first(0)).await.unwrap();
    assert_eq!((page.items.len(), page.total, page.has_next), (0, None, true));
    let page = list(&bench, &scope, order, &PageRequest::first(7)).await.unwrap();
    assert!(!page.has_next);
}
