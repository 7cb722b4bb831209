//! How many comparisons were made: with many groups some look different by chance alone.

use crate::stats::{fairness::AttributeTable, interval::CONFIDENCE};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Fewer comparisons than this need no warning: less than one false alarm is expected.
const WORTH_A_NOTE: u64 = 20;

/// What was compared in all tables of one evidence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Comparisons {
    pub tables: u64,
    /// Groups with rates, over all tables.
    pub groups: u64,
    /// Groups held against another one, for each rate.
    pub comparisons: u64,
    /// How many of their 95 % intervals would leave out "no difference" for each rate although
    /// there is none: 0.05 * comparisons.
    pub expected_by_chance: f64,
    /// The confidence of each interval that would keep the chance of any false alarm below 5 %
    /// (Bonferroni): 1 - 0.05 / comparisons.
    pub bonferroni_confidence: Option<f64>,
    /// In words, once the number is worth a warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Comparisons {
    pub fn of(tables: &[AttributeTable]) -> Self {
        let usable = || tables.iter().map(|table| table.usable().count() as u64);
        let (groups, comparisons) = (usable().sum(), usable().map(|count| count.saturating_sub(1)).sum::<u64>());
        let alarm = 1.0 - CONFIDENCE;
        let expected_by_chance = alarm * comparisons as f64;
        let note = (WORTH_A_NOTE <= comparisons).then(|| {
            format!(
                "{groups} groups in {} tables were compared: for each rate, about {expected_by_chance:.0} of {comparisons} intervals would leave out \"no difference\" by chance alone. One that does is a reason to look, not a proof.",
                tables.len()
            )
        });
        Self {
            tables: tables.len() as u64,
            groups,
            comparisons,
            expected_by_chance,
            bonferroni_confidence: (comparisons != 0).then(|| 1.0 - alarm / comparisons as f64),
            note,
        }
    }
}
