//! The four-fifths rule of the Uniform Guidelines on Employee Selection Procedures, 29 CFR
//! 1607.4(D): a rate below four fifths of the highest "will generally be regarded [...] as
//! evidence of adverse impact". The same paragraph allows for small numbers and for significance,
//! so every ratio comes with its tests.

use super::{CategoryCount, PooledZ, fisher_exact, highest, pooled_z};
use crate::stats::{
    drift::{ChiSquare, homogeneity, yates_2x2},
    figure::Rate,
    interval::{Interval, katz, ratio},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One category against the one with the highest rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgainstHighest {
    pub fisher_exact_p_value: f64,
    /// `None` when all or none of both are selected.
    pub pooled_z: Option<PooledZ>,
    /// Katz's interval of the ratio.
    pub ratio_interval: Option<Interval>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FourFifthsCategory {
    pub count: CategoryCount,
    pub selection_rate: Option<Rate>,
    /// Of all rows. The guidelines (1607.15(A)(2)) ask for no figures of a group under 2 % of the
    /// labour force; they are given all the same.
    pub share_of_rows: f64,
    /// `None` for an unknown category, with one category only, and when nobody is selected.
    pub impact_ratio: Option<f64>,
    /// Whether five times the rate is below four times the highest, in whole numbers.
    pub below_four_fifths: Option<bool>,
    /// `None` for the highest category itself.
    pub against_highest: Option<AgainstHighest>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FourFifths {
    pub categories: Vec<FourFifthsCategory>,
    /// Of equal rates the last.
    pub highest_category: Option<String>,
    pub lowest_impact_ratio: Option<f64>,
    /// Selected or not by known category. `None` when all or none are selected.
    pub chi_square: Option<ChiSquare>,
    /// The same with Yates' correction, for two categories.
    pub chi_square_yates: Option<ChiSquare>,
    pub n: u64,
    pub unknown: u64,
}

pub fn four_fifths(counts: &[CategoryCount]) -> FourFifths {
    let known: Vec<&CategoryCount> = counts.iter().filter(|c| c.known).collect();
    let best = highest(&known);
    let n: u64 = counts.iter().map(|c| c.n).sum();
    let categories: Vec<FourFifthsCategory> = counts.iter().map(|c| category(c, best, n)).collect();
    let selected: Vec<u64> = known.iter().map(|c| c.selected).collect();
    let others: Vec<u64> = known.iter().map(|c| c.n.saturating_sub(c.selected)).collect();
    let several = 2 <= known.len();
    FourFifths {
        highest_category: best.map(|c| c.category.clone()),
        lowest_impact_ratio: categories.iter().filter_map(|c| c.impact_ratio).reduce(f64::min),
        chi_square: homogeneity(&selected, &others).filter(|_| several),
        chi_square_yates: yates_2x2(&selected, &others),
        categories,
        n,
        unknown: counts.iter().filter(|c| !c.known).map(|c| c.n).sum(),
    }
}

fn category(count: &CategoryCount, best: Option<&CategoryCount>, n: u64) -> FourFifthsCategory {
    let own = (count.selected, count.n);
    let best = best.filter(|_| count.known);
    let top = best.map(|best| (best.selected, best.n));
    let impact_ratio = top.and_then(|top| ratio(own, top));
    let product = |a: u64, b: u64, times: u128| times * u128::from(a) * u128::from(b);
    let below = top.map(|top| product(own.0, top.1, 5) < product(top.0, own.1, 4));
    let other = top.filter(|_| best.is_some_and(|best| best.category != count.category));
    FourFifthsCategory {
        count: count.clone(),
        selection_rate: Rate::of(own.0, own.1),
        share_of_rows: if n == 0 { 0.0 } else { count.n as f64 / n as f64 },
        impact_ratio,
        below_four_fifths: impact_ratio.and(below),
        against_highest: other.and_then(|top| {
            Some(AgainstHighest {
                fisher_exact_p_value: fisher_exact(own, top)?,
                pooled_z: pooled_z(own, top),
                ratio_interval: katz(own, top),
            })
        }),
    }
}
