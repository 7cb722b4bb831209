//! Rates by group of a sensitive attribute, or of several attributes crossed.
//!
//! Invariants: groups are compared byte for byte; a missing value is the group `(missing)`; a
//! group below the minimum size has a count of rows and nothing else; combinations without a row
//! don't exist. Rows are only counted, so their order never matters.

mod names;
mod outcomes;

pub use names::{FigureName, RateName};
pub use outcomes::{Outcomes, TableError};

use super::{
    bootstrap::TableBootstrap,
    breakdown::{Contrasts, ImpactRatios, RowBootstrap},
    confusion::Confusion,
    disparity::{ALL_ROWS, Against, Disparity, DisparityMetric},
    figure::{Figure, Rate},
    groups::Groups,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The group of rows whose cell is empty.
pub const MISSING: &str = "(missing)";
/// More groups than this means that the column is an identifier or a number, not a group.
pub const MAXIMUM_GROUPS: usize = 1000;
/// Longer cells aren't group names.
pub const MAXIMUM_LABEL_BYTES: usize = 256;

/// The counts that the rates of one group come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupCounts {
    pub positives: u64,
    pub negatives: u64,
    pub selected: u64,
    #[serde(flatten)]
    pub confusion: Confusion,
}

/// One group. Everything but `group`, `n` and `too_small` is `None` in a group that is too small
/// or, but for `accuracy`, where there is no positive label; a rate with an empty denominator is
/// `None` too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GroupRates {
    pub group: String,
    pub n: u64,
    /// Fewer rows than the minimum group size: a count, no rates.
    pub too_small: bool,
    pub counts: Option<GroupCounts>,
    pub base_rate: Option<Rate>,
    pub selection_rate: Option<Rate>,
    pub accuracy: Option<Rate>,
    pub tpr: Option<Rate>,
    pub fpr: Option<Rate>,
    pub fnr: Option<Rate>,
    pub tnr: Option<Rate>,
    pub precision: Option<Rate>,
    /// Negative predictive value.
    pub npv: Option<Rate>,
    pub false_omission_rate: Option<Rate>,
    pub false_discovery_rate: Option<Rate>,
    /// What is no proportion of counted rows: figures of scores, residuals and several classes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Figure>)]
    pub figures: BTreeMap<FigureName, Figure>,
}

impl GroupRates {
    pub fn figure(&self, name: FigureName) -> Option<Figure> {
        self.figures.get(&name).copied()
    }

    pub fn rate(&self, name: RateName) -> Option<Rate> {
        match name {
            RateName::SelectionRate => self.selection_rate,
            RateName::Accuracy => self.accuracy,
            RateName::Tpr => self.tpr,
            RateName::Fpr => self.fpr,
            RateName::Tnr => self.tnr,
            RateName::Fnr => self.fnr,
            RateName::Precision => self.precision,
            RateName::ErrorRate => self.accuracy.and_then(|r| Rate::of(r.total - r.count, r.total)),
            RateName::Npv => self.npv,
            RateName::FalseOmissionRate => self.false_omission_rate,
            RateName::FalseDiscoveryRate => self.false_discovery_rate,
        }
    }
}

/// The groups of one attribute (`sex`) or intersection (`sex*age_group`), with every disparity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AttributeTable {
    pub attribute: String,
    /// The class that counts as positive against the rest, where there are several classes and
    /// none is favourable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// What the groups are held against in `disparities`.
    #[serde(default)]
    pub against: Against,
    pub minimum_group_size: u64,
    /// Rows of all groups.
    pub n: u64,
    /// All rows as one group, those of small groups included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overall: Option<GroupRates>,
    /// In the byte order of the cells.
    pub groups: Vec<GroupRates>,
    pub disparities: Vec<Disparity>,
    /// Each group against one reference, signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contrasts: Option<Contrasts>,
    /// Impact ratios as two laws define them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<ImpactRatios>,
    /// Bootstrap intervals of the rates of each group and of the disparities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<TableBootstrap>,
    /// The bootstrap behind the intervals of figures of scores, residuals and classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_bootstrap: Option<RowBootstrap>,
}

impl AttributeTable {
    /// The groups that are large enough to have rates.
    pub fn usable(&self) -> impl Iterator<Item = &GroupRates> {
        self.groups.iter().filter(|g| !g.too_small)
    }

    pub fn disparity(&self, metric: DisparityMetric) -> Option<&Disparity> {
        self.disparities.iter().find(|d| d.metric == metric)
    }

