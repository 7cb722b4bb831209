//! What figures of groups are called in headings, and which way they are better.

use crate::{
    constraints::{Dimension, Metric},
    stats::{
        disparity::{Compared, DisparityMetric},
        fairness::{FigureName, GroupRates, RateName},
        figure::Figure,
        figure::Rate,
    },
};

pub fn rate(rate: RateName) -> &'static str {
    match rate {
        RateName::SelectionRate => "Selection rate",
        RateName::Accuracy => "Accuracy",
        RateName::Tpr => "True positive rate",
        RateName::Fpr => "False positive rate",
        RateName::Tnr => "True negative rate",
        RateName::Fnr => "False negative rate",
        RateName::Precision => "Precision",
        RateName::Npv => "Negative predictive value",
        RateName::FalseOmissionRate => "False omission rate",
        RateName::FalseDiscoveryRate => "False discovery rate",
        RateName::ErrorRate => "Error rate",
    }
}

pub fn figure(figure: FigureName) -> &'static str {
    match figure {
        FigureName::Accuracy => "Accuracy",
        FigureName::Recall => "Recall",
        FigureName::Precision => "Precision",
        FigureName::F1 => "F1",
        FigureName::BalancedAccuracy => "Balanced accuracy",
        FigureName::Mcc => "MCC",
        FigureName::FalseNegativesPerFalsePositive => "False negatives per false positive",
        FigureName::MeanScore => "Mean score",
        FigureName::CalibrationGap => "Calibration gap",
        FigureName::Auc => "AUC",
        FigureName::Brier => "Brier score",
        FigureName::LogLoss => "Log loss",
        FigureName::Ece => "ECE",
        FigureName::Mae => "Mean absolute error",
        FigureName::Rmse => "RMSE",
        FigureName::R2 => "R²",
        FigureName::MeanResidual => "Mean residual",
        FigureName::MeanPrediction => "Mean prediction",
        FigureName::MacroF1 => "Macro F1",
        FigureName::MacroRecall => "Macro recall",
        FigureName::MacroPrecision => "Macro precision",
    }
}

pub fn compared(what: Compared) -> &'static str {
    match what {
        Compared::Rate(name) => rate(name),
        Compared::Figure(name) => figure(name),
    }
}

/// The value of a group with its interval.
pub fn value(group: &GroupRates, what: Compared) -> Option<Figure> {
    match what {
        Compared::Rate(name) => group.rate(name).map(|rate| Rate::figure(Some(rate))),
        Compared::Figure(name) => group.figure(name).filter(|figure| figure.value.is_some()),
    }
}

/// As constraints name it, in words: "demographic parity ratio", "MAE difference".
pub fn disparity(metric: DisparityMetric) -> String {
    let named = |m: &&Metric| m.disparity() == Some(metric);
    let word = Dimension::Bias.metrics().iter().find(named).map(Metric::to_string).unwrap_or_default();
    let spoken = word.split('_').map(|part| match part {
        "auc" | "ece" | "mae" | "rmse" | "fnr" | "f1" => part.to_uppercase(),
        _ => part.to_owned(),
    });
    spoken.collect::<Vec<_>>().join(" ")
}

/// `sex*region` as `sex × region`.
pub fn attribute(name: &str) -> String {
    name.replace('*', " × ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_disparity_has_a_name() {
        for metric in DisparityMetric::ALL {
            assert!(!disparity(metric).is_empty(), "{metric:?}");
        }
        assert_eq!(disparity(DisparityMetric::MacroF1Difference), "macro F1 difference");
        assert_eq!(disparity(DisparityMetric::DemographicParityRatio), "demographic parity ratio");
    }
}
