//! What a run leaves behind: three records, and a fourth where the spec perturbs the inputs, each named by the digest of its canonical JSON.
//!
//! Aggregates only; no row of the dataset is in any of them.

use crate::{
    constraints::{
        ConstraintVerdict, CountedNodes, Dimension, HostFingerprint, Link, LoadRun, Measured, Metric,
        PerturbationResult, perturbed,
    },
    core::{canonical, digest::Digest, ids::EvidenceId},
    error::Error,
    sandbox::{Isolation, ModelInfo},
    stats::{
        agreement::Tolerance,
        breakdown::{Comparisons, RowBootstrap},
        fairness::AttributeTable,
        figure::Figure,
    },
    validation::{Evidence, EvidenceKind},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// On what the figures rest.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Basis {
    /// Manifest digest of the version.
    pub version: String,
    /// sha256 of the evaluation data.
    pub dataset: String,
    /// Digest of the constraint spec's revision.
    pub constraints: String,
    pub rows: u64,
}

/// How fast, how large, on which machine.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PerformanceBody {
    pub basis: Basis,
    /// Seconds per call under each load condition, after warm-up.
    pub loads: Vec<LoadRun>,
    /// Base units: bytes, seconds.
    #[schema(value_type = Object)]
    pub figures: BTreeMap<Metric, Figure>,
    /// Why a figure is missing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub absent: BTreeMap<String, String>,
    /// Why a figure is there and makes no limit pass.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub doubts: BTreeMap<String, String>,
    /// How many of the nodes that do a model's work are in its FLOPs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flops_of: Option<CountedNodes>,
    /// The environment's link as its profile declared it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    pub host: Option<HostFingerprint>,
    /// What held the model's process in.
    #[schema(value_type = Object)]
    pub isolation: Isolation,
    /// What the model's file says about itself.
    #[schema(value_type = Object)]
    pub model: ModelInfo,
    pub method: String,
}

/// How right, with 95 % intervals.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct QualityBody {
    pub basis: Basis,
    #[schema(value_type = Object)]
    pub figures: BTreeMap<Metric, Figure>,
    /// Each class against the rest, where none is positive.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub classes: BTreeMap<String, BTreeMap<Metric, Figure>>,
    /// By threshold: what would be held back, and how right the rest is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub abstention: BTreeMap<String, BTreeMap<Metric, Figure>>,
    /// By output: how answers agree with those that were recorded.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub agreement: BTreeMap<String, BTreeMap<Metric, Figure>>,
    /// By output: how far a number may be from the recorded one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tolerances: BTreeMap<String, Tolerance>,
    /// Resamples and seed of the intervals from the bootstrap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<RowBootstrap>,
    /// Why a figure is missing.
    pub absent: BTreeMap<String, String>,
    pub method: String,
}

/// How right for whom.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BiasBody {
    pub basis: Basis,
    pub tables: Vec<AttributeTable>,
    /// How many groups were compared, and what chance alone would do.
    #[serde(default)]
    pub comparisons: Comparisons,
    pub absent: BTreeMap<String, String>,
    pub method: String,
}

/// How the answers hold when the inputs are not what they were.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RobustnessBody {
    pub basis: Basis,
    /// In the order of the spec.
    pub perturbations: Vec<PerturbationResult>,
    pub method: String,
}

const PERFORMANCE_METHOD: &str = "Each call timed around ONNX Runtime's run after the load's warm-up, inputs prepared beforehand; nearest-rank percentiles with order-statistic 95 % intervals; peak memory is the sandbox process's resident maximum while it predicts the data set, in calls of up to `rows_per_call` rows (1,024 unless the spec says otherwise) where the model takes them, and under the loads, with one session for each concurrent caller; the model's own part is that less what the process took before it read the model; load time is session creation from bytes in memory, the median of up to six loads in one process; CPU per inference is the CPU time of all threads around the timed calls over their rows, under the load where a row takes the most, or around the calls over the data set when no load is asked for: neither start, loading nor warm-up is in it; threads used are those of the process while the model predicts; operators and parameters are counted in the file: nodes of all graphs, elements of all initializers; the model is free of the network where it answered in a process that had none, denied by the kernel; external data are tensors that the file keeps elsewhere; cost per thousand rows is CPU time per row at the price of a core hour, plus peak memory for the wall time per row under the load where a row takes the longest, at the price of a GiBy hour; cold start is from the start of the sandbox process to its first answer (one row), timed by the worker: process, runtime, lock-down, model and first call, less the time that went into reading the data set; FLOPs are estimated from the file for one row: two for each multiplication and addition of matrix products, convolutions, recurrent layers, linear and support vector models, one for each comparison on the mean way through a tree, with the number of such nodes as samples, and nothing for activations; bytes in and out are those of one row's input tensors and of the outputs that hold its prediction, as means over the rows, without framing; transfer time is one round trip and all these bits at the rate of the link that the profile declares; the maximum offline time is declared by the profile, not measured; energy per inference is what the processor's packages took (RAPL) during the timed calls over their rows, everything else that the machine did in that time included.";
const QUALITY_METHOD: &str = "From the model's own labels and scores on every row, predicted in calls of up to `rows_per_call` rows (1,024 unless the spec says otherwise) where the model takes them; an answer that holds a number that is not finite is counted by non_finite_rate; 95 % intervals: Wilson for proportions, t for means, DeLong for AUC, and for the rest a seeded bootstrap over all rows; undefined figures are null. Without a positive label AUC is the unweighted mean of each class against the rest with the mean of DeLong's half widths, Brier is summed over the classes (0 to 2), balanced accuracy is the unweighted mean of the recalls, MCC is Gorodkin's, and calibration is that of the most probable class. An answer is held back when the probability of the predicted class is below the threshold. Agreement holds each output against the numbers that the data set records of it: the largest absolute difference, the share of rows of which every number is within absolute + relative * |recorded|, and the share of rows whose largest number is another one, or whose only number is on the other side of the threshold; tolerances and thresholds are in the data set's description.";
const BIAS_METHOD: &str = "Counts per group from the model's own labels. 95 % intervals: Wilson for rates, Newcombe for differences of one rate between two groups, and for the rest a bootstrap stratified by group, widened to the closed form where there is one (Katz, Newcombe), with its resamples and seed in each table; more rows than 100,000 get fewer resamples. Groups under the minimum size have a count and no rate; a missing cell is the group (missing); what has an empty denominator is null. Impact ratios follow 6 RCNY 5-300 and 29 CFR 1607.4(D), which name no pass mark for a model.";

