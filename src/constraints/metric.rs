//! What can be limited: dimensions, their metrics, and what goes with what.

use super::{unit::Quantity, words::words};
use crate::stats::{disparity::DisparityMetric, fairness::RateName};

words! {
    Dimension {
        Latency = "latency",
        Throughput = "throughput",
        Memory = "memory",
        Size = "size",
        LoadTime = "load_time",
        Compute = "compute",
        Quality = "quality",
        Bias = "bias",
    }

    /// A metric. A rate (`tpr`, `accuracy`, ...) under `quality` is over all rows; under `bias`
    /// it has to hold in every group that is large enough.
    Metric {
        /// Time of one call under a load.
        Latency = "latency",
        /// Rows per second under a load: calls * batch / elapsed time.
        Throughput = "throughput",
        /// Highest resident memory of the process that runs the model.
        PeakMemory = "peak_memory",
        /// Memory that loading the model added.
        ModelMemory = "model_memory",
        /// Bytes of the model's files.
        ArtifactSize = "artifact_size",
        /// From the file to a session that answers.
        LoadTime = "load_time",
        /// CPU seconds per row, over all threads.
        CpuPerInference = "cpu_per_inference",
        Accuracy = "accuracy",
        BalancedAccuracy = "balanced_accuracy",
        Precision = "precision",
        Recall = "recall",
        F1 = "f1",
        MacroF1 = "macro_f1",
        Mcc = "mcc",
        Auc = "auc",
        Brier = "brier",
        LogLoss = "log_loss",
        Ece = "ece",
        SelectionRate = "selection_rate",
        Tpr = "tpr",
        Fpr = "fpr",
        Tnr = "tnr",
        Fnr = "fnr",
        Mae = "mae",
        Rmse = "rmse",
        R2 = "r2",
        DemographicParityDifference = "demographic_parity_difference",
        DemographicParityRatio = "demographic_parity_ratio",
        EqualizedOddsDifference = "equalized_odds_difference",
        EqualizedOddsRatio = "equalized_odds_ratio",
        EqualOpportunityDifference = "equal_opportunity_difference",
        EqualOpportunityRatio = "equal_opportunity_ratio",
        PredictiveParityDifference = "predictive_parity_difference",
        PredictiveParityRatio = "predictive_parity_ratio",
        AccuracyDifference = "accuracy_difference",
    }

    /// What is taken of many calls.
    Statistic {
        P50 = "p50",
        P95 = "p95",
        P99 = "p99",
        Max = "max",
        Mean = "mean",
    }
}

impl Dimension {
    /// The metrics of this dimension, in the order in which they are listed to people.
    pub fn metrics(self) -> &'static [Metric] {
        use Metric as M;
        match self {
            Self::Latency => &[M::Latency],
            Self::Throughput => &[M::Throughput],
            Self::Memory => &[M::PeakMemory, M::ModelMemory],
            Self::Size => &[M::ArtifactSize],
            Self::LoadTime => &[M::LoadTime],
            Self::Compute => &[M::CpuPerInference],
            Self::Quality => &[
                M::Accuracy,
                M::BalancedAccuracy,
                M::Precision,
                M::Recall,
                M::F1,
                M::MacroF1,
                M::Mcc,
                M::Auc,
                M::Brier,
                M::LogLoss,
                M::Ece,
                M::SelectionRate,
                M::Tpr,
                M::Fpr,
                M::Tnr,
                M::Fnr,
                M::Mae,
                M::Rmse,
                M::R2,
            ],
            Self::Bias => &[
                M::DemographicParityDifference,
                M::DemographicParityRatio,
                M::EqualizedOddsDifference,
                M::EqualizedOddsRatio,
                M::EqualOpportunityDifference,
                M::EqualOpportunityRatio,
                M::PredictiveParityDifference,
                M::PredictiveParityRatio,
                M::AccuracyDifference,
                M::SelectionRate,
                M::Tpr,
                M::Fpr,
                M::Tnr,
                M::Fnr,
                M::Precision,
                M::Accuracy,
            ],
        }
    }

    /// Whether a load condition belongs to it.
    pub fn has_load(self) -> bool {
        matches!(self, Self::Latency | Self::Throughput)
    }

    pub fn quantity(self) -> Quantity {
        match self {
            Self::Latency | Self::LoadTime | Self::Compute => Quantity::Time,
            Self::Throughput => Quantity::PerTime,
            Self::Memory | Self::Size => Quantity::Information,
            Self::Quality | Self::Bias => Quantity::Number,
        }
    }

    /// The number of samples asked for when a constraint says none.
    pub fn default_minimum_samples(self) -> u64 {
        match self {
            Self::Latency | Self::Throughput => 100,
            Self::Quality | Self::Bias => 30,
            Self::Memory | Self::Size | Self::LoadTime | Self::Compute => 1,
        }
    }
}

impl Metric {
    /// The least and the greatest value that it can take, in base units.
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::Mcc => (-1.0, 1.0),
            Self::R2 => (f64::NEG_INFINITY, 1.0),
            Self::Latency
            | Self::Throughput
            | Self::PeakMemory
            | Self::ModelMemory
            | Self::ArtifactSize
            | Self::LoadTime
            | Self::CpuPerInference
            | Self::LogLoss
            | Self::Mae
            | Self::Rmse => (0.0, f64::INFINITY),
            _ => (0.0, 1.0),
        }
    }

    /// Whether a 95 % interval comes with it, so that `confidence: interval` can be judged.
    pub fn has_interval(self, statistic: Option<Statistic>) -> bool {
        match self {
            Self::Latency => statistic != Some(Statistic::Max),
            Self::Throughput
            | Self::PeakMemory
            | Self::ModelMemory
            | Self::ArtifactSize
            | Self::LoadTime
            | Self::CpuPerInference
            | Self::MacroF1
            | Self::Mcc
            | Self::Ece
            | Self::R2 => false,
            _ => true,
        }
    }

    /// The disparity that it names.
    pub fn disparity(self) -> Option<DisparityMetric> {
        use DisparityMetric as D;
        Some(match self {
            Self::DemographicParityDifference => D::DemographicParityDifference,
            Self::DemographicParityRatio => D::DemographicParityRatio,
            Self::EqualizedOddsDifference => D::EqualizedOddsDifference,
            Self::EqualizedOddsRatio => D::EqualizedOddsRatio,
            Self::EqualOpportunityDifference => D::EqualOpportunityDifference,
            Self::EqualOpportunityRatio => D::EqualOpportunityRatio,
            Self::PredictiveParityDifference => D::PredictiveParityDifference,
            Self::PredictiveParityRatio => D::PredictiveParityRatio,
            Self::AccuracyDifference => D::AccuracyDifference,
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
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::Words;
    use super::*;

    #[test]
    fn every_metric_belongs_to_a_dimension() {
        for metric in Metric::ALL {
            assert!(Dimension::ALL.iter().any(|d| d.metrics().contains(metric)), "{metric}");
        }
    }

    #[test]
    fn every_bias_metric_is_a_disparity_or_a_rate_of_groups_and_not_both() {
        for metric in Dimension::Bias.metrics() {
            assert_ne!(metric.disparity().is_some(), metric.group_rate().is_some(), "{metric}");
        }
        for disparity in DisparityMetric::ALL {
            let named = |m: &&Metric| m.disparity() == Some(disparity);
            assert_eq!(Metric::ALL.iter().filter(named).count(), 1, "{disparity:?}");
        }
    }
}
