//! The names of what a group can have: rates, which are counts over counts, and other figures.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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

/// A figure of a group that is no proportion of counted rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FigureName {
    Accuracy,
    Recall,
    Precision,
    F1,
    BalancedAccuracy,
    Mcc,
    /// False negatives per false positive: the figure of treatment equality.
    FalseNegativesPerFalsePositive,
    MeanScore,
    /// Mean score minus share of positives: calibration in the large.
    CalibrationGap,
    Auc,
    Brier,
    LogLoss,
    /// Expected calibration error over ten bins of equal width.
    Ece,
    Mae,
    Rmse,
    R2,
    /// Mean of prediction minus truth.
    MeanResidual,
    MeanPrediction,
    /// Over the classes that occur in the group.
    MacroF1,
    MacroRecall,
    MacroPrecision,
}
