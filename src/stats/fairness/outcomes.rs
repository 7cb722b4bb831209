//! What the model did with each row, and why a table of groups can't be made of it.

use super::{MAXIMUM_GROUPS, MAXIMUM_LABEL_BYTES};
use crate::stats::confusion::Confusion;
use std::fmt;

/// What the model did with one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) correct: bool,
    pub(super) positive: bool,
    pub(super) selected: bool,
}

/// What the model did with every row, in the order of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcomes {
    pub(super) rows: Vec<Outcome>,
    pub(super) has_positive_label: bool,
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

    /// Whether the model answers each row with the positive label; `None` without one.
    pub fn selected(&self) -> Option<Vec<bool>> {
        self.has_positive_label.then(|| self.rows.iter().map(|r| r.selected).collect())
    }

    /// Whether the truth of each row is the positive label.
    pub fn positives(&self) -> Vec<bool> {
        self.rows.iter().map(|r| r.positive).collect()
    }
}

/// Why a table can't be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableError {
    Lengths {
        rows: usize,
        other: usize,
    },
    PositiveLabelAbsent(String),
    TooManyGroups {
        attribute: String,
    },
    /// Two groups would have one name.
    LabelReserved {
        attribute: String,
        label: String,
    },
    LabelTooLong {
        attribute: String,
        size_bytes: usize,
    },
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
            Self::LabelReserved { attribute, label } => write!(
                f,
                "{attribute} has the value `{label}`, which means something else in a table of groups; write it differently"
            ),
            Self::LabelTooLong { attribute, size_bytes } => write!(
                f,
                "{attribute} has a value of {size_bytes} bytes; a group name has at most {MAXIMUM_LABEL_BYTES}"
            ),
        }
    }
}

impl std::error::Error for TableError {}
