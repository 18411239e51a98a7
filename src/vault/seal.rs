//! Sealing and opening: AES-256-GCM with a fresh random nonce, bound to workspace, credential, revision and key.
//!
//! Envelope: version (1 byte), length and text of the key id, nonce (12), ciphertext with tag (16).
//! Plaintext: a length, then each part as length-prefixed name and value, padded with zeros to 64, 128, 256 … bytes.

use std::sync::Arc;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use zeroize::{Zeroize, Zeroizing};

use super::keyring::{Keyring, MasterKey, fill_randomly, is_id};
use super::{Error, Options, Secret, Secrets};
use crate::domain::credential::SealedSecret;
use crate::domain::id::{CredentialId, WorkspaceId};

/// The only version of the envelope there is.
const VERSION: u8 = 1;
/// Begins the authenticated context.
const LABEL: &[u8] = b"connectors credential v1";
const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;
const SMALLEST_BUCKET: usize = 64;
/// Most bytes of plaintext, padding included.
const LARGEST_BUCKET: usize = 64 * 1024;

/// Seals and opens credentials. A cheap clone.
#[derive(Clone)]
pub struct Vault(Arc<Keyring>);

/// The row an envelope belongs to; it opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The credential.
    pub credential_id: CredentialId,
    /// The credential's revision, so that an older envelope of the same row does not open.
    pub revision: i32,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Vault").field("key_id", &self.0.current().id()).finish_non_exhaustive()
    }
}

impl Vault {
    /// A vault with these keys.
    ///
    /// # Errors
    /// [`Error::Key`] for a key that is missing, malformed or can be guessed.
    pub fn new(options: &Options) -> Result<Self, Error> {
        Ok(Self(Arc::new(Keyring::new(options)?)))
    }

    /// Text of a newly drawn key, `k1f3a90c2:base64`, for the configuration.
    ///
    /// # Errors
    /// [`Error::NoRandomness`].
    pub fn generate_key() -> Result<String, Error> {
        MasterKey::generate()
    }

    /// Seals the parts of a credential under the current key.
    ///
    /// # Errors
    /// [`Error::TooLarge`] above 64 KiB, [`Error::NoRandomness`].
    pub fn seal(&self, bound: &Bound, secrets: &Secrets) -> Result<SealedSecret, Error> {
        let key = self.0.current();
        let mut nonce = [0_u8; NONCE_LENGTH];
        fill_randomly(&mut nonce)?;
        let mut text = pack(secrets)?;
        let unreadable = |_| Error::Unreadable { key_id: key.id().to_owned() };
        cipher(key, bound.workspace_id)?
            .encrypt_in_place(&Nonce::from(nonce), &context(bound, key.id()), &mut *text)
            .map_err(unreadable)?;
        let mut envelope = vec![VERSION, u8::try_from(key.id().len()).unwrap_or(u8::MAX)];
        envelope.extend_from_slice(key.id().as_bytes());
        envelope.extend_from_slice(&nonce);
        envelope.extend_from_slice(&text);
        Ok(SealedSecret(envelope))
    }

    /// Opens an envelope of this row.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when one bit differs, the row is another, or the key is not configured.
    pub fn open(&self, bound: &Bound, sealed: &SealedSecret) -> Result<Secrets, Error> {
        let parts = split(&sealed.0).ok_or_else(|| Error::Unreadable { key_id: "?".to_owned() })?;
        let unreadable = || Error::Unreadable { key_id: parts.key_id.to_owned() };
        let key = self.0.find(parts.key_id).ok_or_else(unreadable)?;
        let mut text = Zeroizing::new(parts.ciphertext.to_vec());
        cipher(key, bound.workspace_id)?
            .decrypt_in_place(&Nonce::from(parts.nonce), &context(bound, key.id()), &mut *text)
            .map_err(|_| unreadable())?;
        unpack(&text).ok_or_else(unreadable)
    }
}

/// An envelope taken apart, nothing of it believed yet.
struct Parts<'a> {
    key_id: &'a str,
    nonce: [u8; NONCE_LENGTH],
    ciphertext: &'a [u8],
}

fn split(envelope: &[u8]) -> Option<Parts<'_>> {
    let (&[version, id_length], rest) = envelope.split_first_chunk::<2>()?;
    if version != VERSION {
        return None;
    }
    let (id, rest) = rest.split_at_checked(usize::from(id_length))?;
    let key_id = std::str::from_utf8(id).ok().filter(|id| is_id(id))?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>()?;
    (ciphertext.len() <= LARGEST_BUCKET + TAG_LENGTH).then_some(Parts { key_id, nonce: *nonce, ciphertext })
}

