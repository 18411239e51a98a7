//! Filters for what contacts hold: telephone numbers, e-mail addresses, domains, names.
//!
//! What cannot be understood comes out as null, so that `omit_empty` and the mapping's policies leave it out.

use tera::Value;
use tera::value::Key;

use super::{Args, input, made};
use crate::pipeline::engine::{charge, to_json};
use crate::pipeline::interpolate::to_text;

/// Country, calling code, the prefix dialled inside it, and the fewest and most digits after the code.
const COUNTRIES: [(&str, &str, &str, usize, usize); 48] = [
    ("US", "1", "1", 10, 10),
    ("CA", "1", "1", 10, 10),
    ("GB", "44", "0", 9, 10),
    ("IE", "353", "0", 7, 9),
    ("DE", "49", "0", 6, 13),
    ("AT", "43", "0", 4, 13),
    ("CH", "41", "0", 9, 9),
    ("FR", "33", "0", 9, 9),
    ("BE", "32", "0", 8, 9),
    ("NL", "31", "0", 9, 9),
    ("LU", "352", "", 4, 11),
    ("ES", "34", "", 9, 9),
    ("PT", "351", "", 9, 9),
    ("IT", "39", "", 6, 12),
    ("DK", "45", "", 8, 8),
    ("SE", "46", "0", 7, 13),
    ("NO", "47", "", 5, 8),
    ("FI", "358", "0", 5, 12),
    ("IS", "354", "", 7, 9),
    ("PL", "48", "", 9, 9),
    ("CZ", "420", "", 9, 9),
    ("SK", "421", "0", 9, 9),
    ("HU", "36", "06", 8, 9),
    ("RO", "40", "0", 9, 9),
    ("BG", "359", "0", 7, 9),
    ("GR", "30", "", 10, 10),
    ("HR", "385", "0", 8, 9),
    ("SI", "386", "0", 8, 8),
    ("EE", "372", "", 7, 10),
    ("LV", "371", "", 8, 8),
    ("LT", "370", "0", 8, 8),
    ("UA", "380", "0", 9, 9),
    ("TR", "90", "0", 10, 10),
    ("IL", "972", "0", 8, 9),
    ("AE", "971", "0", 8, 9),
    ("IN", "91", "0", 10, 10),
    ("CN", "86", "0", 9, 11),
    ("JP", "81", "0", 9, 10),
    ("KR", "82", "0", 8, 11),
    ("SG", "65", "", 8, 8),
    ("HK", "852", "", 8, 8),
    ("AU", "61", "0", 9, 9),
    ("NZ", "64", "0", 8, 10),
    ("ZA", "27", "0", 9, 9),
    ("BR", "55", "0", 10, 11),
    ("MX", "52", "01", 10, 10),
    ("AR", "54", "0", 10, 11),
    ("CO", "57", "", 8, 10),
];

/// `e164(country="US")`: `(415) 555-0100` → `+14155550100`. Without a country only international numbers are understood.
pub(super) fn e164(value: &Value, args: &Args<'_>) -> Result<Value, String> {
    let text = to_text(&to_json(value)?);
    let country = args.text(&["country"])?.map(str::to_ascii_uppercase);
    charge(16)?;
    Ok(international(&text, country.as_deref()).map_or_else(Value::none, Value::from))
}

fn international(text: &str, country: Option<&str>) -> Option<String> {
    let text = text.trim();
    let number = text.strip_prefix("tel:").unwrap_or(text);
    let number = number.split([';', 'x', 'X']).next().unwrap_or_default();
    if number.len() > 40 || number.chars().any(|sign| !sign.is_ascii_digit() && !"+-./() \u{a0}\t".contains(sign)) {
        return None;
    }
    let given = number.trim_start().starts_with('+') || number.trim_start().starts_with("(+");
    let digits: String = number.replace("(0)", "").chars().filter(char::is_ascii_digit).collect();
    let full = if given { Some(digits.as_str()) } else { digits.strip_prefix("00") };
    if let Some(full) = full {
        return whole_number(full);
    }
    let (_, code, prefix, fewest, most) = *COUNTRIES.iter().find(|(known, ..)| Some(*known) == country)?;
    let fits = |national: &str| (fewest..=most).contains(&national.len());
    let national = digits.strip_prefix(prefix).filter(|rest| !prefix.is_empty() && fits(rest)).unwrap_or(&digits);
    if fits(national) {
        return whole_number(&format!("{code}{national}"));
    }
    digits.strip_prefix(code).filter(|rest| fits(rest)).and_then(|_| whole_number(&digits))
}

/// ITU-T E.164: at most 15 digits, the first not zero.
fn whole_number(digits: &str) -> Option<String> {
    ((8..=15).contains(&digits.len()) && !digits.starts_with('0')).then(|| format!("+{digits}"))
}

/// The address trimmed, its domain in lower case; null when it has not the shape of one.
pub(super) fn email(value: &Value, _: &Args<'_>) -> Result<Value, String> {
    let text = input(value)?.trim();
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    address(text).map_or_else(|| Ok(Value::none()), |address| made(&address))
}

