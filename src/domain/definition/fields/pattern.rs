//! Forms a text can be held to, each as a check and as the regular expression that says the same to editors.

use http::HeaderName;

/// A form of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// For addresses: `phone-enrichment`.
    Slug,
    /// Of steps and slots: `find_person`.
    Id,
    /// Of extracts, values and outputs: `firstName`.
    Member,
    /// A host, `*.` allowed in front of at least two labels.
    Host,
    /// A header name, RFC 9110 section 5.1.
    Header,
    /// An address on the web.
    WebAddress,
    /// Any text that is not empty.
    Filled,
}

impl Pattern {
    /// Does the text have this form?
    pub fn matches(self, text: &str) -> bool {
        let every = |fits: fn(char) -> bool| text.chars().all(fits);
        let first = |fits: fn(char) -> bool| text.chars().next().is_some_and(fits);
        match self {
            Self::Slug => {
                text.len() <= 64
                    && text.split('-').all(|part| !part.is_empty())
                    && every(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
            }
            Self::Id => {
                text.len() <= 64
                    && first(|letter| letter.is_ascii_lowercase())
                    && every(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
            }
            Self::Member => {
                text.len() <= 64
                    && !text.starts_with("__")
                    && first(|letter| letter.is_ascii_alphabetic() || letter == '_')
                    && every(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            }
            Self::Host => is_host(text),
            Self::Header => text.len() <= 128 && HeaderName::from_bytes(text.as_bytes()).is_ok(),
            Self::WebAddress => {
                text.len() <= 2048
                    && ["https://", "http://"].iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
                    && every(|letter| !letter.is_whitespace() && !letter.is_control())
            }
            Self::Filled => !text.is_empty() && text.chars().count() <= 256,
        }
    }

    /// As a regular expression of ECMA 262, the dialect of JSON Schema.
    pub const fn regex(self) -> &'static str {
        match self {
            Self::Slug => "^(?=.{1,64}$)[a-z0-9]+(-[a-z0-9]+)*$",
            Self::Id => "^[a-z][a-z0-9_]{0,63}$",
            Self::Member => "^(?!__)[A-Za-z_][A-Za-z0-9_]{0,63}$",
            Self::Host => "^(\\*\\.(?=.*\\.))?[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$",
            Self::Header => "^[!#$%&'*+.^_`|~A-Za-z0-9-]{1,128}$",
            Self::WebAddress => "^https?://\\S+$",
            Self::Filled => "^[\\s\\S]{1,256}$",
        }
    }

    /// What such a text is, to end the sentence "this must be …".
    pub const fn what(self) -> &'static str {
        match self {
            Self::Slug => "words of `a-z` and `0-9` joined by `-`, 64 characters at most",
            Self::Id => "`a-z`, `0-9` and `_`, first a letter, 64 characters at most",
            Self::Member => "letters, digits and `_`, not first a digit or `__`, 64 characters at most",
            Self::Host => "a host such as `api.service.example` or `*.service.example`, without scheme, port or path",
            Self::Header => "a header name, 128 characters at most",
            Self::WebAddress => "an address that begins with `https://` or `http://`",
            Self::Filled => "1 to 256 characters",
        }
    }
}

fn is_host(text: &str) -> bool {
    let (parent, labels) = match text.strip_prefix("*.") {
        Some(parent) => (parent, 2),
        None => (text, 1),
    };
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 253 && parent.split('.').count() >= labels && parent.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn hold_texts_to_their_form() {
        let check = |pattern: Pattern, good: &[&str], bad: &[&str]| {
            for text in good {
                assert!(pattern.matches(text), "{pattern:?} {text}");
            }
            for text in bad {
                assert!(!pattern.matches(text), "{pattern:?} {text}");
            }
        };
        check(Pattern::Slug, &["a", "phone-2-x"], &["", "-a", "a-", "a--b", "A", "a_b", "é"]);
        check(Pattern::Id, &["a", "find_2"], &["", "2a", "_a", "aB", "a-b", "a\u{200b}"]);
        check(Pattern::Member, &["a", "_a", "firstName2"], &["", "2a", "__a", "a-b", "a.b"]);
        check(
            Pattern::Host,
            &["api.x.example", "*.x.example", "localhost", "127.0.0.1"],
            &["", "*", "*.example", "https://x.example", "x.example:443", "x.example/", "-x.example", "a..b", "x.*.example"],
        );
        check(Pattern::Header, &["X-Api-Key", "accept"], &["", "X Api", "X:Y", "X\r\nY", "é"]);
        check(Pattern::WebAddress, &["https://x.example/a"], &["", "javascript:alert(1)", "https://", "https://x y"]);
        check(Pattern::Filled, &["a b"], &[""]);
    }
}
