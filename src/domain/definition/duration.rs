//! Durations as ISO 8601 writes them: `PT10S`, `PT1M30S`, `P30D`, `PT0.5S`.
//!
//! Years and months have no fixed length and are refused.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration that reads and writes itself in ISO 8601 form, whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IsoDuration(Duration);

/// The text is no duration this server understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an ISO 8601 duration such as `PT10S`, `PT1M30S` or `P30D`")]
pub struct MalformedDuration;

impl IsoDuration {
    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// So many milliseconds.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// As the standard library's type.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl std::str::FromStr for IsoDuration {
    type Err = MalformedDuration;

    fn from_str(text: &str) -> Result<Self, MalformedDuration> {
        let body = text.strip_prefix('P').ok_or(MalformedDuration)?;
        let (date, time) = body.split_once('T').map_or((body, None), |(date, time)| (date, Some(time)));
        let mut total = 0_u64;
        let mut parts = 0;
        for (section, units) in
            [(Some(date), [('W', 604_800_000), ('D', 86_400_000), ('_', 0)]), (time, [('H', 3_600_000), ('M', 60_000), ('S', 1000)])]
        {
            let Some(section) = section else { continue };
            let (milliseconds, count) = read_section(section, &units)?;
            total = total.checked_add(milliseconds).ok_or(MalformedDuration)?;
            parts += count;
        }
        if parts == 0 || time == Some("") {
            return Err(MalformedDuration);
        }
        Ok(Self::from_millis(total))
    }
}

/// Reads `1M30S` with units in falling order; gives milliseconds and how many parts there were.
fn read_section(mut section: &str, units: &[(char, u64)]) -> Result<(u64, u32), MalformedDuration> {
    let mut total = 0_u64;
    let mut parts = 0;
    for (unit, scale) in units {
        let Some((number, rest)) = section.split_once(*unit) else { continue };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 3 || (number.contains('.') && fraction.is_empty()) {
            return Err(MalformedDuration);
        }
        let whole: u64 = whole.parse().map_err(|_| MalformedDuration)?;
        let thousandths: u64 = format!("{fraction:0<3}").parse().map_err(|_| MalformedDuration)?;
        let amount =
            whole.checked_mul(*scale).and_then(|amount| amount.checked_add(thousandths * scale / 1000)).ok_or(MalformedDuration)?;
        total = total.checked_add(amount).ok_or(MalformedDuration)?;
        parts += 1;
        section = rest;
    }
    if section.is_empty() { Ok((total, parts)) } else { Err(MalformedDuration) }
}

impl fmt::Display for IsoDuration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        let (days, rest) = (milliseconds / 86_400_000, milliseconds % 86_400_000);
        if days > 0 && rest == 0 {
            return write!(out, "P{days}D");
        }
        let (seconds, thousandths) = (milliseconds / 1000, milliseconds % 1000);
        if thousandths == 0 {
            write!(out, "PT{seconds}S")
        } else {
            let fraction = format!("{thousandths:03}");
            write!(out, "PT{seconds}.{}S", fraction.trim_end_matches('0'))
        }
    }
}

impl Serialize for IsoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IsoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        let check = |text: &str, milliseconds: u64, written: &str| {
            assert_eq!(text.parse::<IsoDuration>(), Ok(IsoDuration::from_millis(milliseconds)), "{text}");
            assert_eq!(IsoDuration::from_millis(milliseconds).to_string(), written);
        };
        check("PT10S", 10_000, "PT10S");
        check("PT0.25S", 250, "PT0.25S");
        check("PT1M30S", 90_000, "PT90S");
        check("P30D", 2_592_000_000, "P30D");
        check("P1DT1H", 90_000_000, "PT90000S");
        check("P2W", 1_209_600_000, "P14D");
    }

    #[test]
    fn refuses_what_has_no_fixed_length_or_no_sense() {
        for text in [
            "",
            "P",
            "PT",
            "10S",
            "P1Y",
            "P1M",
            "PT1S1M",
            "PT-1S",
            "PT1.S",
            "PT.5S",
            "PT1.2345S",
            "P1DT",
            "PT99999999999999999999S",
            "PT1e3S",
        ] {
            assert!(text.parse::<IsoDuration>().is_err(), "{text}");
        }
    }
}
