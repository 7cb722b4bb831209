//! Answers to perturbed inputs, held against those to the rows as they are.

use super::{
    super::{find::perturbed, metric::Dimension, metric::Metric, perturbation::Perturbation},
    Measured,
};
use crate::stats::robustness::{ClassifierRobustness, OverDraws, RegressionRobustness};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What one perturbation did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PerturbationResult {
    pub perturbation: Perturbation,
    /// The columns that were changed.
    pub columns: Vec<String>,
    /// Means over the draws, with what they differ by from draw to draw.
    #[schema(value_type = Object)]
    pub figures: BTreeMap<Metric, OverDraws>,
    /// Why it was not carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<String>,
}

impl PerturbationResult {
    /// The kind with its amounts, as the spec writes them: `noise, sigma 0.1`.
    pub fn change(&self) -> String {
        let written = serde_json::to_value(self.perturbation.change).unwrap_or_default();
        let kind = written["kind"].as_str().unwrap_or_default().replace('_', " ");
        let amounts = written.as_object().into_iter().flatten().filter(|(name, _)| *name != "kind");
        let amounts: Vec<String> = amounts.map(|(name, value)| format!("{} {value}", name.replace('_', " "))).collect();
        if amounts.is_empty() { kind } else { format!("{kind}, {}", amounts.join(", ")) }
    }
}

impl Measured {
    /// A perturbation that was carried out.
    pub fn add_perturbation(
        &mut self,
        perturbation: &Perturbation,
        columns: Vec<String>,
        figures: BTreeMap<Metric, OverDraws>,
    ) {
        for (metric, found) in &figures {
            self.add_keyed(Dimension::Robustness, *metric, perturbation.name.clone(), found.figure);
        }
        let perturbation = perturbation.clone();
        self.perturbations.push(PerturbationResult { perturbation, columns, figures, absent: None });
    }

    /// A perturbation that was not, and why.
    pub fn set_not_perturbed(&mut self, perturbation: &Perturbation, why: impl Into<String>) {
        let why = why.into();
        self.set_absent(&perturbed(&perturbation.name), why.clone());
        let perturbation = perturbation.clone();
        let figures = BTreeMap::new();
        self.perturbations.push(PerturbationResult { perturbation, columns: Vec::new(), figures, absent: Some(why) });
    }
}

/// The figures of a classifier by their metrics; those that need scores are left out where there are none.
pub fn of_classifier(found: &ClassifierRobustness) -> BTreeMap<Metric, OverDraws> {
    let all = [
        (Metric::Accuracy, found.accuracy),
        (Metric::AccuracyDrop, found.accuracy_drop),
        (Metric::FlipRate, found.flip_rate),
        (Metric::MaxScoreChange, found.max_score_change),
        (Metric::CalibrationChange, found.calibration_change),
        (Metric::NonFiniteRate, found.non_finite_rate),
    ];
    all.into_iter().collect()
}

pub fn of_regression(found: &RegressionRobustness) -> BTreeMap<Metric, OverDraws> {
    let all = [
        (Metric::Mae, found.mae),
        (Metric::MaeIncrease, found.mae_increase),
        (Metric::MaxScoreChange, found.max_score_change),
        (Metric::NonFiniteRate, found.non_finite_rate),
    ];
    all.into_iter().collect()
}
