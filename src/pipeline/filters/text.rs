//! Filters over texts and lists.

use std::cell::RefCell;

use regex::{Regex, RegexBuilder};
use tera::Value;

use super::kept::Kept;
use super::{Args, described, input, made};
use crate::pipeline::engine::{charge, to_json};
use crate::pipeline::interpolate::push_text;

/// Bytes a compiled pattern may take.
const PATTERN_BYTES: usize = 256 * 1024;
/// Characters a pattern may have.
const PATTERN_LENGTH: usize = 300;

pub(super) fn lower(value: &Value, _: &Args<'_>) -> Result<Value, String> {
    made(&input(value)?.to_lowercase())
}

pub(super) fn upper(value: &Value, _: &Args<'_>) -> Result<Value, String> {
    made(&input(value)?.to_uppercase())
}

pub(super) fn trim(value: &Value, _: &Args<'_>) -> Result<Value, String> {
    made(input(value)?.trim())
}

/// `split(by=",")`; without `by`, at blanks.
pub(super) fn split(value: &Value, args: &Args<'_>) -> Result<Value, String> {
    let text = input(value)?;
    let piece = |piece: &str| -> Result<Value, String> {
        charge(32)?;
        made(piece)
    };
    let pieces: Result<Vec<Value>, String> = match args.text(&["by", "sep", "pat"])? {
        None => text.split_whitespace().map(piece).collect(),
        Some("") => text.chars().map(|character| piece(character.encode_utf8(&mut [0; 4]))).collect(),
        Some(by) => text.split(by).map(piece).collect(),
    };
    Ok(pieces?.into())
}

/// `join(by=", ")`; without `by`, commas.
pub(super) fn join(value: &Value, args: &Args<'_>) -> Result<Value, String> {
    let by = args.text(&["by", "sep"])?.unwrap_or(",");
    let mut text = String::new();
    for (place, item) in list(value)?.iter().enumerate() {
        if place > 0 {
            charge(by.len())?;
            text.push_str(by);
        }
        match item.as_str() {
            Some(item) => {
                charge(item.len())?;
                text.push_str(item);
            }
            None => push_text(&mut text, &to_json(item)?),
        }
    }
    Ok(text.into())
}

/// The first item of a list or character of a text.
pub(super) fn first(value: &Value, _: &Args<'_>) -> Result<Value, String> {
    match value.as_str() {
        Some(text) => Ok(letter(text.chars().next())),
        None => Ok(list(value)?.first().cloned().unwrap_or_else(Value::none)),
    }
}

/// The last item of a list or character of a text.
pub(super) fn last(value: &Value, _: &Args<'_>) -> Result<Value, String> {
    match value.as_str() {
        Some(text) => Ok(letter(text.chars().next_back())),
        None => Ok(list(value)?.last().cloned().unwrap_or_else(Value::none)),
    }
}

fn letter(found: Option<char>) -> Value {
    found.map_or_else(Value::none, Value::from)
}

fn list(value: &Value) -> Result<&[Value], String> {
    value.as_array().ok_or_else(|| format!("it takes a list, not {}", described(value)))
}

/// `slice(start=0, end=-1)`: characters of a text or items of a list; negative places count from the end.
pub(super) fn slice(value: &Value, args: &Args<'_>) -> Result<Value, String> {
    let length = value.len().ok_or_else(|| format!("it takes a text or a list, not {}", described(value)))?;
    let place = |given: Option<i64>, otherwise: usize| {
        let Some(given) = given else { return otherwise };
        let distance = usize::try_from(given.unsigned_abs()).unwrap_or(usize::MAX);
        if given < 0 { length.saturating_sub(distance) } else { distance.min(length) }
    };
    let start = place(args.whole("start")?, 0);
    let taken = place(args.whole("end")?, length).saturating_sub(start);
    match (value.as_str(), value.as_array()) {
        (Some(text), _) => made(&text.chars().skip(start).take(taken).collect::<String>()),
        (None, Some(items)) => {
            charge(taken.saturating_mul(32))?;
            Ok(items.iter().skip(start).take(taken).cloned().collect::<Vec<_>>().into())
        }
        (None, None) => Err(format!("it takes a text or a list, not {}", described(value))),
    }
}

pub(super) fn length(value: &Value, _: &Args<'_>) -> Result<Value, String> {
    if super::is_null(value) {
        return Ok(0_i64.into());
    }
    value.len().map(Value::from).ok_or_else(|| format!("it takes a text, list or object, not {}", described(value)))
}

pub(super) fn replace(value: &Value, args: &Args<'_>) -> Result<Value, String> {
    let text = input(value)?;
    let from = args.text(&["from"])?.filter(|from| !from.is_empty()).ok_or("`from` must be a text that is not empty")?;
    let to = args.text(&["to"])?.unwrap_or_default();
    let grown = text.matches(from).count().saturating_mul(to.len()).saturating_add(text.len());
    charge(grown)?;
    Ok(text.replace(from, to).into())
}

/// `match(pattern="ID: (\\d+)")`: the first group, or the whole match of a pattern without one; null when nothing fits.
pub(super) fn matching(value: &Value, args: &Args<'_>) -> Result<Value, String> {
    let text = input(value)?;
    let pattern = args.text(&["pattern", "regex"])?.ok_or("it needs a `pattern`")?;
    let found = with_pattern(pattern, |regex| {
        let captures = regex.captures(text)?;
        captures.get(1).or_else(|| captures.get(0)).map(|found| found.as_str())
    })?;
    found.map_or_else(|| Ok(Value::none()), made)
}

thread_local! {
    static PATTERNS: RefCell<Kept<Regex>> = const { RefCell::new(Kept::new()) };
}

/// Uses a pattern, compiled once per thread while it is in use.
fn with_pattern<T>(pattern: &str, used: impl FnOnce(&Regex) -> T) -> Result<T, String> {
    let compiled = || compile(pattern).ok_or_else(|| "the pattern is not a regular expression, or too large".to_owned());
    PATTERNS.with_borrow_mut(|kept| kept.with(pattern, compiled, used))
}

/// Compiles a regular expression of bounded size; matching takes time linear in the text.
pub(crate) fn compile(pattern: &str) -> Option<Regex> {
    if pattern.chars().count() > PATTERN_LENGTH {
        return None;
    }
    RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).nest_limit(20).build().ok()
}
