//! The load line of an environment as values.
//!
//! Invariants: a [`ConstraintSpec`] is only made by [`ConstraintSpec::parse`]; it serialises to
//! the JSON that it was parsed from; its constraints have every default filled in.

mod written;

pub use super::{
    bias_request::BiasRequest,
    hardware::{Hardware, Machine},
    prices::CostBasis,
};

use super::{
    metric::{Dimension, Metric, Statistic},
    overlay::Tightening,
    parse,
    perturbation::Perturbation,
    unit::Unit,
    words::words,
};
use crate::core::label::Label;
use crate::stats::{
    bootstrap::{Plan, Scheme},
    disparity::Against,
    impact::Exclusion,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, fmt};
use utoipa::ToSchema;

pub const MAXIMUM_CONSTRAINTS: usize = 200;
/// Rows of one call unless the spec says otherwise.
pub const DEFAULT_ROWS_PER_CALL: u32 = 1_024;
pub const DEFAULT_MINIMUM_GROUP_SIZE: u64 = 30;
/// Resamples of every bootstrap unless the spec says otherwise.
pub const DEFAULT_RESAMPLES: u32 = 2000;
/// The seed of every bootstrap unless the spec says otherwise. Any number is as good.
pub const DEFAULT_SEED: u64 = 1;

words! {
    Operator {
        AtMost = "<=",
        Below = "<",
        AtLeast = ">=",
        Above = ">",
    }

    /// What a verdict that isn't a pass does: stop a promotion, be shown, or be noted.
    Severity {
        Block = "block",
        Warn = "warn",
        Info = "info",
    }

    /// What has to satisfy the limit: the measured value, or its whole 95 % interval.
    Confidence {
        Point = "point",
        Interval = "interval",
    }
}

impl Operator {
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::AtMost => value <= limit,
            Self::Below => value < limit,
            Self::AtLeast => limit <= value,
            Self::Above => limit < value,
        }
    }

    /// Whether smaller is better.
    pub fn is_upper_limit(self) -> bool {
        matches!(self, Self::AtMost | Self::Below)
    }
}

/// The condition under which calls are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Load {
    /// Rows per call, 1 to 4096.
    #[schema(minimum = 1, maximum = 4096, default = 1)]
    pub batch: u32,
    /// Callers at the same time, 1 to 64.
    #[schema(minimum = 1, maximum = 64, default = 1)]
    pub concurrency: u32,
    /// Calls that aren't counted, 0 to 10,000.
    #[schema(minimum = 0, maximum = 10000, default = 20)]
    pub warm_up: u32,
    /// Calls that are counted, 10 to 100,000.
    #[schema(minimum = 10, maximum = 100000, default = 500)]
    pub samples: u32,
    /// The run ends here even with fewer calls, 1 to 300.
    #[schema(minimum = 1, maximum = 300, default = 20)]
    pub max_seconds: u32,
}

impl Default for Load {
    fn default() -> Self {
        Self { batch: 1, concurrency: 1, warm_up: 20, samples: 500, max_seconds: 20 }
    }
}

/// One limit, with every default filled in.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Constraint {
    /// Unique in the spec: 1 to 64 of a-z, 0-9 and `-`.
    pub name: String,
    pub dimension: Dimension,
    pub metric: Metric,
    /// Of latency, and only there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistic: Option<Statistic>,
    /// Of bias, and only there: a sensitive column, or several joined by `*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// Of bias, and only there: the class that counts as positive against the rest, for data
    /// without a favourable label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Of robustness, and only there: a perturbation of the spec; absent: the worst of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perturbation: Option<String>,
    /// Of abstention, and only there: the least probability of an answer that is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Of disparities, and only there: what the groups are held against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    pub operator: Operator,
    /// In `unit`.
    pub limit: f64,
    pub unit: Unit,
    /// Of latency and throughput, and only there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    /// Fewer observations than this are inconclusive.
    #[serde(default)]
    pub minimum_samples: u64,
    /// Of bias, and only there: smaller groups have a count and no rates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_group_size: Option<u64>,
    #[serde(default = "point")]
    pub confidence: Confidence,
    #[serde(default = "block")]
    pub severity: Severity,
    #[serde(default)]
    pub representative_hardware: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_evidence_age_days: Option<u32>,
    /// Of power, and only there: names of trusted keys whose signed reports may stand in for what can't be measured here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept_reports_of: Vec<String>,
    /// The account that answers for this limit.
    pub owner: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
}

