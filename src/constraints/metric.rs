//! What can be limited: dimensions, their metrics, and what goes with what.

mod of_dimension;
mod of_groups;

pub use of_groups::ImpactForm;

use super::{unit::Quantity, words::words};

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
        /// What becomes of the answers when the inputs are not what they were.
        Robustness = "robustness",
        /// What a model that may hold back its less certain answers would do.
        Abstention = "abstention",
        /// What answers cost.
        Cost = "cost",
        /// What a model needs of the world around it.
        Connectivity = "connectivity",
        /// What energy answers take.
        Power = "power",
        /// How answers agree with those that were recorded.
        Agreement = "agreement",
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
        /// CPU seconds per row, over all threads, of the calls alone.
        CpuPerInference = "cpu_per_inference",
        /// Threads of the process while the model predicts, without the callers of a load.
        ThreadsUsed = "threads_used",
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
        Npv = "npv",
        FalseOmissionRate = "false_omission_rate",
        FalseDiscoveryRate = "false_discovery_rate",
        ErrorRate = "error_rate",
        MacroRecall = "macro_recall",
        MacroPrecision = "macro_precision",
        /// Mean score of the positive label.
        MeanScore = "mean_score",
        /// Mean score minus share of positives: above 0 where the model promises too much.
        CalibrationGap = "calibration_gap",
        /// Mean of prediction minus truth.
        MeanResidual = "mean_residual",
        MeanPrediction = "mean_prediction",
        /// Selection rate of each known category over the highest one; the lowest ratio counts.
        ImpactRatio = "impact_ratio",
        /// The same with the share of a category above the median of all scores.
        ScoringImpactRatio = "scoring_impact_ratio",
        DemographicParityDifference = "demographic_parity_difference",
        DemographicParityRatio = "demographic_parity_ratio",
        EqualizedOddsDifference = "equalized_odds_difference",
        EqualizedOddsRatio = "equalized_odds_ratio",
        AverageOddsDifference = "average_odds_difference",
        EqualOpportunityDifference = "equal_opportunity_difference",
        EqualOpportunityRatio = "equal_opportunity_ratio",
        PredictiveEqualityDifference = "predictive_equality_difference",
        PredictiveEqualityRatio = "predictive_equality_ratio",
        FnrDifference = "fnr_difference",
        FnrRatio = "fnr_ratio",
        PredictiveParityDifference = "predictive_parity_difference",
        PredictiveParityRatio = "predictive_parity_ratio",
        FalseDiscoveryRateDifference = "false_discovery_rate_difference",
        FalseDiscoveryRateRatio = "false_discovery_rate_ratio",
        FalseOmissionRateDifference = "false_omission_rate_difference",
        FalseOmissionRateRatio = "false_omission_rate_ratio",
        AccuracyDifference = "accuracy_difference",
        AccuracyRatio = "accuracy_ratio",
        ErrorRateDifference = "error_rate_difference",
        ErrorRateRatio = "error_rate_ratio",
        TreatmentEqualityDifference = "treatment_equality_difference",
        TreatmentEqualityRatio = "treatment_equality_ratio",
        MeanScoreDifference = "mean_score_difference",
        CalibrationGapDifference = "calibration_gap_difference",
        EceDifference = "ece_difference",
        AucDifference = "auc_difference",
        BrierDifference = "brier_difference",
        LogLossDifference = "log_loss_difference",
        MaeDifference = "mae_difference",
        MaeRatio = "mae_ratio",
        RmseDifference = "rmse_difference",
        RmseRatio = "rmse_ratio",
        MeanResidualDifference = "mean_residual_difference",
        MacroF1Difference = "macro_f1_difference",
        MacroRecallDifference = "macro_recall_difference",
        /// Nodes of the model's graph, those of branches and loops among them.
        Operators = "operators",
        /// Elements of the model's initializers.
        Parameters = "parameters",
        /// 1 where the model answered while the sandbox had taken the network away.
        NetworkFree = "network_free",
        /// Tensors whose data are in other files than the model's.
        ExternalData = "external_data",
        /// Of CPU time and memory, at the spec's prices.
        CostPerThousand = "cost_per_thousand",
        /// Accuracy on the rows as they are minus accuracy on perturbed ones.
        AccuracyDrop = "accuracy_drop",
        /// Share of rows whose label a perturbation changes.
        FlipRate = "flip_rate",
        /// Largest change of a score, or of a predicted number, that a perturbation makes.
        MaxScoreChange = "max_score_change",
        /// Calibration error under a perturbation minus that on the rows as they are.
        CalibrationChange = "calibration_change",
        /// Mean absolute error under a perturbation minus that on the rows as they are.
        MaeIncrease = "mae_increase",
        /// Share of rows whose answer holds a number that is not finite; of robustness: that a perturbation leaves without
        /// a finite answer.
        NonFiniteRate = "non_finite_rate",
        /// How often the same rows got the same answers, a fresh session among them.
        Repeats = "repeats",
        /// Share of rows whose answer is less certain than the threshold.
        AbstainedRate = "abstained_rate",
        /// Accuracy on the rows that are answered with at least that certainty.
        RetainedAccuracy = "retained_accuracy",
        /// From the start of a process to its first answer.
        ColdStart = "cold_start",
        /// Floating point operations per row, estimated from the graph.
        Flops = "flops",
        /// Bytes of the inputs of one row.
        BytesIn = "bytes_in",
        /// Bytes of the answer to one row.
        BytesOut = "bytes_out",
        /// What a row and its answer take on the environment's link.
        TransferTime = "transfer_time",
        /// How long the environment may be without a link, as its profile declares it.
        MaximumOfflineTime = "maximum_offline_time",
        /// Of the processor's packages, per row.
        EnergyPerInference = "energy_per_inference",
        /// Largest distance of a number of an answer from the recorded one.
        MaxDifference = "max_difference",
        /// Share of rows of which every number is within the tolerance of the recorded one.
        WithinTolerance = "within_tolerance",
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
    /// Whether a load condition belongs to it.
    pub fn has_load(self) -> bool {
        matches!(self, Self::Latency | Self::Throughput)
    }

    /// Whether another machine would give another figure for the same model and data.
    pub fn depends_on_the_machine(self) -> bool {
        matches!(
            self,
            Self::Latency | Self::Throughput | Self::Memory | Self::LoadTime | Self::Compute | Self::Cost | Self::Power
        )
    }

    pub fn quantity(self) -> Quantity {
        match self {
            Self::Latency | Self::LoadTime | Self::Compute => Quantity::Time,
            Self::Throughput => Quantity::PerTime,
            Self::Memory | Self::Size => Quantity::Information,
            Self::Cost => Quantity::Money,
            Self::Power => Quantity::Energy,
            Self::Quality | Self::Bias | Self::Robustness | Self::Abstention | Self::Connectivity | Self::Agreement => {
                Quantity::Number
            }
        }
    }

    /// The number of samples asked for when a constraint says none.
    pub fn default_minimum_samples(self) -> u64 {
        match self {
            Self::Latency | Self::Throughput => 100,
            Self::Quality | Self::Bias | Self::Robustness | Self::Abstention | Self::Agreement => 30,
            Self::Memory
            | Self::Size
            | Self::LoadTime
            | Self::Compute
            | Self::Cost
            | Self::Connectivity
            | Self::Power => 1,
        }
    }
}

