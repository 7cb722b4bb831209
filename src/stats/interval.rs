//! Two-sided 95 % intervals, and those in closed form.

use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal, StudentsT};
use utoipa::ToSchema;

/// The confidence of every interval in this crate.
pub const CONFIDENCE: f64 = 0.95;
/// The 0.975 quantile of the standard normal distribution.
pub const Z: f64 = 1.959_963_984_540_054;

/// How an interval was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IntervalMethod {
    /// Wilson's score interval for a proportion.
    Wilson,
    /// A Wilson interval carried through a monotone function (F1 from tp / (tp + fp + fn)).
    WilsonTransformed,
    /// Newcombe's hybrid score interval for a difference of two proportions.
    Newcombe,
    /// Katz's log interval for a ratio of two proportions.
    Katz,
    /// Katz's log interval with a count moved by one half, at the edges.
    KatzAdjusted,
    /// Square-and-add combination of two Wilson intervals for a mean of two proportions (MOVER).
    WilsonCombined,
    /// Distribution-free interval between two order statistics.
    OrderStatistic,
    /// DeLong's variance of the area under the ROC curve, normal quantile.
    Delong,
    /// Student's t interval for a mean.
    StudentT,
    /// Student's t interval for a mean square, carried through the square root.
    StudentTRoot,
    /// Quantiles of the replicates of a seeded bootstrap.
    BootstrapPercentile,
    /// From the lower of both low ends to the higher of both high ends: the bootstrap's interval
    /// and the one in closed form.
    BootstrapOrClosedForm,
}

/// `low <= high`, both finite, in the unit of the figure that the interval belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
    /// Coverage as a fraction: 0.95.
    pub confidence: f64,
    pub method: IntervalMethod,
}

impl Interval {
    /// `None` unless both ends are finite and in order.
    pub fn new(low: f64, high: f64, method: IntervalMethod) -> Option<Self> {
        (low.is_finite() && high.is_finite() && low <= high).then_some(Self {
            low,
            high,
            confidence: CONFIDENCE,
            method,
        })
    }

    /// The smallest interval that holds both.
    pub fn hull(self, other: Self, method: IntervalMethod) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high), method, ..self }
    }

    /// The same interval after an increasing function of the figure.
    pub fn map(self, increasing: impl Fn(f64) -> f64, method: IntervalMethod) -> Option<Self> {
        Self::new(increasing(self.low), increasing(self.high), method)
    }
}

/// Wilson (1927) score interval for `count` successes of `total`. `None` for `total == 0`.
pub fn wilson(count: u64, total: u64) -> Option<Interval> {
    wilson_at(count, total, Level::USUAL)
}

fn wilson_at(count: u64, total: u64, level: Level) -> Option<Interval> {
    let Level { z, .. } = level;
    if total == 0 || total < count {
        return None;
    }
    let (n, p) = (total as f64, count as f64 / total as f64);
    let z2 = z * z;
    let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    // At the edges the formula gives exactly 0 and 1 in real numbers, but not in floating point.
    let low = if count == 0 { 0.0 } else { centre - half };
    let high = if count == total { 1.0 } else { centre + half };
    level.interval(low, high, IntervalMethod::Wilson)
}

/// How sure an interval is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    confidence: f64,
    /// The quantile of the standard normal distribution that leaves half of the rest above it.
    z: f64,
}

impl Level {
    pub const USUAL: Self = Self { confidence: CONFIDENCE, z: Z };

    /// The level at which `comparisons` intervals hold together with the usual confidence
    /// (Bonferroni).
    pub fn of_many(comparisons: u64) -> Self {
        if comparisons <= 1 {
            return Self::USUAL;
        }
        let outside = (1.0 - CONFIDENCE) / comparisons as f64;
        let z = Normal::standard().inverse_cdf(1.0 - outside / 2.0);
        Self { confidence: 1.0 - outside, z }
    }

    fn interval(self, low: f64, high: f64, method: IntervalMethod) -> Option<Interval> {
        Some(Interval { confidence: self.confidence, ..Interval::new(low, high, method)? })
    }
}

/// A count out of a total: one of the two proportions that are compared.
pub type CountOf = (u64, u64);

/// The difference `a - b` of two proportions, with a single rounding.
pub fn difference(a: CountOf, b: CountOf) -> Option<f64> {
    let (a_count, a_total) = wide(a)?;
    let (b_count, b_total) = wide(b)?;
    let above = (a_count * b_total) as f64 - (b_count * a_total) as f64;
    Some(above / (a_total * b_total) as f64)
}

/// The ratio `a / b` of two proportions, with a single rounding, so that 12/25 over 3/5 is
/// exactly the number written 0.8. `None` when `b` is 0: 0/0 has no value and x/0 has no bound.
pub fn ratio(a: CountOf, b: CountOf) -> Option<f64> {
    let (a_count, a_total) = wide(a)?;
    let (b_count, b_total) = wide(b)?;
    (b_count != 0).then(|| (a_count * b_total) as f64 / (a_total * b_count) as f64)
}

fn wide((count, total): CountOf) -> Option<(u128, u128)> {
    (total != 0 && count <= total).then_some((u128::from(count), u128::from(total)))
}

