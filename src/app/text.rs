//! Checks of short texts people give: names, keys, labels, hosts.

use crate::domain::problem::nearest;

use super::error::{Mistake, MistakeKind};

/// Characters a name may have.
pub(super) const NAME_LENGTH: usize = 200;
/// Characters a key or slug may have.
pub(super) const KEY_LENGTH: usize = 100;
/// Characters of a longer text.
pub(super) const PROSE_LENGTH: usize = 20_000;
/// Labels an object may have.
pub(super) const MAX_TAGS: usize = 20;
/// Characters a label may have.
pub(super) const TAG_LENGTH: usize = 60;

/// Collects mistakes, so that all are told at once.
#[derive(Debug, Default)]
pub(super) struct Mistakes(Vec<Mistake>);

impl Mistakes {
    pub(super) fn push(&mut self, mistake: Mistake) {
        self.0.push(mistake);
    }

    /// The value, or nothing after noting the mistake.
    pub(super) fn note<T>(&mut self, checked: Result<T, Mistake>) -> Option<T> {
        checked.map_err(|mistake| self.push(mistake)).ok()
    }

    /// Fails if anything was noted.
    pub(super) fn done(self) -> Result<(), super::Error> {
        if self.0.is_empty() { Ok(()) } else { Err(super::Error::Invalid(self.0)) }
    }
}

/// A text that must be there, without space around it.
pub(super) fn required(text: &str, maximum: usize, path: &[&str]) -> Result<String, Mistake> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Mistake::new(MistakeKind::Required, path, "It must be given and may not be blank."));
    }
    limited(text, maximum, path)?;
    Ok(text.to_owned())
}

/// A text that may be as long as this.
pub(super) fn limited(text: &str, maximum: usize, path: &[&str]) -> Result<(), Mistake> {
    if text.chars().count() <= maximum {
        return Ok(());
    }
    Err(too_long(maximum, path, format!("It may have at most {maximum} characters.")))
}

pub(super) fn too_long(maximum: usize, path: &[&str], message: String) -> Mistake {
    Mistake::new(MistakeKind::TooLong { maximum: i64::try_from(maximum).unwrap_or(i64::MAX) }, path, message)
}

/// A name for programs: letters, digits, `-`, `_`, `.`.
pub(super) fn key(text: &str, path: &[&str]) -> Result<String, Mistake> {
    let text = required(text, KEY_LENGTH, path)?;
    if text.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.')) {
        Ok(text)
    } else {
        Err(Mistake::invalid(path, "It may contain letters, digits, `-`, `_` and `.` only."))
    }
}

/// Free labels: trimmed, without repeats.
pub(super) fn tags(given: Vec<String>, maximum: usize, path: &[&str]) -> Result<Vec<String>, Mistake> {
    if given.len() > maximum {
        return Err(too_long(maximum, path, format!("At most {maximum} labels can be given.")));
    }
    let mut kept: Vec<String> = Vec::with_capacity(given.len());
    for tag in given {
        let tag = required(&tag, TAG_LENGTH, path)?;
        if !kept.contains(&tag) {
            kept.push(tag);
        }
    }
    Ok(kept)
}

/// A host name such as `api.x.example` or `*.x.example`, in lower case.
pub(super) fn host(text: &str, path: &[&str]) -> Result<String, Mistake> {
    let text = text.trim().to_ascii_lowercase();
    let bare = text.strip_prefix("*.").unwrap_or(&text);
    let label = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let starred = bare.len() != text.len();
    if bare.len() <= 253 && bare.split('.').all(label) && (!starred || bare.contains('.')) {
        Ok(text)
    } else {
        Err(Mistake::invalid(path, "It must be a host name without scheme, port or path, e.g. `api.example.com` or `*.example.com`."))
    }
}

/// A name for programs made from a name to show: `HubSpot: push!` gives `hubspot-push`.
pub(super) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars().flat_map(char::to_lowercase) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= 60 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "connector".to_owned() } else { slug.to_owned() }
}

/// A slug like this one that is not taken: `push`, `push-2`, `push-3`, …
pub(super) fn numbered(slug: &str, attempt: u32) -> String {
    if attempt <= 1 { slug.to_owned() } else { format!("{slug}-{attempt}") }
}

/// `. Did you mean …?` when a known name is near, else nothing.
pub(super) fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(given, known).map(|name| format!(" Did you mean `{name}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_slugs() {
        for (name, expected) in [
            ("HubSpot: push!", "hubspot-push"),
            ("  Ünïcode  Näme ", "n-code-n-me"),
            ("", "connector"),
            ("💡", "connector"),
            ("a--b__c", "a-b-c"),
        ] {
            assert_eq!(slug(name), expected, "{name}");
        }
        assert!(slug(&"long name ".repeat(30)).len() <= 60);
        assert_eq!(numbered("push", 1), "push");
        assert_eq!(numbered("push", 3), "push-3");
    }

    #[test]
    fn checks_hosts() {
        for good in ["api.example.com", "*.example.com", "API.Example.com", "localhost", "127.0.0.1"] {
            assert!(host(good, &[]).is_ok(), "{good}");
        }
        for bad in ["", "*", "*.com", "https://x.example", "x.example:80", "x.example/a", "a..b", "*.*.x.example", "-a.example"] {
            assert!(host(bad, &[]).is_err(), "{bad}");
        }
    }

    #[test]
    fn checks_labels_and_keys() {
        assert_eq!(tags(vec![" a ".into(), "a".into(), "b".into()], 20, &[]).unwrap(), ["a", "b"]);
        assert!(tags(vec!["a".into(); 21], 20, &[]).is_err());
        assert!(key("a b", &[]).is_err());
        assert_eq!(key(" a_B-1.c ", &[]).unwrap(), "a_B-1.c");
    }
}