impl Metric {
    /// The least and the greatest value that it can take, in base units.
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::Mcc | Self::AccuracyDrop | Self::CalibrationChange => (-1.0, 1.0),
            Self::R2 => (f64::NEG_INFINITY, 1.0),
            // Summed over several classes it reaches 2.
            Self::Brier => (0.0, 2.0),
            Self::CalibrationGap | Self::MeanScore | Self::MeanResidual | Self::MeanPrediction | Self::MaeIncrease => {
                (f64::NEG_INFINITY, f64::INFINITY)
            }
            Self::Latency
            | Self::Throughput
            | Self::PeakMemory
            | Self::ModelMemory
            | Self::ArtifactSize
            | Self::LoadTime
            | Self::CpuPerInference
            | Self::ThreadsUsed
            | Self::Operators
            | Self::Parameters
            | Self::ExternalData
            | Self::ColdStart
            | Self::Flops
            | Self::BytesIn
            | Self::BytesOut
            | Self::TransferTime
            | Self::MaximumOfflineTime
            | Self::EnergyPerInference
            | Self::CostPerThousand
            | Self::LogLoss
            | Self::MaxScoreChange
            | Self::MaxDifference
            | Self::Repeats
            | Self::Mae
            | Self::Rmse
            | Self::TreatmentEqualityDifference
            | Self::MeanScoreDifference
            | Self::CalibrationGapDifference
            | Self::LogLossDifference
            | Self::MaeDifference
            | Self::RmseDifference
            | Self::MeanResidualDifference => (0.0, f64::INFINITY),
            _ => (0.0, 1.0),
        }
    }

    /// What it is an amount of: that of its dimension, but for a count in another one.
    pub fn quantity(self, dimension: Dimension) -> Quantity {
        match self {
            Self::ThreadsUsed | Self::Operators | Self::Parameters | Self::Flops => Quantity::Number,
            Self::BytesIn | Self::BytesOut => Quantity::Information,
            Self::TransferTime | Self::MaximumOfflineTime => Quantity::Time,
            _ => dimension.quantity(),
        }
    }

    /// Whether it says something of one class against the rest, in the quality of a classifier.
    pub fn is_of_a_class(self) -> bool {
        matches!(
            self,
            Self::Precision
                | Self::Recall
                | Self::F1
                | Self::Auc
                | Self::SelectionRate
                | Self::Tpr
                | Self::Fpr
                | Self::Tnr
                | Self::Fnr
                | Self::Npv
                | Self::FalseOmissionRate
                | Self::FalseDiscoveryRate
        )
    }

    /// Whether a 95 % interval comes with it, so that `confidence: interval` can be judged.
    pub fn has_interval(self, statistic: Option<Statistic>) -> bool {
        match self {
            Self::Latency => statistic != Some(Statistic::Max),
            Self::Throughput
            | Self::PeakMemory
            | Self::ModelMemory
            | Self::ArtifactSize
            | Self::CpuPerInference
            | Self::ThreadsUsed
            | Self::Operators
            | Self::Parameters
            | Self::NetworkFree
            | Self::ExternalData
            | Self::CostPerThousand
            | Self::ColdStart
            | Self::Flops
            | Self::BytesIn
            | Self::BytesOut
            | Self::TransferTime
            | Self::MaximumOfflineTime
            | Self::EnergyPerInference
            | Self::MaxDifference
            | Self::Repeats
            | Self::MaeRatio
            | Self::RmseRatio => false,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::Words;
    use super::*;
    use crate::stats::disparity::DisparityMetric;

    #[test]
    fn every_metric_belongs_to_a_dimension() {
        for metric in Metric::ALL {
            assert!(Dimension::ALL.iter().any(|d| d.metrics().contains(metric)), "{metric}");
        }
    }

    #[test]
    fn every_bias_metric_is_one_of_disparity_rate_figure_and_impact_ratio() {
        for metric in Dimension::Bias.metrics() {
            let kinds = [
                metric.disparity().is_some(),
                metric.group_rate().is_some(),
                metric.group_figure().is_some(),
                metric.impact().is_some(),
            ];
            assert_eq!(kinds.iter().filter(|kind| **kind).count(), 1, "{metric}");
        }
        for disparity in DisparityMetric::ALL {
            let named = |m: &&Metric| m.disparity() == Some(disparity);
            assert_eq!(Metric::ALL.iter().filter(named).count(), 1, "{disparity:?}");
        }
    }
}
