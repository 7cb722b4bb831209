//! Disparities as a table: the ones that a limit is about first, then those that laws speak of,
//! and the rest folded away.

use super::{amount, names};
use crate::{
    constraints::ConstraintVerdict,
    stats::{
        bootstrap::Plan,
        disparity::{ALL_ROWS, Disparity, DisparityMetric},
        fairness::AttributeTable,
        interval::{Interval, IntervalMethod},
    },
    web::{verdicts, words},
};

/// Shown beside those with a limit; the others follow when they are unfolded.
const USUAL: [DisparityMetric; 9] = [
    DisparityMetric::DemographicParityRatio,
    DisparityMetric::DemographicParityDifference,
    DisparityMetric::EqualOpportunityDifference,
    DisparityMetric::EqualizedOddsDifference,
    DisparityMetric::PredictiveParityDifference,
    DisparityMetric::CalibrationGapDifference,
    DisparityMetric::AccuracyDifference,
    DisparityMetric::MaeDifference,
    DisparityMetric::MeanResidualDifference,
];

#[derive(Default)]
pub struct Disparities {
    pub first: Vec<Row>,
    pub rest: Vec<Row>,
}

impl Disparities {
    pub fn is_empty(&self) -> bool {
        self.first.is_empty() && self.rest.is_empty()
    }
}

pub struct Row {
    pub name: String,
    pub value: String,
    pub interval: String,
    pub method: String,
    pub highest: String,
    pub lowest: String,
    /// Which of two rates decides, or that half of it is missing.
    pub remark: String,
    /// The edge of the row: `bad` or `mind` where a limit isn't kept.
    pub edge: &'static str,
    pub limits: Vec<Limit>,
}

pub struct Limit {
    pub tone: &'static str,
    pub word: String,
    pub limit: String,
}

pub fn all(table: &AttributeTable, about: &[&ConstraintVerdict]) -> Disparities {
    let limited = |d: &Disparity| about.iter().any(|v| v.metric.disparity() == Some(d.metric));
    let usual = |d: &Disparity| USUAL.contains(&d.metric);
    let one = |d: &Disparity| row(table, d, about);
    let with_limit = table.disparities.iter().filter(|d| limited(d));
    let without = || table.disparities.iter().filter(|d| !limited(d));
    Disparities {
        first: with_limit.chain(without().filter(|d| usual(d))).map(one).collect(),
        rest: without().filter(|d| !usual(d) && d.value.is_some()).map(one).collect(),
    }
}

fn row(table: &AttributeTable, disparity: &Disparity, about: &[&ConstraintVerdict]) -> Row {
    let limits: Vec<Limit> = about
        .iter()
        .filter(|v| v.metric.disparity() == Some(disparity.metric))
        .map(|v| Limit {
            tone: verdicts::tone(v),
            word: words::spoken(&v.verdict.to_string()),
            limit: verdicts::limit(v.operator, v.limit, v.unit),
        })
        .collect();
    let has = |tone| limits.iter().any(|limit| limit.tone == tone);
    let shown = disparity.value.map(|value| amount::of(value, disparity.interval));
    let (value, interval) =
        shown.map_or_else(|| ("not applicable".to_owned(), String::new()), |shown| (shown.value, shown.interval));
    Row {
        name: names::disparity(disparity.metric),
        value,
        interval,
        method: disparity.interval.map(|i| method(table, disparity.metric, i)).unwrap_or_default(),
        highest: group(disparity.highest_group.as_deref()),
        lowest: group(disparity.lowest_group.as_deref()),
        remark: remark(disparity),
        edge: if has("bad") {
            "bad"
        } else if has("mind") {
            "mind"
        } else {
            ""
        },
        limits,
    }
}

fn group(name: Option<&str>) -> String {
    match name {
        Some(ALL_ROWS) => "All rows".to_owned(),
        other => other.unwrap_or_default().to_owned(),
    }
}

fn remark(disparity: &Disparity) -> String {
    let by = disparity.rate.filter(|_| 1 < disparity.metric.rates().len());
    match (disparity.complete, disparity.value, by) {
        (_, None, _) => "fewer than two values to compare, or 0/0".to_owned(),
        (false, Some(_), Some(rate)) => format!("half of it: {} only", names::rate(rate).to_lowercase()),
        (false, Some(_), None) => "half of it".to_owned(),
        (true, Some(_), Some(rate)) => format!("by {}", names::rate(rate).to_lowercase()),
        (true, Some(_), None) => String::new(),
    }
}

/// With the resamples of the bootstrap that it came from; the seed is said once above all tables.
fn method(table: &AttributeTable, metric: DisparityMetric, interval: Interval) -> String {
    let name = amount::method(interval.method);
    let counts = || table.bootstrap.as_ref().map(|b| b.plan);
    let rows = || table.row_bootstrap.as_ref().map(|b| b.plan);
    let plan: Option<Plan> = if metric.is_counted() { counts().or_else(rows) } else { rows() };
    let resampled = [IntervalMethod::BootstrapPercentile, IntervalMethod::BootstrapOrClosedForm];
    match plan.filter(|_| resampled.contains(&interval.method)) {
        Some(plan) => format!("{name}, {} resamples", words::grouped(plan.resamples.into())),
        None => name.to_owned(),
    }
}
