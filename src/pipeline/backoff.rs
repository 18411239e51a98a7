//! When to try again: policy, attempt and elapsed time → wait or stop.

use std::time::Duration;

use crate::domain::definition::{BackoffKind, Retry};

/// How long to wait before the next attempt; `None` means it was the last one.
///
/// `attempt` is the one that just failed, 1 for the first, `elapsed` the time since the first began, `asked` what the service
/// asked for, which counts as it is, and `chance` a random number from 0 to 1. The random part shortens a wait, so that
/// none is ever longer than `backoff.max`.
pub fn next_delay(retry: &Retry, attempt: u32, elapsed: Duration, asked: Option<Duration>, chance: f64) -> Option<Duration> {
    if attempt >= retry.attempts.min(Retry::MAX_ATTEMPTS) {
        return None;
    }
    let delay = asked.unwrap_or_else(|| own_delay(retry, attempt, chance));
    match retry.max_elapsed {
        Some(most) if elapsed.checked_add(delay).is_none_or(|begin| begin > most.get()) => None,
        _ => Some(delay),
    }
}

fn own_delay(retry: &Retry, attempt: u32, chance: f64) -> Duration {
    let backoff = &retry.backoff;
    let most = backoff.max.get();
    let growth = match backoff.kind {
        BackoffKind::Constant => 1.0,
        BackoffKind::Exponential => {
            let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
            within(backoff.factor, 1.0, 10.0).powi(exponent)
        }
    };
    let full = (backoff.base.get().as_secs_f64() * growth).min(most.as_secs_f64());
    let shortened = full * (1.0 - within(backoff.jitter, 0.0, 1.0) * within(chance, 0.0, 1.0));
    Duration::try_from_secs_f64(shortened).unwrap_or(most).min(most)
}

/// Between two bounds; what is no number counts as the lower one.
fn within(number: f64, least: f64, most: f64) -> f64 {
    if number.is_nan() { least } else { number.clamp(least, most) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::definition::{Backoff, IsoDuration};

    fn retry(attempts: u32, kind: BackoffKind, jitter: f64, max_elapsed: Option<u64>) -> Retry {
        let backoff = Backoff { kind, base: IsoDuration::from_secs(1), factor: 2.0, max: IsoDuration::from_secs(10), jitter };
        Retry { attempts, backoff, max_elapsed: max_elapsed.map(IsoDuration::from_secs), on: None }
    }

    #[test]
    fn grows_and_stops() {
        let check = |attempt: u32, chance: f64, seconds: Option<f64>| {
            let delay = next_delay(&retry(6, BackoffKind::Exponential, 0.5, None), attempt, Duration::ZERO, None, chance);
            assert_eq!(delay, seconds.map(Duration::from_secs_f64), "{attempt}");
        };
        check(1, 0.0, Some(1.0));
        check(2, 0.0, Some(2.0));
        check(4, 0.0, Some(8.0));
        check(5, 0.0, Some(10.0));
        check(2, 1.0, Some(1.0));
        check(6, 0.0, None);
        assert_eq!(next_delay(&retry(3, BackoffKind::Constant, 0.0, None), 2, Duration::ZERO, None, 0.7), Some(Duration::from_secs(1)));
    }

    #[test]
    fn what_the_service_asks_for_counts_as_it_is_but_not_past_the_end() {
        let asked = Some(Duration::from_secs(30));
        assert_eq!(next_delay(&retry(3, BackoffKind::Exponential, 0.5, None), 1, Duration::ZERO, asked, 0.9), asked);
        assert_eq!(next_delay(&retry(3, BackoffKind::Exponential, 0.5, Some(60)), 1, Duration::from_secs(31), asked, 0.9), None);
    }

    proptest! {
        #[test]
        fn inp_1_no_policy_waits_for_ever_or_for_nothing_sensible(
            attempts in any::<u32>(), attempt in 1..u32::MAX, factor in any::<f64>(), jitter in any::<f64>(),
            chance in any::<f64>(), base in 0..1_000_000_u64, most in 0..1_000_000_u64,
            elapsed in 0..100_000_u64, max_elapsed in proptest::option::of(0..100_000_u64),
        ) {
            let backoff = Backoff { kind: BackoffKind::Exponential, base: IsoDuration::from_millis(base), factor, max: IsoDuration::from_millis(most), jitter };
            let retry = Retry { attempts, backoff, max_elapsed: max_elapsed.map(IsoDuration::from_millis), on: None };
            let elapsed = Duration::from_millis(elapsed);
            match next_delay(&retry, attempt, elapsed, None, chance) {
                None => prop_assert!(attempt >= attempts.min(20) || max_elapsed.is_some()),
                Some(delay) => {
                    prop_assert!(delay <= Duration::from_millis(most));
                    prop_assert!(attempt < attempts.min(20));
                    if let Some(most) = max_elapsed {
                        prop_assert!(elapsed + delay <= Duration::from_millis(most));
                    }
                }
            }
        }
    }
}
