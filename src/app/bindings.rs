//! Which credential fills which slot, and whether it may.
//!
//! A credential must be of the workspace and of the slot's kind, and every host the slot sends it to must be one the
//! credential allows. This is judged when slots are filled and again whenever a run is asked for.

use std::collections::BTreeMap;

use crate::auth::WorkspaceScope;
use crate::domain::credential::{Credential, SealedSecret, host_matches};
use crate::domain::definition::Slot;
use crate::domain::id::CredentialId;
use crate::domain::workspace::WorkspaceRole;
use crate::store::Tx;

use super::credentials::NewCredential;
use super::error::{Mistake, MistakeKind};
use super::text::{Mistakes, did_you_mean};
use super::{App, Error, Result};

/// A slot's name and what fills it.
#[derive(Debug, Clone)]
pub struct SlotFill {
    /// The slot.
    pub slot: String,
    /// With what.
    pub source: CredentialSource,
}

/// A credential that exists, or one to make on the way.
#[derive(Debug, Clone)]
pub enum CredentialSource {
    /// One that exists.
    Existing(CredentialId),
    /// One to make; without hosts of its own it gets the slot's.
    New(Box<NewCredential>),
}

/// Slots resolved to credentials, some of which must still be inserted.
#[derive(Debug, Default)]
pub(super) struct Filled {
    pub(super) bindings: BTreeMap<String, CredentialId>,
    pub(super) made: Vec<(Credential, SealedSecret)>,
}

impl App {
    /// Resolves what was given for the slots of a definition; every mistake at once, nothing written.
    ///
    /// `path` is the list's name in the input.
    pub(super) async fn fill_slots(
        &self,
        tx: &Tx<WorkspaceScope>,
        scope: &WorkspaceScope,
        slots: &BTreeMap<String, Slot>,
        (fills, path): (Vec<SlotFill>, &str),
    ) -> Result<Filled> {
        if fills.iter().any(|fill| matches!(fill.source, CredentialSource::New(_))) {
            scope.require(WorkspaceRole::Admin)?;
        }
        let wanted: Vec<CredentialId> = fills
            .iter()
            .filter_map(|fill| match fill.source {
                CredentialSource::Existing(id) => Some(id),
                CredentialSource::New(_) => None,
            })
            .collect();
        let known = if wanted.is_empty() { Vec::new() } else { tx.find_credentials(&wanted).await? };
        let mut filled = Filled::default();
        let mut mistakes = Mistakes::default();
        for (index, fill) in fills.into_iter().enumerate() {
            let place = [path.to_owned(), index.to_string()];
            match self.fill_slot(scope, (slots, &known), fill, &mut filled) {
                Ok(()) => {}
                Err(Error::Invalid(found)) => found.into_iter().for_each(|mistake| mistakes.push(mistake.below(&place))),
                Err(other) => return Err(other),
            }
        }
        mistakes.done()?;
        Ok(filled)
    }

    fn fill_slot(
        &self,
        scope: &WorkspaceScope,
        (slots, known): (&BTreeMap<String, Slot>, &[Credential]),
        fill: SlotFill,
        filled: &mut Filled,
    ) -> Result<()> {
        let Some(slot) = slots.get(&fill.slot) else {
            let hint = did_you_mean(&fill.slot, slots.keys().map(String::as_str));
            return Err(Mistake::invalid(&["slot"], format!("The definition has no slot `{}`.{hint}", fill.slot)).into());
        };
        if filled.bindings.contains_key(&fill.slot) {
            return Err(Mistake::invalid(&["slot"], format!("The slot `{}` is filled twice.", fill.slot)).into());
        }
        let id = match fill.source {
            CredentialSource::Existing(id) => {
                let path = ["credential", "id"];
                let Some(credential) = known.iter().find(|credential| credential.id == id) else {
                    let kind = MistakeKind::NotFound { looked_for: id.to_string() };
                    return Err(Mistake::new(kind, &path, "There is no such credential.").into());
                };
                fits(&fill.slot, slot, credential, true).map_err(|mistake| mistake.seen_in(scope).below(&path.map(str::to_owned)))?;
                id
            }
            CredentialSource::New(mut new) => {
                if new.allowed_hosts.is_empty() {
                    new.allowed_hosts.clone_from(&slot.hosts);
                }
                let prefix = ["credential", "create"];
                let (credential, sealed) = self.seal_credential(scope, *new).map_err(|error| error.at(&prefix))?;
                fits(&fill.slot, slot, &credential, false).map_err(|mistake| mistake.below(&prefix.map(str::to_owned)))?;
                let id = credential.id;
                filled.made.push((credential, sealed));
                id
            }
        };
        filled.bindings.insert(fill.slot, id);
        Ok(())
    }