const ROBUSTNESS_METHOD: &str = "The model predicts the rows again with changed inputs, cells of columns or numbers of a named tensor (all of one quantity, so with one scale), once for each seed; figures are means over the draws, with the spread from draw to draw beside them. Standard deviations and means of columns and tensors are those of the training data where the dataset's description gives them, else of the evaluation data (denominator n). Noise is normal and independent for each cell or number. A row without a finite answer counts as wrong and as changed. 95 % intervals: Wilson for proportions of one draw; else Student's t over rows, each with its mean over the draws; for the largest change Student's t over the draws; for the change of calibration a seeded bootstrap over rows, each with all its draws. Calibration is the expected calibration error in ten bins of equal width over the rows with a finite answer: of the positive label, or of the predicted class where none is positive.";

/// Builds the records of one run.
pub fn records(
    basis: &Basis,
    measured: &Measured,
    isolation: Isolation,
    model: ModelInfo,
    at: DateTime<Utc>,
) -> Result<Vec<Evidence>, Error> {
    let (quality, performance): (BTreeMap<_, _>, BTreeMap<_, _>) =
        measured.figures.clone().into_iter().partition(|(metric, _)| Dimension::Quality.metrics().contains(metric));
    // What the machine decides stays out of the records that two runs have in common.
    let of_machine = || {
        use Dimension as D;
        [D::Compute, D::Cost, D::Connectivity, D::LoadTime, D::Power].into_iter().flat_map(|d| d.metrics())
    };
    let is_of_machine = |what: &str| of_machine().any(|metric| metric.to_string() == what);
    let of_record = measured.perturbations.iter().map(|one| perturbed(&one.perturbation.name)).collect::<Vec<_>>();
    let mut absent = measured.absent.clone();
    absent.retain(|what, _| !of_record.contains(what));
    let (of_machine, absent): (BTreeMap<_, _>, BTreeMap<_, _>) =
        absent.into_iter().partition(|(what, _)| is_of_machine(what));
    let performance = PerformanceBody {
        basis: basis.clone(),
        loads: measured.runs.clone(),
        figures: performance,
        absent: of_machine,
        doubts: measured.doubts.clone(),
        flops_of: measured.flops_of,
        link: measured.link,
        host: measured.host.clone(),
        isolation,
        model,
        method: PERFORMANCE_METHOD.to_owned(),
    };
    let quality = QualityBody {
        basis: basis.clone(),
        figures: quality,
        classes: keyed(measured, Dimension::Quality),
        abstention: keyed(measured, Dimension::Abstention),
        agreement: keyed(measured, Dimension::Agreement),
        tolerances: measured.tolerances.clone(),
        bootstrap: measured.bootstrap.clone(),
        absent: absent.clone(),
        method: QUALITY_METHOD.to_owned(),
    };
    let bias = BiasBody {
        basis: basis.clone(),
        tables: measured.bias.clone(),
        comparisons: Comparisons::of(&measured.bias),
        absent,
        method: BIAS_METHOD.to_owned(),
    };
    let mut records = vec![
        record(EvidenceKind::Performance, &performance, at)?,
        record(EvidenceKind::Quality, &quality, at)?,
        record(EvidenceKind::Bias, &bias, at)?,
    ];
    if !measured.perturbations.is_empty() {
        let robustness = RobustnessBody {
            basis: basis.clone(),
            perturbations: measured.perturbations.clone(),
            method: ROBUSTNESS_METHOD.to_owned(),
        };
        records.push(record(EvidenceKind::Robustness, &robustness, at)?);
    }
    Ok(records)
}

/// Figures of one dimension by their keys.
fn keyed(measured: &Measured, dimension: Dimension) -> BTreeMap<String, BTreeMap<Metric, Figure>> {
    let mut all: BTreeMap<String, BTreeMap<Metric, Figure>> = BTreeMap::new();
    for one in measured.keyed.iter().filter(|one| one.dimension == dimension) {
        all.entry(one.key.clone()).or_default().insert(one.metric, one.figure);
    }
    all
}

fn record(kind: EvidenceKind, body: &impl Serialize, at: DateTime<Utc>) -> Result<Evidence, Error> {
    let body = canonical::to_string(body).map_err(Error::internal)?;
    Ok(Evidence { id: EvidenceId::generate(), kind, digest: Digest::of(&body), body, created_at: at })
}

/// The identity of a run's verdicts: part of what an approver signs.
pub fn verdicts_digest(verdicts: &[ConstraintVerdict]) -> Result<Digest, Error> {
    canonical::digest(&verdicts).map_err(Error::internal)
}
