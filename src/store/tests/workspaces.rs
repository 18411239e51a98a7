//! Workspaces, members and SaaS admins.

use super::*;
use crate::domain::id::SaasAdminId;
use crate::domain::page::PageRequest;
use crate::domain::workspace::{SaasAdmin, SaasAdminRole};
use crate::store::{Error, WorkspaceRef};

#[tokio::test]
async fn a_workspace_changes_by_revision() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    bench.workspace("b").await;
    let tx = bench.begin(&scope).await;
    let mut workspace = tx.get_workspace().await.unwrap();
    workspace.name = "New".to_owned();
    workspace.max_concurrent_executions = 4;
    tx.update_workspace(&workspace, Some(1)).await.unwrap();
    let changed = tx.get_workspace().await.unwrap();
    assert_eq!((changed.name.as_str(), changed.max_concurrent_executions, changed.revision), ("New", 4, 2));
    assert!(matches!(tx.update_workspace(&workspace, Some(1)).await, Err(Error::Conflict { what: "revision" })));
    workspace.key = "b".to_owned();
    assert!(matches!(tx.update_workspace(&workspace, None).await, Err(Error::Conflict { what: "key" })));
}

#[tokio::test]
async fn a_key_is_taken_once_on_the_server() {
    let bench = bench().await;
    bench.workspace("a").await;
    let again = workspace_value("a");
    let tx = bench.begin(&user("bob")).await;
    let refused = tx.insert_workspace(&again, &member_value(again.id, "bob", WorkspaceRole::Owner)).await;
    assert!(matches!(refused, Err(Error::Conflict { what: "key" })), "{refused:?}");
    assert!(bench.read(&user("bob")).await.find_access(&WorkspaceRef::Id(again.id)).await.unwrap().is_none());
}

#[tokio::test]
async fn members_come_change_and_go() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let bob = member_value(scope.workspace_id(), "bob", WorkspaceRole::Viewer);
    let tx = bench.begin(&scope).await;
    tx.insert_member(&bob).await.unwrap();
    let again = member_value(scope.workspace_id(), "bob", WorkspaceRole::Admin);
    assert!(matches!(tx.insert_member(&again).await, Err(Error::Conflict { what: "subject" })));
    let found = tx.find_member(bob.id).await.unwrap().unwrap();
    assert_eq!((found.subject, found.role, found.added_by), ("bob".to_owned(), WorkspaceRole::Viewer, Some(Actor::SYSTEM)));
    assert_eq!(found.created_at, bob.created_at);
    tx.update_member_role(bob.id, WorkspaceRole::Owner).await.unwrap();
    assert_eq!(tx.count_owners().await.unwrap(), 2);
    assert_eq!(tx.list_members(&PageRequest::first(10)).await.unwrap().items.len(), 2);
    tx.delete_member(bob.id).await.unwrap();
    assert!(tx.find_member(bob.id).await.unwrap().is_none());
    assert!(matches!(tx.delete_member(bob.id).await, Err(Error::NotFound)));
    assert!(matches!(tx.update_member_role(bob.id, WorkspaceRole::Owner).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn saas_admins_are_known_by_subject() {
    let bench = bench().await;
    let id = SaasAdminId::fresh(&SystemClock);
    let admin = SaasAdmin {
        id,
        subject: "ann".to_owned(),
        display_name: Some("Ann".to_owned()),
        role: SaasAdminRole::Publisher,
        created_at: now(),
    };
    let tx = bench.begin(&bench.admin()).await;
    tx.insert_saas_admin(&admin).await.unwrap();
    let again = SaasAdmin { id: SaasAdminId::fresh(&SystemClock), ..admin.clone() };
    assert!(matches!(tx.insert_saas_admin(&again).await, Err(Error::Conflict { what: "subject" })));
    tx.commit().await.unwrap();
    let found = bench.read(&user("ann")).await.find_saas_admin().await.unwrap().unwrap();
    assert_eq!((found.id, found.role), (id, SaasAdminRole::Publisher));
    assert!(bench.read(&user("bob")).await.find_saas_admin().await.unwrap().is_none());
    assert_eq!(bench.read(&bench.admin()).await.list_saas_admins().await.unwrap().len(), 1);
}
