//! Isolation: what is in another workspace is not there.

use super::*;
use crate::domain::contact::FieldChangeOutcome;
use crate::domain::id::{ConnectorVersionId, CredentialId, FieldChangeId, InstallationId, StepRunId};
use crate::domain::page::PageRequest;
use crate::domain::step_log::LogFilter;
use crate::store::{
    ConnectorFilter, ConnectorOrder, ContactFilter, ContactRef, CredentialFilter, Error, ExecutionFilter, ObjectId, WorkspaceRef,
};

/// One of each thing in a workspace.
struct Things {
    connector: Connector,
    version: ConnectorVersionId,
    credential: CredentialId,
    contact: Contact,
    execution: ExecutionId,
    step: StepRunId,
    change: FieldChangeId,
    member: MemberId,
}

async fn things(bench: &Bench, scope: &WorkspaceScope) -> Things {
    let connector = bench.connector(scope, "c").await;
    let contact = bench.contact(scope, "p").await;
    let credential = credentials::insert(bench, scope, "key").await.id;
    let version = connectors::insert_version(bench, scope, connector.id, 1).await.id;
    let claimed = bench.claim(bench.start(scope, Some(connector.id)).await).await;
    let (step, change) = records::record_everything(bench, &claimed, &contact).await;
    let member = bench.read(scope).await.list_members(&PageRequest::first(1)).await.unwrap().items.remove(0).1.id;
    Things { connector, version, credential, contact, execution: claimed.execution.id, step, change, member }
}

impl Things {
    fn ids(&self) -> [ObjectId; 8] {
        [
            ObjectId::Connector(self.connector.id),
            ObjectId::ConnectorVersion(self.version),
            ObjectId::Credential(self.credential),
            ObjectId::Execution(self.execution),
            ObjectId::StepRun(self.step),
            ObjectId::Contact(self.contact.id),
            ObjectId::FieldChange(self.change),
            ObjectId::Member(self.member),
        ]
    }
}

#[tokio::test]
async fn an_object_leads_to_the_role_of_a_member_and_nobody_else() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let things = things(&bench, &scope).await;
    let expected = Access { workspace_id: scope.workspace_id(), role: WorkspaceRole::Owner };
    for object in things.ids() {
        assert_eq!(bench.read(&user("ann")).await.find_access_to(object).await.unwrap(), Some(expected), "{object:?}");
        assert_eq!(bench.read(&user("eve")).await.find_access_to(object).await.unwrap(), None, "{object:?}");
        let service = UserScope::of(&principal("crm", true));
        let access = bench.read(&service).await.find_access_to(object).await.unwrap();
        assert_eq!(access, Some(Access { role: WorkspaceRole::Admin, ..expected }), "{object:?}");
    }
    let nothing = ObjectId::Connector(ConnectorId::fresh(&SystemClock));
    assert_eq!(bench.read(&user("ann")).await.find_access_to(nothing).await.unwrap(), None);
}

#[tokio::test]
async fn an_installation_is_a_connector_made_from_a_template() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    let plain = bench.connector(&scope, "plain").await;
    let template = templates::publish(&bench, "s", &["1.0.0"]).await;
    let mut made = connector_value(scope.workspace_id(), "made");
    made.template_id = Some(template.id);
    let tx = bench.begin(&scope).await;
    tx.insert_connector(&made).await.unwrap();
    tx.commit().await.unwrap();
    let tx = bench.read(&user("ann")).await;
    for (connector, found) in [(plain, false), (made, true)] {
        let object = ObjectId::Installation(InstallationId::from_uuid(connector.id.uuid()));
        assert_eq!(tx.find_access_to(object).await.unwrap().is_some(), found, "{}", connector.key);
    }
}

