//! Rates by group of a sensitive attribute, or of several attributes crossed.
//!
//! Invariants: groups are compared byte for byte; a missing value is the group `(missing)`; a
//! group below the minimum size has a count of rows and nothing else; combinations without a row
//! don't exist. Rows are only counted, so their order never matters.

use super::{
    confusion::Confusion,
    disparity::{Disparity, DisparityMetric},
    figure::Rate,
    groups::Groups,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// The group of rows whose cell is empty.
pub const MISSING: &str = "(missing)";
/// More groups than this means that the column is an identifier or a number, not a group.
pub const MAXIMUM_GROUPS: usize = 1000;
/// Longer cells aren't group names.
pub const MAXIMUM_LABEL_BYTES: usize = 256;

/// What the model did with one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outcome {
    correct: bool,
    positive: bool,
    selected: bool,
}

/// What the model did with every row, in the order of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcomes {
    rows: Vec<Outcome>,
    has_positive_label: bool,
}

impl Outcomes {
    /// Compares labels with the truth byte for byte. Without a positive label (several classes,
    /// none favourable) only accuracy is defined.
    pub fn of_labels<S: AsRef<str>>(
        labels: &[S],
        truth: &[S],
        positive_label: Option<&str>,
    ) -> Result<Self, TableError> {
        let (rows, other) = (labels.len(), truth.len());
        if rows != other {
            return Err(TableError::Lengths { rows, other });
        }
        let is_positive = |cell: &S| positive_label == Some(cell.as_ref());
        let outcome = |(label, truth): (&S, &S)| Outcome {
            correct: label.as_ref() == truth.as_ref(),
            positive: is_positive(truth),
            selected: is_positive(label),
        };
        let rows: Vec<Outcome> = labels.iter().zip(truth).map(outcome).collect();
        // A label that occurs nowhere is a typing error; every group would have rate 0 and
        // every difference would be a perfect 0.
        match positive_label {
            Some(label) if !rows.iter().any(|r| r.positive || r.selected) => {
                Err(TableError::PositiveLabelAbsent(label.to_owned()))
            }
            _ => Ok(Self { rows, has_positive_label: positive_label.is_some() }),
        }
    }

    /// The counts over all rows; `None` without a positive label.
    pub fn confusion(&self) -> Option<Confusion> {
        let mut counts = Confusion::default();
        for row in &self.rows {
            counts.add(row.positive, row.selected);
        }
        self.has_positive_label.then_some(counts)
    }

    /// Whether the truth of each row is the positive label.
    pub fn positives(&self) -> Vec<bool> {
        self.rows.iter().map(|r| r.positive).collect()
    }
}

/// Why a table can't be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableError {
    Lengths { rows: usize, other: usize },
    PositiveLabelAbsent(String),
    TooManyGroups { attribute: String },
    LabelTooLong { attribute: String, size_bytes: usize },
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lengths { rows, other } => {
                write!(f, "{rows} predictions stand against {other} cells; they have to be the same rows")
            }
            Self::PositiveLabelAbsent(label) => write!(
                f,
                "the positive label `{label}` occurs neither in the truth nor in the predictions; check its spelling"
            ),
            Self::TooManyGroups { attribute } => {
                write!(f, "{attribute} has more than {MAXIMUM_GROUPS} groups; put its values into bands first")
            }
            Self::LabelTooLong { attribute, size_bytes } => write!(
                f,
                "{attribute} has a value of {size_bytes} bytes; a group name has at most {MAXIMUM_LABEL_BYTES}"
            ),
        }
    }
}

impl std::error::Error for TableError {}

/// A rate that is compared between groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RateName {
    SelectionRate,
    Accuracy,
    Tpr,
    Fpr,
    Tnr,
    Fnr,
    Precision,
    /// Negative predictive value.
    Npv,
    FalseOmissionRate,
    FalseDiscoveryRate,
    ErrorRate,
}

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
}

impl GroupRates {
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
            RateName::Npv | RateName::FalseOmissionRate | RateName::FalseDiscoveryRate => {
                self.counts.and_then(|counts| counts.confusion.rate(name))
            }
        }
    }
}

/// The groups of one attribute (`sex`) or intersection (`sex*age_group`), with every disparity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AttributeTable {
    pub attribute: String,
    pub minimum_group_size: u64,
    /// Rows of all groups.
    pub n: u64,
    /// In the byte order of the cells.
    pub groups: Vec<GroupRates>,
    pub disparities: Vec<Disparity>,
}

impl AttributeTable {
    /// The groups that are large enough to have rates.
    pub fn usable(&self) -> impl Iterator<Item = &GroupRates> {
        self.groups.iter().filter(|g| !g.too_small)
    }

    pub fn disparity(&self, metric: DisparityMetric) -> Option<&Disparity> {
        self.disparities.iter().find(|d| d.metric == metric)
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
    let rows = outcomes.rows.len();
    let rows_of = Groups::of(attribute, columns, rows)?;
    let mut tallies: Vec<Tally> = rows_of.cells().iter().map(|_| Tally::default()).collect();
    for (group, row) in rows_of.of_rows().zip(&outcomes.rows) {
        if let Some(tally) = tallies.get_mut(group) {
            tally.n += 1;
            tally.correct += u64::from(row.correct);
            tally.confusion.add(row.positive, row.selected);
        }
    }
    let rates = |(label, tally): (String, &Tally)| {
        let too_small = tally.n < minimum_group_size;
        group_rates(label, tally, too_small, outcomes.has_positive_label)
    };
    let groups: Vec<GroupRates> = rows_of.labels().zip(&tallies).map(rates).collect();
    Ok(AttributeTable {
        attribute: attribute.to_owned(),
        minimum_group_size,
        n: rows as u64,
        disparities: DisparityMetric::ALL.iter().map(|metric| Disparity::between(*metric, &groups)).collect(),
        groups,
    })
}

fn group_rates(group: String, tally: &Tally, too_small: bool, has_positive: bool) -> GroupRates {
    let counts = (has_positive && !too_small).then_some(tally.confusion);
    let rate = |of: fn(&Confusion) -> Option<Rate>| counts.as_ref().and_then(of);
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
        base_rate: rate(Confusion::base_rate),
        selection_rate: rate(Confusion::selection_rate),
        // Of labels, not of the positive label against the rest: right for several classes too.
        accuracy: Rate::of(tally.correct, tally.n).filter(|_| !too_small),
        tpr: rate(Confusion::tpr),
        fpr: rate(Confusion::fpr),
        fnr: rate(Confusion::fnr),
        tnr: rate(Confusion::tnr),
        precision: rate(Confusion::precision),
    }
}

#[cfg(test)]
mod tests;
