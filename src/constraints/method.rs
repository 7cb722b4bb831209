//! How each figure comes about, in a sentence that stands beside it.
//!
//! The records of a run say the same at greater length; each interval names its own method.

use super::{
    metric::{Dimension, Metric, Statistic},
    spec::Constraint,
};

impl Constraint {
    /// How the figure of this limit is measured.
    pub fn method(&self) -> &'static str {
        match (self.dimension, self.statistic) {
            (Dimension::Latency, Some(statistic)) => of_calls(statistic),
            (Dimension::Bias, _) => of_groups(self.metric),
            (Dimension::Quality, _) => of_quality(self.metric),
            (Dimension::Robustness, _) => of_robustness(self.metric),
            (Dimension::Abstention, _) => of_abstention(self.metric),
            (Dimension::Agreement, _) => of_agreement(self.metric),
            _ => of_machine(self.metric),
        }
    }
}

fn of_calls(statistic: Statistic) -> &'static str {
    match statistic {
        Statistic::P50 | Statistic::P95 | Statistic::P99 => {
            "Each call is timed around the runtime's own work, after the load's warm-up, with inputs prepared beforehand; the nearest-rank percentile of the counted calls."
        }
        Statistic::Max => {
            "Each call is timed around the runtime's own work, after the load's warm-up, with inputs prepared beforehand; the longest of the counted calls."
        }
        Statistic::Mean => {
            "Each call is timed around the runtime's own work, after the load's warm-up, with inputs prepared beforehand; the mean of the counted calls."
        }
    }
}

fn of_machine(metric: Metric) -> &'static str {
    match metric {
        Metric::Throughput => {
            "Rows of all counted calls over the wall time from the start of the first to the end of the last, over all callers, warm-up left out."
        }
        Metric::PeakMemory => {
            "The sandbox process's highest resident memory while it predicts the data set (`rows_per_call` rows in a call) and under every load, with one session for each concurrent caller; runtime and data are in it."
        }
        Metric::ModelMemory => {
            "Peak memory less what the process had resident just before it made a session of the model's file: weights (those in files beside it, too), sessions, work space and answers, without the runtime's library, the data set and the file as it came."
        }
        Metric::ArtifactSize => "The bytes of all files of the version.",
        Metric::LoadTime => {
            "Making a session from the model's bytes in memory: the median of the first and up to five later ones in the same process, which find the library warm; cold_start is the time from nothing."
        }
        Metric::ColdStart => {
            "From the start of the sandbox's process to its first answer (one row), timed by the worker: process, runtime, lock-down, model and first call, less the time that reading the data set took."
        }
        Metric::CpuPerInference => {
            "CPU time of all threads around the timed calls over their rows, under the load where a row takes the most; around the calls over the data set where the spec has no load. Start, loading and warm-up are left out."
        }
        Metric::ThreadsUsed => {
            "Threads of the process after it predicted the data set, before any load: the spec's `threads` decides how many one operator may use."
        }
        Metric::Operators => "Nodes of all graphs in the model's file, those of branches and loops among them.",
        Metric::Parameters => "Elements of all initializers and constants in the model's file.",
        Metric::Flops => {
            "Estimated from the file for one row, with the lengths that named tensors of the data have: two for each multiplication with its addition in matrix products, convolutions, recurrent, linear and support vector models, one for each comparison on the mean way through a tree; activations count nothing, so it is a lower bound."
        }
        Metric::NetworkFree => "1 where the model answered in a process that the kernel had denied any network.",
        Metric::ExternalData => "Tensors of the model whose data are in other files than the model's.",
        Metric::BytesIn => "Bytes of one row's input tensors, as the mean over the rows, without framing.",
        Metric::BytesOut => {
            "Bytes of the outputs that hold a row's answer, as the mean over the rows, without framing."
        }
        Metric::TransferTime => {
            "One round trip, and all bits of a row and its answer at the rate of the link, both as the environment's profile declares them."
        }
        Metric::MaximumOfflineTime => "Declared by the environment's profile, not measured.",
        Metric::EnergyPerInference => {
            "What the processor's packages took during the timed calls by the kernel's counters (RAPL), over their rows, with everything else that the machine did in that time."
        }
        Metric::CostPerThousand => {
            "A thousand rows' CPU time at the price of a core hour, plus peak memory for the wall time of a row at the price of a GiBy hour, each under the load where a row takes the most."
        }
        _ => "As the run's records say.",
    }
}

