//! What a validation run found, in base units: seconds, bytes, 1/s, 1.
//!
//! Invariant: it holds aggregates only. Rows, labels and scores go in and never stay; a group
//! that is too small stays as a count.

use super::{
    metric::Metric,
    spec::{BiasRequest, Load},
    words::Words,
};
use crate::stats::{
    fairness::{AttributeTable, Outcomes, tabulate},
    figure::Figure,
    multiclass,
    percentile::LatencySummary,
    quality::{LabelQuality, ScoreQuality},
    regression::regression,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The machine that a figure comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostFingerprint {
    pub cpu_model: String,
    pub cores: u32,
    pub memory_bytes: Option<u64>,
    pub accelerator: Option<String>,
    /// Inference runtime and its version.
    pub runtime: Option<String>,
    /// Threads that the runtime was allowed.
    pub threads: Option<u32>,
}

/// The calls under one load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LoadRun {
    pub load: Load,
    pub latency: LatencySummary,
    /// Wall time of the counted calls, warm-up excluded.
    pub elapsed_s: f64,
}

impl LoadRun {
    /// Rows per second: calls * batch / elapsed. Undefined without calls or without time.
    pub fn throughput(&self) -> Figure {
        let calls = self.latency.n();
        let rate = (calls as f64) * f64::from(self.load.batch) / self.elapsed_s;
        let defined = 0 < calls && rate.is_finite() && 0.0 < self.elapsed_s;
        Figure::point(defined.then_some(rate), calls)
    }
}

/// Everything that one run found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Measured {
    pub host: Option<HostFingerprint>,
    pub runs: Vec<LoadRun>,
    /// Memory, size, load time, compute and quality.
    pub figures: BTreeMap<Metric, Figure>,
    pub bias: Vec<AttributeTable>,
    /// Why something could not be measured, by metric or by attribute.
    pub absent: BTreeMap<String, String>,
}

/// The answers of a classifier, row by row. All slices have the same length.
#[derive(Clone, Copy, Debug)]
pub struct Predictions<'a> {
    pub labels: &'a [String],
    pub truth: &'a [String],
    /// The score of the positive label.
    pub scores: Option<&'a [f64]>,
    /// `None` for several classes of which none is favourable.
    pub positive_label: Option<&'a str>,
    /// Column name and cells; an empty cell is missing.
    pub sensitive: &'a [(String, Vec<String>)],
}

impl Measured {
    /// A figure without an interval: memory, size, load time, compute.
    pub fn set(&mut self, metric: Metric, value: f64, samples: u64) {
        self.figures.insert(metric, Figure::point(Some(value), samples));
    }

    /// Says why a metric (its word) or an attribute has no figure.
    pub fn set_absent(&mut self, what: &str, reason: impl Into<String>) {
        self.absent.insert(what.to_owned(), reason.into());
    }

    /// The nanoseconds of each counted call under one load.
    pub fn add_run(&mut self, load: Load, call_nanos: &[u64], elapsed_s: f64) {
        self.runs.push(LoadRun { load, latency: LatencySummary::of_nanos(call_nanos), elapsed_s });
    }

    /// Quality of a classifier, and the tables of groups that the spec asks for
    /// ([`super::ConstraintSpec::bias_requests`]). What can't be computed is left out with a
    /// reason, and its constraints are then not measured.
    pub fn add_classification(&mut self, predictions: &Predictions, requests: &[BiasRequest]) {
        let Predictions { labels, truth, .. } = *predictions;
        let outcomes = match Outcomes::of_labels(labels, truth, predictions.positive_label) {
            Ok(outcomes) => outcomes,
            Err(problem) => {
                let metrics = CLASSIFICATION.iter().map(|metric| metric.word());
                for what in metrics.chain(requests.iter().map(|r| r.attribute.as_str())) {
                    self.absent.insert(what.to_owned(), problem.to_string());
                }
                return;
            }
        };
        self.add_label_quality(predictions, &outcomes);
        self.add_score_quality(predictions, &outcomes);
        for request in requests {
            match table(predictions.sensitive, &outcomes, request) {
                Ok(table) => self.bias.push(table),
                Err(reason) => self.set_absent(&request.attribute, reason),
            }
        }
    }

