//! Master keys by id: one seals, all open. Refuses keys that a person made up.
//!
//! Each workspace has its own data key, derived from the master key by HKDF (RFC 5869), so nothing is stored for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hkdf;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::{Error, KeyFault, Options};
use crate::domain::id::WorkspaceId;

/// Length of master and data keys in bytes.
pub(super) const KEY_LENGTH: usize = 32;
/// Longest key id.
const LONGEST_ID: usize = 32;
/// A random key has about thirty different bytes; fewer than this and it was not drawn.
const FEWEST_DIFFERENT_BYTES: usize = 16;
/// Sets these derivations apart from any other use of the same master key.
const SALT: &[u8] = b"connectors vault workspace key v1";

/// The configured keys, the current one first.
pub(super) struct Keyring {
    current: MasterKey,
    previous: Vec<MasterKey>,
}

/// One master key.
pub(super) struct MasterKey {
    id: String,
    bytes: Zeroizing<[u8; KEY_LENGTH]>,
}

impl Keyring {
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        let text = options.key.as_deref().filter(|text| !text.trim().is_empty()).ok_or(Error::Key(KeyFault::Missing))?;
        let current = MasterKey::parse(text)?;
        let mut previous: Vec<MasterKey> = Vec::new();
        for text in &options.previous_keys {
            let key = MasterKey::parse(text)?;
            if key.id == current.id || previous.iter().any(|known| known.id == key.id) {
                return Err(Error::Key(KeyFault::Repeated { id: key.id }));
            }
            previous.push(key);
        }
        Ok(Self { current, previous })
    }

    /// The key to seal with.
    pub(super) fn current(&self) -> &MasterKey {
        &self.current
    }

    /// The key of this id.
    pub(super) fn find(&self, id: &str) -> Option<&MasterKey> {
        std::iter::once(&self.current).chain(&self.previous).find(|key| key.id == id)
    }
}

impl MasterKey {
    /// Draws a new key; gives its text.
    pub(super) fn generate() -> Result<String, Error> {
        let mut name = [0_u8; 4];
        let mut bytes = Zeroizing::new([0_u8; KEY_LENGTH]);
        fill_randomly(&mut name)?;
        fill_randomly(bytes.as_mut_slice())?;
        Ok(format!("k{:08x}:{}", u32::from_be_bytes(name), STANDARD.encode(bytes.as_slice())))
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The workspace's own data key.
    pub(super) fn derive(&self, workspace_id: WorkspaceId) -> Result<Zeroizing<[u8; KEY_LENGTH]>, Error> {
        let unreadable = |_| Error::Unreadable { key_id: self.id.clone() };
        let mut derived = Zeroizing::new([0_u8; KEY_LENGTH]);
        let workspace = workspace_id.to_string();
        let info = [workspace.as_bytes()];
        let master = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(self.bytes.as_slice());
        let expanded = master.expand(&info, hkdf::HKDF_SHA256).map_err(unreadable)?;
        expanded.fill(derived.as_mut_slice()).map_err(unreadable)?;
        Ok(derived)
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let malformed = || Error::Key(KeyFault::Malformed);
        let (id, encoded) = text.trim().split_once(':').ok_or_else(malformed)?;
        if !is_id(id) {
            return Err(malformed());
        }
        let decoded = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| malformed())?);
        let bytes: [u8; KEY_LENGTH] = decoded.as_slice().try_into().map_err(|_| Error::Key(KeyFault::WrongLength { id: id.to_owned() }))?;
        let bytes = Zeroizing::new(bytes);
        if is_guessable(bytes.as_slice()) {
            return Err(Error::Key(KeyFault::Guessable { id: id.to_owned() }));
        }
        Ok(Self { id: id.to_owned(), bytes })
    }
}

/// May this text name a key?
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_ID && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Fills a buffer from the machine's generator.
pub(super) fn fill_randomly(buffer: &mut [u8]) -> Result<(), Error> {
    SystemRandom::new().fill(buffer).map_err(|_| Error::NoRandomness)
}