fn of_quality(metric: Metric) -> &'static str {
    match metric {
        Metric::Auc => {
            "From the scores of every row. Without a positive label: each class against the rest, unweighted."
        }
        Metric::Brier | Metric::LogLoss => "The mean over every row of what the scores and the label give.",
        Metric::Ece | Metric::CalibrationGap => {
            "From the scores of every row (calibration error in ten bins of equal width)."
        }
        Metric::Mae | Metric::MeanResidual | Metric::MeanPrediction | Metric::MeanScore => "The mean over every row.",
        Metric::Rmse => "The square root of the mean squared error over every row.",
        Metric::R2 => {
            "1 less the squared errors over the squared distances of the data from their mean, over every row."
        }
        Metric::BalancedAccuracy
        | Metric::F1
        | Metric::Mcc
        | Metric::MacroF1
        | Metric::MacroRecall
        | Metric::MacroPrecision => "From the model's labels of every row held against the data's.",
        Metric::NonFiniteRate => {
            "The share of rows with a NaN or an infinite number in an output that is read. Predictions that are no numbers fail the run."
        }
        _ => "A share of counts from the model's labels of every row held against the data's.",
    }
}

fn of_groups(metric: Metric) -> &'static str {
    if metric.impact().is_some() {
        return "Each category's rate over the highest one (6 RCNY 5-300, 29 CFR 1607.4(D)), from the model's answers to every row; the lowest ratio of a group that is large enough counts.";
    }
    if metric.disparity().is_some() {
        return "Between the groups of the attribute that are large enough, from the model's answers to every row; the farthest counts.";
    }
    "In each group that is large enough, from the model's answers to its rows; the worst group counts."
}

fn of_robustness(metric: Metric) -> &'static str {
    match metric {
        Metric::Repeats => {
            "The first rows are predicted again in the same session and once in a fresh one; scores may differ by 1e-6, and another answer fails the run."
        }
        Metric::MaxScoreChange => {
            "The model predicts the rows again with changed inputs, once for each seed: the largest change of a score, as the mean over the draws."
        }
        Metric::CalibrationChange => {
            "The model predicts the rows again with changed inputs, once for each seed: calibration error then minus before, in ten bins."
        }
        _ => "The model predicts the rows again with changed inputs, once for each seed; the mean over the draws.",
    }
}

fn of_abstention(metric: Metric) -> &'static str {
    match metric {
        Metric::RetainedAccuracy => {
            "Accuracy on the rows whose predicted class is at least as probable as the threshold."
        }
        _ => "The share of rows whose predicted class is less probable than the threshold.",
    }
}

fn of_agreement(metric: Metric) -> &'static str {
    match metric {
        Metric::MaxDifference => {
            "The largest distance of a number of an answer from the one that the data set records of the same row."
        }
        Metric::FlipRate => {
            "The share of rows with another label, another largest number, or a number on the other side of the threshold than the data set records."
        }
        _ => {
            "The share of rows of which every number is within absolute + relative * |recorded| of what the data set records, or the label is the same."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::words::Words, *};

    #[test]
    fn every_metric_of_every_dimension_says_how_it_is_measured() {
        for dimension in Dimension::ALL {
            for metric in dimension.metrics() {
                let said = match dimension {
                    Dimension::Latency => Statistic::ALL.iter().map(|one| of_calls(*one)).collect(),
                    Dimension::Bias => of_groups(*metric).to_owned(),
                    Dimension::Quality => of_quality(*metric).to_owned(),
                    Dimension::Robustness => of_robustness(*metric).to_owned(),
                    Dimension::Abstention => of_abstention(*metric).to_owned(),
                    Dimension::Agreement => of_agreement(*metric).to_owned(),
                    _ => of_machine(*metric).to_owned(),
                };
                assert!(said.ends_with('.') && !said.starts_with("As the run"), "{dimension} {metric}: {said}");
            }
        }
    }
}
