//! Durations and sizes as people write them.

use serde::{Deserialize, Deserializer, de::Error as _};
use std::{borrow::Cow, time::Duration};

/// A duration longer than nothing: `500ms`, `30s`, `5m`, `12h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

/// A number of bytes: `512B`, `64KiB`, `1MiB`, `2GiB`, `10MB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

const SPANS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZES: [(&str, u64); 7] =
    [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000)];

fn read(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (digits, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    digits.parse::<u64>().ok()?.checked_mul(*factor).filter(|total| *total > 0)
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const ADVICE: &str = "write a duration such as \"500ms\", \"30s\", \"5m\", \"12h\" or \"7d\", longer than nothing";
        let text = Cow::<'de, str>::deserialize(deserializer).map_err(|_| D::Error::custom(ADVICE))?;
        read(&text, &SPANS).map(|millis| Self(Duration::from_millis(millis))).ok_or_else(|| D::Error::custom(ADVICE))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const ADVICE: &str = "write a size such as \"512B\", \"64KiB\", \"1MiB\" or \"2GiB\", larger than nothing";
        let text = Cow::<'de, str>::deserialize(deserializer).map_err(|_| D::Error::custom(ADVICE))?;
        read(&text, &SIZES).map(Self).ok_or_else(|| D::Error::custom(ADVICE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read() {
        for (text, expected) in
            [("500ms", Some(500)), ("30s", Some(30_000)), ("5 m", Some(300_000)), ("7d", Some(604_800_000)), ("0s", None)]
        {
            assert_eq!(read(text, &SPANS), expected, "{text}");
        }
        for text in ["", "30", "s", "-1s", "1.5h", "30 seconds", "99999999999999999999d", "20000000000000000d"] {
            assert_eq!(read(text, &SPANS), None, "{text}");
        }
        for (text, expected) in [("512B", Some(512)), ("1MiB", Some(1 << 20)), ("10MB", Some(10_000_000)), ("1mib", None), ("1", None)] {
            assert_eq!(read(text, &SIZES), expected, "{text}");
        }
    }
}
