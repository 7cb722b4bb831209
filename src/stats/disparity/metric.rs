//! Which figures a disparity compares, and how.

use crate::stats::fairness::{FigureName, RateName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Definitions: see the module of [`super::Disparity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisparityMetric {
    DemographicParityDifference,
    DemographicParityRatio,
    EqualizedOddsDifference,
    EqualizedOddsRatio,
    AverageOddsDifference,
    EqualOpportunityDifference,
    EqualOpportunityRatio,
    PredictiveEqualityDifference,
    PredictiveEqualityRatio,
    FnrDifference,
    FnrRatio,
    PredictiveParityDifference,
    PredictiveParityRatio,
    FalseDiscoveryRateDifference,
    FalseDiscoveryRateRatio,
    FalseOmissionRateDifference,
    FalseOmissionRateRatio,
    AccuracyDifference,
    AccuracyRatio,
    ErrorRateDifference,
    ErrorRateRatio,
    TreatmentEqualityDifference,
    TreatmentEqualityRatio,
    MeanScoreDifference,
    CalibrationGapDifference,
    EceDifference,
    AucDifference,
    BrierDifference,
    LogLossDifference,
    MaeDifference,
    MaeRatio,
    RmseDifference,
    RmseRatio,
    MeanResidualDifference,
    MacroF1Difference,
    MacroRecallDifference,
}

/// How the compared values become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stats) enum Form {
    /// Highest minus lowest; of two rates the greater difference.
    Difference,
    /// Lowest over highest; of two rates the smaller ratio.
    Ratio,
    /// The mean of the differences of both rates.
    MeanDifference,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    Rate(RateName),
    Figure(FigureName),
}

impl DisparityMetric {
    pub const ALL: [Self; 36] = [
        Self::DemographicParityDifference,
        Self::DemographicParityRatio,
        Self::EqualizedOddsDifference,
        Self::EqualizedOddsRatio,
        Self::AverageOddsDifference,
        Self::EqualOpportunityDifference,
        Self::EqualOpportunityRatio,
        Self::PredictiveEqualityDifference,
        Self::PredictiveEqualityRatio,
        Self::FnrDifference,
        Self::FnrRatio,
        Self::PredictiveParityDifference,
        Self::PredictiveParityRatio,
        Self::FalseDiscoveryRateDifference,
        Self::FalseDiscoveryRateRatio,
        Self::FalseOmissionRateDifference,
        Self::FalseOmissionRateRatio,
        Self::AccuracyDifference,
        Self::AccuracyRatio,
        Self::ErrorRateDifference,
        Self::ErrorRateRatio,
        Self::TreatmentEqualityDifference,
        Self::TreatmentEqualityRatio,
        Self::MeanScoreDifference,
        Self::CalibrationGapDifference,
        Self::EceDifference,
        Self::AucDifference,
        Self::BrierDifference,
        Self::LogLossDifference,
        Self::MaeDifference,
        Self::MaeRatio,
        Self::RmseDifference,
        Self::RmseRatio,
        Self::MeanResidualDifference,
        Self::MacroF1Difference,
        Self::MacroRecallDifference,
    ];

    /// The compared rates, of which the worse one decides; none where a figure is compared.
    pub fn rates(self) -> &'static [RateName] {
        match self {
            Self::DemographicParityDifference | Self::DemographicParityRatio => &[RateName::SelectionRate],
            Self::EqualizedOddsDifference | Self::EqualizedOddsRatio | Self::AverageOddsDifference => {
                &[RateName::Tpr, RateName::Fpr]
            }
            Self::EqualOpportunityDifference | Self::EqualOpportunityRatio => &[RateName::Tpr],
            Self::PredictiveEqualityDifference | Self::PredictiveEqualityRatio => &[RateName::Fpr],
            Self::FnrDifference | Self::FnrRatio => &[RateName::Fnr],
            Self::PredictiveParityDifference | Self::PredictiveParityRatio => &[RateName::Precision],
            Self::FalseDiscoveryRateDifference | Self::FalseDiscoveryRateRatio => &[RateName::FalseDiscoveryRate],
            Self::FalseOmissionRateDifference | Self::FalseOmissionRateRatio => &[RateName::FalseOmissionRate],
            Self::AccuracyDifference | Self::AccuracyRatio => &[RateName::Accuracy],
            Self::ErrorRateDifference | Self::ErrorRateRatio => &[RateName::ErrorRate],
            _ => &[],
        }
    }

    /// The compared figure, where no rate is compared.
    pub fn figure(self) -> Option<FigureName> {
        Some(match self {
            Self::TreatmentEqualityDifference | Self::TreatmentEqualityRatio => {
                FigureName::FalseNegativesPerFalsePositive
            }
            Self::MeanScoreDifference => FigureName::MeanScore,
            Self::CalibrationGapDifference => FigureName::CalibrationGap,
            Self::EceDifference => FigureName::Ece,
            Self::AucDifference => FigureName::Auc,
            Self::BrierDifference => FigureName::Brier,
            Self::LogLossDifference => FigureName::LogLoss,
            Self::MaeDifference | Self::MaeRatio => FigureName::Mae,
            Self::RmseDifference | Self::RmseRatio => FigureName::Rmse,
            Self::MeanResidualDifference => FigureName::MeanResidual,
            Self::MacroF1Difference => FigureName::MacroF1,
            Self::MacroRecallDifference => FigureName::MacroRecall,
            _ => return None,
        })
    }

    /// Everything that is compared: one or two rates, or one figure.
    pub fn compares(self) -> impl Iterator<Item = Compared> {
        let rates = self.rates().iter().map(|rate| Compared::Rate(*rate));
        rates.chain(self.figure().map(Compared::Figure))
    }

    /// Whether it comes from counted rows alone, so that a resample of the counts gives it again.
    pub fn is_counted(self) -> bool {
        self.figure().is_none_or(|figure| figure == FigureName::FalseNegativesPerFalsePositive)
    }

    /// Lowest over highest instead of highest minus lowest.
    pub fn is_ratio(self) -> bool {
        self.form() == Form::Ratio
    }

    pub(in crate::stats) fn form(self) -> Form {
        match self {
            Self::AverageOddsDifference => Form::MeanDifference,
            Self::DemographicParityRatio
            | Self::EqualizedOddsRatio
            | Self::EqualOpportunityRatio
            | Self::PredictiveEqualityRatio
            | Self::FnrRatio
            | Self::PredictiveParityRatio
            | Self::FalseDiscoveryRateRatio
            | Self::FalseOmissionRateRatio
            | Self::AccuracyRatio
            | Self::ErrorRateRatio
            | Self::TreatmentEqualityRatio
            | Self::MaeRatio
            | Self::RmseRatio => Form::Ratio,
            _ => Form::Difference,
        }
    }
}