impl Constraint {
    /// Whether a report by the trusted key of this name may stand in for a measurement.
    pub fn accepts_reports_of(&self, key: &str) -> bool {
        self.accept_reports_of.iter().any(|name| name == key)
    }

    /// The limit in the base unit of the metric.
    pub fn limit_in_base(&self) -> f64 {
        self.unit.to_base(self.limit)
    }
}

/// The load line of one environment. Make it with [`ConstraintSpec::parse`].
#[derive(Clone, Debug, PartialEq, ToSchema)]
pub struct ConstraintSpec {
    /// Model name to the evaluation dataset that counts in this environment.
    #[schema(required = false)]
    pub(super) datasets: BTreeMap<String, String>,
    pub(super) hardware: Option<Hardware>,
    #[schema(required = false)]
    pub(super) bootstrap: Bootstrap,
    /// Attribute to the categories that its impact ratios leave out.
    #[schema(required = false)]
    pub(super) exclusions: BTreeMap<String, Vec<Exclusion>>,
    /// What is done to the inputs to see how the answers hold; at most 50.
    #[schema(required = false, max_items = 50)]
    pub(super) perturbations: Vec<Perturbation>,
    /// What CPU time and memory cost here.
    #[schema(required = false)]
    pub(super) cost: Option<CostBasis>,
    /// How often the same rows are predicted again, 1 to 100.
    #[schema(required = false, minimum = 1, maximum = 100, default = 1)]
    pub(super) repeats: Option<u32>,
    /// Threads that one session may use inside an operator, 1 to 64.
    #[schema(required = false, minimum = 1, maximum = 64, default = 1)]
    pub(super) threads: Option<u32>,
    /// Most rows of one call when the data set is predicted, 1 to 4,096.
    #[schema(required = false, minimum = 1, maximum = 4096, default = 1024)]
    pub(super) rows_per_call: Option<u32>,
    /// 1 to 200 limits.
    #[schema(min_items = 1, max_items = 200)]
    pub(super) constraints: Vec<Constraint>,
    /// Model name to the limits that are tighter for it.
    #[schema(required = false)]
    pub(super) overlays: BTreeMap<String, Vec<Tightening>>,
    #[schema(ignore)]
    pub(super) written: Value,
}

/// How figures without an interval in closed form get one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Bootstrap {
    /// 100 to 100,000.
    #[schema(minimum = 100, maximum = 100000, default = 2000)]
    pub resamples: u32,
    #[schema(default = 1)]
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: DEFAULT_RESAMPLES, seed: DEFAULT_SEED }
    }
}

impl Bootstrap {
    /// Rows are drawn again within each group.
    pub fn plan(self) -> Plan {
        Plan { resamples: self.resamples, seed: self.seed, scheme: Scheme::StratifiedByGroup }
    }
}

impl ConstraintSpec {
    /// Reads a spec and reports everything that is wrong with it, at most 100 problems, each
    /// with its place (`constraints[2].unit`).
    pub fn parse(written: &Value) -> Result<Self, Vec<SpecError>> {
        parse::spec(written)
    }

    pub fn datasets(&self) -> &BTreeMap<String, String> {
        &self.datasets
    }

    /// The evaluation dataset that counts for a model.
    pub fn dataset(&self, model: &str) -> Option<&str> {
        self.datasets.get(model).map(String::as_str)
    }

