//! Times of calls in buckets that are narrow where times are short: the layout of HdrHistogram (Tene) with two
//! significant digits. Each power of two from 128 ns on has 64 buckets, so a bucket is at most 1/64 of its times wide.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Below twice this every nanosecond has a bucket of its own.
const BUCKETS_PER_OCTAVE: u64 = 64;

/// Only buckets with calls, in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Histogram {
    pub buckets: Vec<Bucket>,
}

/// Calls that took from `from_ns` to under `to_ns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Bucket {
    pub from_ns: u64,
    pub to_ns: u64,
    pub calls: u64,
}

impl Histogram {
    /// Nanoseconds of each call, in any order.
    pub fn of_nanos(calls: &[u64]) -> Self {
        let mut sorted = calls.to_vec();
        sorted.sort_unstable();
        let mut all = Self::default();
        for nanos in sorted {
            let (from_ns, to_ns) = bounds(nanos);
            match all.buckets.last_mut() {
                Some(last) if last.from_ns == from_ns => last.calls += 1,
                _ => all.buckets.push(Bucket { from_ns, to_ns, calls: 1 }),
            }
        }
        all
    }

    pub fn calls(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.calls).sum()
    }

    /// The bucket that holds the percentile by nearest rank; `None` without calls and outside of 1 to 100.
    pub fn percentile(&self, percent: u8) -> Option<Bucket> {
        if !(1..=100).contains(&percent) {
            return None;
        }
        let rank = (u64::from(percent) * self.calls()).div_ceil(100);
        let mut seen = 0;
        self.buckets.iter().copied().find(|bucket| {
            seen += bucket.calls;
            rank <= seen
        })
    }
}

/// The bucket of a time: multiples of a power of two.
fn bounds(nanos: u64) -> (u64, u64) {
    let octave = nanos.checked_div(BUCKETS_PER_OCTAVE).unwrap_or(0).checked_ilog2().unwrap_or(0);
    let from = nanos >> octave << octave;
    (from, from.saturating_add(1 << octave))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::percentile::LatencySummary;
    use proptest::prelude::*;

    #[test]
    fn buckets_double_their_width_with_each_power_of_two() {
        for (nanos, from, to) in [
            (0, 0, 1),
            (127, 127, 128),
            (128, 128, 130),
            (129, 128, 130),
            (255, 254, 256),
            (256, 256, 260),
            (1_000_000, 999_424, 1_007_616),
        ] {
            assert_eq!(bounds(nanos), (from, to), "{nanos}");
        }
        assert_eq!(Histogram::of_nanos(&[]).percentile(50), None);
        let three = Histogram::of_nanos(&[129, 5, 128]);
        let one = Bucket { from_ns: 5, to_ns: 6, calls: 1 };
        assert_eq!(three.buckets, [one, Bucket { from_ns: 128, to_ns: 130, calls: 2 }]);
        assert_eq!((three.percentile(33), three.percentile(0)), (Some(one), None));
    }

    proptest! {
        #[test]
        fn no_call_is_lost_and_every_percentile_is_in_its_bucket(
            calls in proptest::collection::vec(prop_oneof![any::<u64>(), 0..10_000_000_u64], 1..200),
        ) {
            let histogram = Histogram::of_nanos(&calls);
            prop_assert_eq!(histogram.calls(), calls.len() as u64);
            for bucket in &histogram.buckets {
                let width = bucket.to_ns - bucket.from_ns;
                prop_assert!(width <= 1 || width <= bucket.from_ns / BUCKETS_PER_OCTAVE);
            }
            prop_assert!(histogram.buckets.windows(2).all(|pair| pair[0].to_ns <= pair[1].from_ns));
            let exact = LatencySummary::of_nanos(&calls).p95.value.expect("defined");
            let found = histogram.percentile(95).expect("a bucket");
            prop_assert!(found.from_ns as f64 / 1e9 <= exact && exact <= found.to_ns as f64 / 1e9);
        }
    }
}
