//! Newtypes for every identifier: a prefix naming the kind and a UUID version 7 in Crockford base32.
//!
//! `cnr_06f9m3v8q0xk7d2hj5s1wz4ncg`: 26 characters hold 128 bits, lower case, sortable by age.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use uuid::Uuid;

use crate::clock::Clock;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 26;

/// Why a text is no identifier of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not an id of the form `{prefix}_` followed by 26 characters")]
pub struct MalformedId {
    /// The prefix that was expected.
    pub prefix: &'static str,
    /// What was given, cut to 64 characters.
    pub given: String,
}

fn encode(prefix: &str, uuid: Uuid, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let bits = uuid.as_u128();
    let mut text = [0_u8; LENGTH];
    for (place, slot) in text.iter_mut().enumerate() {
        let shift = 5 * (LENGTH - 1 - place);
        let index = usize::try_from((bits >> shift) & 31).unwrap_or(0);
        *slot = ALPHABET.get(index).copied().unwrap_or(b'0');
    }
    out.write_str(prefix)?;
    out.write_str("_")?;
    out.write_str(std::str::from_utf8(&text).unwrap_or_default())
}

fn decode(prefix: &'static str, text: &str) -> Result<Uuid, MalformedId> {
    let malformed = || MalformedId { prefix, given: text.chars().take(64).collect() };
    let body = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or_else(malformed)?;
    if body.len() != LENGTH {
        return Err(malformed());
    }
    let mut bits: u128 = 0;
    for (place, byte) in body.bytes().enumerate() {
        let value = ALPHABET.iter().position(|&letter| letter == byte).ok_or_else(malformed)?;
        // 26 letters carry 130 bits: the first may only use three of its five.
        if place == 0 && value > 7 {
            return Err(malformed());
        }
        bits = (bits << 5) | value as u128;
    }
    Ok(Uuid::from_u128(bits))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What its text begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A fresh one.
            pub fn fresh(clock: &dyn Clock) -> Self {
                Self(clock.fresh_id())
            }

            /// The one made of these bits.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Its bits.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                encode($prefix, self.0, out)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, out)
            }
        }

        impl std::str::FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                decode($prefix, text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A workspace.
    WorkspaceId = "ws";
    /// A membership.
    MemberId = "mem";
    /// A connector.
    ConnectorId = "cnr";
    /// A published version of a connector.
    ConnectorVersionId = "cnv";
    /// A credential.
    CredentialId = "crd";
    /// An execution.
    ExecutionId = "exe";
    /// A step of an execution.
    StepRunId = "stp";
    /// A contact.
    ContactId = "con";
    /// A change of a contact field.
    FieldChangeId = "fch";
    /// A template.
    TemplateId = "tpl";
    /// A version of a template.
    TemplateVersionId = "tpv";
    /// A template category.
    TemplateCategoryId = "tpc";
    /// A template installed as a connector.
    InstallationId = "ins";
    /// A SaaS admin.
    SaasAdminId = "adm";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn round_trips_and_sorts_by_age() {
        let ids: Vec<_> = (0..1000).map(|_| ConnectorId::fresh(&SystemClock)).collect();
        for id in &ids {
            assert_eq!(id.to_string().parse(), Ok(*id));
        }
        let texts: Vec<_> = ids.iter().map(ToString::to_string).collect();
        assert!(texts.is_sorted(), "text order is age order");
    }

    #[test]
    fn refuses_what_is_not_one() {
        for text in [
            "",
            "cnr_",
            "cnr_zzzzzzzzzzzzzzzzzzzzzzzzzz",
            "exe_06f9m3v8q0xk7d2hj5s1wz4ncg",
            "cnr_06F9M3V8Q0XK7D2HJ5S1WZ4NCG",
            "cnr_06f9m3v8q0xk7d2hj5s1wz4nc\u{e9}",
        ] {
            assert!(text.parse::<ConnectorId>().is_err(), "{text}");
        }
    }
}
