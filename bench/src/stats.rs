//! Percentiles, medians and counts as numbers.

use std::time::Duration;

/// Durations in rising order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    /// Sorts what was measured.
    pub(crate) fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self(durations)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The half.
    pub(crate) fn p50(&self) -> Duration {
        self.per_mille(500)
    }

    /// All but one in a hundred.
    pub(crate) fn p99(&self) -> Duration {
        self.per_mille(990)
    }

    /// Nearest rank; zero when there is nothing.
    fn per_mille(&self, share: usize) -> Duration {
        let rank = self.0.len().saturating_mul(share).div_ceil(1000);
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// The middle value; zero when there is none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// A count as a number to reckon with; beyond 32 bits it stays at the largest, which no run here reaches.
pub(crate) fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Milliseconds, with their fraction.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(count: u64, p50: u64, p99: u64) {
        let latencies = Latencies::of((1..=count).rev().map(Duration::from_millis).collect());
        assert_eq!((latencies.p50(), latencies.p99()), (Duration::from_millis(p50), Duration::from_millis(p99)), "of {count}");
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        check(0, 0, 0);
        check(1, 1, 1);
        check(2, 1, 2);
        check(100, 50, 99);
        check(1000, 500, 990);
    }

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).abs() < f64::EPSILON);
    }
}
