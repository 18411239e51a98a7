//! Contacts and the ledger of their fields.

use super::*;
use crate::domain::contact::{FieldChange, FieldChangeOutcome};
use crate::domain::id::FieldChangeId;
use crate::domain::page::PageRequest;
use crate::store::{ContactFilter, ContactRef, ContactWrite, Error};

pub(super) fn change_of(claimed: &Claimed, contact: Option<ContactId>, field: &str, outcome: FieldChangeOutcome) -> FieldChange {
    FieldChange {
        id: FieldChangeId::fresh(&SystemClock),
        workspace_id: claimed.execution.workspace_id,
        contact_id: contact,
        execution_id: claimed.execution.id,
        field: field.to_owned(),
        before: Value::Null,
        after: json!({"z": 1, "a": ["\u{e9}"]}),
        outcome,
        reason: Some("it was empty".to_owned()),
        confidence: Some(0.5),
        step_path: Some("lookup".to_owned()),
        source: Some("api.x.example".to_owned()),
        stale_at: Some(later(60)),
        occurred_at: now(),
    }
}

#[tokio::test]
async fn a_contact_round_trips_and_changes_by_revision() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let given = bench.contact(&scope, "p").await;
    let tx = bench.begin(&scope).await;
    let mut contact = tx.find_contact(&ContactRef::Key("p".to_owned())).await.unwrap().unwrap();
    assert_eq!(format!("{contact:?}"), format!("{given:?}"));
    contact.phone = Some("+4912".to_owned());
    let changed = tx.update_contact(&contact, Some(1)).await.unwrap();
    assert_eq!((changed.revision, changed.phone.as_deref()), (2, Some("+4912")));
    assert!(matches!(tx.update_contact(&contact, Some(1)).await, Err(Error::Conflict { what: "revision" })));
    assert!(matches!(tx.insert_contact(&contact_value(scope.workspace_id(), "p")).await, Err(Error::Conflict { what: "key" })));
    for (field, value, found) in
        [("email", "P@x.EXAMPLE", true), ("phone", "+4912", true), ("key", "p", true), ("key", "P", false), ("company", "x", false)]
    {
        assert_eq!(tx.find_contact_by_field(field, value).await.unwrap().is_some(), found, "{field}");
    }
    tx.delete_contact(contact.id).await.unwrap();
    assert!(matches!(tx.update_contact(&contact, None).await, Err(Error::NotFound)));
    assert!(matches!(tx.delete_contact(contact.id).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let one = bench.contact(&scope, "one").await;
    let mut two = contact_value(scope.workspace_id(), "two");
    two.attributes = Map::from_iter([("address".to_owned(), json!({"street.no": 1, "zip": "1"}))]);
    two.updated_at = later(60);
    let tx = bench.begin(&scope).await;
    tx.insert_contact(&two).await.unwrap();
    let by = ContactFilter::default;
    let texts = |text: &str| Some(vec![text.to_owned()]);
    for (filter, expected) in [
        (by(), vec!["two", "one"]),
        (ContactFilter { search: Some("ANN one@".to_owned()), ..by() }, vec!["one"]),
        (ContactFilter { search: Some("_ne".to_owned()), ..by() }, vec![]),
        (ContactFilter { ids: Some(vec![one.id]), ..by() }, vec!["one"]),
        (ContactFilter { keys: texts("two"), ..by() }, vec!["two"]),
        (ContactFilter { has_fields: texts("attributes.city"), ..by() }, vec!["one"]),
        (ContactFilter { has_fields: texts("address.zip"), ..by() }, vec!["two"]),
        (ContactFilter { has_fields: texts("a\"b"), ..by() }, vec![]),
        (ContactFilter { missing_fields: texts("city"), ..by() }, vec!["two"]),
        (ContactFilter { missing_fields: texts("first_name"), ..by() }, vec![]),
        (ContactFilter { updated: (Some(later(30)), None), ..by() }, vec!["two"]),
        (ContactFilter { updated: (None, Some(later(30))), ..by() }, vec!["one"]),
    ] {
        let page = tx.list_contacts(&filter, &PageRequest::first(10)).await.unwrap();
        let keys: Vec<_> = page.items.into_iter().filter_map(|(_, contact)| contact.key).collect();
        assert_eq!(keys, expected, "{filter:?}");
    }
    assert_eq!(tx.find_contacts(&[one.id, two.id]).await.unwrap().len(), 2);
    assert!(tx.find_contacts(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_ledger_gives_the_newest_written_change_of_each_field() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let contact = bench.contact(&scope, "p").await;
    let claimed = bench.claim(bench.start(&scope, None).await).await;
    let changes: Vec<_> = [
        ("email", FieldChangeOutcome::Written),
        ("phone", FieldChangeOutcome::Written),
        ("email", FieldChangeOutcome::Written),
        ("email", FieldChangeOutcome::Kept),
    ]
    .map(|(field, outcome)| change_of(&claimed, Some(contact.id), field, outcome))
    .into();
    let mut write = record(&claimed, 2, ExecutionStatus::Succeeded);
    write.contact = Some(ContactWrite { changes: changes.clone(), ..Default::default() });
    bench.store.record(&claimed.lease, write).await.unwrap();
    let tx = bench.read(&scope).await;
    let newest = tx.newest_changes(contact.id).await.unwrap();
    assert_eq!(newest.iter().map(|change| change.id).collect::<Vec<_>>(), [changes[2].id, changes[1].id]);
    let found = tx.find_field_change(changes[0].id).await.unwrap().unwrap();
    let kept = FieldChange { after: bench.kept(&changes[0].after), ..changes[0].clone() };
    assert_eq!(format!("{found:?}"), format!("{kept:?}"));
    assert_eq!(tx.execution_field_changes(claimed.execution.id).await.unwrap().len(), 4);
    let page = tx.list_field_changes(contact.id, &PageRequest::first(1)).await.unwrap();
    assert_eq!((page.items[0].1.id, page.has_next), (changes[3].id, true));
}

#[tokio::test]
async fn contacts_a_connector_wrote_nothing_to_are_found() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let connector = bench.connector(&scope, "c").await;
    let (written, kept) = (bench.contact(&scope, "written").await, bench.contact(&scope, "kept").await);
    let claimed = bench.claim(bench.start(&scope, Some(connector.id)).await).await;
    let changes = vec![
        change_of(&claimed, Some(written.id), "email", FieldChangeOutcome::Written),
        change_of(&claimed, Some(kept.id), "email", FieldChangeOutcome::Kept),
        change_of(&claimed, None, "email", FieldChangeOutcome::Written),
    ];
    let mut write = record(&claimed, 2, ExecutionStatus::Succeeded);
    write.contact = Some(ContactWrite { changes, ..Default::default() });
    bench.store.record(&claimed.lease, write).await.unwrap();
    let tx = bench.read(&scope).await;
    for (by, expected) in [(connector.id, vec!["kept"]), (ConnectorId::fresh(&SystemClock), vec!["kept", "written"])] {
        let filter = ContactFilter { not_enriched_by: Some(by), ..ContactFilter::default() };
        let page = tx.list_contacts(&filter, &PageRequest::first(10)).await.unwrap();
        let keys: Vec<_> = page.items.into_iter().filter_map(|(_, contact)| contact.key).collect();
        assert_eq!(keys, expected);
    }
}
