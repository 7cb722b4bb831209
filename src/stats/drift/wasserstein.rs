//! Earth mover's distance on the line.

use super::sample::Sample;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A spread below this is taken as this, so that a constant reference gives a finite number.
const LEAST_STD: f64 = 1e-3;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Wasserstein {
    /// In the unit of the column.
    pub distance: f64,
    /// In standard deviations (population form) of the reference, of which at least 0.001 are
    /// taken.
    pub normalised: f64,
}

/// First Wasserstein distance: the integral of the gap between both distribution functions
/// (Vallender 1974). `None` when it isn't finite, for values near the end of the number range.
pub fn wasserstein(reference: &Sample, current: &Sample) -> Option<Wasserstein> {
    let (n, m) = (reference.n() as f64, current.n() as f64);
    let mut points = [reference.sorted(), current.sorted()].concat();
    points.sort_unstable_by(f64::total_cmp);
    let (mut below, mut below_current, mut distance) = (0, 0, 0.0);
    for (from, to) in points.iter().zip(points.iter().skip(1)).filter(|(from, to)| from < to) {
        while reference.sorted().get(below).is_some_and(|v| v <= from) {
            below += 1;
        }
        while current.sorted().get(below_current).is_some_and(|v| v <= from) {
            below_current += 1;
        }
        distance += (below as f64 / n - below_current as f64 / m).abs() * (to - from);
    }
    let normalised = distance / reference.population_std().max(LEAST_STD);
    (distance.is_finite() && normalised.is_finite()).then_some(Wasserstein { distance, normalised })
}
