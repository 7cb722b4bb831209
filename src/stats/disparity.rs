//! How far apart the groups of an attribute are.
//!
//! Definitions (highest and lowest over the groups that are large enough and have the rate):
//!
//! | metric | rate |
//! | --- | --- |
//! | demographic parity | selection rate |
//! | equal opportunity | TPR |
//! | predictive parity | precision |
//! | accuracy difference | accuracy |
//! | equalized odds | the worse of TPR and FPR |
//!
//! Difference = highest - lowest; ratio = lowest / highest, undefined for 0/0. Intervals are
//! Newcombe's and Katz's between the two extreme groups, taken as if they had been named before
//! the data were seen; with many groups their coverage is below the nominal 95 %.
//! Invariant: fewer than two groups with the rate is not applicable, never "no disparity".

use super::{
    fairness::{GroupRates, RateName},
    figure::Rate,
    interval::{self, Interval},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisparityMetric {
    DemographicParityDifference,
    DemographicParityRatio,
    EqualizedOddsDifference,
    EqualizedOddsRatio,
    EqualOpportunityDifference,
    EqualOpportunityRatio,
    PredictiveParityDifference,
    PredictiveParityRatio,
    AccuracyDifference,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Difference,
    Ratio,
}

impl DisparityMetric {
    pub const ALL: [Self; 9] = [
        Self::DemographicParityDifference,
        Self::DemographicParityRatio,
        Self::EqualizedOddsDifference,
        Self::EqualizedOddsRatio,
        Self::EqualOpportunityDifference,
        Self::EqualOpportunityRatio,
        Self::PredictiveParityDifference,
        Self::PredictiveParityRatio,
        Self::AccuracyDifference,
    ];

    /// The rates that are compared; the worst of them counts.
    pub fn rates(self) -> &'static [RateName] {
        match self {
            Self::DemographicParityDifference | Self::DemographicParityRatio => &[RateName::SelectionRate],
            Self::EqualizedOddsDifference | Self::EqualizedOddsRatio => &[RateName::Tpr, RateName::Fpr],
            Self::EqualOpportunityDifference | Self::EqualOpportunityRatio => &[RateName::Tpr],
            Self::PredictiveParityDifference | Self::PredictiveParityRatio => &[RateName::Precision],
            Self::AccuracyDifference => &[RateName::Accuracy],
        }
    }

    /// Lowest over highest instead of highest minus lowest.
    pub fn is_ratio(self) -> bool {
        self.form() == Form::Ratio
    }

    fn form(self) -> Form {
        match self {
            Self::DemographicParityRatio
            | Self::EqualizedOddsRatio
            | Self::EqualOpportunityRatio
            | Self::PredictiveParityRatio => Form::Ratio,
            _ => Form::Difference,
        }
    }
}

/// One disparity of one attribute. Group lists are in the order of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Disparity {
    pub metric: DisparityMetric,
    /// `None`: fewer than two groups have the rate, or the ratio is 0/0.
    pub value: Option<f64>,
    pub interval: Option<Interval>,
    /// The rate that decides: of equalized odds the worse one.
    pub rate: Option<RateName>,
    pub highest_group: Option<String>,
    pub lowest_group: Option<String>,
    /// Large enough, with every compared rate.
    pub groups_used: Vec<String>,
    /// Below the minimum group size.
    pub groups_dropped: Vec<String>,
    /// Large enough, but a compared rate has an empty denominator. They still take part in the
    /// comparison of the other rate of equalized odds.
    pub groups_undefined: Vec<String>,
    /// False when a compared rate exists in fewer than two groups: of equalized odds one half
    /// may be missing, and then the value speaks for the other half only.
    pub complete: bool,
    /// Rows of the groups used.
    pub n: u64,
}