/// Newcombe (1998), method 10: hybrid score interval for `a - b` from the two Wilson intervals.
/// It isn't cut at 0: for a highest-minus-lowest difference a low end below 0 says that no
/// difference at all is compatible with the counts.
pub fn newcombe(a: CountOf, b: CountOf) -> Option<Interval> {
    newcombe_at(a, b, Level::USUAL)
}

/// [`newcombe`] at another level.
pub fn newcombe_at(a: CountOf, b: CountOf, level: Level) -> Option<Interval> {
    let d = difference(a, b)?;
    let (p, q) = (a.0 as f64 / a.1 as f64, b.0 as f64 / b.1 as f64);
    let (wa, wb) = (wilson_at(a.0, a.1, level)?, wilson_at(b.0, b.1, level)?);
    let below = ((p - wa.low).powi(2) + (wb.high - q).powi(2)).sqrt();
    let above = ((wa.high - p).powi(2) + (q - wb.low).powi(2)).sqrt();
    level.interval(d - below, d + above, IntervalMethod::Newcombe)
}

/// Katz (1978) log interval for the ratio `a / b`.
///
/// Edge rule, where the standard error is infinite or 0: a count of 0 in `a` is taken as one
/// half, and then the low end is 0; when both proportions are 1, each count is taken as one half
/// less. `None` when `b` is 0, as the ratio itself.
pub fn katz(a: CountOf, b: CountOf) -> Option<Interval> {
    katz_at(a, b, Level::USUAL)
}

/// [`katz`] at another level.
pub fn katz_at(a: CountOf, b: CountOf, level: Level) -> Option<Interval> {
    ratio(a, b)?;
    let ((mut x, m), (mut y, n)) = ((a.0 as f64, a.1 as f64), (b.0 as f64, b.1 as f64));
    let mut method = IntervalMethod::KatzAdjusted;
    if a.0 == 0 {
        x = 0.5;
    } else if a.0 == a.1 && b.0 == b.1 {
        (x, y) = (m - 0.5, n - 0.5);
    } else {
        method = IntervalMethod::Katz;
    }
    let log_ratio = (x / m).ln() - (y / n).ln();
    let half = level.z * (1.0 / x - 1.0 / m + 1.0 / y - 1.0 / n).max(0.0).sqrt();
    let low = if a.0 == 0 { 0.0 } else { (log_ratio - half).exp() };
    level.interval(low, (log_ratio + half).exp(), method)
}

/// Interval for the mean of two proportions of disjoint rows (balanced accuracy): square-and-add
/// of the two Wilson intervals (Zou and Donner 2008, MOVER).
pub fn mean_of_rates(a: CountOf, b: CountOf) -> Option<Interval> {
    let (wa, wb) = (wilson(a.0, a.1)?, wilson(b.0, b.1)?);
    let (p, q) = (a.0 as f64 / a.1 as f64, b.0 as f64 / b.1 as f64);
    let mean = (p + q) / 2.0;
    let below = ((p - wa.low).powi(2) + (q - wb.low).powi(2)).sqrt() / 2.0;
    let above = ((wa.high - p).powi(2) + (wb.high - q).powi(2)).sqrt() / 2.0;
    Interval::new(mean - below, mean + above, IntervalMethod::WilsonCombined)
}

/// [`mean`] of values that are never negative (losses, times): its low end is cut at 0.
pub fn mean_of_losses(values: &[f64]) -> Option<Interval> {
    let interval = mean(values)?;
    Interval::new(interval.low.max(0.0), interval.high, interval.method)
}

/// Student's t interval for the mean of independent values. `None` for fewer than two values, a
/// value that is not finite, or values that are all equal (they say nothing about the spread).
pub fn mean(values: &[f64]) -> Option<Interval> {
    if values.len() < 2 {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    if !(variance.is_finite() && 0.0 < variance) {
        return None;
    }
    let t = StudentsT::new(0.0, 1.0, n - 1.0).ok()?;
    let half = t.inverse_cdf(1.0 - (1.0 - CONFIDENCE) / 2.0) * (variance / n).sqrt();
    Interval::new(mean - half, mean + half, IntervalMethod::StudentT)
}

/// Ranks (1-based) of the order statistics that enclose the percentile of `n` values with at
/// least 95 % confidence, whatever the distribution: the largest `low` with
/// P(B < low) <= 0.025 and the smallest `high` with P(B >= high) <= 0.025, where
/// B ~ Binomial(n, percent / 100) (Hahn and Meeker 1991). `None` when `n` is too small for both.
pub fn percentile_ranks(n: u64, percent: u8) -> Option<(u64, u64)> {
    if n == 0 || percent == 0 || 100 <= percent {
        return None;
    }
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let binomial = Binomial::new(f64::from(percent) / 100.0, n).ok()?;
    let low = first(n + 1, |rank| tail < binomial.cdf(rank));
    let high = first(n, |rank| 1.0 - tail <= binomial.cdf(rank)) + 1;
    (1 <= low && high <= n).then_some((low, high))
}

/// The smallest number below `end` for which a predicate that turns true once holds, else `end`.
fn first(end: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[cfg(test)]
mod tests;
