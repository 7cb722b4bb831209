//! Seeded bootstrap of figures that come from counts ([`table`], [`contrasts`]) and of figures that
//! need the rows ([`scores`], [`residuals`], [`decisions`], [`classes`]).
//!
//! Where figures come from counts, rows with the same cell (group, truth, answer) are the same row to every figure here, so a
//! resample of the rows is a multinomial draw over the cells: a million rows cost no more than a
//! thousand. Efron (1979); percentile intervals after Efron and Tibshirani (1993), chapter 13.
//!
//! Invariants: the same counts, plan and version of this crate give the same bits on every
//! machine; the result names its seed, its number of resamples, its scheme and its generator; a
//! replicate in which a figure is undefined is left out of its interval and counted.
//!
//! A highest-minus-lowest difference is never below 0, so its interval never holds 0 inside: for
//! a test of "no disparity" take the signed difference from one reference ([`contrasts`]).

mod binomial;
mod classes;
mod decisions;
mod figures;
pub(crate) mod generator;
mod residuals;
mod rows;
mod scores;
mod tables;

pub use classes::classes;
pub use decisions::decisions;
pub use figures::{Comparison, FigureBootstrap, FiguresBootstrap, GroupFigures};
pub use residuals::residuals;
pub use scores::scores;
pub use tables::{ContrastBootstrap, GroupBootstrap, RateBootstrap, SpreadBootstrap, TableBootstrap, contrasts, table};

use super::{
    drift::Sample,
    interval::{CONFIDENCE, Interval, IntervalMethod},
};
use generator::Generator;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Fewer replicates say nothing about a 2.5 % tail.
pub const MINIMUM_RESAMPLES: u32 = 100;
pub const MAXIMUM_RESAMPLES: u32 = 100_000;
/// Replicates of all figures that are kept at once: 8 bytes each.
const MAXIMUM_VALUES: usize = 25_000_000;
/// An interval rests on at least this many defined replicates.
const LEAST_DEFINED: u64 = 40;
/// The generator that [`Plan::seed`] starts. Another one gets another name.
pub const GENERATOR: &str = "xoshiro256++ seeded by splitmix64, binomials by inversion and BTRS";

/// The generator of figures that need the rows themselves.
pub const ROW_GENERATOR: &str = "xoshiro256++ seeded by splitmix64, rows by multiplication with rejection";

/// What is drawn again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Rows within each group: every group keeps its size.
    StratifiedByGroup,
    /// Rows of the whole table: sizes of groups vary, and a small group may vanish.
    Rows,
}

/// Part of the evidence: with it anybody can repeat the intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    pub resamples: u32,
    pub seed: u64,
    pub scheme: Scheme,
}

impl Plan {
    /// # Errors
    /// When the number of resamples is out of range.
    pub fn check(self) -> Result<(), PlanError> {
        match (MINIMUM_RESAMPLES..=MAXIMUM_RESAMPLES).contains(&self.resamples) {
            true => Ok(()),
            false => Err(PlanError::Resamples { asked: self.resamples }),
        }
    }
}

/// The replicates of one figure, summed up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Replicates {
    /// From the 2.5 % to the 97.5 % quantile of the defined replicates. `None` with fewer than 40
    /// of them.
    pub interval: Option<Interval>,
    pub median: Option<f64>,
    /// How many replicates the figure is defined in.
    pub defined: u32,
}

/// Why a plan can't be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    Resamples {
        asked: u32,
    },
    TooMuch {
        resamples: u32,
        figures: usize,
    },
    Lengths {
        rows: usize,
        other: usize,
    },
    /// The reference group is absent or too small.
    NoReference {
        group: String,
    },
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resamples { asked } => {
                write!(f, "{asked} resamples were asked for; {MINIMUM_RESAMPLES} to {MAXIMUM_RESAMPLES} are possible")
            }
            Self::TooMuch { resamples, figures } => write!(
                f,
                "{resamples} resamples of {figures} figures don't fit into memory; ask for fewer resamples or cross fewer attributes"
            ),
            Self::Lengths { rows, other } => {
                write!(f, "{rows} rows in groups stand against {other} values; they have to be the same rows")
            }
            Self::NoReference { group } => write!(
                f,
                "no group `{group}` is large enough to be the reference; name another one or lower the minimum size"
            ),
        }
    }
}