#[tokio::test]
async fn a_workspace_is_entered_by_id_or_key_with_ones_own_row() {
    let bench = bench().await;
    let scope = bench.workspace("a").await;
    bench.workspace("b").await;
    for by in [WorkspaceRef::Id(scope.workspace_id()), WorkspaceRef::Key("a".to_owned())] {
        let (workspace, access) = bench.read(&user("ann")).await.find_access(&by).await.unwrap().unwrap();
        assert_eq!((workspace.key.as_str(), access.role), ("a", WorkspaceRole::Owner));
        assert!(bench.read(&user("eve")).await.find_access(&by).await.unwrap().is_none());
        let service = UserScope::of(&principal("ann", true));
        let (_, access) = bench.read(&service).await.find_access(&by).await.unwrap().unwrap();
        assert_eq!(access.role, WorkspaceRole::Admin);
    }
    let page = bench.read(&user("ann")).await.list_workspaces(&PageRequest::first(10)).await.unwrap();
    assert_eq!(page.items.len(), 2);
    assert!(bench.read(&user("eve")).await.list_workspaces(&PageRequest::first(10)).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn reading_across_workspaces_gives_nothing() {
    let bench = bench().await;
    let (mine, theirs) = (bench.workspace("mine").await, bench.workspace("theirs").await);
    let they = things(&bench, &theirs).await;
    let all = PageRequest::first(10);
    let tx = bench.read(&mine).await;
    assert!(tx.find_connector(they.connector.id).await.unwrap().is_none());
    assert!(tx.find_connector_by_key("c").await.unwrap().is_none());
    let listed = tx.list_connectors(&ConnectorFilter::default(), ConnectorOrder::default(), &all).await.unwrap();
    assert!(listed.items.is_empty());
    assert!(tx.find_version(they.version).await.unwrap().is_none());
    assert!(tx.list_versions(they.connector.id, &all).await.unwrap().items.is_empty());
    assert!(tx.find_credential(they.credential).await.unwrap().is_none());
    assert!(tx.get_sealed(&[they.credential]).await.unwrap().is_empty());
    assert!(tx.list_credentials(&CredentialFilter::default(), &all).await.unwrap().items.is_empty());
    assert_eq!(tx.connectors_using(they.credential, 5).await.unwrap().1, 0);
    assert!(tx.find_execution(they.execution).await.unwrap().is_none());
    assert!(tx.list_executions(&ExecutionFilter::default(), &all).await.unwrap().items.is_empty());
    assert!(tx.list_steps(they.execution).await.unwrap().is_empty());
    assert!(tx.find_step(they.execution, "lookup").await.unwrap().is_none());
    assert!(tx.find_step_by_id(they.step).await.unwrap().is_none());
    assert!(tx.logs_after(they.execution, 0, 10).await.unwrap().is_empty());
    assert!(tx.list_logs(they.execution, &LogFilter::default(), &all).await.unwrap().items.is_empty());
    assert!(tx.find_contact(&ContactRef::Id(they.contact.id)).await.unwrap().is_none());
    assert!(tx.find_contacts(&[they.contact.id]).await.unwrap().is_empty());
    assert!(tx.find_contact_by_field("key", "p").await.unwrap().is_none());
    assert!(tx.list_contacts(&ContactFilter::default(), &all).await.unwrap().items.is_empty());
    assert!(tx.newest_changes(they.contact.id).await.unwrap().is_empty());
    assert!(tx.list_field_changes(they.contact.id, &all).await.unwrap().items.is_empty());
    assert!(tx.execution_field_changes(they.execution).await.unwrap().is_empty());
    assert!(tx.find_field_change(they.change).await.unwrap().is_none());
    assert!(tx.find_member(they.member).await.unwrap().is_none());
}

#[tokio::test]
async fn writing_across_workspaces_finds_nothing() {
    let bench = bench().await;
    let (mine, theirs) = (bench.workspace("mine").await, bench.workspace("theirs").await);
    let they = things(&bench, &theirs).await;
    let tx = bench.begin(&mine).await;
    let not_found = |result: Result<(), Error>| assert!(matches!(result, Err(Error::NotFound)), "{result:?}");
    not_found(tx.update_connector(&they.connector, None).await.map(drop));
    not_found(tx.delete_connector(they.connector.id).await);
    not_found(tx.insert_connector(&connector_value(theirs.workspace_id(), "x")).await);
    not_found(tx.delete_credential(they.credential).await);
    not_found(tx.update_contact(&they.contact, None).await.map(drop));
    not_found(tx.delete_contact(they.contact.id).await);
    not_found(tx.insert_contact(&contact_value(theirs.workspace_id(), "x")).await);
    not_found(tx.update_member_role(they.member, WorkspaceRole::Viewer).await);
    not_found(tx.delete_member(they.member).await);
    not_found(tx.insert_member(&member_value(theirs.workspace_id(), "eve", WorkspaceRole::Owner)).await);
    tx.commit().await.unwrap();
    let foreign = new_execution(execution_value(theirs.workspace_id(), None));
    not_found(bench.store.insert_execution(&mine, foreign, None, |_| {}).await.map(drop));
    assert!(bench.store.request_cancel(&mine, they.execution, now()).await.unwrap().is_none());
    // A lease of one workspace cannot be turned on another's execution or contact.
    let claimed = bench.claim(bench.start(&mine, None).await).await;
    let forged = std::sync::Arc::new(crate::domain::lease::Lease { workspace_id: theirs.workspace_id(), ..(*claimed.lease).clone() });
    assert!(matches!(bench.store.record(&forged, record(&claimed, 2, ExecutionStatus::Failed)).await, Err(Error::Fenced)));
    let mut write = record(&claimed, 2, ExecutionStatus::Succeeded);
    let changes = vec![contacts::change_of(&claimed, None, "email", FieldChangeOutcome::Written)];
    write.contact = Some(crate::store::ContactWrite { insert: None, update: Some((they.contact.clone(), 1)), changes });
    assert!(matches!(bench.store.record(&claimed.lease, write).await, Err(Error::Conflict { what: "contact" })));
    assert_eq!(bench.number("SELECT count(*) FROM contact_field_changes").await, 1, "theirs alone");
}
