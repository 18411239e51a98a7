//! Looks through every text of a document for secrets written into it, and through every name for characters nobody sees.

use serde_json::Value;

use super::characters::odd_character;
use super::report::Report;
use crate::domain::problem::{Problem, pointer_join};

/// Beginnings of known keys, and how many letters and digits follow at least.
const SHAPES: &[(&str, usize)] = &[
    ("sk_live_", 10),
    ("sk_test_", 10),
    ("rk_live_", 10),
    ("pk_", 16),
    ("sk-", 20),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("ghp_", 16),
    ("gho_", 16),
    ("ghu_", 16),
    ("ghs_", 16),
    ("github_pat_", 16),
    ("glpat-", 16),
    ("xoxa-", 8),
    ("xoxb-", 8),
    ("xoxp-", 8),
    ("xoxr-", 8),
    ("xoxs-", 8),
];

/// Characters from which on a token without sense counts as a secret.
const LONG: usize = 32;

/// Bits of entropy a character of such a token has at least.
const ENTROPY: f64 = 3.5;

pub(super) fn check(source: &Value, report: &mut Report) {
    look(source, "", report);
}

fn look(value: &Value, place: &str, report: &mut Report) {
    match value {
        Value::String(text) => {
            // Recorded answers are full of ids and hashes: there only known shapes count.
            let strict = !place.starts_with("/tests/");
            if let Some((start, end)) = secret(text, strict) {
                let problem = Problem::error("literal-secret", place, "a definition holds no secrets, and this looks like one");
                report.add(problem.span(start, end).suggest("declare a slot in `credentials` and name it in `auth`"));
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                look(item, &pointer_join(place, number), report);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let place = pointer_join(place, name);
                if let Some((_, letter)) = odd_character(name, false) {
                    let message = format!("the name of this member has `{}` in it, which cannot be seen", letter.escape_unicode());
                    report.add(Problem::error("odd-character", place.as_str(), message));
                }
                look(member, &place, report);
            }
        }
        _ => {}
    }
}

/// Where the first secret of a text is, in characters.
fn secret(text: &str, strict: bool) -> Option<(usize, usize)> {
    let whole = text.chars().count();
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
        return Some((0, whole));
    }
    let bearer = text.trim().strip_prefix("Bearer ").map(str::trim).filter(|token| {
        token.chars().all(|letter| letter.is_ascii_graphic() && !matches!(letter, '{' | '}' | '<' | '>'))
            && (token.len() >= 16 || token.chars().any(|letter| letter.is_ascii_digit()))
    });
    if bearer.is_some() {
        return Some((0, whole));
    }
    let mut at = 0;
    for word in text.split(char::is_whitespace) {
        let judge_random = strict && !is_address(word);
        let is_secret = |token: &str, dot: bool| {
            is_key(token) || (dot && token.len() >= 12 && token.starts_with("eyJ")) || (judge_random && is_random(token))
        };
        if let Some((start, token, _)) = tokens(word).find(|(_, token, dot)| is_secret(token, *dot)) {
            return Some((at + start, at + start + token.chars().count()));
        }
        at += word.chars().count() + 1;
    }
    None
}

/// The runs of letters, digits and the signs of base64 in a word, each with its place in characters and whether a dot follows.
fn tokens(word: &str) -> impl Iterator<Item = (usize, &str, bool)> {
    let ends = |letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '+' | '/'));
    let mut at = 0;
    word.split_inclusive(ends).filter_map(move |piece| {
        let start = at;
        at += piece.chars().count();
        let token = piece.trim_end_matches(ends);
        (token.len() >= 8).then_some((start, token, piece.ends_with('.')))
    })
}

fn is_key(token: &str) -> bool {
    SHAPES.iter().any(|(beginning, least)| {
        token.strip_prefix(beginning).is_some_and(|rest| {
            let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')).count();
            length >= *least && rest.bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        })
    })
}

fn is_address(word: &str) -> bool {
    word.contains("://") || word.starts_with('/')
}

/// Long, of letters and digits mixed, and with nothing in it that repeats as words do.
fn is_random(token: &str) -> bool {
    let mixed = |part: &str| {
        part.len() >= 16 && part.bytes().any(|byte| byte.is_ascii_digit()) && part.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    token.len() >= LONG && token.split(['-', '_', '/', '+']).any(mixed) && entropy(token) >= ENTROPY
}

/// Shannon entropy in bits a byte.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let length: f64 = counts.iter().map(|count| f64::from(*count)).sum();
    let share = |count: &u32| f64::from(*count) / length;
    -counts.iter().filter(|count| **count > 0).map(|count| share(count) * share(count).log2()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::secret;

    #[test]
    fn finds_secrets() {
        let check = |text: &str, expected: (usize, usize)| assert_eq!(secret(text, true), Some(expected), "{text}");
        check(concat!("sk_", "live_4eC39HqLyjWDarjtT1"), (0, 26));
        check(concat!("é key: pk_", "4eC39HqLyjWDarjtT1"), (7, 28));
        check(concat!("AKIA", "IOSFODNN7EXAMPLE"), (0, 20));
        check(concat!("ghp_", "16C7e42F292c6912E7710c838347Ae178B4a"), (0, 40));
        check(concat!("xoxb-", "123456789012-abcdefABCDEF"), (0, 30));
        check("Bearer abc123", (0, 13));
        check(concat!("eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxIn0.c2ln"), (0, 20));
        check("-----BEGIN RSA PRIVATE KEY-----\nMIIE", (0, 36));
        check("key=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", (4, 44));
        check(concat!("https://x.example/?key=sk_", "live_4eC39HqLyjWDarjtT1"), (23, 49));
    }

    #[test]
    fn leaves_what_is_none() {
        for text in [
            "",
            "Bearer {}",
            "Bearer token",
            "Bearer {{ inputs.token }}",
            "copy the secret key, which begins with `sk_`",
            "steps.lookup.first_name or steps.lookup.last_name",
            "audience-acuity-enrichment-with-phone-and-mail-2",
            "6f9619ff-8b86-d011-b42d-00c04fc964ff",
            "https://x.example/v1/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
            "/v1/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1",
            "crm.objects.contacts.read",
        ] {
            assert_eq!(secret(text, true), None, "{text}");
        }
        assert_eq!(secret("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", false), None, "a hash in a recorded answer");
    }
}
