//! Budgets of calls that runs of this process share: who may call now, and who later.
//!
//! A call that may not be made at once is given the next free instant, so that calls come in the order they were asked
//! for and none asks twice. In any span of a rate's length there are at most as many calls as it says. Each process keeps
//! its own count.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::pipeline::PlannedLimit;

/// Budgets and given instants kept before those long past are dropped.
const KEPT: usize = 10_000;

/// All budgets, by who shares them.
#[derive(Default)]
pub(super) struct Budgets {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    budgets: HashMap<String, Budget>,
    /// Who was given an instant and waits for it.
    given: HashMap<String, DateTime<Utc>>,
}

#[derive(Default)]
struct Budget {
    /// Instants given, in order; as many as the longest rate looks at.
    calls: VecDeque<DateTime<Utc>>,
    /// The service wants no call before this.
    closed_until: Option<DateTime<Utc>>,
}

impl Budgets {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When `who` may call: now or earlier if at once. Whoever was given an instant gets the same one again, until it has
    /// come and is used up.
    pub(super) fn ask(&self, key: &str, who: &str, limit: &PlannedLimit, now: DateTime<Utc>) -> DateTime<Utc> {
        let mut inner = self.inner();
        inner.tidy(now);
        let closed_until = inner.budgets.get(key).and_then(|budget| budget.closed_until);
        if let Some(instant) = inner.given.get(who).map(|given| closed_until.map_or(*given, |until| until.max(*given))) {
            if instant <= now {
                inner.given.remove(who);
            }
            return instant;
        }
        let instant = inner.budgets.entry(key.to_owned()).or_default().next(limit, now);
        if instant > now {
            inner.given.insert(who.to_owned(), instant);
        }
        instant
    }

    /// The service wants to be left alone for so long.
    pub(super) fn close(&self, key: &str, pause: Duration, now: DateTime<Utc>) {
        let mut inner = self.inner();
        let budget = inner.budgets.entry(key.to_owned()).or_default();
        budget.closed_until = budget.closed_until.max(Some(now + pause));
    }
}

impl Inner {
    /// Forgets what is long past, once there is much of it.
    fn tidy(&mut self, now: DateTime<Utc>) {
        let past = now - chrono::TimeDelta::days(1);
        if self.given.len() > KEPT {
            self.given.retain(|_, instant| *instant > past);
        }
        if self.budgets.len() > KEPT {
            self.budgets.retain(|_, budget| budget.calls.back().is_some_and(|last| *last > past) || budget.closed_until > Some(now));
        }
    }
}

impl Budget {
    /// The next instant at which every rate allows a call; it counts as made.
    fn next(&mut self, limit: &PlannedLimit, now: DateTime<Utc>) -> DateTime<Utc> {
        let mut instant = self.closed_until.map_or(now, |until| until.max(now));
        instant = self.calls.back().map_or(instant, |last| instant.max(*last));
        for (most, span) in &limit.rates {
            // The call so many before this one must be out of the span.
            let before = self.calls.len().checked_sub(*most).and_then(|place| self.calls.get(place));
            instant = before.map_or(instant, |before| instant.max(*before + *span));
        }
        self.calls.push_back(instant);
        let looked_at = limit.rates.iter().map(|(most, _)| *most).max().unwrap_or(1);
        while self.calls.len() > looked_at {
            self.calls.pop_front();
        }
        instant
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn limit(rates: &[(usize, u64)]) -> PlannedLimit {
        PlannedLimit::of(rates.iter().map(|(most, secs)| (*most, Duration::from_secs(*secs))).collect())
    }

    /// Instants given to so many calls at once, in milliseconds from now.
    fn given(rates: &[(usize, u64)], calls: usize) -> Vec<i64> {
        let (budgets, now, limit) = (Budgets::default(), DateTime::<Utc>::UNIX_EPOCH, limit(rates));
        (0..calls).map(|who| (budgets.ask("k", &who.to_string(), &limit, now) - now).num_milliseconds()).collect()
    }

    #[test]
    fn no_span_has_more_calls_than_its_rate() {
        assert_eq!(given(&[(2, 1)], 5), [0, 0, 1000, 1000, 2000]);
        assert_eq!(given(&[(2, 1), (3, 10)], 6), [0, 0, 1000, 10_000, 10_000, 11_000]);
        assert_eq!(given(&[], 3), [0, 0, 0]);
    }

    #[test]
    fn whoever_waits_keeps_the_instant_and_uses_it_up_once() {
        let (budgets, now, limit) = (Budgets::default(), DateTime::<Utc>::UNIX_EPOCH, limit(&[(1, 10)]));
        let at = |secs: i64| now + TimeDelta::seconds(secs);
        assert_eq!(budgets.ask("k", "a", &limit, now), now);
        assert_eq!((budgets.ask("k", "b", &limit, now), budgets.ask("k", "b", &limit, at(3))), (at(10), at(10)));
        assert_eq!(budgets.ask("k", "c", &limit, at(4)), at(20));
        assert_eq!(budgets.ask("k", "b", &limit, at(11)), at(10), "its time has come");
        assert_eq!(budgets.ask("k", "b", &limit, at(11)), at(30), "and is used up");
        assert_eq!(budgets.ask("other", "d", &limit, at(11)), at(11));
    }

    #[test]
    fn flt_22_nobody_calls_while_the_service_wants_to_be_left_alone() {
        let (budgets, now, limit) = (Budgets::default(), DateTime::<Utc>::UNIX_EPOCH, limit(&[(1, 1)]));
        let at = |secs: i64| now + TimeDelta::seconds(secs);
        assert_eq!(budgets.ask("k", "a", &limit, now), now);
        assert_eq!(budgets.ask("k", "b", &limit, now), at(1));
        budgets.close("k", Duration::from_mins(1), now);
        budgets.close("k", Duration::from_secs(5), now);
        assert_eq!(budgets.ask("k", "b", &limit, at(2)), at(60), "also who was given an earlier instant");
        assert_eq!(budgets.ask("k", "c", &limit, at(2)), at(60));
    }
}
