//! Quality and groups of a classifier.

use super::{
    super::{metric::Metric, words::Words},
    Attributes, Grouping, Measured,
};
use crate::stats::{
    breakdown::Rows,
    confusion::Confusion,
    fairness::{FigureName, Outcomes, TableError},
    figure::{Figure, Rate},
    multiclass::Classes,
    quality::{LabelQuality, ScoreQuality},
};

/// The answers of a classifier, row by row. All slices have the same length.
#[derive(Clone, Copy, Debug)]
pub struct Predictions<'a> {
    pub labels: &'a [String],
    pub truth: &'a [String],
    /// The score of the positive label.
    pub scores: Option<&'a [f64]>,
    /// `None` for several classes of which none is favourable.
    pub positive_label: Option<&'a str>,
    pub attributes: Attributes<'a>,
}

impl Measured {
    /// Quality of a classifier, and the tables of groups that are asked for. What can't be
    /// computed is left out with a reason, and its constraints are then not measured.
    pub fn add_classification(&mut self, predictions: &Predictions, grouping: &Grouping) {
        let Predictions { labels, truth, .. } = *predictions;
        let outcomes = match Outcomes::of_labels(labels, truth, predictions.positive_label) {
            Ok(outcomes) => outcomes,
            Err(problem) => {
                let metrics = CLASSIFICATION.iter().map(|metric| metric.word());
                for what in metrics.chain(grouping.requests.iter().map(|r| r.attribute.as_str())) {
                    self.absent.insert(what.to_owned(), problem.to_string());
                }
                return;
            }
        };
        self.add_label_quality(predictions, &outcomes);
        let scores = self.add_score_quality(predictions, &outcomes);
        let rows = Rows { outcomes: Some(&outcomes), labels: Some((labels, truth)), scores, numbers: None };
        self.fill_intervals(rows, truth.len(), grouping.plan);
        for request in grouping.requests {
            let of_class;
            // Without a favourable label each class in turn is held against the rest.
            let (outcomes, scores) = match &request.class {
                None => (&outcomes, scores),
                Some(class) => match one_against_rest(labels, truth, class) {
                    Ok(outcomes) => {
                        of_class = outcomes;
                        (&of_class, None)
                    }
                    Err(problem) => {
                        self.set_absent(&request.attribute, problem.to_string());
                        continue;
                    }
                },
            };
            let both = request.class.is_none().then_some((labels, truth));
            let rows = Rows { outcomes: Some(outcomes), labels: both, scores, numbers: None };
            self.add_table(&predictions.attributes, rows, truth.len(), request, grouping);
        }
    }

    fn add_label_quality(&mut self, predictions: &Predictions, outcomes: &Outcomes) {
        let Predictions { labels, truth, .. } = *predictions;
        let n = truth.len() as u64;
        // Over labels, not positive against the rest: right for several classes too.
        let correct = labels.iter().zip(truth).filter(|(label, truth)| label == truth).count();
        let classes = Classes::of(labels, truth);
        let of = |figure: fn(&Classes) -> Figure| classes.as_ref().map_or(Figure::point(None, n), figure);
        self.figures.extend([
            (Metric::Accuracy, Rate::figure(Rate::of(correct as u64, n))),
            (Metric::ErrorRate, Rate::figure(Rate::of(n - correct as u64, n))),
            (Metric::MacroF1, of(Classes::macro_f1)),
            (Metric::MacroRecall, of(Classes::macro_recall)),
            (Metric::MacroPrecision, of(Classes::macro_precision)),
        ]);
        let Some(counts) = outcomes.confusion() else {
            for metric in POSITIVE_LABEL {
                self.set_absent(metric.word(), "the dataset names no positive label");
            }
            return;
        };
        self.add_counted_quality(&counts);
    }

    fn add_counted_quality(&mut self, counts: &Confusion) {
        let quality = LabelQuality::of(counts);
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
            (Metric::Npv, Rate::figure(counts.npv())),
            (Metric::FalseOmissionRate, Rate::figure(counts.false_omission_rate())),
            (Metric::FalseDiscoveryRate, Rate::figure(counts.false_discovery_rate())),
        ]);
    }

    /// The scores, if they can be used.
    fn add_score_quality<'a>(&mut self, predictions: &Predictions<'a>, outcomes: &Outcomes) -> Option<&'a [f64]> {
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
                let named = super::groups::of_all_rows(outcomes, scores);
                self.figures.extend(named.into_iter().filter_map(|(name, figure)| match name {
                    FigureName::MeanScore => Some((Metric::MeanScore, figure)),
                    FigureName::CalibrationGap => Some((Metric::CalibrationGap, figure)),
                    _ => None,
                }));
                Some(scores)
            }
            Err(reason) => {
                for metric in SCORE {
                    self.set_absent(metric.word(), reason.clone());
                }
                None
            }
        }
    }
}

/// In the table of one class all other classes are one, so that accuracy counts what the other
/// rates count.
fn one_against_rest(labels: &[String], truth: &[String], class: &str) -> Result<Outcomes, TableError> {
    let rest = if class.is_empty() { "(rest)" } else { "" };
    let of = |cells: &[String]| cells.iter().map(|cell| if cell == class { class } else { rest }).collect::<Vec<_>>();
    Outcomes::of_labels(&of(labels), &of(truth), Some(class))
}

const SCORE: &[Metric] =
    &[Metric::Auc, Metric::Brier, Metric::LogLoss, Metric::Ece, Metric::MeanScore, Metric::CalibrationGap];

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
    Metric::Npv,
    Metric::FalseOmissionRate,
    Metric::FalseDiscoveryRate,
];

const CLASSIFICATION: &[Metric] = &[
    Metric::Accuracy,
    Metric::ErrorRate,
    Metric::MacroF1,
    Metric::MacroRecall,
    Metric::MacroPrecision,
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
    Metric::Npv,
    Metric::FalseOmissionRate,
    Metric::FalseDiscoveryRate,
    Metric::Auc,
    Metric::Brier,
    Metric::LogLoss,
    Metric::Ece,
    Metric::MeanScore,
    Metric::CalibrationGap,
];
