//! One group against another one: the signed form of the disparities.
//!
//! Differences are group minus reference and ratios group over reference, so a ratio may exceed
//! 1; the signs are those of aif360 (unprivileged minus privileged), the ratios the disparities
//! of aequitas. Whether more is better depends on what the label means and isn't decided here.
//! Invariant: what has an empty denominator on either side is `None`.

use super::{
    confusion::Confusion,
    fairness::{AttributeTable, RateName},
    figure::Rate,
    interval::{self, CountOf, Interval},
};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// One rate of a group against the same rate of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RateContrast {
    pub rate: RateName,
    pub difference: Option<f64>,
    /// Newcombe's.
    pub difference_interval: Option<Interval>,
    /// `None` where the reference's rate is 0.
    pub ratio: Option<f64>,
    /// Katz's.
    pub ratio_interval: Option<Interval>,
}

/// A group against a reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Contrast {
    pub rates: Vec<RateContrast>,
    /// Mean of the differences of TPR and FPR; two opposite ones cancel.
    pub average_odds_difference: Option<f64>,
    /// Mean of the absolute differences of TPR and FPR.
    pub average_absolute_odds_difference: Option<f64>,
    /// The larger of the absolute differences of TPR and FPR.
    pub equalized_odds_difference: Option<f64>,
    /// Difference of false negatives per false positive.
    pub treatment_equality_difference: Option<f64>,
    /// Ratio of false negatives per false positive.
    pub treatment_equality_ratio: Option<f64>,
}

/// Every rate that is contrasted, in order.
pub const CONTRASTED: [RateName; 11] = [
    RateName::SelectionRate,
    RateName::Accuracy,
    RateName::Tpr,
    RateName::Fpr,
    RateName::Tnr,
    RateName::Fnr,
    RateName::Precision,
    RateName::Npv,
    RateName::FalseOmissionRate,
    RateName::FalseDiscoveryRate,
    RateName::ErrorRate,
];

impl Contrast {
    pub fn between(group: &Confusion, reference: &Confusion) -> Self {
        let rates: Vec<RateContrast> = CONTRASTED.iter().map(|rate| contrast(*rate, group, reference)).collect();
        let difference = |name: RateName| rates.iter().find(|r| r.rate == name).and_then(|r| r.difference);
        let odds = difference(RateName::Tpr).zip(difference(RateName::Fpr));
        let ratios = group.false_negatives_per_false_positive().zip(reference.false_negatives_per_false_positive());
        Self {
            average_odds_difference: odds.map(|(tpr, fpr)| (tpr + fpr) / 2.0),
            average_absolute_odds_difference: odds.map(|(tpr, fpr)| (tpr.abs() + fpr.abs()) / 2.0),
            equalized_odds_difference: odds.map(|(tpr, fpr)| tpr.abs().max(fpr.abs())),
            treatment_equality_difference: ratios.map(|(group, reference)| group - reference),
            treatment_equality_ratio: ratios.filter(|r| r.1 != 0.0).map(|(group, reference)| group / reference),
            rates,
        }
    }

    pub fn rate(&self, name: RateName) -> Option<&RateContrast> {
        self.rates.iter().find(|r| r.rate == name)
    }
}

fn contrast(rate: RateName, group: &Confusion, reference: &Confusion) -> RateContrast {
    let counts = |rate: Rate| -> CountOf { (rate.count, rate.total) };
    let pair = group.rate(rate).map(counts).zip(reference.rate(rate).map(counts));
    RateContrast {
        rate,
        difference: pair.and_then(|(a, b)| interval::difference(a, b)),
        difference_interval: pair.and_then(|(a, b)| interval::newcombe(a, b)),
        ratio: pair.and_then(|(a, b)| interval::ratio(a, b)),
        ratio_interval: pair.and_then(|(a, b)| interval::katz(a, b)),
    }
}

/// What each group is held against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reference {
    /// The group of this label.
    Group(String),
    /// The group with the highest value of a rate, of equal ones the first.
    Highest(RateName),
    /// The group with the lowest value of a rate, of equal ones the first: the best one where the
    /// rate counts errors.
    Lowest(RateName),
    /// All rows, the group's own included.
    Overall,
    /// All rows but the group's own.
    Others,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GroupContrast {
    pub group: String,
    /// The label of the reference group, where it is one group.
    pub reference: Option<String>,
    pub contrast: Contrast,
}

/// The reference group is absent, too small, or without the rate that chooses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoReference {
    attribute: String,
    reference: Reference,
}

impl fmt::Display for NoReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attribute = &self.attribute;
        match &self.reference {
            Reference::Group(name) => write!(
                f,
                "{attribute} has no group `{name}` that is large enough; name another reference group or lower the minimum size"
            ),
            _ => write!(f, "no group of {attribute} has the rate that chooses the reference; name a reference group"),
        }
    }
}

impl std::error::Error for NoReference {}

/// Each group that is large enough against the reference, which is itself left out. `overall`
/// counts all rows of the table, those of small groups included.
pub fn against(
    table: &AttributeTable,
    overall: &Confusion,
    reference: &Reference,
) -> Result<Vec<GroupContrast>, NoReference> {
    let refused = || NoReference { attribute: table.attribute.clone(), reference: reference.clone() };
    let groups: Vec<(&str, Confusion)> =
        table.usable().filter_map(|g| Some((g.group.as_str(), g.counts?.confusion))).collect();
    let extreme = |name: RateName, better: fn(f64, f64) -> bool| {
        let rates = groups.iter().filter_map(|(label, counts)| Some((*label, *counts, counts.rate(name)?.value)));
        rates.reduce(|best, next| if better(next.2, best.2) { next } else { best }).map(|best| (best.0, best.1))
    };
    let one = match reference {
        Reference::Group(name) => Some(groups.iter().copied().find(|g| g.0 == name).ok_or_else(refused)?),
        Reference::Highest(name) => Some(extreme(*name, |a, b| b < a).ok_or_else(refused)?),
        Reference::Lowest(name) => Some(extreme(*name, |a, b| a < b).ok_or_else(refused)?),
        Reference::Overall | Reference::Others => None,
    };
    let counts_of = |group: &Confusion| match (one, reference) {
        (Some((_, counts)), _) => Some(counts),
        (None, Reference::Others) => overall.without(group),
        (None, _) => Some(*overall),
    };
    let compared = groups.iter().filter(|(label, _)| one.is_none_or(|(reference, _)| reference != *label));
    Ok(compared
        .filter_map(|(label, counts)| {
            Some(GroupContrast {
                group: (*label).to_owned(),
                reference: one.map(|(label, _)| label.to_owned()),
                contrast: Contrast::between(counts, &counts_of(counts)?),
            })
        })
        .collect())
}

#[cfg(test)]
mod tests;
