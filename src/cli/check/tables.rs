//! A run for people: one line per limit, then one table per sensitive attribute.

use super::super::output;
use crate::{
    constraints::{ConstraintVerdict, Unit, Verdict, amount},
    stats::{
        disparity::{Disparity, DisparityMetric},
        fairness::AttributeTable,
        figure::Rate,
        interval::Interval,
    },
    validation::{EvidenceKind, api::RunView, evidence::BiasBody},
};

pub fn of(run: &RunView) -> String {
    let mut parts = vec![format!("{}@{} {}: {}", run.model, run.version, run.version_digest, run.state)];
    if let Some(reason) = &run.reason {
        parts.push(format!("{}: {}", reason.code, reason.detail));
    }
    if !run.verdicts.is_empty() {
        parts.push(verdicts(&run.verdicts));
    }
    for table in bias(run) {
        let (attribute, rows, minimum) = (&table.attribute, table.n, table.minimum_group_size);
        parts.push(format!("Groups of {attribute} ({rows} rows; 95 % intervals; no rates below {minimum} rows)"));
        parts.push(groups(&table));
        parts.push(disparities(&table.disparities));
    }
    output::printable(&parts.join("\n\n"))
}

fn verdicts(all: &[ConstraintVerdict]) -> String {
    let mut table = output::table(&["constraint", "limit", "measured", "95 % interval", "verdict", "margin", "owner"]);
    for v in all {
        let measured = v.measured.map_or_else(|| "-".to_owned(), |value| amount(value, v.unit, v.limit));
        let interval = v.interval.map_or_else(String::new, |i| between(i, v.limit));
        let margin = v.margin.map_or_else(String::new, |m| format!("{:+.0} %", m * 100.0));
        let limit = format!("{} {}", v.operator, amount(v.limit, v.unit, v.limit));
        let verdict = match v.verdict {
            Verdict::Pass => "pass".to_owned(),
            other => format!("{} ({})", other.to_string().replace('_', " "), v.severity),
        };
        table.add_row([v.constraint.clone(), limit, measured, interval, verdict, margin, v.owner.clone()]);
    }
    output::text(&table)
}

fn between(interval: Interval, limit: f64) -> String {
    format!("{} to {}", amount(interval.low, Unit::One, limit), amount(interval.high, Unit::One, limit))
}

fn bias(run: &RunView) -> Vec<AttributeTable> {
    let record = run.evidence.iter().find(|e| e.kind == EvidenceKind::Bias.name());
    let body = record.and_then(|e| serde_json::from_value::<BiasBody>(e.body.clone()).ok());
    body.map(|body| body.tables).unwrap_or_default()
}

fn groups(attribute: &AttributeTable) -> String {
    let mut table = output::table(&["group", "n", "selection rate", "TPR", "FPR"]);
    for g in &attribute.groups {
        let rates = match g.too_small {
            true => ["too few rows", "", ""].map(str::to_owned),
            false => [g.selection_rate, g.tpr, g.fpr].map(rate),
        };
        let [selection, tpr, fpr] = rates;
        table.add_row([g.group.clone(), g.n.to_string(), selection, tpr, fpr]);
    }
    output::text(&table)
}

fn rate(rate: Option<Rate>) -> String {
    let show = |r: Rate| format!("{:.3} ({:.3} to {:.3})", r.value, r.interval.low, r.interval.high);
    rate.map_or_else(|| "undefined".to_owned(), show)
}

/// The differences and the ratio that laws speak of; `--json` has all.
const SHOWN: [DisparityMetric; 5] = [
    DisparityMetric::DemographicParityRatio,
    DisparityMetric::DemographicParityDifference,
    DisparityMetric::EqualOpportunityDifference,
    DisparityMetric::EqualizedOddsDifference,
    DisparityMetric::AccuracyDifference,
];

fn disparities(all: &[Disparity]) -> String {
    let mut table = output::table(&["disparity", "value", "95 % interval", "highest", "lowest"]);
    for d in all.iter().filter(|d| SHOWN.contains(&d.metric)) {
        let value = d.value.map_or_else(|| "undefined".to_owned(), |v| format!("{v:.3}"));
        let interval = d.interval.map_or_else(String::new, |i| format!("{:.3} to {:.3}", i.low, i.high));
        let group = |g: &Option<String>| g.clone().unwrap_or_default();
        table.add_row([name(d.metric), value, interval, group(&d.highest_group), group(&d.lowest_group)]);
    }
    output::text(&table)
}

fn name(metric: DisparityMetric) -> String {
    let word = serde_json::to_value(metric).ok().and_then(|v| v.as_str().map(|s| s.replace('_', " ")));
    word.unwrap_or_default()
}
