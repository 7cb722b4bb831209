//! What a validation run found, in base units: seconds, bytes, 1/s, 1.
//!
//! Invariant: it holds aggregates only. Rows, labels and scores go in and never stay; a group
//! that is too small stays as a count.

mod agreement;
mod classification;
mod connectivity;
mod cost;
mod groups;
mod regression;
pub mod robustness;
pub mod several;

pub use classification::Predictions;
pub use groups::{Attributes, Grouping};
pub use regression::Estimates;
pub use robustness::PerturbationResult;

use super::{
    link::Link,
    metric::{Dimension, Metric},
    spec::Load,
    verdict::ReportedFigure,
    words::Words,
};
use crate::stats::{
    agreement::Tolerance, breakdown::RowBootstrap, fairness::AttributeTable, figure::Figure, histogram::Histogram,
    percentile::LatencySummary,
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
    /// The word of the label `hardware=…` that the worker was chosen by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// The calls under one load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LoadRun {
    pub load: Load,
    pub latency: LatencySummary,
    /// Wall time of the counted calls, warm-up excluded.
    pub elapsed_s: f64,
    /// How the times of the calls lie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<Histogram>,
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

/// A figure that is of one class, of one perturbation or of one threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Keyed {
    pub dimension: Dimension,
    pub metric: Metric,
    /// The class, the perturbation's name, or the threshold.
    pub key: String,
    pub figure: Figure,
}

/// How much of the graph the estimate of operations speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CountedNodes {
    pub counted: u64,
    /// All nodes that multiply by weights or walk trees.
    pub bearing_weights: u64,
}

/// A figure of a report that counted when it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct StandIn {
    pub metric: Metric,
    pub figure: Figure,
    /// Why the reporter does not trust the figure.
    pub doubt: Option<String>,
    /// Where the reporter measured it.
    pub host: Option<HostFingerprint>,
    pub source: ReportedFigure,
}

/// Everything that one run found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Measured {
    pub host: Option<HostFingerprint>,
    pub runs: Vec<LoadRun>,
    /// Memory, size, load time, compute and quality.
    pub figures: BTreeMap<Metric, Figure>,
    /// Figures of single classes, perturbations and thresholds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keyed: Vec<Keyed>,
    /// What each perturbation of the inputs did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub perturbations: Vec<PerturbationResult>,
    /// By output: how far a number may be from the recorded one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tolerances: BTreeMap<String, Tolerance>,
    pub bias: Vec<AttributeTable>,
    /// What the intervals of figures over all rows rest on, where they come from resamples.
    #[serde(default)]
    pub bootstrap: Option<RowBootstrap>,
    /// The link of the environment at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flops_of: Option<CountedNodes>,
    /// Why a figure is there and makes nothing pass, by metric.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub doubts: BTreeMap<String, String>,
    /// What reports say of metrics for which a limit accepts them. No evidence of this run.
    #[serde(skip)]
    pub stand_ins: Vec<StandIn>,
    /// Why something could not be measured, by metric or by attribute.
    pub absent: BTreeMap<String, String>,
}

impl Measured {
    /// A figure without an interval: memory, size, load time, compute.
    pub fn set(&mut self, metric: Metric, value: f64, samples: u64) {
        self.figures.insert(metric, Figure::point(Some(value), samples));
    }

    pub fn add_keyed(&mut self, dimension: Dimension, metric: Metric, key: impl Into<String>, figure: Figure) {
        self.keyed.push(Keyed { dimension, metric, key: key.into(), figure });
    }

    /// The figures of one metric, each with its key.
    pub fn keyed(&self, dimension: Dimension, metric: Metric) -> impl Iterator<Item = &Keyed> {
        self.keyed.iter().filter(move |one| one.dimension == dimension && one.metric == metric)
    }

    /// Says why a metric (its word) or an attribute has no figure.
    pub fn set_absent(&mut self, what: &str, reason: impl Into<String>) {
        self.absent.insert(what.to_owned(), reason.into());
    }

    /// Says why the figure of a metric can make nothing pass.
    pub fn set_doubt(&mut self, metric: Metric, why: impl Into<String>) {
        self.doubts.insert(metric.word().to_owned(), why.into());
    }

    /// The nanoseconds of each counted call under one load.
    pub fn add_run(&mut self, load: Load, call_nanos: &[u64], elapsed_s: f64) {
        let histogram = Some(Histogram::of_nanos(call_nanos));
        self.runs.push(LoadRun { load, latency: LatencySummary::of_nanos(call_nanos), elapsed_s, histogram });
    }
}

#[cfg(test)]
mod tests;