    /// What representative hardware means, if the spec says so.
    pub fn hardware(&self) -> Option<&Hardware> {
        self.hardware.as_ref().filter(|hardware| hardware.is_stated())
    }

    /// The label that a worker must have to measure against this spec.
    pub fn required_label(&self) -> Option<Label> {
        match &self.hardware {
            Some(Hardware::Of(Machine { label: Some(word), .. })) => Label::of_hardware(word).ok(),
            _ => None,
        }
    }

    /// The constraints that ask for representative hardware in a spec that never says what that is.
    ///
    /// Stored revisions may have them, so parsing lets them pass; a new revision may not.
    pub fn without_hardware(&self) -> Vec<SpecError> {
        let asking = |(_, c): &(usize, &Constraint)| self.hardware().is_none() && c.representative_hardware;
        let problem = |(i, _): (usize, &Constraint)| {
            SpecError {
            path: format!("constraints[{i}].representative_hardware"),
            detail: "the spec never says what representative hardware is; add `hardware` with cpu_model, cores or label, or `hardware: any`".to_owned(),
        }
        };
        self.constraints.iter().enumerate().filter(asking).map(problem).collect()
    }

    pub fn bootstrap(&self) -> Bootstrap {
        self.bootstrap
    }

    /// Attribute to the categories that its impact ratios leave out.
    pub fn exclusions(&self) -> &BTreeMap<String, Vec<Exclusion>> {
        &self.exclusions
    }

    /// What is done to the inputs to see how the answers hold.
    pub fn perturbations(&self) -> &[Perturbation] {
        &self.perturbations
    }

    /// What CPU time and memory cost here.
    pub fn cost(&self) -> Option<CostBasis> {
        self.cost
    }

    /// How often the same rows are predicted again.
    pub fn repeats(&self) -> u32 {
        self.repeats.unwrap_or(1)
    }

    /// Threads that one session may use inside an operator.
    pub fn threads(&self) -> u32 {
        self.threads.unwrap_or(1)
    }

    /// Most rows of one call when the data set is predicted: a device that answers row by row has other peaks of memory,
    /// and a dynamically quantised model other answers, than one that answers a thousand at once.
    pub fn rows_per_call(&self) -> u32 {
        self.rows_per_call.unwrap_or(DEFAULT_ROWS_PER_CALL)
    }

    /// The distinct thresholds of abstention, in order.
    pub fn thresholds(&self) -> Vec<f64> {
        let mut all: Vec<f64> = self.constraints.iter().filter_map(|c| c.threshold).collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        all
    }

    pub fn constraints(&self) -> &[Constraint] {
        &self.constraints
    }

    /// Whether a report may stand in for a measurement of one of its limits.
    pub fn accepts_reports(&self) -> bool {
        self.constraints.iter().any(|c| !c.accept_reports_of.is_empty())
    }

    /// The distinct load conditions to run, in order.
    pub fn loads(&self) -> Vec<Load> {
        let mut loads: Vec<Load> = self.constraints.iter().filter_map(|c| c.load).collect();
        loads.sort_unstable();
        loads.dedup();
        loads
    }

    /// The distinct tables of groups to make, in order.
    pub fn bias_requests(&self) -> Vec<BiasRequest> {
        let of = |c: &Constraint| {
            Some(BiasRequest {
                attribute: c.attribute.clone()?,
                class: c.class.clone(),
                against: c.against.clone().unwrap_or_default(),
                minimum_group_size: c.minimum_group_size?,
            })
        };
        let mut requests: Vec<BiasRequest> = self.constraints.iter().filter_map(of).collect();
        requests.sort_unstable();
        requests.dedup();
        requests
    }
}

/// One problem of a spec and its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpecError {
    /// `constraints[2].unit`; empty for the document itself.
    pub path: String,
    pub detail: String,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.detail),
            path => write!(f, "{path}: {}", self.detail),
        }
    }
}