    /// Judges the bindings of a run once more; `need_all` also wants every slot filled.
    ///
    /// # Errors
    /// [`Error::Invalid`] with one mistake per slot.
    pub(super) async fn check_bindings(
        &self,
        (tx, scope): (&Tx<WorkspaceScope>, &WorkspaceScope),
        slots: &BTreeMap<String, Slot>,
        bindings: &BTreeMap<String, CredentialId>,
        need_all: bool,
    ) -> Result<()> {
        let ids: Vec<CredentialId> = slots.keys().filter_map(|name| bindings.get(name)).copied().collect();
        let known = if ids.is_empty() { Vec::new() } else { tx.find_credentials(&ids).await? };
        let mut mistakes = Mistakes::default();
        for (name, slot) in slots {
            match bindings.get(name).and_then(|id| known.iter().find(|credential| credential.id == *id)) {
                Some(credential) => {
                    mistakes.note(fits(name, slot, credential, true).map_err(|mistake| mistake.seen_in(scope)));
                }
                None if need_all => mistakes.push(Mistake::new(
                    MistakeKind::CredentialMissing { slot: name.clone() },
                    &[],
                    format!("The slot `{name}` has no credential."),
                )),
                None => {}
            }
        }
        mistakes.done()
    }
}

/// Slots of a definition that nothing fills.
pub(super) fn empty_slots(slots: &BTreeMap<String, Slot>, bindings: &BTreeMap<String, CredentialId>) -> bool {
    slots.keys().any(|name| !bindings.contains_key(name))
}

/// Is the credential of the slot's kind, and allowed at every host the slot sends it to?
fn fits(name: &str, slot: &Slot, credential: &Credential, stored: bool) -> Result<(), Mistake> {
    let shown = || stored.then(|| Box::new(credential.clone()));
    if credential.kind != slot.kind {
        let message =
            format!("The slot `{name}` wants a credential of kind {}, not {}.", word(slot.kind.as_str()), word(credential.kind.as_str()));
        let kind = MistakeKind::CredentialMismatch { slot: name.to_owned(), credential: shown() };
        return Err(Mistake::new(kind, &[], message));
    }
    match slot.hosts.iter().find(|host| !covered(host, &credential.allowed_hosts)) {
        Some(host) => {
            let kind = MistakeKind::HostNotAllowed { slot: Some(name.to_owned()), credential: shown(), host: host.clone() };
            let message = format!("The slot `{name}` sends the credential to `{host}`, which the credential does not allow.");
            Err(Mistake::new(kind, &[], message))
        }
        None => Ok(()),
    }
}

fn word(stored: &str) -> String {
    stored.to_ascii_uppercase()
}

/// Does one of the patterns allow everything this host or host pattern stands for?
fn covered(host: &str, patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| {
        pattern.eq_ignore_ascii_case(host)
            || host_matches(pattern, host.strip_prefix("*.").filter(|_| pattern.starts_with("*.")).unwrap_or(host))
    })
}

#[cfg(test)]
mod tests {
    use super::covered;

    #[test]
    fn covers_hosts_and_patterns() {
        for (host, pattern, expected) in [
            ("api.x.example", "api.x.example", true),
            ("api.x.example", "*.x.example", true),
            ("*.x.example", "*.x.example", true),
            ("*.eu.x.example", "*.x.example", true),
            ("*.x.example", "api.x.example", false),
            ("*.x.example", "x.example", false),
            ("*.example", "*.x.example", false),
            ("evil.example", "*.x.example", false),
            ("x.example", "*.x.example", false),
        ] {
            assert_eq!(covered(host, &[pattern.to_owned()]), expected, "{host} under {pattern}");
        }
    }
}
