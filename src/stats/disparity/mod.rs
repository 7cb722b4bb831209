//! How far apart the groups of an attribute are.
//!
//! Definitions (over the groups that are large enough and have the rate):
//!
//! | metric | compares |
//! | --- | --- |
//! | demographic parity | selection rate |
//! | equalized odds | TPR and FPR, the worse one |
//! | average odds | TPR and FPR, the mean of both differences |
//! | equal opportunity | TPR |
//! | predictive equality | FPR |
//! | predictive parity | precision |
//! | treatment equality | false negatives per false positive |
//! | calibration gap | mean score minus share of positives |
//! | the others | what their name says |
//!
//! Between groups: difference = highest - lowest, ratio = lowest / highest. Against one group or
//! all rows: the group that is farthest from it, again as higher minus lower and lower over higher,
//! so a ratio never exceeds 1 (Fairlearn's `to_overall`); signed figures are in [`super::contrast`].
//! The best group is the highest or the lowest one, so against the best group is between groups.
//! 0/0 is no ratio. Intervals of differences of two independent rates are Newcombe's, of ratios
//! Katz's, taken as if both groups had been named before the data were seen; with many groups their
//! coverage is below the nominal 95 %. All other intervals come from the bootstrap.
//! Invariant: fewer than two values to compare is not applicable, never "no disparity".

mod cells;
mod metric;
mod pair;

pub use cells::{Cells, CellsAgainst, of_cells, rate_of_cells};
pub use metric::{Compared, DisparityMetric};

use super::{
    fairness::{GroupRates, RateName},
    interval::{Interval, Level},
};
use metric::Form;
use pair::{Pair, Side};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The name of all rows where they stand for a group.
pub const ALL_ROWS: &str = "(all rows)";

/// What the groups are held against.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// Each other: the highest against the lowest.
    #[default]
    BetweenGroups,
    /// All rows, the group's own included.
    Overall,
    /// The group of this label.
    Group(String),
}

/// One disparity of one attribute. Group lists are in the order of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Disparity {
    pub metric: DisparityMetric,
    /// `None`: fewer than two values to compare, or the ratio is 0/0.
    pub value: Option<f64>,
    pub interval: Option<Interval>,
    /// The interval in closed form at the confidence at which all pairs that could have been the
    /// extreme ones hold together (Bonferroni): beyond a limit with it is beyond it for sure. The
    /// same as `interval` where only one pair could be. `None` where no closed form exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simultaneous_interval: Option<Interval>,
    /// The rate that decides: of equalized odds the worse one. `None` where both decide and where
    /// no rate is compared.
    pub rate: Option<RateName>,
    pub highest_group: Option<String>,
    pub lowest_group: Option<String>,
    /// Large enough, with everything that is compared.
    pub groups_used: Vec<String>,
    /// Below the minimum group size.
    pub groups_dropped: Vec<String>,
    /// Large enough, but something that is compared is undefined. They still take part in the
    /// comparison of the other rate of equalized odds.
    pub groups_undefined: Vec<String>,
    /// False when something that is compared has no two values: of equalized odds one half may be
    /// missing, and then the value speaks for the other half only.
    pub complete: bool,
    /// Rows of the groups used.
    pub n: u64,
    /// The smallest denominator among the values that are compared: positives for a TPR.
    #[serde(default)]
    pub least_n: u64,
}

impl Disparity {
    /// Compares the groups of one table with each other.
    pub fn between(metric: DisparityMetric, groups: &[GroupRates]) -> Self {
        Self::against(metric, groups, None, &Against::BetweenGroups)
    }

    /// Compares the groups of one table with what `against` says; `overall` is all rows.
    pub fn against(
        metric: DisparityMetric,
        groups: &[GroupRates],
        overall: Option<&GroupRates>,
        against: &Against,
    ) -> Self {
        let form = metric.form();
        let (dropped, usable): (Vec<&GroupRates>, Vec<&GroupRates>) = groups.iter().partition(|g| g.too_small);
        let has_all = |g: &GroupRates| metric.compares().all(|compared| Side::of(g, compared).is_some());
        let (used, undefined): (Vec<&GroupRates>, Vec<&GroupRates>) = usable.iter().copied().partition(|g| has_all(g));
        let pairs: Vec<Pair> =
            metric.compares().filter_map(|compared| Pair::worst(compared, &usable, overall, against, form)).collect();
        let complete = pairs.len() == metric.compares().count();
        let names = |groups: &[&GroupRates]| groups.iter().map(|g| g.group.clone()).collect();
        let (value, worst) = match form {
            Form::MeanDifference => (pair::mean_difference(&pairs).filter(|_| complete), None),
            _ => pair::decided(&pairs, form),
        };
        let denominators = usable
            .iter()
            .flat_map(|g| metric.compares().filter_map(|compared| Side::of(g, compared).map(|side| side.n)));
        let least_n = denominators.min().unwrap_or(0);
        let interval = |level: &dyn Fn(&Pair) -> Level| value.and_then(|_| pair::joint_interval(&pairs, form, level));
        let together = pair::of_all_pairs(&pairs);
        Self {
            metric,
            value,
            interval: interval(&|_| Level::USUAL),
            simultaneous_interval: interval(&|_| together),
            least_n,
            rate: worst.and_then(Pair::rate),
            highest_group: worst.map(|pair| pair.higher.group.to_owned()),
            lowest_group: worst.map(|pair| pair.lower.group.to_owned()),
            groups_used: names(&used),
            groups_dropped: names(&dropped),
            groups_undefined: names(&undefined),
            complete,
            n: used.iter().map(|g| g.n).sum(),
        }
    }
}

#[cfg(test)]
mod tests;