struct Spread<'a> {
    rate: RateName,
    highest: (&'a GroupRates, Rate),
    lowest: (&'a GroupRates, Rate),
}

impl<'a> Spread<'a> {
    /// `None` with fewer than two groups that have the rate.
    fn of(rate: RateName, usable: &[&'a GroupRates]) -> Option<Self> {
        let mut defined = usable.iter().filter_map(|g| Some((*g, g.rate(rate)?)));
        let first = defined.next()?;
        let second = defined.next()?;
        let mut spread = Self { rate, highest: first, lowest: first };
        // Of equal groups the first is the highest and the last the lowest, so that there are
        // always two.
        for candidate in std::iter::once(second).chain(defined) {
            if spread.highest.1.value < candidate.1.value {
                spread.highest = candidate;
            }
            if candidate.1.value <= spread.lowest.1.value {
                spread.lowest = candidate;
            }
        }
        Some(spread)
    }

    fn value(&self, form: Form) -> Option<f64> {
        let (highest, lowest) = self.counts();
        match form {
            Form::Difference => interval::difference(highest, lowest),
            Form::Ratio => interval::ratio(lowest, highest),
        }
    }

    fn interval(&self, form: Form) -> Option<Interval> {
        let (highest, lowest) = self.counts();
        match form {
            Form::Difference => interval::newcombe(highest, lowest),
            Form::Ratio => interval::katz(lowest, highest),
        }
    }

    fn counts(&self) -> (interval::CountOf, interval::CountOf) {
        let of = |rate: Rate| (rate.count, rate.total);
        (of(self.highest.1), of(self.lowest.1))
    }
}

impl Disparity {
    /// Compares the groups of one table.
    pub fn between(metric: DisparityMetric, groups: &[GroupRates]) -> Self {
        let form = metric.form();
        let (dropped, usable): (Vec<&GroupRates>, Vec<&GroupRates>) = groups.iter().partition(|g| g.too_small);
        let has_all = |g: &GroupRates| metric.rates().iter().all(|r| g.rate(*r).is_some());
        let (used, undefined): (Vec<&GroupRates>, Vec<&GroupRates>) = usable.iter().copied().partition(|g| has_all(g));
        let spreads: Vec<Spread> = metric.rates().iter().filter_map(|rate| Spread::of(*rate, &usable)).collect();
        let worst = worst(&spreads, form);
        let value = worst.and_then(|s| s.value(form));
        let names = |groups: &[&GroupRates]| groups.iter().map(|g| g.group.clone()).collect();
        Self {
            metric,
            value,
            interval: value.and_then(|_| joint_interval(&spreads, form)),
            rate: worst.map(|s| s.rate),
            highest_group: worst.map(|s| s.highest.0.group.clone()),
            lowest_group: worst.map(|s| s.lowest.0.group.clone()),
            groups_used: names(&used),
            groups_dropped: names(&dropped),
            groups_undefined: names(&undefined),
            complete: spreads.len() == metric.rates().len(),
            n: used.iter().map(|g| g.n).sum(),
        }
    }
}

/// The interval of the worst spread. For equalized odds each end is the worse of both rates, so
/// that a wide interval of one rate doesn't hide behind a slightly worse value of the other.
fn joint_interval(spreads: &[Spread], form: Form) -> Option<Interval> {
    let intervals: Option<Vec<Interval>> = spreads.iter().map(|s| s.interval(form)).collect();
    let worse = |a: f64, b: f64| match form {
        Form::Difference => a.max(b),
        Form::Ratio => a.min(b),
    };
    intervals?.into_iter().reduce(|a, b| Interval { low: worse(a.low, b.low), high: worse(a.high, b.high), ..a })
}

/// The spread with the greatest difference or the smallest ratio. An undefined ratio (0/0) is
/// the worst of all: the half that can't be computed must not hide behind the other.
fn worst<'s, 'g>(spreads: &'s [Spread<'g>], form: Form) -> Option<&'s Spread<'g>> {
    let badness = |spread: &Spread| match (spread.value(form), form) {
        (Some(value), Form::Difference) => value,
        (Some(value), Form::Ratio) => -value,
        (None, _) => f64::INFINITY,
    };
    spreads.iter().reduce(|worst, spread| if badness(worst) < badness(spread) { spread } else { worst })
}

#[cfg(test)]
mod tests;
