//! Contacts: made, changed and imported by the host application.

use serde_json::Map;

use crate::auth::{Principal, WorkspaceScope};
use crate::domain::contact::{Contact, ContactDraft, FieldChange};
use crate::domain::id::{ContactId, FieldChangeId, WorkspaceId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::workspace::WorkspaceRole;
use crate::store::{ContactFilter, ContactRef, ObjectId, Tx, WorkspaceRef};

use super::error::{Mistake, MistakeKind};
use super::text::{self, Mistakes};
use super::{App, Error, Result};

/// Rows one import may have.
const MAX_ROWS: usize = 500;
/// Bytes the attributes of a contact may have as JSON.
const ATTRIBUTES_BYTES: usize = 64 * 1024;

/// A contact made or changed.
#[derive(Debug, Clone)]
pub struct Upserted {
    /// As it is now.
    pub contact: Contact,
    /// Was it made?
    pub created: bool,
}

/// What became of one row of an import.
pub type ImportedRow = Result<Upserted, Vec<Mistake>>;

impl App {
    /// The workspace's contacts.
    pub async fn list_contacts(&self, scope: &WorkspaceScope, filter: &ContactFilter, page: &PageRequest) -> Result<Page<Contact>> {
        Ok(self.store().read(scope).await?.list_contacts(filter, page).await?)
    }

    /// One contact.
    pub async fn find_contact(&self, principal: &Principal, id: ContactId) -> Result<(Contact, WorkspaceScope)> {
        let scope = self.enter_of(principal, ObjectId::Contact(id), id).await?;
        let found = self.find_contact_in(&scope, &ContactRef::Id(id)).await?.ok_or_else(|| Error::not_found(id, &["id"]))?;
        Ok((found, scope))
    }

    /// One contact of the workspace.
    pub async fn find_contact_in(&self, scope: &WorkspaceScope, by: &ContactRef) -> Result<Option<Contact>> {
        Ok(self.store().read(scope).await?.find_contact(by).await?)
    }

    /// Those of these contacts that are in the workspace.
    pub async fn contacts_of(&self, scope: &WorkspaceScope, ids: &[ContactId]) -> Result<Vec<Contact>> {
        Ok(self.store().read(scope).await?.find_contacts(ids).await?)
    }

    /// Where each present value of a contact came from.
    pub async fn contact_sources(&self, scope: &WorkspaceScope, id: ContactId) -> Result<Vec<FieldChange>> {
        Ok(self.store().read(scope).await?.newest_changes(id).await?)
    }

    /// What connectors wrote to a contact, newest first.
    pub async fn list_field_changes(&self, scope: &WorkspaceScope, id: ContactId, page: &PageRequest) -> Result<Page<FieldChange>> {
        Ok(self.store().read(scope).await?.list_field_changes(id, page).await?)
    }

    /// One change of a contact field.
    pub async fn find_field_change(&self, principal: &Principal, id: FieldChangeId) -> Result<(FieldChange, WorkspaceScope)> {
        let scope = self.enter_of(principal, ObjectId::FieldChange(id), id).await?;
        let found = self.store().read(&scope).await?.find_field_change(id).await?.ok_or_else(|| Error::not_found(id, &["id"]))?;
        Ok((found, scope))
    }

    /// Makes a contact, or changes the one found by `matching` or else by the draft's key.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below EDITOR; [`Error::Invalid`] for bad values or a taken key.
    pub async fn upsert_contact(
        &self,
        principal: &Principal,
        workspace: &WorkspaceRef,
        (matching, draft): (Option<ContactRef>, ContactDraft),
    ) -> Result<(Upserted, WorkspaceScope)> {
        let (_, scope) = self.enter(principal, workspace).await?;
        scope.require(WorkspaceRole::Editor)?;
        let tx = self.store().begin(&scope).await?;
        let upserted = self.upsert(&tx, scope.workspace_id(), (matching, draft)).await?;
        tx.commit().await?;
        Ok((upserted, scope))
    }

    /// Makes or changes many contacts, each by itself: a bad row, also one that is no contact at all, does not hinder
    /// the others.
    ///
    /// # Errors
    /// [`Error::Forbidden`] below EDITOR; [`Error::Invalid`] when there are too many rows.
    pub async fn import_contacts(
        &self,
        principal: &Principal,
        workspace: &WorkspaceRef,
        drafts: Vec<Result<ContactDraft, Mistake>>,
    ) -> Result<(Vec<ImportedRow>, WorkspaceScope)> {
        let (_, scope) = self.enter(principal, workspace).await?;
        scope.require(WorkspaceRole::Editor)?;
        if drafts.len() > MAX_ROWS {
            return Err(text::too_long(MAX_ROWS, &["contacts"], format!("At most {MAX_ROWS} rows can be given.")).into());
        }
        let tx = self.store().begin(&scope).await?;
        let mut rows = Vec::with_capacity(drafts.len());
        for (index, draft) in drafts.into_iter().enumerate() {
            let place = ["contacts".to_owned(), index.to_string()];
            let done = match draft {
                Ok(draft) => self.upsert(&tx, scope.workspace_id(), (None, draft)).await,
                Err(mistake) => Err(mistake.into()),
            };
            rows.push(match done {
                Ok(upserted) => Ok(upserted),
                Err(Error::Invalid(mistakes)) => Err(mistakes.into_iter().map(|mistake| mistake.below(&place)).collect()),
                Err(other) => return Err(other),
            });
        }
        tx.commit().await?;
        Ok((rows, scope))
    }

    async fn upsert(
        &self,
        tx: &Tx<WorkspaceScope>,
        workspace: WorkspaceId,
        (matching, draft): (Option<ContactRef>, ContactDraft),
    ) -> Result<Upserted> {
        check(&draft)?;
        let found = match matching {
            Some(by) => {
                let looked_for = match &by {
                    ContactRef::Id(id) => id.to_string(),
                    ContactRef::Key(key) => key.clone(),
                };
                match (tx.find_contact(&by).await?, by) {
                    (Some(contact), _) => Some(contact),
                    (None, ContactRef::Key(key)) if draft.key.as_ref().is_none_or(|given| given.as_deref() == Some(&key)) => {
                        return self.insert(tx, workspace, ContactDraft { key: Some(Some(key)), ..draft }).await;
                    }
                    (None, _) => return Err(Error::not_found(looked_for, &["match"])),
                }
            }
            None => match draft.key.clone().flatten() {
                Some(key) => tx.find_contact(&ContactRef::Key(key)).await?,
                None => None,
            },
        };
        let Some(mut contact) = found else { return self.insert(tx, workspace, draft).await };
        draft.apply(&mut contact);
        contact.updated_at = self.clock().now();
        let contact = tx.update_contact(&contact, None).await.map_err(|error| Error::from(error).at(&["contact"]))?;
        Ok(Upserted { contact, created: false })
    }

    async fn insert(&self, tx: &Tx<WorkspaceScope>, workspace: WorkspaceId, draft: ContactDraft) -> Result<Upserted> {
        let now = self.clock().now();
        let mut contact = Contact {
            id: ContactId::fresh(self.clock()),
            workspace_id: workspace,
            key: None,
            email: None,
            phone: None,
            first_name: None,
            last_name: None,
            company: None,
            attributes: Map::new(),
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        draft.apply(&mut contact);
        tx.insert_contact(&contact).await.map_err(|error| Error::from(error).at(&["contact"]))?;
        Ok(Upserted { contact, created: true })
    }
}

fn check(draft: &ContactDraft) -> Result<()> {
    let mut mistakes = Mistakes::default();
    let fields = [
        ("key", &draft.key),
        ("email", &draft.email),
        ("phone", &draft.phone),
        ("firstName", &draft.first_name),
        ("lastName", &draft.last_name),
        ("company", &draft.company),
    ];
    for (name, value) in fields {
        mistakes.note(text::limited(value.as_ref().and_then(Option::as_deref).unwrap_or_default(), text::NAME_LENGTH, &["contact", name]));
    }
    if draft.key.as_ref().and_then(Option::as_deref).is_some_and(|key| key.trim().is_empty()) {
        mistakes.push(Mistake::new(MistakeKind::Required, &["contact", "key"], "A key may not be blank."));
    }
    let bytes =
        draft.attributes.iter().flatten().next().and_then(|attributes| serde_json::to_vec(attributes).ok()).map_or(0, |json| json.len());
    if bytes > ATTRIBUTES_BYTES {
        let message = format!("Attributes may have at most {ATTRIBUTES_BYTES} bytes.");
        mistakes.push(text::too_long(ATTRIBUTES_BYTES, &["contact", "attributes"], message));
    }
    mistakes.done()
}
