//! A run for people: one line per limit, then tables of groups.

use super::super::{bias::tables, output};
use crate::{
    constraints::{ConstraintVerdict, Unit, Verdict, amount},
    stats::{fairness::AttributeTable, interval::Interval},
    validation::{EvidenceKind, api::RunView, evidence::BiasBody},
};

/// How much is shown of each table of groups.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Single attributes, their selection rates, and the disparities that laws speak of.
    Brief,
    /// Every table and all of its parts.
    Full,
}

pub fn of(run: &RunView, detail: Detail) -> String {
    let mut parts = vec![format!("{}@{} {}: {}", run.model, run.version, run.version_digest, run.state)];
    if let Some(reason) = &run.reason {
        parts.push(format!("{}: {}", reason.code, reason.detail));
    }
    if !run.verdicts.is_empty() {
        parts.push(verdicts(&run.verdicts));
    }
    let Some(bias) = bias(run) else { return output::printable(&parts.join("\n\n")) };
    let single = |table: &&AttributeTable| table.class.is_none() && !table.attribute.contains('*');
    match detail {
        Detail::Full => parts.extend(bias.tables.iter().flat_map(tables::full)),
        Detail::Brief => {
            parts.extend(bias.tables.iter().filter(single).flat_map(tables::brief));
            let more = bias.tables.iter().filter(|table| !single(table)).count();
            if more != 0 {
                parts.push(format!("{more} more tables (intersections or classes): plimsoll run show {}", run.id));
            }
        }
    }
    parts.extend(bias.comparisons.note);
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

fn bias(run: &RunView) -> Option<BiasBody> {
    let record = run.evidence.iter().find(|e| e.kind == EvidenceKind::Bias.name())?;
    serde_json::from_value(record.body.clone()).ok()
}