    fn add_label_quality(&mut self, predictions: &Predictions, outcomes: &Outcomes) {
        let Predictions { labels, truth, .. } = *predictions;
        // Over labels, not positive against the rest: right for several classes too.
        self.figures.insert(Metric::Accuracy, multiclass::accuracy(labels, truth));
        self.figures.insert(Metric::MacroF1, multiclass::macro_f1(labels, truth));
        let Some(counts) = outcomes.confusion() else {
            for metric in POSITIVE_LABEL {
                self.set_absent(metric.word(), "the dataset names no positive label");
            }
            return;
        };
        let quality = LabelQuality::of(&counts);
        self.figures.extend([
            (Metric::BalancedAccuracy, quality.balanced_accuracy),
            (Metric::Precision, quality.precision),
            (Metric::Recall, quality.recall),
            (Metric::Tpr, quality.recall),
            (Metric::F1, quality.f1),
            (Metric::Mcc, quality.mcc),
            (Metric::SelectionRate, quality.selection_rate),
            (Metric::Fpr, quality.fpr),
            (Metric::Tnr, quality.tnr),
            (Metric::Fnr, quality.fnr),
        ]);
    }

    fn add_score_quality(&mut self, predictions: &Predictions, outcomes: &Outcomes) {
        let scores = match predictions.scores.filter(|_| predictions.positive_label.is_some()) {
            None => Err("the model gives no score of a positive label".to_owned()),
            Some(scores) if scores.len() != predictions.truth.len() => {
                Err(format!("{} scores stand against {} rows", scores.len(), predictions.truth.len()))
            }
            Some(scores) => match scores.iter().filter(|s| !s.is_finite()).count() {
                0 => Ok(scores),
                bad => Err(format!("{bad} of {} scores aren't finite numbers", scores.len())),
            },
        };
        match scores {
            Ok(scores) => {
                let quality = ScoreQuality::of(&outcomes.positives(), scores);
                self.figures.extend([
                    (Metric::Auc, quality.auc),
                    (Metric::Brier, quality.brier),
                    (Metric::LogLoss, quality.log_loss),
                    (Metric::Ece, quality.ece),
                ]);
            }
            Err(reason) => {
                for metric in SCORE {
                    self.set_absent(metric.word(), reason.clone());
                }
            }
        }
    }

    /// Quality of a numeric prediction, in the unit of the label.
    pub fn add_regression(&mut self, predicted: &[f64], truth: &[f64]) {
        let quality = regression(predicted, truth);
        self.figures.extend([(Metric::Mae, quality.mae), (Metric::Rmse, quality.rmse), (Metric::R2, quality.r2)]);
    }
}

const SCORE: &[Metric] = &[Metric::Auc, Metric::Brier, Metric::LogLoss, Metric::Ece];

const POSITIVE_LABEL: &[Metric] = &[
    Metric::BalancedAccuracy,
    Metric::Precision,
    Metric::Recall,
    Metric::F1,
    Metric::Mcc,
    Metric::SelectionRate,
    Metric::Tpr,
    Metric::Fpr,
    Metric::Tnr,
    Metric::Fnr,
];

const CLASSIFICATION: &[Metric] = &[
    Metric::Accuracy,
    Metric::MacroF1,
    Metric::BalancedAccuracy,
    Metric::Precision,
    Metric::Recall,
    Metric::F1,
    Metric::Mcc,
    Metric::SelectionRate,
    Metric::Tpr,
    Metric::Fpr,
    Metric::Tnr,
    Metric::Fnr,
    Metric::Auc,
    Metric::Brier,
    Metric::LogLoss,
    Metric::Ece,
];

fn table(
    sensitive: &[(String, Vec<String>)],
    outcomes: &Outcomes,
    request: &BiasRequest,
) -> Result<AttributeTable, String> {
    let column = |name: &str| match sensitive.iter().find(|(column, _)| column == name) {
        Some((_, cells)) => Ok(cells.as_slice()),
        None => Err(format!("the dataset names no sensitive column `{name}`")),
    };
    let columns = request.attribute.split('*').map(column).collect::<Result<Vec<_>, _>>()?;
    tabulate(&request.attribute, &columns, outcomes, request.minimum_group_size).map_err(|problem| problem.to_string())
}

#[cfg(test)]
mod tests;
