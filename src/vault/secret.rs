//! A text that is wiped when dropped and cannot be printed by accident.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// A secret text. `Debug` shows `***`; there is no `Display` and no serialisation.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// The parts of one credential by name: `value`; `token`; or `username` and `password`.
pub type Secrets = BTreeMap<String, Secret>;

impl Secret {
    /// Takes over a text; it is wiped when the last copy is dropped.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself: for putting it into a request, and for masking it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::{Secret, Secrets};

    #[test]
    fn debug_shows_nothing() {
        let secrets = Secrets::from([("value".to_owned(), Secret::new("canary".to_owned()))]);
        assert_eq!(format!("{secrets:?}"), r#"{"value": ***}"#);
    }
}