    /// Computes the disparities again: those of counted rows, and those of every figure that some
    /// group has.
    pub fn compare(&mut self, against: &Against) {
        let has = |metric: &DisparityMetric| {
            let of_group = |g: &GroupRates| metric.figure().is_none_or(|figure| g.figure(figure).is_some());
            self.groups.iter().any(of_group)
        };
        let labelled = self.overall.as_ref().is_some_and(|all| all.accuracy.is_some());
        let wanted = DisparityMetric::ALL.into_iter().filter(|m| has(m) && (labelled || m.rates().is_empty()));
        let overall = self.overall.as_ref();
        self.disparities = wanted.map(|metric| Disparity::against(metric, &self.groups, overall, against)).collect();
        self.against = against.clone();
    }
}

#[derive(Default)]
struct Tally {
    n: u64,
    correct: u64,
    confusion: Confusion,
}

/// Counts rows by group. `columns` holds the cells of the attribute, or of each crossed attribute
/// in order; the label of an intersection is `a & b`.
pub fn tabulate<S: AsRef<str>>(
    attribute: &str,
    columns: &[&[S]],
    outcomes: &Outcomes,
    minimum_group_size: u64,
) -> Result<AttributeTable, TableError> {
    let groups = Groups::of(attribute, columns, outcomes.rows.len())?;
    let mut table = count(attribute, &groups, Some(outcomes), minimum_group_size);
    table.compare(&Against::BetweenGroups);
    Ok(table)
}

/// Counts rows by group, without disparities. Without outcomes (a number is predicted) the groups
/// have their sizes only.
pub fn count(attribute: &str, groups: &Groups, outcomes: Option<&Outcomes>, minimum_group_size: u64) -> AttributeTable {
    let mut tallies: Vec<Tally> = groups.cells().iter().map(|_| Tally::default()).collect();
    let mut all = Tally::default();
    for (row, group) in groups.of_rows().enumerate() {
        let outcome = outcomes.and_then(|outcomes| outcomes.rows.get(row));
        for tally in tallies.get_mut(group).into_iter().chain([&mut all]) {
            tally.n += 1;
            if let Some(row) = outcome {
                tally.correct += u64::from(row.correct);
                tally.confusion.add(row.positive, row.selected);
            }
        }
    }
    let shape = Shape {
        has_labels: outcomes.is_some(),
        has_positive: outcomes.is_some_and(|outcomes| outcomes.has_positive_label),
    };
    let rates = |(label, tally): (String, &Tally)| group_rates(label, tally, tally.n < minimum_group_size, shape);
    AttributeTable {
        attribute: attribute.to_owned(),
        class: None,
        against: Against::default(),
        minimum_group_size,
        n: all.n,
        overall: (all.n != 0).then(|| group_rates(ALL_ROWS.to_owned(), &all, false, shape)),
        groups: groups.labels().zip(&tallies).map(rates).collect(),
        disparities: Vec::new(),
        contrasts: None,
        impact: None,
        bootstrap: None,
        row_bootstrap: None,
    }
}

/// What the rows of a table have.
#[derive(Clone, Copy)]
struct Shape {
    has_labels: bool,
    has_positive: bool,
}

fn group_rates(group: String, tally: &Tally, too_small: bool, shape: Shape) -> GroupRates {
    let counts = (shape.has_positive && !too_small).then_some(tally.confusion);
    let rate = |name: RateName| counts.and_then(|counts| counts.rate(name));
    GroupRates {
        group,
        n: tally.n,
        too_small,
        counts: counts.map(|confusion| GroupCounts {
            positives: confusion.positives(),
            negatives: confusion.negatives(),
            selected: confusion.selected(),
            confusion,
        }),
        base_rate: counts.as_ref().and_then(Confusion::base_rate),
        selection_rate: rate(RateName::SelectionRate),
        // Of labels, not of the positive label against the rest: right for several classes too.
        accuracy: Rate::of(tally.correct, tally.n).filter(|_| shape.has_labels && !too_small),
        tpr: rate(RateName::Tpr),
        fpr: rate(RateName::Fpr),
        fnr: rate(RateName::Fnr),
        tnr: rate(RateName::Tnr),
        precision: rate(RateName::Precision),
        npv: rate(RateName::Npv),
        false_omission_rate: rate(RateName::FalseOmissionRate),
        false_discovery_rate: rate(RateName::FalseDiscoveryRate),
        figures: counts.map(|counts| counted_figures(&counts)).unwrap_or_default(),
    }
}

fn counted_figures(counts: &Confusion) -> BTreeMap<FigureName, Figure> {
    let balance = Figure::point(counts.false_negatives_per_false_positive(), counts.fn_ + counts.fp);
    BTreeMap::from([
        (FigureName::F1, counts.f1()),
        (FigureName::BalancedAccuracy, counts.balanced_accuracy()),
        (FigureName::Mcc, counts.mcc()),
        (FigureName::FalseNegativesPerFalsePositive, balance),
    ])
}

#[cfg(test)]
mod tests;
