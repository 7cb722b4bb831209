//! Latency of many calls, summarised.

use super::{
    figure::Figure,
    interval::{self, Interval, IntervalMethod, percentile_ranks},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Figures in seconds, all over the same calls. `n` of each figure is the number of calls.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LatencySummary {
    pub p50: Figure,
    pub p95: Figure,
    pub p99: Figure,
    /// The largest of the calls. It bounds nothing, so it has no interval.
    pub max: Figure,
    pub mean: Figure,
}

impl LatencySummary {
    /// Nanoseconds of each call, in any order. With no calls every figure is undefined.
    pub fn of_nanos(calls: &[u64]) -> Self {
        // Division, not multiplication by 1e-9: 3,000,000 ns has to be the number written 0.003.
        let mut seconds: Vec<f64> = calls.iter().map(|nanos| *nanos as f64 / 1e9).collect();
        seconds.sort_by(f64::total_cmp);
        let n = seconds.len() as u64;
        let mean = (n != 0).then(|| seconds.iter().sum::<f64>() / n as f64);
        Self {
            p50: percentile(&seconds, 50),
            p95: percentile(&seconds, 95),
            p99: percentile(&seconds, 99),
            max: Figure::point(seconds.last().copied(), n),
            mean: Figure::with_interval(mean, interval::mean_of_losses(&seconds), n),
        }
    }

    /// The number of calls.
    pub fn n(&self) -> u64 {
        self.max.n
    }
}

/// Nearest-rank percentile of ascending values: the value at rank ceil(percent * n / 100),
/// with the order-statistic interval. The figure is undefined for no values and outside 1 to 99.
pub fn percentile(ascending: &[f64], percent: u8) -> Figure {
    let n = ascending.len() as u64;
    let at = |rank: u64| {
        let index = usize::try_from(rank.checked_sub(1)?).ok()?;
        ascending.get(index).copied()
    };
    if !(1..=99).contains(&percent) {
        return Figure::point(None, n);
    }
    let value = at((u64::from(percent) * n).div_ceil(100));
    let interval = percentile_ranks(n, percent)
        .and_then(|(low, high)| Interval::new(at(low)?, at(high)?, IntervalMethod::OrderStatistic));
    Figure::with_interval(value, interval, n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn percentiles_take_the_nearest_rank() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        for (percent, want) in [(1, 1.0), (50, 50.0), (95, 95.0), (99, 99.0)] {
            assert_eq!(percentile(&values, percent).value, Some(want));
        }
        assert_eq!(percentile(&[1.0, 2.0, 3.0], 50).value, Some(2.0));
        assert_eq!(percentile(&[7.0], 95).value, Some(7.0));
        assert_eq!(percentile(&[], 95).value, None);
        assert_eq!(percentile(&values, 100).value, None);
    }

    #[test]
    fn the_interval_lies_between_order_statistics() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        let interval = percentile(&values, 50).interval.expect("enough values");
        assert_eq!((interval.low, interval.high), (40.0, 61.0));
        assert_eq!(percentile(&values[..50], 95).interval, None);
    }

    #[test]
    fn a_summary_is_in_seconds() {
        let got = LatencySummary::of_nanos(&[3_000_000, 1_000_000, 2_000_000]);
        assert_eq!(got.p50.value, Some(0.002));
        assert_eq!(got.max.value, Some(0.003));
        assert_eq!(got.n(), 3);
        assert!((got.mean.value.expect("defined") - 0.002).abs() < 1e-15);
        assert_eq!(LatencySummary::of_nanos(&[]).mean.value, None);
    }

    proptest! {
        #[test]
        fn a_percentile_is_one_of_the_calls_and_they_are_in_order(mut calls in prop::collection::vec(0u64..10_000_000_000, 1..300)) {
            let got = LatencySummary::of_nanos(&calls);
            let [p50, p95, p99, max] = [got.p50, got.p95, got.p99, got.max].map(|f| f.value.expect("defined"));
            prop_assert!(p50 <= p95 && p95 <= p99 && p99 <= max);
            prop_assert!(calls.iter().any(|c| *c as f64 / 1e9 == p95));
            calls.reverse();
            prop_assert_eq!(LatencySummary::of_nanos(&calls).p95, got.p95);
        }
    }
}
