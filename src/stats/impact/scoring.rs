//! The scoring form: who scored above the median.

use super::super::drift::Sample;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How scores were turned into counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Scoring {
    /// Of the full sample, rows of unknown category included; the mean of the two middle scores
    /// of an even number.
    pub median: f64,
    /// Rows at the median itself. They count as not above, so many of them make every rate small.
    pub at_median: u64,
}

/// Whether each score is strictly above the median of all (6 RCNY 5-300, "scoring rate"). `None`
/// for no score, or one that is not a finite number: leaving it out would move the median.
pub fn above_median(scores: &[f64]) -> Option<(Vec<bool>, Scoring)> {
    let sample = Sample::of(scores).filter(|sample| sample.left_out() == 0)?;
    let (sorted, middle) = (sample.sorted(), scores.len() / 2);
    let upper = *sorted.get(middle)?;
    let median = match scores.len() % 2 {
        // The halves are added so that the sum can't overflow.
        0 => sorted.get(middle - 1)? / 2.0 + upper / 2.0,
        _ => upper,
    };
    let at_median = (sample.at_most(median) - sample.below(median)) as u64;
    Some((scores.iter().map(|score| median < *score).collect(), Scoring { median, at_median }))
}
