//! A run for people: one line per limit, then tables of groups.

use super::{
    super::{bias::tables, output},
    measured,
};
use crate::{
    constraints::{ConstraintVerdict, Unit, Verdict, amount, margin},
    stats::{fairness::AttributeTable, interval::Interval},
    validation::{
        EvidenceKind,
        api::{ReasonView, RunView},
        evidence::BiasBody,
    },
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// How much is shown of each table of groups.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Single attributes, their selection rates, and the disparities that laws speak of.
    Brief,
    /// Every table and all of its parts.
    Full,
}

/// What is shown of a measurement.
pub struct Shown<'a> {
    pub title: String,
    pub reason: Option<&'a ReasonView>,
    pub verdicts: &'a [ConstraintVerdict],
    /// The bodies of its records, by kind.
    pub figures: &'a BTreeMap<String, Value>,
    /// What shows the tables that are left out.
    pub more: String,
}

pub fn of_run(run: &RunView, detail: Detail) -> String {
    let figures = run.evidence.iter().map(|record| (record.kind.clone(), record.body.clone())).collect();
    let shown = Shown {
        title: format!(
            "{}@{} {}, with revision {} of the limits of {}: {}",
            run.model,
            run.version,
            run.version_digest,
            run.constraints_revision,
            run.environment,
            state(run)
        ),
        reason: run.reason.as_ref(),
        verdicts: &run.verdicts,
        figures: &figures,
        more: format!("plimsoll run show {}", run.id),
    };
    of(&shown, detail)
}

/// What it is, and how far while it is under way.
fn state(run: &RunView) -> String {
    match (run.waiting.as_deref(), run.state.as_str()) {
        (Some(waiting), _) => format!("{}, {waiting}", run.state),
        (None, "running") => format!("running, {}, {} %", run.phase.replace('_', " "), run.percent),
        _ => run.state.clone(),
    }
}

pub fn of(shown: &Shown<'_>, detail: Detail) -> String {
    let mut parts = vec![shown.title.clone()];
    if let Some(reason) = shown.reason {
        parts.push(format!("{}: {}", reason.code, reason.detail));
    }
    if !shown.verdicts.is_empty() {
        parts.push(verdicts(shown.verdicts));
    }
    if let Some(quality) = body(shown, EvidenceKind::Quality) {
        parts.extend(measured::agreement(&quality));
    }
    if let Some(robustness) = body(shown, EvidenceKind::Robustness) {
        parts.push(measured::robustness(&robustness));
    }
    if let Some(performance) = body(shown, EvidenceKind::Performance).filter(|_| detail == Detail::Full) {
        parts.extend(measured::loads(&performance));
    }
    if let Some(bias) = body(shown, EvidenceKind::Bias) {
        parts.extend(groups(bias, detail, &shown.more));
    }
    output::printable(&parts.join("\n\n"))
}

fn groups(bias: BiasBody, detail: Detail, elsewhere: &str) -> Vec<String> {
    let single = |table: &&AttributeTable| table.class.is_none() && !table.attribute.contains('*');
    let mut parts = Vec::new();
    match detail {
        Detail::Full => parts.extend(bias.tables.iter().flat_map(tables::full)),
        Detail::Brief => {
            parts.extend(bias.tables.iter().filter(single).flat_map(tables::brief));
            let more = bias.tables.iter().filter(|table| !single(table)).count();
            if more != 0 {
                parts.push(format!("{more} more tables (intersections or classes): {elsewhere}"));
            }
        }
    }
    parts.extend(bias.comparisons.note);
    parts
}

fn verdicts(all: &[ConstraintVerdict]) -> String {
    let mut table = output::table(&["constraint", "limit", "measured", "95 % interval", "verdict", "margin", "owner"]);
    for v in all {
        let whom = v.reported.as_ref().map_or_else(String::new, |source| format!(", reported by {}", source.key));
        let measured = v.measured.map_or_else(|| "-".to_owned(), |value| amount(value, v.unit, v.limit) + &whom);
        let interval = v.interval.map_or_else(String::new, |i| between(i, v.limit));
        let margin = v.margin.map(margin).unwrap_or_default();
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

fn body<T: DeserializeOwned>(shown: &Shown<'_>, kind: EvidenceKind) -> Option<T> {
    serde_json::from_value(shown.figures.get(kind.name())?.clone()).ok()
}
