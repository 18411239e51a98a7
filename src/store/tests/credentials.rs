//! Credentials and their ciphertext.

use super::*;
use crate::domain::credential::{Credential, CredentialField, CredentialHealth, CredentialKind, SealedSecret};
use crate::domain::id::CredentialId;
use crate::domain::page::PageRequest;
use crate::store::{CredentialFilter, Error};

fn value(workspace_id: WorkspaceId, name: &str) -> Credential {
    Credential {
        id: CredentialId::fresh(&SystemClock),
        workspace_id,
        name: name.to_owned(),
        kind: CredentialKind::ApiKey,
        fields: vec![CredentialField { key: "value".to_owned(), secret: true, preview: "…abcd".to_owned() }],
        allowed_hosts: vec!["api.x.example".to_owned(), "*.y.example".to_owned()],
        health: CredentialHealth::Unknown,
        last_used_at: None,
        revision: 1,
        created_by: Actor::SYSTEM,
        created_at: now(),
        rotated_at: now(),
        expires_at: Some(later(3600)),
    }
}

pub(super) async fn insert(bench: &Bench, scope: &WorkspaceScope, name: &str) -> Credential {
    let credential = value(scope.workspace_id(), name);
    let tx = bench.begin(scope).await;
    tx.insert_credential(&credential, &SealedSecret(vec![0, 159, 255])).await.unwrap();
    tx.commit().await.unwrap();
    credential
}

#[tokio::test]
async fn a_credential_round_trips_with_its_ciphertext() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let given = insert(&bench, &scope, "key").await;
    let tx = bench.begin(&scope).await;
    let (found, sealed) = tx.get_sealed(&[given.id]).await.unwrap().remove(0);
    assert_eq!(format!("{found:?}"), format!("{given:?}"));
    assert_eq!(sealed.0, [0, 159, 255]);
    assert!(tx.get_sealed(&[]).await.unwrap().is_empty());
    let again = value(scope.workspace_id(), "key");
    assert!(matches!(tx.insert_credential(&again, &sealed).await, Err(Error::Conflict { what: "name" })));
    tx.delete_credential(given.id).await.unwrap();
    assert!(tx.find_credential(given.id).await.unwrap().is_none());
    assert!(matches!(tx.delete_credential(given.id).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    insert(&bench, &scope, "Beta").await;
    insert(&bench, &scope, "Alpha").await;
    let tx = bench.read(&scope).await;
    let by = CredentialFilter::default;
    for (filter, expected) in [
        (by(), 2),
        (CredentialFilter { search: Some("alp".to_owned()), ..by() }, 1),
        (CredentialFilter { kinds: Some(vec![CredentialKind::Basic]), ..by() }, 0),
        (CredentialFilter { host: Some("API.x.example".to_owned()), ..by() }, 2),
        (CredentialFilter { host: Some("eu.y.example".to_owned()), ..by() }, 2),
        (CredentialFilter { host: Some("y.example".to_owned()), ..by() }, 0),
    ] {
        let page = tx.list_credentials(&filter, &PageRequest::first(10)).await.unwrap();
        assert_eq!(page.items.len(), expected, "{filter:?}");
    }
    let page = tx.list_credentials(&by(), &PageRequest::first(10)).await.unwrap();
    assert_eq!(page.items[0].1.name, "Alpha");
}
