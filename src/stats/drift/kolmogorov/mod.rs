//! Two-sample Kolmogorov-Smirnov test.

mod one_sample;
mod paths;

use super::sample::Sample;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Up to this many rows in the larger sample the exact p-value is computed.
pub const EXACT_MAXIMUM_ROWS: u64 = 10_000;

/// Two-sided.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KolmogorovSmirnov {
    /// Largest gap between both distribution functions.
    pub statistic: f64,
    /// The value at which the gap is largest, the first of equal ones.
    pub location: f64,
    /// From the distribution of a one-sample statistic of nm / (n + m) rows.
    pub p_value_asymptotic: f64,
    /// Share of all orders of the pooled rows that give a gap at least as large. `None` above
    /// [`EXACT_MAXIMUM_ROWS`]. With tied values it is an upper bound.
    pub p_value_exact: Option<f64>,
}

impl KolmogorovSmirnov {
    /// The exact p-value, or the asymptotic one where there are too many rows for it.
    pub fn p_value(&self) -> f64 {
        self.p_value_exact.unwrap_or(self.p_value_asymptotic)
    }
}

/// Smirnov (1939); the gap is found in whole numbers, |m i - n j| over nm, with a single rounding.
pub fn kolmogorov_smirnov(reference: &Sample, current: &Sample) -> KolmogorovSmirnov {
    let (n, m) = (reference.n(), current.n());
    let (mut i, mut j) = (0, 0);
    let (mut gap, mut location) = (0_u128, reference.minimum().min(current.minimum()));
    while let Some(value) = least(reference.sorted().get(i), current.sorted().get(j)) {
        while reference.sorted().get(i).is_some_and(|v| *v <= value) {
            i += 1;
        }
        while current.sorted().get(j).is_some_and(|v| *v <= value) {
            j += 1;
        }
        let here = (i as u128 * u128::from(m)).abs_diff(j as u128 * u128::from(n));
        if gap < here {
            (gap, location) = (here, value);
        }
    }
    let statistic = gap as f64 / (n as f64 * m as f64);
    let rows = (n as f64 * m as f64 / (n + m) as f64).round_ties_even().max(1.0);
    KolmogorovSmirnov {
        statistic,
        location,
        p_value_asymptotic: one_sample::tail(rows, statistic),
        p_value_exact: (n.max(m) <= EXACT_MAXIMUM_ROWS).then(|| paths::share_leaving(n, m, gap)),
    }
}

fn least(a: Option<&f64>, b: Option<&f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(*b)),
        (Some(one), None) | (None, Some(one)) => Some(*one),
        (None, None) => None,
    }
}
