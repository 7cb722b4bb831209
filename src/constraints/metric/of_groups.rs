//! What a bias metric names among the figures of a table of groups: exactly one of a disparity, a
//! rate, another figure, or an impact ratio.

use super::Metric;
use crate::stats::{
    disparity::DisparityMetric,
    fairness::{FigureName, RateName},
};

/// What an impact ratio compares (6 RCNY 5-300).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImpactForm {
    /// Shares of those who are selected.
    Selection,
    /// Shares of those who score above the median.
    Scoring,
}

impl Metric {
    /// The disparity that it names.
    pub fn disparity(self) -> Option<DisparityMetric> {
        use DisparityMetric as D;
        Some(match self {
            Self::DemographicParityDifference => D::DemographicParityDifference,
            Self::DemographicParityRatio => D::DemographicParityRatio,
            Self::EqualizedOddsDifference => D::EqualizedOddsDifference,
            Self::EqualizedOddsRatio => D::EqualizedOddsRatio,
            Self::AverageOddsDifference => D::AverageOddsDifference,
            Self::EqualOpportunityDifference => D::EqualOpportunityDifference,
            Self::EqualOpportunityRatio => D::EqualOpportunityRatio,
            Self::PredictiveEqualityDifference => D::PredictiveEqualityDifference,
            Self::PredictiveEqualityRatio => D::PredictiveEqualityRatio,
            Self::FnrDifference => D::FnrDifference,
            Self::FnrRatio => D::FnrRatio,
            Self::PredictiveParityDifference => D::PredictiveParityDifference,
            Self::PredictiveParityRatio => D::PredictiveParityRatio,
            Self::FalseDiscoveryRateDifference => D::FalseDiscoveryRateDifference,
            Self::FalseDiscoveryRateRatio => D::FalseDiscoveryRateRatio,
            Self::FalseOmissionRateDifference => D::FalseOmissionRateDifference,
            Self::FalseOmissionRateRatio => D::FalseOmissionRateRatio,
            Self::AccuracyDifference => D::AccuracyDifference,
            Self::AccuracyRatio => D::AccuracyRatio,
            Self::ErrorRateDifference => D::ErrorRateDifference,
            Self::ErrorRateRatio => D::ErrorRateRatio,
            Self::TreatmentEqualityDifference => D::TreatmentEqualityDifference,
            Self::TreatmentEqualityRatio => D::TreatmentEqualityRatio,
            Self::MeanScoreDifference => D::MeanScoreDifference,
            Self::CalibrationGapDifference => D::CalibrationGapDifference,
            Self::EceDifference => D::EceDifference,
            Self::AucDifference => D::AucDifference,
            Self::BrierDifference => D::BrierDifference,
            Self::LogLossDifference => D::LogLossDifference,
            Self::MaeDifference => D::MaeDifference,
            Self::MaeRatio => D::MaeRatio,
            Self::RmseDifference => D::RmseDifference,
            Self::RmseRatio => D::RmseRatio,
            Self::MeanResidualDifference => D::MeanResidualDifference,
            Self::MacroF1Difference => D::MacroF1Difference,
            Self::MacroRecallDifference => D::MacroRecallDifference,
            _ => return None,
        })
    }

    /// The rate of a group that it names.
    pub fn group_rate(self) -> Option<RateName> {
        Some(match self {
            Self::SelectionRate => RateName::SelectionRate,
            Self::Accuracy => RateName::Accuracy,
            Self::Tpr => RateName::Tpr,
            Self::Fpr => RateName::Fpr,
            Self::Tnr => RateName::Tnr,
            Self::Fnr => RateName::Fnr,
            Self::Precision => RateName::Precision,
            Self::Npv => RateName::Npv,
            Self::FalseOmissionRate => RateName::FalseOmissionRate,
            Self::FalseDiscoveryRate => RateName::FalseDiscoveryRate,
            Self::ErrorRate => RateName::ErrorRate,
            _ => return None,
        })
    }

    /// The figure of a group that it names.
    pub fn group_figure(self) -> Option<FigureName> {
        Some(match self {
            Self::F1 => FigureName::F1,
            Self::BalancedAccuracy => FigureName::BalancedAccuracy,
            Self::Mcc => FigureName::Mcc,
            Self::MacroF1 => FigureName::MacroF1,
            Self::MacroRecall => FigureName::MacroRecall,
            Self::MacroPrecision => FigureName::MacroPrecision,
            Self::MeanScore => FigureName::MeanScore,
            Self::CalibrationGap => FigureName::CalibrationGap,
            Self::Auc => FigureName::Auc,
            Self::Brier => FigureName::Brier,
            Self::LogLoss => FigureName::LogLoss,
            Self::Ece => FigureName::Ece,
            Self::Mae => FigureName::Mae,
            Self::Rmse => FigureName::Rmse,
            Self::R2 => FigureName::R2,
            Self::MeanResidual => FigureName::MeanResidual,
            Self::MeanPrediction => FigureName::MeanPrediction,
            _ => return None,
        })
    }

    /// The form of impact ratio that it names.
    pub fn impact(self) -> Option<ImpactForm> {
        match self {
            Self::ImpactRatio => Some(ImpactForm::Selection),
            Self::ScoringImpactRatio => Some(ImpactForm::Scoring),
            _ => None,
        }
    }
}
