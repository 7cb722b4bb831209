//! Evaluation data: the rows that a validation run reads, of a table or of named tensors.
//!
//! A dataset never changes. Its rows stay in the blob store and in the worker's memory;
//! evidence holds aggregates only.

pub mod api;
pub mod data;
pub mod ops;
pub mod recorded;
pub mod roles;
pub(crate) mod store;
pub mod table;
pub mod tensors;

use crate::{
    core::{
        digest::Digest,
        ids::{AccountId, DatasetId, WorkspaceId},
        text::Line,
    },
    environments::read_strictly,
    error::{Error, InField},
    stats::bands::bands,
};
use chrono::{DateTime, Utc};
use recorded::RecordedPredictions;
use roles::Roles;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use tensors::TensorDescription;
use utoipa::ToSchema;

#[derive(Clone, Debug)]
pub struct Dataset {
    pub id: DatasetId,
    pub workspace: WorkspaceId,
    pub name: String,
    /// sha256 of the file's bytes.
    pub digest: Digest,
    pub size_bytes: i64,
    pub rows: i64,
    pub description: Description,
    pub created_by: AccountId,
    pub created_at: DateTime<Utc>,
}

/// A boundary between two bands of a numeric column; it belongs to the band above it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct CutPoint(pub f64);

/// Only finite numbers come out of JSON.
impl Eq for CutPoint {}

fn numbers(cuts: &[CutPoint]) -> Vec<f64> {
    cuts.iter().map(|cut| cut.0).collect()
}

/// Mean and standard deviation (with denominator n) of a column in the training data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainingScale {
    pub mean: f64,
    /// 0 or more.
    pub std: f64,
}

/// Only finite numbers come out of JSON.
impl Eq for TrainingScale {}

/// What the columns of a CSV, or the arrays of an `.npz`, mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// What a model is asked to predict: a column, or an array of one value for each row. Tensors may have none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// The favourable value of the label; absent for regression and multiclass data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive_label: Option<String>,
    /// Columns that a single tensor input takes, in this order.
    #[serde(default)]
    pub features: Vec<String>,
    /// Columns that results are broken down by. They reach a model only if it asks for them.
    #[serde(default)]
    pub sensitive: Vec<String>,
    /// Cut points of numeric sensitive columns: `{age: [25, 45]}` makes the groups `under 25`,
    /// `25 to under 45` and `45 and over`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cut_points: BTreeMap<String, Vec<CutPoint>>,
    /// Cells of sensitive columns that mean that nobody knows, beside the empty cell. Such groups
    /// are counted and never compared by impact ratios.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Which sensitive column is meant where a law speaks of sex or of race, if the column's name
    /// does not say so.
    #[serde(default, skip_serializing_if = "Roles::is_empty")]
    pub roles: Roles,
    /// Where the numbers of a column lay in the training data. Perturbations are measured by them; without them by
    /// these data.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scales: BTreeMap<String, TrainingScale>,
    /// What the arrays of an `.npz` are for. With it the data are named tensors and no table: the label and what is
    /// sensitive are arrays, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tensors: Option<TensorDescription>,
    /// Predictions that were recorded of these rows of a table, to hold a model's own against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<RecordedPredictions>,
    /// Nobody reads the rows but validation runs, so that no model is fitted to them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held_out: bool,
    /// Where the data come from and under which licence.
    #[serde(default)]
    pub source: String,
}

impl Description {
    pub fn parse(written: &Value) -> Result<Self, Error> {
        let description: Self = read_strictly(written)?;
        match &description.tensors {
            None => Line::parse_required(&description.label).in_field("label")?,
            Some(_) => Line::parse(&description.label).in_field("label")?,
        };
        description.check_tensors()?;
        description.recorded.as_ref().map_or(Ok(()), |recorded| recorded.check(&description))?;
        if description.has_label() && description.features.contains(&description.label) {
            return Err(Error::invalid("features", "the label is what a model is to find; it is no feature"));
        }
        Line::parse(&description.source).in_field("source")?;
        if 10_000 < description.features.len() || 20 < description.sensitive.len() {
            return Err(Error::invalid("features", "at most 10,000 features and 20 sensitive columns"));
        }
        if 100 < description.unknown.len() {
            return Err(Error::invalid("unknown", "at most 100 values"));
        }
        if 10_000 < description.scales.len() {
            return Err(Error::invalid("scales", "at most 10,000 columns"));
        }
        if let Some((column, _)) = description.scales.iter().find(|(_, scale)| scale.std < 0.0) {
            return Err(Error::invalid(format!("scales.{column}"), "a standard deviation is 0 or more"));
        }
        description.check_cut_points()?;
        description.roles.check(&description.sensitive)?;
        Ok(description)
    }

    /// Whether there is a label to hold answers against.
    pub fn has_label(&self) -> bool {
        !self.label.is_empty()
    }

    fn check_tensors(&self) -> Result<(), Error> {
        if self.tensors.is_none() {
            return Ok(());
        }
        if !self.features.is_empty() || !self.scales.is_empty() {
            let detail = "tensors have no columns; inputs are described under tensors.inputs";
            return Err(Error::invalid(if self.features.is_empty() { "scales" } else { "features" }, detail));
        }
        if self.has_label() && self.tensors.as_ref().is_some_and(|tensors| tensors.feeds(&self.label)) {
            let detail = "the label is what a model is to find; no input and no state is fed by it";
            return Err(Error::invalid("tensors", detail));
        }
        match self.positive_label.is_some() && !self.has_label() {
            true => Err(Error::invalid("positive_label", "name the array of labels, too, under label")),
            false => Ok(()),
        }
    }

    fn check_cut_points(&self) -> Result<(), Error> {
        for (column, cuts) in &self.cut_points {
            let field = format!("cut_points.{column}");
            if !self.sensitive.contains(column) {
                return Err(Error::invalid(field, "only a sensitive column has groups; list it under sensitive too"));
            }
            bands::<&str>(&[], &numbers(cuts)).map_err(|problem| Error::invalid(field, problem.to_string()))?;
        }
        Ok(())
    }

    /// The group of each row by one sensitive column: its cells, or the bands of its numbers. A
    /// value that means that nobody knows is no number, also where it is written as one (999).
    pub fn groups(&self, column: &str, cells: &[String]) -> Vec<String> {
        let cuts = self.cut_points.get(column).map(|cuts| numbers(cuts));
        let Some(bands) = cuts.and_then(|cuts| bands(cells, &cuts).ok()) else { return cells.to_vec() };
        let known = |(cell, band): (&String, String)| if self.unknown.contains(cell) { cell.clone() } else { band };
        cells.iter().zip(bands).map(known).collect()
    }

    /// Every column that it names; of tensors every array of one value for each row.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let named = self.features.iter().chain(&self.sensitive).chain(self.scales.keys()).map(String::as_str);
        let recorded = self.recorded.iter().flat_map(RecordedPredictions::columns);
        std::iter::once(self.label.as_str()).filter(|label| !label.is_empty()).chain(named).chain(recorded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_code_for_unknown_is_not_put_into_a_band() {
        let written =
            json!({"label": "y", "sensitive": ["age"], "cut_points": {"age": [25]}, "unknown": ["999", "n/a"]});
        let description = Description::parse(&written).expect("a legal description");
        let cells = ["24", "999", "n/a", "", "old", "25"].map(str::to_owned);
        let groups = description.groups("age", &cells);
        assert_eq!(groups, ["under 25", "999", "n/a", "", "(not a number)", "25 and over"]);
    }
}
