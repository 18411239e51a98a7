//! Credentials of the workspace; the ciphertext leaves through [`Tx::get_sealed`] alone.

use connectors_entity::workspace_api_credential as table;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, Select};

use super::page::{Key, Keyset, page};
use super::{Error, Tx, convert, search};
use crate::auth::WorkspaceScope;
use crate::domain::credential::{Credential, CredentialKind, SealedSecret};
use crate::domain::id::CredentialId;
use crate::domain::page::{Page, PageRequest};

/// Which credentials are wanted; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialFilter {
    /// Words in the name.
    pub search: Option<String>,
    /// Of one of these kinds.
    pub kinds: Option<Vec<CredentialKind>>,
    /// That may be sent to this host.
    pub host: Option<String>,
}

impl Tx<WorkspaceScope> {
    /// Adds a credential with its ciphertext.
    ///
    /// # Errors
    /// [`Error::Conflict`] `name`; [`Error::NotFound`] for another workspace's.
    pub async fn insert_credential(&self, credential: &Credential, sealed: &SealedSecret) -> Result<(), Error> {
        self.own(credential.workspace_id)?;
        self.insert(convert::credential_row(credential, sealed).into_active_model()).await
    }

    /// One credential.
    pub async fn find_credential(&self, id: CredentialId) -> Result<Option<Credential>, Error> {
        Ok(self.find_credentials(&[id]).await?.into_iter().next())
    }

    /// Those of these ids that are there, in no order.
    pub async fn find_credentials(&self, ids: &[CredentialId]) -> Result<Vec<Credential>, Error> {
        Ok(self.get_sealed(ids).await?.into_iter().map(|(credential, _)| credential).collect())
    }

    /// Those of these ids that are there, with their ciphertext, in no order.
    pub async fn get_sealed(&self, ids: &[CredentialId]) -> Result<Vec<(Credential, SealedSecret)>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = table::Column::Id.is_in(ids.iter().map(ToString::to_string));
        let rows = self.all_credentials().filter(wanted).all(&self.db()).await?;
        rows.into_iter().map(convert::credential).collect()
    }

    /// Credentials by name.
    pub async fn list_credentials(&self, filter: &CredentialFilter, request: &PageRequest) -> Result<Page<Credential>, Error> {
        let select = self.all_credentials().filter(condition(filter));
        let keyset = Keyset {
            list: "credentials.name",
            key: Key::Text(Expr::col(table::Column::Name.as_column_ref()), |row: &table::Model| row.name.clone()),
            id: Expr::col(table::Column::Id.as_column_ref()),
            id_of: |row| row.id.clone(),
            descending: false,
        };
        let turn = |row| convert::credential(row).map(|(credential, _)| credential);
        super::page::map(page(&self.db(), select, &keyset, request).await?, turn)
    }

    /// Deletes a credential.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_credential(&self, id: CredentialId) -> Result<(), Error> {
        let this = Condition::all().add(table::Column::Id.eq(id.to_string())).add(self.within(table::Column::WorkspaceId));
        match table::Entity::delete_many().filter(this).exec(&self.db()).await?.rows_affected {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }

    fn all_credentials(&self) -> Select<table::Entity> {
        table::Entity::find().filter(self.within(table::Column::WorkspaceId))
    }
}

fn condition(filter: &CredentialFilter) -> Condition {
    let mut all = Condition::all();
    if let Some(text) = &filter.search {
        all = all.add(search::words(text, &[table::Column::Name]));
    }
    if let Some(kinds) = &filter.kinds {
        all = all.add(table::Column::Kind.is_in(kinds.iter().map(|kind| kind.as_str())));
    }
    if let Some(host) = &filter.host {
        let patterns = host_patterns(host);
        let any = patterns.iter().fold(Condition::any(), |any, host| any.add(search::json_mentions(table::Column::AllowedHosts, host)));
        all = all.add(any);
    }
    all
}

/// The entries under which a host is allowed: itself, and a star before each domain above it.
fn host_patterns(host: &str) -> Vec<String> {
    let host = host.to_ascii_lowercase();
    let above = host.match_indices('.').filter_map(|(at, _)| host.get(at..)).map(|rest| format!("*{rest}"));
    std::iter::once(host.clone()).chain(above).collect()
}

#[cfg(test)]
mod tests {
    use super::host_patterns;

    #[test]
    fn a_host_is_allowed_by_name_or_below_a_star() {
        assert_eq!(host_patterns("Api.X.example"), ["api.x.example", "*.x.example", "*.example"]);
        assert_eq!(host_patterns("localhost"), ["localhost"]);
    }
}
