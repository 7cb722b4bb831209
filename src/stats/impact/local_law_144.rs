//! The tables of a bias audit under New York City's Local Law 144: 6 RCNY 5-300 (selection rate,
//! scoring rate, impact ratio) and 5-301 (what an audit computes, what may be left out).
//!
//! One analysis is one table: sex, or race and ethnicity, or both crossed; each has its own
//! highest rate. The law names no pass mark and neither does this module.
//!
//! Choices where the rules are silent: shares for the 2 % rule are of the rows of known category;
//! rows of unknown category are in the sample whose median the scoring form uses.

use super::{CategoryCount, Scoring, highest};
use crate::stats::{figure::Rate, interval::ratio};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// A category may be left out of the ratios when it has less than one in this many rows.
const EXCLUDABLE_BELOW_ONE_IN: u128 = 50;

/// The auditor's decision to leave a category out of the ratios.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exclusion {
    pub category: String,
    /// Why, in the auditor's words; it is part of the published summary.
    pub justification: String,
}

/// Whether a category has a ratio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    Rated,
    /// Counted, never compared.
    Unknown,
    /// Left out of the ratios, also as the highest rate; still listed.
    Excluded {
        justification: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LocalLaw144Category {
    pub count: CategoryCount,
    /// Selection rate or scoring rate.
    pub rate: Option<Rate>,
    /// Of the rows of known category; `None` for an unknown one.
    pub share_of_known: Option<f64>,
    /// Less than 2 % of the rows of known category: it may be excluded with a reason.
    pub may_be_excluded: bool,
    pub standing: Standing,
    pub impact_ratio: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LocalLaw144 {
    /// How scores became counts; `None` for the selection form.
    pub scoring: Option<Scoring>,
    pub categories: Vec<LocalLaw144Category>,
    /// The category whose rate is the denominator, of equal ones the last. `None` with fewer than
    /// two rated categories.
    pub highest_category: Option<String>,
    pub n: u64,
    /// Rows of unknown category, to be stated in the summary.
    pub unknown: u64,
}

/// Why a category can't be excluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExclusionError {
    Absent { category: String },
    Unknown { category: String },
    TooLarge { category: String, n: u64, known: u64 },
    NoJustification { category: String },
    Twice { category: String },
}

impl fmt::Display for ExclusionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent { category } => {
                write!(f, "the data has no category `{category}` to exclude; check its spelling")
            }
            Self::Unknown { category } => {
                write!(f, "`{category}` is an unknown category and never compared; take its exclusion away")
            }
            Self::TooLarge { category, n, known } => write!(
                f,
                "`{category}` has {n} of {known} rows; only a category under 2 % may be excluded (6 RCNY 5-301)"
            ),
            Self::NoJustification { category } => {
                write!(f, "the exclusion of `{category}` has no justification; state the auditor's reason")
            }
            Self::Twice { category } => write!(f, "`{category}` is excluded twice; keep one justification"),
        }
    }
}

impl std::error::Error for ExclusionError {}

/// One analysis. `scoring` comes from [`super::above_median`] when `counts` are of scores above
/// the median, and is `None` when they are of selections.
pub fn local_law_144(
    counts: &[CategoryCount],
    scoring: Option<Scoring>,
    exclusions: &[Exclusion],
) -> Result<LocalLaw144, ExclusionError> {
    let known: u64 = counts.iter().filter(|c| c.known).map(|c| c.n).sum();
    for (index, exclusion) in exclusions.iter().enumerate() {
        allowed(exclusion, counts, known)?;
        if exclusions.iter().take(index).any(|e| e.category == exclusion.category) {
            return Err(ExclusionError::Twice { category: exclusion.category.clone() });
        }
    }
    let standing = |count: &CategoryCount| match exclusions.iter().find(|e| e.category == count.category) {
        _ if !count.known => Standing::Unknown,
        Some(exclusion) => Standing::Excluded { justification: exclusion.justification.clone() },
        None => Standing::Rated,
    };
    let rated: Vec<&CategoryCount> = counts.iter().filter(|c| standing(c) == Standing::Rated).collect();
    let best = highest(&rated);
    let category = |count: &CategoryCount| {
        let standing = standing(count);
        let top = best.filter(|_| standing == Standing::Rated);
        LocalLaw144Category {
            count: count.clone(),
            rate: Rate::of(count.selected, count.n),
            share_of_known: (count.known && known != 0).then(|| count.n as f64 / known as f64),
            may_be_excluded: count.known && is_small(count.n, known),
            standing,
            impact_ratio: top.and_then(|top| ratio((count.selected, count.n), (top.selected, top.n))),
        }
    };
    let n = counts.iter().map(|c| c.n).sum();
    Ok(LocalLaw144 {
        scoring,
        categories: counts.iter().map(category).collect(),
        highest_category: best.map(|c| c.category.clone()),
        n,
        unknown: n - known,
    })
}

fn is_small(n: u64, known: u64) -> bool {
    u128::from(n) * EXCLUDABLE_BELOW_ONE_IN < u128::from(known)
}

fn allowed(exclusion: &Exclusion, counts: &[CategoryCount], known: u64) -> Result<(), ExclusionError> {
    let category = exclusion.category.clone();
    match counts.iter().find(|c| c.category == category) {
        None => Err(ExclusionError::Absent { category }),
        Some(count) if !count.known => Err(ExclusionError::Unknown { category }),
        Some(count) if !is_small(count.n, known) => Err(ExclusionError::TooLarge { category, n: count.n, known }),
        Some(_) if exclusion.justification.trim().is_empty() => Err(ExclusionError::NoJustification { category }),
        Some(_) => Ok(()),
    }
}
