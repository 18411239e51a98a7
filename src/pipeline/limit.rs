//! A budget of calls, compiled: who shares it, how many calls it allows, and what answers say of it.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::definition::{Definition, Limit, LimitHeaders, LimitScope};
use crate::domain::exchange::Response;

/// Numbers above this are seconds since 1970, those below from now.
const EPOCH_FROM: f64 = 1e9;

/// The longest pause that an answer can ask for.
const LONGEST: Duration = Duration::from_hours(24);

/// A budget of calls.
#[derive(Debug, Clone)]
pub struct PlannedLimit {
    /// Its name in the definition.
    pub name: String,
    /// Who shares it.
    pub scope: LimitScope,
    /// So many calls in any span of that length.
    pub rates: Vec<(usize, Duration)>,
    headers: Option<LimitHeaders>,
}

impl PlannedLimit {
    /// The budget a step names, or else the usual one.
    pub(crate) fn compile(definition: &Definition, named: Option<&String>) -> Option<Self> {
        let (name, limit) = definition.limits.get_key_value(named.or(definition.defaults.limit.as_ref())?)?;
        let Limit { scope, rates, headers } = limit;
        let rates = rates.iter().map(|rate| (usize::try_from(rate.limit).unwrap_or(1).max(1), rate.per.get())).collect();
        Some(Self { name: name.clone(), scope: *scope, rates, headers: headers.clone() })
    }

    #[cfg(test)]
    pub(crate) fn of(rates: Vec<(usize, Duration)>) -> Self {
        Self { name: "test".to_owned(), scope: LimitScope::Connector, rates, headers: None }
    }

    /// Is it a header that tells what is left?
    pub(crate) fn looks_at(&self, name: &str) -> bool {
        self.headers
            .as_ref()
            .is_some_and(|headers| [&headers.remaining, &headers.reset].iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// How long the service wants to be left alone, by what an answer says is left.
    pub fn pause(&self, response: &Response, now: DateTime<Utc>) -> Option<Duration> {
        let headers = self.headers.as_ref()?;
        let number =
            |name: &str| response.header(&name.to_ascii_lowercase())?.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        if number(&headers.remaining)? > 0.0 {
            return None;
        }
        let reset = number(&headers.reset)?;
        let epoch = Duration::from_millis(u64::try_from(now.timestamp_millis()).unwrap_or_default()).as_secs_f64();
        let seconds = if reset > EPOCH_FROM { reset - epoch } else { reset };
        Duration::try_from_secs_f64(seconds.max(0.0)).ok().map(|pause| pause.min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn reads_what_is_left() {
        let headers = LimitHeaders { remaining: "X-Left".to_owned(), reset: "X-Reset".to_owned() };
        let limit = PlannedLimit { headers: Some(headers), ..PlannedLimit::of(Vec::new()) };
        let check = |left: &str, reset: &str, expected: Option<u64>| {
            let response = sample::response(200, &[("x-left", left), ("x-reset", reset)], "");
            assert_eq!(limit.pause(&response, sample::now()), expected.map(Duration::from_secs), "{left} {reset}");
        };
        check("0", "12", Some(12));
        check("1", "12", None);
        check("0", &(sample::now().timestamp() + 30).to_string(), Some(30));
        check("0", "5", Some(5));
        check("0", "-5", Some(0));
        check("0", "999999", Some(86_400));
        check("none", "5", None);
        check("0", "soon", None);
    }
}
