//! What was recorded of a model's predictions on the rows of a table: by the framework that it was trained in, or by the
//! model that it replaces.
//!
//! Invariant of [`RecordedPredictions`], which is only made from JSON: something was recorded, no column stands for two
//! things, and the tolerances are finite and 0 or more.

use super::{Description, table::Table};
use crate::{core::Malformed, error::Error};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

const MAXIMUM_CLASSES: usize = 1_000;

/// Columns with recorded predictions, to be held against the model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Written")]
pub struct RecordedPredictions {
    /// The column of predicted labels, or of predicted numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    prediction: Option<String>,
    /// Class to the column of its recorded probability.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    scores: BTreeMap<String, String>,
    /// How far a number may be from the recorded one; 0.0001 if nobody says.
    absolute: f64,
    /// How much further it may be, as a share of the recorded one.
    relative: f64,
}

/// Only finite numbers come out of JSON.
impl Eq for RecordedPredictions {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    prediction: Option<String>,
    #[serde(default)]
    scores: BTreeMap<String, String>,
    #[serde(default = "tolerance")]
    absolute: f64,
    #[serde(default)]
    relative: f64,
}

fn tolerance() -> f64 {
    1e-4
}

impl TryFrom<Written> for RecordedPredictions {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { prediction, scores, absolute, relative } = written;
        let read = Self { prediction, scores, absolute, relative };
        if read.columns().next().is_none() {
            return Err("nothing is recorded; name the column of `prediction`, or columns of `scores`".to_owned());
        }
        if MAXIMUM_CLASSES < read.scores.len() {
            return Err(format!("scores of at most {MAXIMUM_CLASSES} classes can be recorded"));
        }
        let mut columns = BTreeSet::new();
        if let Some(twice) = read.columns().find(|column| !columns.insert(*column)) {
            return Err(format!("the column \"{}\" is recorded twice", twice.escape_debug()));
        }
        match [absolute, relative].iter().all(|tolerance| tolerance.is_finite() && 0.0 <= *tolerance) {
            true => Ok(read),
            false => Err("tolerances are numbers of 0 or more".to_owned()),
        }
    }
}

impl RecordedPredictions {
    pub fn prediction(&self) -> Option<&str> {
        self.prediction.as_deref()
    }

    /// Class and column.
    pub fn scores(&self) -> impl Iterator<Item = (&str, &str)> {
        self.scores.iter().map(|(class, column)| (class.as_str(), column.as_str()))
    }

    /// Absolute and relative.
    pub fn tolerances(&self) -> (f64, f64) {
        (self.absolute, self.relative)
    }

    /// Every column that it names.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.prediction.iter().chain(self.scores.values()).map(String::as_str)
    }

    /// A model that gets an answer among its inputs would repeat it.
    pub(super) fn check(&self, of: &Description) -> Result<(), Error> {
        if of.tensors.is_some() {
            let detail = "what was recorded of tensors stands under tensors.expected";
            return Err(Error::invalid("recorded", detail));
        }
        match self.columns().find(|column| *column == of.label || of.features.iter().any(|name| name == column)) {
            Some(column) => {
                let detail = format!("the column \"{column}\" is the label or a feature; record another one");
                Err(Error::invalid("recorded", detail))
            }
            None => Ok(()),
        }
    }

    /// Scores are numbers in every row.
    pub(super) fn fits(&self, table: &Table) -> Result<(), Malformed> {
        for (class, column) in self.scores() {
            let cells = table.column(column).unwrap_or_default();
            if let Some(row) = cells.iter().position(|cell| number(cell).is_none()) {
                let line = row + 2;
                return Err(Malformed::new(format!(
                    "row {} (line {line} if no cell has a line break): the recorded score of {class} in \"{column}\" is no number",
                    row + 1
                )));
            }
        }
        Ok(())
    }
}

/// A cell as a number; NaN is one, since a model may have answered it.
pub fn number(cell: &str) -> Option<f64> {
    cell.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::data::Data;
    use serde_json::{Value, json};

    fn described(recorded: Value) -> Result<Description, String> {
        let written = json!({"label": "y", "features": ["x"], "recorded": recorded});
        Description::parse(&written).map_err(|error| error.to_string())
    }

    #[test]
    fn what_was_recorded_comes_back_as_it_was_meant() {
        let written = json!({"prediction": "said", "scores": {"1": "p1"}, "relative": 0.01});
        let description = described(written).expect("legal");
        let recorded = description.recorded.as_ref().expect("recorded");
        assert_eq!((recorded.prediction(), recorded.tolerances()), (Some("said"), (1e-4, 0.01)));
        assert_eq!(recorded.scores().collect::<Vec<_>>(), [("1", "p1")]);
        let again = Description::parse(&serde_json::to_value(&description).expect("json")).expect("legal");
        assert_eq!(again, description);
        assert!(description.columns().any(|column| column == "p1"));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (written, said) in [
            (json!({}), "nothing is recorded"),
            (json!({"prediction": "p", "scores": {"1": "p"}}), "recorded twice"),
            (json!({"prediction": "p", "absolute": -1}), "tolerances"),
            (json!({"prediction": "y"}), "is the label or a feature"),
            (json!({"scores": {"1": "x"}}), "is the label or a feature"),
            (json!({"predictions": "p"}), "unknown field"),
        ] {
            let refused = described(written).expect_err(said);
            assert!(refused.contains(said), "{refused}");
        }
    }

    #[test]
    fn a_table_without_a_recorded_column_or_with_text_for_a_score_is_refused() {
        let description = described(json!({"prediction": "said", "scores": {"1": "p1"}})).expect("legal");
        let read = |csv: &[u8]| Data::read(csv, &description).map(|data| data.rows()).map_err(|unfit| unfit.detail);
        assert_eq!(read(b"x,y,said,p1\n1,1,1,0.5\n2,0,1,nan\n"), Ok(2));
        assert!(read(b"x,y,said\n1,1,1\n").expect_err("no column").contains("\"p1\""));
        assert!(read(b"x,y,said,p1\n1,1,1,0.5\n2,0,1,half\n").expect_err("text").starts_with("row 2 (line 3"));
    }
}
