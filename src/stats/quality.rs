//! Quality of a classifier: every figure of one evaluation, with its interval where one exists
//! in closed form.

use super::{
    confusion::Confusion,
    figure::{Figure, Rate},
    score,
};

/// The figures that come from labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelQuality {
    pub accuracy: Figure,
    pub balanced_accuracy: Figure,
    pub precision: Figure,
    /// Recall and true positive rate are the same figure.
    pub recall: Figure,
    pub f1: Figure,
    pub mcc: Figure,
    pub selection_rate: Figure,
    pub fpr: Figure,
    pub tnr: Figure,
    pub fnr: Figure,
}

impl LabelQuality {
    pub fn of(counts: &Confusion) -> Self {
        Self {
            accuracy: Rate::figure(counts.accuracy()),
            balanced_accuracy: counts.balanced_accuracy(),
            precision: Rate::figure(counts.precision()),
            recall: Rate::figure(counts.tpr()),
            f1: counts.f1(),
            mcc: counts.mcc(),
            selection_rate: Rate::figure(counts.selection_rate()),
            fpr: Rate::figure(counts.fpr()),
            tnr: Rate::figure(counts.tnr()),
            fnr: Rate::figure(counts.fnr()),
        }
    }
}

/// The figures that come from scores of the positive label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreQuality {
    pub auc: Figure,
    pub brier: Figure,
    pub log_loss: Figure,
    pub ece: Figure,
}

impl ScoreQuality {
    pub fn of(positive: &[bool], scores: &[f64]) -> Self {
        Self {
            auc: score::auc(positive, scores),
            brier: score::brier(positive, scores),
            log_loss: score::log_loss(positive, scores),
            ece: score::ece(positive, scores),
        }
    }
}
