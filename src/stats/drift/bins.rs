//! Bins for numbers, and how many values of a sample each holds.

use super::sample::Sample;

/// More bins than this say nothing about a distribution, and a hostile column could ask for them.
const MAXIMUM_BINS: usize = 1000;
/// With at most this many distinct values in the reference each value is a bin of its own.
const FEW_VALUES: usize = 20;
const TENTHS: usize = 10;

/// Cut points of a number line. Invariant: ascending, no two equal, at most `MAXIMUM_BINS`.
#[derive(Clone, Debug, PartialEq)]
pub struct Bins {
    inner: Vec<f64>,
    /// A value on a cut point belongs to the bin below it: (lo, hi] instead of [lo, hi).
    closed_above: bool,
    /// Outer edges, both inside; values beyond them go to one extra bin. `None`: the outer bins
    /// are open.
    range: Option<(f64, f64)>,
}

impl Bins {
    /// Cut at the given points, outer bins open. `None` for points that are not finite or not
    /// strictly ascending, or too many.
    pub fn at(inner: Vec<f64>, closed_above: bool) -> Option<Self> {
        let finite = inner.iter().all(|v| v.is_finite());
        let ascending = inner.iter().zip(inner.iter().skip(1)).all(|(a, b)| a < b);
        (finite && ascending && inner.len() < MAXIMUM_BINS).then_some(Self { inner, closed_above, range: None })
    }

    /// Cut at the nine inner deciles of the reference, equal ones once; (lo, hi], outer bins
    /// open. The usual bins of a population stability index.
    pub fn deciles(reference: &Sample) -> Self {
        // 0.1 + 0.1 i and not i / 10: the shares that other libraries step through.
        let share = |i: usize| 0.1 + 0.1 * i as f64;
        Self::open((0..TENTHS - 1).map(|i| reference.quantile(share(i))).collect(), true)
    }

    /// Ten bins of equal width over the range of the reference; [lo, hi), the outer bins take
    /// what lies outside.
    pub fn equal_width(reference: &Sample) -> Self {
        let edges = steps(reference.minimum(), reference.maximum(), TENTHS);
        Self::open(inside(edges), false)
    }

    /// The bins of Evidently: over the range of both samples with as many as Sturges' (1926) rule
    /// gives for the rows of both; or one bin per value when the reference has at most 20.
    pub fn sturges(reference: &Sample, current: &Sample) -> Self {
        let distinct = reference.distinct();
        if distinct.len() <= FEW_VALUES {
            return Self::each_value(distinct, current);
        }
        let low = reference.minimum().min(current.minimum());
        let high = reference.maximum().max(current.maximum());
        let rows = (reference.n() + current.n()) as f64;
        let width = (high - low) / (rows.log2() + 1.0);
        Self::open(inside(steps(low, high, count(low, high, width))), false)
    }

    /// One bin per value of either sample. The values of the current sample beyond the limit
    /// share the last bins.
    fn each_value(mut values: Vec<f64>, current: &Sample) -> Self {
        let room = MAXIMUM_BINS - values.len();
        let reference = values.clone();
        let is_new = |v: &f64| reference.binary_search_by(|r| r.total_cmp(v)).is_err();
        values.extend(current.distinct().into_iter().filter(is_new).take(room));
        values.sort_unstable_by(f64::total_cmp);
        values.pop();
        Self::open(values, true)
    }

    /// The bins of nannyml: over the range of the reference with as many as Doane's (1976) rule
    /// gives, which is Sturges' with an allowance for skewness; what lies outside is one extra bin.
    pub fn doane(reference: &Sample) -> Self {
        let (n, low, high) = (reference.n() as f64, reference.minimum(), reference.maximum());
        let (mean, std) = (reference.mean(), reference.population_std());
        let width = if 2.0 < n && 0.0 < std {
            let skewness_std = (6.0 * (n - 2.0) / ((n + 1.0) * (n + 3.0))).sqrt();
            let cubes = reference.sorted().iter().map(|v| ((v - mean) / std).powi(3));
            let skewness = cubes.sum::<f64>() / n;
            (high - low) / (1.0 + n.log2() + (1.0 + skewness.abs() / skewness_std).log2())
        } else {
            0.0
        };
        let edges = steps(low, high, count(low, high, width));
        Self { range: Some((low, high)), ..Self::open(inside(edges), false) }
    }

    fn open(mut inner: Vec<f64>, closed_above: bool) -> Self {
        inner.dedup();
        Self { inner, closed_above, range: None }
    }

    /// The cut points between bins.
    pub fn inner_edges(&self) -> &[f64] {
        &self.inner
    }

    /// Values per bin, from low to high; where the range is bounded, the last count is of what
    /// lies outside.
    pub fn histogram(&self, sample: &Sample) -> Vec<u64> {
        let up_to = |edge: &f64| if self.closed_above { sample.at_most(*edge) } else { sample.below(*edge) };
        let (first, last) = match self.range {
            Some((low, high)) => (sample.below(low), sample.at_most(high)),
            None => (0, sample.sorted().len()),
        };
        let bounds: Vec<usize> = std::iter::once(first)
            .chain(self.inner.iter().map(|edge| up_to(edge).clamp(first, last)))
            .chain([last])
            .collect();
        let pairs = bounds.iter().zip(bounds.iter().skip(1));
        let mut counts: Vec<u64> = pairs.map(|(from, to)| to.saturating_sub(*from) as u64).collect();
        if self.range.is_some() {
            counts.push(sample.n() - counts.iter().sum::<u64>());
        }
        counts
    }
}

/// How many bins of about `width` the range needs; one for a width that says nothing.
fn count(low: f64, high: f64, width: f64) -> usize {
    let count = ((high - low) / width).ceil();
    if count.is_finite() { (count as usize).clamp(1, MAXIMUM_BINS) } else { 1 }
}

/// `count` equal steps from `low` to `high`, both included.
fn steps(low: f64, high: f64, count: usize) -> Vec<f64> {
    let step = (high - low) / count as f64;
    (0..=count).map(|i| if i == count { high } else { i as f64 * step + low }).collect()
}

fn inside(edges: Vec<f64>) -> Vec<f64> {
    let inner = edges.len().saturating_sub(2);
    edges.into_iter().skip(1).take(inner).collect()
}