impl std::error::Error for PlanError {}

/// The replicates of `figures`, in the order in which it answers. `groups` holds the counts of
/// the cells of each group; `figures` gets the same shape filled with resampled counts and pushes
/// the same number of values each time, undefined ones as `None`.
pub fn replicates<const CELLS: usize>(
    groups: &[[u64; CELLS]],
    plan: Plan,
    figures: impl Fn(&[[u64; CELLS]], &mut Vec<Option<f64>>),
) -> Result<Vec<Replicates>, PlanError> {
    let (mut drawn, mut values) = (groups.to_vec(), Vec::new());
    figures(&drawn, &mut values);
    let width = values.len();
    run(plan, width, &mut |_| {}, |generator, values| {
        match plan.scheme {
            Scheme::StratifiedByGroup => {
                for (group, drawn) in groups.iter().zip(&mut drawn) {
                    multinomial(group, drawn, generator);
                }
            }
            Scheme::Rows => multinomial(groups.as_flattened(), drawn.as_flattened_mut(), generator),
        }
        figures(&drawn, values);
    })
}

/// Draws every replicate and sums each of its `width` values up. `progress` hears the share that
/// is done, about a hundred times.
fn run(
    plan: Plan,
    width: usize,
    progress: &mut dyn FnMut(f64),
    mut replicate: impl FnMut(&mut Generator, &mut Vec<Option<f64>>),
) -> Result<Vec<Replicates>, PlanError> {
    let Plan { resamples, seed, .. } = plan;
    plan.check()?;
    if MAXIMUM_VALUES < width.saturating_mul(resamples as usize) {
        return Err(PlanError::TooMuch { resamples, figures: width });
    }
    let mut values = Vec::with_capacity(width);
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); width];
    for number in 0..resamples {
        // A stream for each replicate: the first thousand of two thousand are the same as of one.
        let mut generator = Generator::of(seed, u64::from(number));
        values.clear();
        replicate(&mut generator, &mut values);
        for (column, value) in columns.iter_mut().zip(&values) {
            column.extend(value.filter(|v| v.is_finite()));
        }
        if number % (resamples / 100) == 0 {
            progress(f64::from(number) / f64::from(resamples));
        }
    }
    progress(1.0);
    Ok(columns.iter().map(|column| summed_up(column)).collect())
}

/// As many rows as `counts` has, drawn with their shares: each cell is binomial in what the cells
/// before it have left.
fn multinomial(counts: &[u64], drawn: &mut [u64], generator: &mut Generator) {
    multinomial_of(counts, drawn.iter_mut(), generator);
}

fn multinomial_of<'a>(counts: &[u64], drawn: impl Iterator<Item = &'a mut u64>, generator: &mut Generator) {
    let mut rows: u64 = counts.iter().sum();
    let mut share_of = rows;
    for (count, drawn) in counts.iter().zip(drawn) {
        *drawn = if *count == share_of { rows } else { binomial::draw(rows, *count, share_of, generator) };
        rows -= *drawn;
        share_of -= count;
    }
}

fn summed_up(column: &[f64]) -> Replicates {
    let sample = Sample::of(column);
    let quantile = |share: f64| sample.as_ref().map(|sample| sample.quantile(share));
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let enough = LEAST_DEFINED <= column.len() as u64;
    let ends = quantile(tail).zip(quantile(1.0 - tail)).filter(|_| enough);
    Replicates {
        interval: ends.and_then(|(low, high)| Interval::new(low, high, IntervalMethod::BootstrapPercentile)),
        median: quantile(0.5),
        defined: column.len() as u32,
    }
}

#[cfg(test)]
mod row_tests;
#[cfg(test)]
mod tests;
