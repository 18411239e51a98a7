//! Making, changing and importing contacts.

use async_graphql::{Context, InputObject, MaybeUndefined, Object};
use serde_json::Value;

use crate::app::{Mistake, Upserted};
use crate::auth::WorkspaceScope;
use crate::domain::contact::ContactDraft;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::Result;
use crate::graphql::scalar::{Json, int};
use crate::graphql::types::{Contact, ContactLookup, WorkspaceLookup};

use super::payload::{ContactImportRow, ContactUpsertPayload, ContactsImportPayload};

/// A contact to be made or changed. What is left out stays; null empties a field.
#[derive(InputObject, Debug)]
pub(crate) struct ContactDraftInput {
    /// The key the host application gives it.
    key: MaybeUndefined<String>,
    /// An e-mail address.
    email: MaybeUndefined<String>,
    /// A phone number.
    phone: MaybeUndefined<String>,
    /// The given name.
    first_name: MaybeUndefined<String>,
    /// The family name.
    last_name: MaybeUndefined<String>,
    /// What the company is called.
    company: MaybeUndefined<String>,
    /// Joined to what is there, member by member; a null member is taken away, null takes all.
    attributes: MaybeUndefined<Json>,
}

impl ContactDraftInput {
    fn into_draft(self) -> Result<ContactDraft, Mistake> {
        let attributes = match self.attributes {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null | MaybeUndefined::Value(Json(Value::Null)) => Some(None),
            MaybeUndefined::Value(Json(Value::Object(members))) => Some(Some(members)),
            MaybeUndefined::Value(_) => return Err(Mistake::invalid(&["contact", "attributes"], "It must be a JSON object.")),
        };
        Ok(ContactDraft {
            key: change(self.key),
            email: change(self.email),
            phone: change(self.phone),
            first_name: change(self.first_name),
            last_name: change(self.last_name),
            company: change(self.company),
            attributes,
        })
    }
}

/// What is left out stays, null and blank texts empty.
#[expect(clippy::option_option, reason = "left out, emptied and given are three things")]
fn change(given: MaybeUndefined<String>) -> Option<Option<String>> {
    match given {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(text) => Some(Some(text).filter(|text| !text.trim().is_empty())),
    }
}

/// What `contactUpsert` needs.
#[derive(InputObject, Debug)]
pub(crate) struct ContactUpsertInput {
    /// The workspace it is in.
    workspace: WorkspaceLookup,
    /// The contact to change; the one with the same key unless told.
    #[graphql(name = "match")]
    matching: Option<ContactLookup>,
    /// What is known about it.
    contact: ContactDraftInput,
}

/// What `contactsImport` needs.
#[derive(InputObject, Debug)]
pub(crate) struct ContactsImportInput {
    /// The workspace they are in.
    workspace: WorkspaceLookup,
    /// A row for each contact; a row whose key is known changes that contact. At most 500.
    contacts: Vec<ContactDraftInput>,
}

#[derive(Default)]
pub(crate) struct ContactMutations;

#[Object]
impl ContactMutations {
    /// Changes the contact that is found, or makes one. Requires EDITOR.
    #[graphql(complexity = "10 + child_complexity")]
    async fn contact_upsert(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact, and where it is.")] input: ContactUpsertInput,
    ) -> Result<Option<ContactUpsertPayload>> {
        let workspace = input.workspace.into_reference()?;
        let matching = input.matching.map(ContactLookup::into_reference).transpose()?;
        let (app, principal) = (ctx.app()?, ctx.principal()?);
        let done = match input.contact.into_draft() {
            Ok(draft) => app.upsert_contact(principal, &workspace, (matching, draft)).await,
            Err(mistake) => Err(mistake.into()),
        };
        ContactUpsertPayload::of(done, |(upserted, scope)| ContactUpsertPayload {
            contact: Some(Contact::new(&scope, upserted.contact)),
            created: Some(upserted.created),
            ..Default::default()
        })
    }

    /// Makes or changes up to 500 contacts; each row stands for itself, and a bad one does not harm the rest. Requires
    /// EDITOR.
    #[graphql(complexity = "10 + child_complexity")]
    async fn contacts_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contacts, and where they are.")] input: ContactsImportInput,
    ) -> Result<Option<ContactsImportPayload>> {
        let workspace = input.workspace.into_reference()?;
        let drafts = input.contacts.into_iter().map(ContactDraftInput::into_draft).collect();
        let done = ctx.app()?.import_contacts(ctx.principal()?, &workspace, drafts).await;
        ContactsImportPayload::of(done, |(rows, scope)| {
            let created = rows.iter().filter(|row| row.as_ref().is_ok_and(|upserted| upserted.created)).count();
            let changed = rows.iter().filter(|row| row.is_ok()).count() - created;
            ContactsImportPayload {
                rows: Some((0..).zip(rows).map(|(index, row)| import_row(&scope, index, row)).collect()),
                created_count: Some(int(created)),
                changed_count: Some(int(changed)),
                ..Default::default()
            }
        })
    }
}

fn import_row(scope: &WorkspaceScope, index: i32, row: Result<Upserted, Vec<Mistake>>) -> ContactImportRow {
    match row {
        Ok(upserted) => ContactImportRow {
            index,
            contact: Some(Contact::new(scope, upserted.contact)),
            created: upserted.created,
            user_errors: Vec::new(),
        },
        Err(mistakes) => {
            ContactImportRow { index, contact: None, created: false, user_errors: mistakes.into_iter().map(Into::into).collect() }
        }
    }
}
