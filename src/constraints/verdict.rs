//! What is concluded for one constraint.

use super::{
    metric::{Dimension, Metric, Statistic},
    spec::{Operator, Severity},
    unit::Unit,
    words::words,
};
use crate::stats::interval::Interval;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// Only `pass` is a pass.
    Verdict {
        Pass = "pass",
        Fail = "fail",
        /// Measured, but too little, undefined, or not certain enough.
        Inconclusive = "inconclusive",
        NotMeasured = "not_measured",
        /// Measured on hardware that the environment doesn't have.
        NotRepresentative = "not_representative",
        /// Not a pass, and excepted for a time by those who may. No run concludes this.
        Waived = "waived",
    }
}

/// The verdict of one constraint. `limit`, `measured` and `interval` are in `unit`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConstraintVerdict {
    /// The name of the constraint.
    pub constraint: String,
    pub dimension: Dimension,
    pub metric: Metric,
    pub statistic: Option<Statistic>,
    pub attribute: Option<String>,
    pub operator: Operator,
    pub limit: f64,
    pub unit: Unit,
    pub severity: Severity,
    pub owner: String,
    pub verdict: Verdict,
    pub measured: Option<f64>,
    pub interval: Option<Interval>,
    pub samples: Option<u64>,
    /// The fraction of the limit that is left; negative beyond the limit, absent for a limit of 0.
    pub margin: Option<f64>,
    /// One sentence with the numbers.
    pub reason: String,
    /// How the figure is measured. Empty in verdicts from before it was kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// The report that the figure was taken from; absent where the registry measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<ReportedFigure>,
}

/// A figure that somebody outside measured and signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportedFigure {
    /// The digest of the reported record.
    pub evidence: String,
    /// The key whose holder answers for it, as the workspace calls it.
    pub key: String,
    pub fingerprint: String,
}

/// Whether these verdicts stop a promotion: a blocking constraint has any verdict but a pass.
pub fn blocks(verdicts: &[ConstraintVerdict]) -> bool {
    verdicts.iter().any(|v| v.severity == Severity::Block && v.verdict != Verdict::Pass)
}