fn address(text: &str) -> Option<String> {
    let (local, domain) = text.rsplit_once('@')?;
    let usable = |sign: char| !sign.is_whitespace() && !sign.is_control() && !"\"(),:;<>@[\\]".contains(sign);
    let local_fits = (1..=64).contains(&local.len())
        && local.chars().all(usable)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    let domain = host(domain).filter(|host| host.contains('.'))?;
    local_fits.then(|| format!("{}@{domain}", local.to_lowercase()))
}

/// The domain of an address, e-mail address or host name, without `www.`; null when there is none.
pub(super) fn domain(value: &Value, _: &Args<'_>) -> Result<Value, String> {
    let text = input(value)?.trim();
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let name = authority.rsplit('@').next().unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    let Some(found) = host(name).filter(|host| host.contains('.')) else { return Ok(Value::none()) };
    made(found.strip_prefix("www.").filter(|rest| rest.contains('.')).unwrap_or(&found))
}

fn host(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text).to_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|sign| sign.is_alphanumeric() || sign == '-')
    };
    (text.len() <= 253 && text.split('.').all(label)).then_some(text)
}

/// `Dr. Ann Lee van Dyk` → `{"first": "Ann", "middle": "Lee", "last": "van Dyk"}`; also understands `Dyk, Ann`.
pub(super) fn name_parts(value: &Value, _: &Args<'_>) -> Result<Value, String> {
    let text = input(value)?;
    charge(text.len() + 128)?;
    let turned = match text.split_once(',') {
        Some((last, first)) if !first.trim().is_empty() => format!("{} {}", first.trim(), last.trim()),
        _ => text.replace(',', " "),
    };
    let title =
        |word: &&str| matches!(word.trim_end_matches('.').to_lowercase().as_str(), "dr" | "prof" | "mr" | "mrs" | "ms" | "herr" | "frau");
    let words: Vec<&str> = turned.split_whitespace().skip_while(title).collect();
    let particle = |word: &str| {
        matches!(word.to_lowercase().as_str(), "van" | "von" | "de" | "del" | "der" | "den" | "di" | "da" | "la" | "le" | "bin" | "al")
    };
    let plain_last = words.len().saturating_sub(1).max(1);
    let last_from = words.iter().enumerate().skip(1).find(|(_, word)| particle(word)).map_or(plain_last, |(place, _)| place);
    let part = |from: usize, to: usize| {
        let part = words.iter().skip(from).take(to.saturating_sub(from)).copied().collect::<Vec<_>>().join(" ");
        if part.is_empty() { Value::none() } else { part.into() }
    };
    let parts = [("first", part(0, 1)), ("middle", part(1, last_from)), ("last", part(last_from, words.len()))];
    let parts: tera::Map = parts.into_iter().map(|(name, value)| (Key::Str(name), value)).collect();
    Ok(parts.into())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::pipeline::preview::preview_template;

    #[test]
    fn reads_telephone_numbers() {
        let check = |text: &str, country: Option<&str>, expected: Option<&str>| {
            assert_eq!(international(text, country).as_deref(), expected, "{text}");
        };
        check("(415) 555-0100", Some("US"), Some("+14155550100"));
        check("1-415-555-0100", Some("US"), Some("+14155550100"));
        check("+1 415 555 0100", None, Some("+14155550100"));
        check("0049 30 123456", None, Some("+4930123456"));
        check("030 123456", Some("DE"), Some("+4930123456"));
        check("+49 (0)30 123456", None, Some("+4930123456"));
        check("020 7946 0018", Some("GB"), Some("+442079460018"));
        check("06 1 234 5678", Some("HU"), Some("+3612345678"));
        check("415 555 0100 x12", Some("US"), Some("+14155550100"));
        check("4155550100", None, None);
        check("12", Some("US"), None);
        check("call me", Some("US"), None);
        check("+123456789012345678", None, None);
    }

    #[test]
    fn reads_addresses_domains_and_names() {
        let check = |expression: &str, expected: Value| {
            assert_eq!(
                preview_template(&format!("{{{{ {expression} }}}}"), &json!({})).value.unwrap_or_default(),
                expected,
                "{expression}"
            );
        };
        check("' Ann@Example.COM ' | email", json!("ann@example.com"));
        check("'ann@@example.com' | email", Value::Null);
        check("'ann@localhost' | email", Value::Null);
        check("'https://www.example.com:8080/a?b' | domain", json!("example.com"));
        check("'ann@shop.example.com' | domain", json!("shop.example.com"));
        check("'not a domain' | domain", Value::Null);
        check("'Dr. Ann Lee Smith' | name_parts", json!({"first": "Ann", "middle": "Lee", "last": "Smith"}));
        check("'Smith, Ann' | name_parts", json!({"first": "Ann", "middle": null, "last": "Smith"}));
        check("'Vincent van Gogh' | name_parts", json!({"first": "Vincent", "middle": null, "last": "van Gogh"}));
        check("'Cher' | name_parts", json!({"first": "Cher", "middle": null, "last": null}));
    }
}
