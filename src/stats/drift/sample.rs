//! One numeric column of one sample.

/// The finite numbers of a column, in order. Invariant: at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    sorted: Vec<f64>,
    left_out: u64,
}

impl Sample {
    /// NaN and infinities are left out and counted. `None` when nothing remains.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let left_out = (values.len() - sorted.len()) as u64;
        (!sorted.is_empty()).then_some(Self { sorted, left_out })
    }

    pub fn sorted(&self) -> &[f64] {
        &self.sorted
    }

    pub fn n(&self) -> u64 {
        self.sorted.len() as u64
    }

    /// How many values were not finite.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    pub fn minimum(&self) -> f64 {
        self.sorted.first().copied().unwrap_or_default()
    }

    pub fn maximum(&self) -> f64 {
        self.sorted.last().copied().unwrap_or_default()
    }

    pub fn mean(&self) -> f64 {
        self.sorted.iter().sum::<f64>() / self.n() as f64
    }

    /// Root of the mean square about the mean: division by n, not n - 1.
    pub fn population_std(&self) -> f64 {
        let mean = self.mean();
        (self.sorted.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / self.n() as f64).sqrt()
    }

    /// How many values are at most `value`.
    pub fn at_most(&self, value: f64) -> usize {
        self.sorted.partition_point(|v| *v <= value)
    }

    /// How many values are less than `value`.
    pub fn below(&self, value: f64) -> usize {
        self.sorted.partition_point(|v| *v < value)
    }

    /// The values without repetition, in order.
    pub fn distinct(&self) -> Vec<f64> {
        let mut values = self.sorted.clone();
        values.dedup();
        values
    }

    /// The quantile at `share` in [0, 1] by linear interpolation at (n - 1) * share, type 7 of
    /// Hyndman and Fan (1996). Interpolated from the nearer neighbour, so that a share that falls
    /// on a value gives that value.
    pub fn quantile(&self, share: f64) -> f64 {
        let position = (self.sorted.len() - 1) as f64 * share.clamp(0.0, 1.0);
        let (below, fraction) = (position.floor(), position - position.floor());
        let at = |index: f64| self.sorted.get(index as usize).copied().unwrap_or(self.maximum());
        let (low, high) = (at(below), at(below + 1.0));
        if fraction < 0.5 { low + (high - low) * fraction } else { high - (high - low) * (1.0 - fraction) }
    }
}