/// Readable text, a repeated or counted pattern, or too few different bytes?
fn is_guessable(bytes: &[u8]) -> bool {
    let mut different = bytes.to_vec();
    different.sort_unstable();
    different.dedup();
    let few = different.len() < FEWEST_DIFFERENT_BYTES;
    different.fill(0);
    let differences = || bytes.iter().zip(bytes.iter().skip(1)).map(|(one, next)| next.wrapping_sub(*one));
    let counted = differences().zip(differences().skip(1)).all(|(one, next)| one == next);
    let repeated = bytes.iter().zip(bytes.iter().skip(bytes.len() / 2)).all(|(one, other)| one == other);
    let readable = bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    few || counted || repeated || readable
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(key: Option<&str>, previous: &[&str]) -> Option<KeyFault> {
        let options = Options { key: key.map(str::to_owned), previous_keys: previous.iter().map(|&text| text.to_owned()).collect() };
        match Keyring::new(&options) {
            Err(Error::Key(fault)) => Some(fault),
            Err(other) => panic!("{other}"),
            Ok(_) => None,
        }
    }

    fn text(bytes: &[u8]) -> String {
        format!("k1:{}", STANDARD.encode(bytes))
    }

    #[test]
    fn cry_4_missing_short_and_example_keys_stop_the_start() {
        let good = MasterKey::generate().unwrap();
        assert_eq!(fault(Some(&good), &[]), None);
        assert_eq!(fault(Some(&format!(" {good}\n")), &[]), None, "as read from a file");
        for missing in [None, Some(""), Some(" \n")] {
            assert_eq!(fault(missing, &[]), Some(KeyFault::Missing));
        }
        let long_id = format!("{}:{}", "k".repeat(33), good.split_once(':').unwrap().1);
        for malformed in ["k1", ":", "k1:!!!", "k 1:AAAA", &good.replace(':', ";"), &good.replace(':', "::"), &long_id] {
            assert_eq!(fault(Some(malformed), &[]), Some(KeyFault::Malformed), "{malformed}");
        }
        for length in [0, 16, 31, 33, 64] {
            let bytes: Vec<u8> = (0..length).map(|place: u8| place.wrapping_mul(37) ^ 0xa5).collect();
            assert_eq!(fault(Some(&text(&bytes)), &[]), Some(KeyFault::WrongLength { id: "k1".to_owned() }), "{length}");
        }
        let counted: Vec<u8> = (0..32).collect();
        let halves: Vec<u8> = (0..32_u8).map(|place| (place % 16).wrapping_mul(73)).collect();
        for guessable in
            [&[0_u8; 32][..], &[255; 32], &counted, &halves, b"01234567890123456789012345678901", b"this is an example of a key, ok!"]
        {
            assert_eq!(fault(Some(&text(guessable)), &[]), Some(KeyFault::Guessable { id: "k1".to_owned() }), "{guessable:?}");
        }
    }

    #[test]
    fn previous_keys_are_held_to_the_same() {
        let (good, other) = (MasterKey::generate().unwrap(), MasterKey::generate().unwrap());
        assert_eq!(fault(Some(&good), &[&other]), None);
        assert_eq!(fault(Some(&good), &["k1:AAAA"]), Some(KeyFault::WrongLength { id: "k1".to_owned() }));
        let id = good.split_once(':').unwrap().0.to_owned();
        assert_eq!(fault(Some(&good), &[&good]), Some(KeyFault::Repeated { id }));
    }

    #[test]
    fn faults_tell_what_to_do_and_not_the_key() {
        let error = Error::Key(KeyFault::Missing).to_string();
        assert_eq!(error, "no encryption key is set; `connectors key generate` makes a good one");
        let options = Options { key: Some("k1:canarycanary".to_owned()), previous_keys: vec!["k0:canary".to_owned()] };
        assert!(!format!("{options:?}").contains("canary"));
    }
}
