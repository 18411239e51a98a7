//! How long an answer asks to be left alone.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::compiler::Compiler;
use super::interpolate::to_text;
use super::path::Path;
use crate::domain::definition::{RuleWait, WaitFormat};
use crate::domain::exchange::Response;
use crate::domain::problem::pointer_join;

/// The longest wait a step accepts when its rule names none.
const USUAL_MOST: Duration = Duration::from_hours(1);

/// Where an answer says how long to wait, compiled.
pub(crate) struct PlannedWait {
    header: Option<String>,
    path: Option<Path>,
    format: WaitFormat,
    pub(crate) most: Duration,
}

impl PlannedWait {
    pub(crate) fn compile(compiler: &mut Compiler, wait: &RuleWait, pointer: &str) -> Self {
        Self {
            header: wait.header.as_ref().map(|name| name.to_ascii_lowercase()),
            path: wait.body.as_ref().map(|path| compiler.path(path, &pointer_join(pointer, "body"))),
            format: wait.format,
            most: wait.max.map_or(USUAL_MOST, crate::domain::definition::IsoDuration::get),
        }
    }

    /// `Retry-After`, RFC 9110 section 10.2.3.
    pub(crate) fn usual() -> Self {
        Self { header: Some("retry-after".to_owned()), path: None, format: WaitFormat::SecondsOrDate, most: USUAL_MOST }
    }

    /// Is it read from a header of this name?
    pub(crate) fn looks_at(&self, name: &str) -> bool {
        self.header.as_deref() == Some(name)
    }

    /// The wait asked for, if the answer names one that can be understood.
    pub(crate) fn asked(&self, response: &Response, body: &Value, now: DateTime<Utc>) -> Option<Duration> {
        let in_header = self.header.as_deref().and_then(|name| response.header(name)).and_then(|text| read(text, self.format, now));
        in_header.or_else(|| {
            let found = self.path.as_ref()?.find(body).ok()?;
            found.first().and_then(|value| read(&to_text(value), self.format, now))
        })
    }
}

fn read(text: &str, format: WaitFormat, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    match format {
        WaitFormat::Seconds => seconds(number?),
        WaitFormat::Milliseconds => seconds(number? / 1000.0),
        WaitFormat::EpochSeconds => seconds((number? - epoch(now)).max(0.0)),
        WaitFormat::SecondsOrDate => match number {
            Some(number) => seconds(number),
            None => httpdate::parse_http_date(text).ok().map(|at| (DateTime::<Utc>::from(at) - now).to_std().unwrap_or_default()),
        },
    }
}

fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok()
}

fn epoch(now: DateTime<Utc>) -> f64 {
    Duration::from_millis(u64::try_from(now.timestamp_millis()).unwrap_or_default()).as_secs_f64()
}

/// Every reading of a text, for the fuzz targets.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_all(text: &str, now: DateTime<Utc>) -> [Option<Duration>; 4] {
    [WaitFormat::SecondsOrDate, WaitFormat::Seconds, WaitFormat::Milliseconds, WaitFormat::EpochSeconds]
        .map(|format| read(text, format, now))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample;
    use super::*;

    #[test]
    fn reads_every_format() {
        let check = |text: &str, format: WaitFormat, seconds: Option<f64>| {
            assert_eq!(read(text, format, sample::now()), seconds.map(Duration::from_secs_f64), "{text} {format:?}");
        };
        check("120", WaitFormat::SecondsOrDate, Some(120.0));
        check(" 1.5 ", WaitFormat::Seconds, Some(1.5));
        check("250", WaitFormat::Milliseconds, Some(0.25));
        check("Mon, 23 Nov 2026 10:00:30 GMT", WaitFormat::SecondsOrDate, Some(30.0));
        check("Mon, 23 Nov 2026 09:00:00 GMT", WaitFormat::SecondsOrDate, Some(0.0));
        check(&(sample::now().timestamp() + 9).to_string(), WaitFormat::EpochSeconds, Some(9.0));
        check("12", WaitFormat::EpochSeconds, Some(0.0));
        for bad in ["-5", "soon", "NaN", "inf", "1e400", ""] {
            check(bad, WaitFormat::SecondsOrDate, None);
        }
    }

    #[test]
    fn falls_back_to_the_body() {
        let wait = PlannedWait { path: Path::compile("$.retry.in").ok(), ..PlannedWait::usual() };
        let response = sample::response(429, &[], "");
        assert_eq!(wait.asked(&response, &json!({"retry": {"in": 4}}), sample::now()), Some(Duration::from_secs(4)));
        assert_eq!(wait.asked(&response, &Value::Null, sample::now()), None);
    }
}
