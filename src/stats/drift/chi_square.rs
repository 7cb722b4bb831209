//! Pearson's chi-square tests on counts by level.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChiSquare {
    pub statistic: f64,
    pub degrees_of_freedom: u64,
    /// Chance of a statistic at least this large without drift.
    pub p_value: f64,
    /// The smallest expected count. Below 5 the p-value is rough (Cochran 1954).
    pub minimum_expected: f64,
}

/// Homogeneity of two samples over the same levels, a 2 x k contingency table without continuity
/// correction. Levels that neither sample has are left out. A single level has statistic 0 on 0
/// degrees of freedom and p 1: both samples are the same constant. `None` for an empty sample.
pub fn homogeneity(reference: &[u64], current: &[u64]) -> Option<ChiSquare> {
    contingency(reference, current, false)
}

/// [`homogeneity`] of the table a / b over c / d.
pub fn chi_square_2x2(first: [u64; 2], second: [u64; 2]) -> Option<ChiSquare> {
    contingency(&first, &second, false)
}

/// Yates' (1934) continuity correction, for two levels only: every difference is taken half a row
/// nearer to 0, but not across it. `None` unless exactly two levels occur.
pub fn yates_2x2(reference: &[u64], current: &[u64]) -> Option<ChiSquare> {
    contingency(reference, current, true).filter(|test| test.degrees_of_freedom == 1)
}

fn contingency(reference: &[u64], current: &[u64], corrected: bool) -> Option<ChiSquare> {
    let (n, m) = totals(reference, current)?;
    let occurring = reference.iter().zip(current).filter(|(r, c)| **r + **c != 0);
    let (mut statistic, mut minimum, mut levels) = (0.0, f64::INFINITY, 0);
    for (r, c) in occurring {
        levels += 1;
        let level = (*r + *c) as f64;
        for (observed, total) in [(*r as f64, n), (*c as f64, m)] {
            let expected = level * total / (n + m);
            let gap = (observed - expected).abs();
            let gap = if corrected { gap - gap.min(0.5) } else { gap };
            statistic += gap * gap / expected;
            minimum = expected.min(minimum);
        }
    }
    tested(statistic, levels, minimum)
}

/// Goodness of fit of the current counts to the shares of the reference, which are taken as
/// known. `None` for an empty sample, and for a level that only the current sample has: nothing
/// was expected there, so the statistic has no bound.
pub fn goodness_of_fit(reference: &[u64], current: &[u64]) -> Option<ChiSquare> {
    let (n, m) = totals(reference, current)?;
    let occurring = reference.iter().zip(current).filter(|(r, c)| **r + **c != 0);
    let (mut statistic, mut minimum, mut levels) = (0.0, f64::INFINITY, 0);
    for (r, c) in occurring {
        if *r == 0 {
            return None;
        }
        levels += 1;
        let expected = *r as f64 / n * m;
        statistic += (*c as f64 - expected).powi(2) / expected;
        minimum = expected.min(minimum);
    }
    tested(statistic, levels, minimum)
}

fn totals(reference: &[u64], current: &[u64]) -> Option<(f64, f64)> {
    let (n, m) = (reference.iter().sum::<u64>(), current.iter().sum::<u64>());
    (reference.len() == current.len() && n != 0 && m != 0).then_some((n as f64, m as f64))
}

fn tested(statistic: f64, levels: u64, minimum_expected: f64) -> Option<ChiSquare> {
    let degrees_of_freedom = levels.checked_sub(1)?;
    let p_value = match degrees_of_freedom {
        0 => 1.0,
        dof => ChiSquared::new(dof as f64).ok()?.sf(statistic),
    };
    Some(ChiSquare { statistic, degrees_of_freedom, p_value, minimum_expected })
}