fn cipher(key: &MasterKey, workspace_id: WorkspaceId) -> Result<Aes256Gcm, Error> {
    let derived = key.derive(workspace_id)?;
    let mut block = Key::<Aes256Gcm>::from(*derived);
    let cipher = Aes256Gcm::new(&block);
    block.as_mut_slice().zeroize();
    Ok(cipher)
}

/// What is authenticated besides the text: label, then each field with its length in front.
fn context(bound: &Bound, key_id: &str) -> Vec<u8> {
    let (workspace, credential) = (bound.workspace_id.to_string(), bound.credential_id.to_string());
    let revision = bound.revision.to_be_bytes();
    let mut context = Vec::with_capacity(160);
    for field in [LABEL, workspace.as_bytes(), credential.as_bytes(), &revision, key_id.as_bytes()] {
        push(&mut context, field);
    }
    context
}

/// The plaintext, in a buffer large enough never to move, so that no copy is left behind.
fn pack(secrets: &Secrets) -> Result<Zeroizing<Vec<u8>>, Error> {
    let too_large = Error::TooLarge { limit: LARGEST_BUCKET };
    let length: usize = secrets.iter().map(|(name, secret)| 8 + name.len() + secret.expose().len()).sum();
    let bucket = (4 + length).max(SMALLEST_BUCKET).next_power_of_two();
    if bucket > LARGEST_BUCKET {
        return Err(too_large);
    }
    let mut text = Zeroizing::new(Vec::with_capacity(bucket + TAG_LENGTH));
    text.extend_from_slice(&u32::try_from(length).map_err(|_| too_large)?.to_be_bytes());
    for (name, secret) in secrets {
        push(&mut text, name.as_bytes());
        push(&mut text, secret.expose().as_bytes());
    }
    text.resize(bucket, 0);
    Ok(text)
}

fn unpack(text: &[u8]) -> Option<Secrets> {
    let (length, rest) = text.split_first_chunk::<4>()?;
    let mut fields = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let mut secrets = Secrets::new();
    while !fields.is_empty() {
        let name = std::str::from_utf8(pull(&mut fields)?).ok()?;
        let value = std::str::from_utf8(pull(&mut fields)?).ok()?;
        secrets.insert(name.to_owned(), Secret::new(value.to_owned()));
    }
    Some(secrets)
}

