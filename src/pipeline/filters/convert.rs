//! Filters that change the type or the encoding of a value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use sha2::{Digest, Sha256};
use tera::Value;

use super::{Args, described, input, is_null, made};
use crate::domain::definition::IsoDuration;
use crate::pipeline::address::encode;
use crate::pipeline::engine::{charge, to_json};
use crate::pipeline::interpolate::to_text;

/// `default(value=…)` in place of null.
#[expect(clippy::unnecessary_wraps, reason = "every filter has this shape")]
pub(super) fn default(value: &Value, args: &Args<'_>) -> Result<Value, String> {
    if !is_null(value) {
        return Ok(value.clone());
    }
    Ok(args.get("value").cloned().unwrap_or_else(Value::none))
}

/// A number from a number, boolean or text; null from a blank text.
pub(super) fn number(value: &Value, _: &Args<'_>) -> Result<Value, String> {
    if value.is_number() {
        return Ok(value.clone());
    }
    if let Some(flag) = value.as_bool() {
        return Ok(i64::from(flag).into());
    }
    let text = input(value)?.trim();
    if text.is_empty() {
        return Ok(Value::none());
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(whole.into());
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from).ok_or_else(|| "the text is no number".to_owned())
}

pub(super) fn string(value: &Value, _: &Args<'_>) -> Result<Value, String> {
    if value.as_str().is_some() {
        return Ok(value.clone());
    }
    Ok(to_text(&to_json(value)?).into())
}

/// True unless null, `0`, empty, or one of the words `false`, `no`, `off`, `0`.
#[expect(clippy::unnecessary_wraps, reason = "every filter has this shape")]
pub(super) fn boolean(value: &Value, _: &Args<'_>) -> Result<Value, String> {
    Ok(match value.as_str() {
        Some(text) => !matches!(text.trim().to_ascii_lowercase().as_str(), "" | "false" | "no" | "off" | "0"),
        None => value.is_truthy(),
    }
    .into())
}

/// The value written as JSON.
pub(super) fn json(value: &Value, _: &Args<'_>) -> Result<Value, String> {
    made(&to_json(value)?.to_string())
}

/// Percent-encoded, fit for one segment or value of an address.
pub(super) fn url(value: &Value, _: &Args<'_>) -> Result<Value, String> {
    made(&encode(&to_text(&to_json(value)?)))
}

pub(super) fn base64(value: &Value, _: &Args<'_>) -> Result<Value, String> {
    made(&STANDARD.encode(to_text(&to_json(value)?)))
}

/// In lower-case hexadecimal.
pub(super) fn sha256(value: &Value, _: &Args<'_>) -> Result<Value, String> {
    made(&format!("{:x}", Sha256::digest(to_text(&to_json(value)?))))
}

/// `date(format="%d.%m.%Y")`; without a format, RFC 3339 in UTC.
pub(super) fn date(value: &Value, args: &Args<'_>) -> Result<Value, String> {
    let instant = instant(value)?;
    let Some(format) = args.text(&["format"])? else { return made(&written(instant)) };
    if format.len() > 64 || StrftimeItems::new(format).any(|item| matches!(item, Item::Error)) {
        return Err("`format` is no date format".to_owned());
    }
    charge(1024)?;
    Ok(instant.format(format).to_string().into())
}

/// `add(value=1)` to a number, `add(duration="P1D")` to a date.
pub(super) fn add(value: &Value, args: &Args<'_>) -> Result<Value, String> {
    if let Some(duration) = args.text(&["duration"])? {
        let (back, duration) = duration.strip_prefix('-').map_or((false, duration), |rest| (true, rest));
        let duration: IsoDuration = duration.parse().map_err(|_| "`duration` is no ISO 8601 duration".to_owned())?;
        let duration = chrono::Duration::from_std(duration.get()).map_err(|_| "the duration is too long".to_owned())?;
        let moved = if back { instant(value)?.checked_sub_signed(duration) } else { instant(value)?.checked_add_signed(duration) };
        return made(&written(moved.ok_or("the date is out of range")?));
    }
    let term = args.get("value").filter(|term| term.is_number()).ok_or("it needs a `value` that is a number, or a `duration`")?;
    let whole = |number: &Value| if number.is_f64() { None } else { number.as_i64() };
    if let (Some(left), Some(right)) = (whole(value), whole(term)) {
        return left.checked_add(right).map(Value::from).ok_or_else(|| "the sum is too large".to_owned());
    }
    match (value.as_f64(), term.as_f64()) {
        (Some(left), Some(right)) => Ok((left + right).into()),
        _ => Err(format!("it takes a number, not {}", described(value))),
    }
}

/// An instant from RFC 3339, a date, a date and time without zone (taken as UTC), or seconds since 1970.
fn instant(value: &Value) -> Result<DateTime<Utc>, String> {
    let seconds = if value.is_f64() { None } else { value.as_i64() };
    if let Some(seconds) = seconds {
        return DateTime::from_timestamp(seconds, 0).ok_or_else(|| "the date is out of range".to_owned());
    }
    let text = input(value)?.trim();
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(instant.with_timezone(&Utc));
    }
    let plain = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"));
    plain
        .or_else(|_| NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|date| date.and_time(NaiveTime::MIN)))
        .map(|plain| plain.and_utc())
        .map_err(|_| "the text is no date".to_owned())
}

fn written(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}