fn push(buffer: &mut Vec<u8>, field: &[u8]) {
    buffer.extend_from_slice(&u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
    buffer.extend_from_slice(field);
}

fn pull<'a>(fields: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = fields.split_first_chunk::<4>()?;
    let (field, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *fields = rest;
    Some(field)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::clock::SystemClock;

    fn vault() -> Vault {
        Vault::new(&Options { key: Some(Vault::generate_key().unwrap()), previous_keys: Vec::new() }).unwrap()
    }

    fn row() -> Bound {
        Bound { workspace_id: WorkspaceId::fresh(&SystemClock), credential_id: CredentialId::fresh(&SystemClock), revision: 3 }
    }

    fn secrets(parts: &[(&str, &str)]) -> Secrets {
        parts.iter().map(|(name, value)| ((*name).to_owned(), Secret::new((*value).to_owned()))).collect()
    }

    fn exposed(secrets: &Secrets) -> BTreeMap<String, String> {
        secrets.iter().map(|(name, secret)| (name.clone(), secret.expose().to_owned())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_is_sealed_opens_again(parts in proptest::collection::btree_map("\\PC{0,12}", any::<String>(), 0..4)) {
            let (vault, row) = (vault(), row());
            let given: Secrets = parts.iter().map(|(name, value)| (name.clone(), Secret::new(value.clone()))).collect();
            let sealed = vault.seal(&row, &given).unwrap();
            prop_assert_eq!(exposed(&vault.open(&row, &sealed).unwrap()), parts);
        }

        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..96)) {
            prop_assert!(vault().open(&row(), &SealedSecret(bytes)).is_err());
        }
    }

    #[test]
    fn cry_1_opens_only_in_its_own_row() {
        let (vault, row) = (vault(), row());
        let sealed = vault.seal(&row, &secrets(&[("username", "ann"), ("password", "p")])).unwrap();
        assert!(vault.open(&row, &sealed).is_ok());
        for other in [
            Bound { workspace_id: WorkspaceId::fresh(&SystemClock), ..row },
            Bound { credential_id: CredentialId::fresh(&SystemClock), ..row },
            Bound {
                workspace_id: WorkspaceId::from_uuid(row.credential_id.uuid()),
                credential_id: CredentialId::from_uuid(row.workspace_id.uuid()),
                ..row
            },
        ] {
            assert!(matches!(vault.open(&other, &sealed), Err(Error::Unreadable { .. })), "{other:?}");
        }
    }

    #[test]
    fn cry_2_any_changed_bit_or_length_is_refused() {
        let (vault, row) = (vault(), row());
        let sealed = vault.seal(&row, &secrets(&[("value", "canary")])).unwrap();
        for place in 0..sealed.0.len() {
            for bit in [1, 128] {
                let mut changed = sealed.clone();
                changed.0[place] ^= bit;
                assert!(matches!(vault.open(&row, &changed), Err(Error::Unreadable { .. })), "byte {place}");
            }
            let cut = SealedSecret(sealed.0[..place].to_vec());
            assert!(vault.open(&row, &cut).is_err(), "cut to {place}");
        }
        let mut longer = sealed.clone();
        longer.0.push(0);
        assert!(vault.open(&row, &longer).is_err());
    }

    #[test]
    fn cry_3_an_older_revision_does_not_open() {
        let (vault, row) = (vault(), row());
        let old = vault.seal(&row, &secrets(&[("value", "old")])).unwrap();
        for revision in [row.revision + 1, row.revision - 1, 0, i32::MAX, i32::MIN] {
            assert!(vault.open(&Bound { revision, ..row }, &old).is_err(), "{revision}");
        }
    }

    #[test]
    fn cry_4_the_key_is_named_when_it_is_not_there() {
        let (old, new) = (Vault::generate_key().unwrap(), Vault::generate_key().unwrap());
        let row = row();
        let before = Vault::new(&Options { key: Some(old.clone()), previous_keys: Vec::new() }).unwrap();
        let sealed = before.seal(&row, &secrets(&[("token", "t")])).unwrap();
        let rotated = Vault::new(&Options { key: Some(new.clone()), previous_keys: vec![old.clone()] }).unwrap();
        assert_eq!(rotated.open(&row, &sealed).unwrap()["token"].expose(), "t");
        let forgotten = Vault::new(&Options { key: Some(new), previous_keys: Vec::new() }).unwrap();
        let key_id = old.split_once(':').unwrap().0.to_owned();
        assert_eq!(forgotten.open(&row, &sealed).map(|_| ()), Err(Error::Unreadable { key_id: key_id.clone() }));
        let impostor = format!("{key_id}:{}", Vault::generate_key().unwrap().split_once(':').unwrap().1);
        let impostor = Vault::new(&Options { key: Some(impostor), previous_keys: Vec::new() }).unwrap();
        assert!(impostor.open(&row, &sealed).is_err(), "the same id over another key");
    }

    #[test]
    fn cry_5_a_stolen_envelope_tells_nothing() {
        let (vault, row) = (vault(), row());
        let canary = secrets(&[("username", "canary-user"), ("password", "canary-word")]);
        let (one, two) = (vault.seal(&row, &canary).unwrap(), vault.seal(&row, &canary).unwrap());
        assert_ne!(one, two, "equal secrets differ");
        assert!(!one.0.windows(6).any(|window| window == b"canary"));
        let length = |text: &str| vault.seal(&row, &secrets(&[("value", text)])).unwrap().0.len();
        assert_eq!(length(""), length(&"x".repeat(47)), "one bucket");
        assert_eq!(length(&"x".repeat(48)) - length(""), 64, "the next bucket");
    }

    #[test]
    fn refuses_what_is_too_large() {
        let large = "x".repeat(LARGEST_BUCKET);
        let refusal = vault().seal(&row(), &secrets(&[("value", &large)])).map(|_| ());
        assert_eq!(refusal, Err(Error::TooLarge { limit: LARGEST_BUCKET }));
    }

    #[test]
    fn an_empty_name_in_front_is_kept_apart() {
        let (vault, row) = (vault(), row());
        let sealed = vault.seal(&row, &secrets(&[("", "a"), ("a", "")])).unwrap();
        let expected = BTreeMap::from([(String::new(), "a".to_owned()), ("a".to_owned(), String::new())]);
        assert_eq!(exposed(&vault.open(&row, &sealed).unwrap()), expected);
    }
}
