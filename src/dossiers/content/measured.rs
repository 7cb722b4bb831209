//! What the registry measured: verdicts on limits, figures, results by group.

use crate::{
    constraints::ConstraintVerdict,
    core::clock::rfc3339,
    dossiers::{
        collect::Collected,
        document::{Cell, Document, Section},
        plots,
    },
    error::Error,
    frameworks::{MetricResult, MetricVerdict},
    stats::interval::{Interval, IntervalMethod},
    validation::{EvidenceKind, evidence::BiasBody},
    web::{subgroups::method, verdicts, words},
};
use std::collections::HashMap;

/// What a reader has to know of intervals from a bootstrap.
pub(in crate::dossiers) const DRAWN_AGAIN: &str = "A bootstrap draws the rows again and again. A figure that cannot be \
    below 0, such as the expected calibration error or the gap between the highest and the lowest group, comes out \
    higher in the draws than in the rows themselves, so its interval lies too high, and the value can lie below it. It \
    is not corrected for that.";

fn is_drawn(interval: Interval) -> bool {
    matches!(interval.method, IntervalMethod::BootstrapPercentile | IntervalMethod::BootstrapOrClosedForm)
}

pub(super) fn limits(document: &mut Document, of: &Collected) {
    let mut section = Section::new("Limits of the environment and what was measured");
    verdicts_of(&mut section, of);
    document.sections.push(section);
}

/// Every limit with the measured value, what failed first.
pub(super) fn verdicts_of(section: &mut Section, of: &Collected) {
    let Some(run) = &of.facts.run else {
        return section.absent(format!(
            "Not measured: no run of version {} against the limits of {} had finished.",
            of.facts.version.number, of.facts.environment.name
        ));
    };
    let finished = run.finished_at.map(|at| super::when(&rfc3339(at))).unwrap_or_default();
    section.say(format!("Run {} ended {} on {finished}.", run.id, run.state.name().replace('_', " ")));
    if let Some((code, reason)) = &run.reason {
        section.absent(format!("{reason} ({code})"));
    }
    let Ok(judged) = of.facts.verdicts(of.at) else {
        return section.absent("The limits of then can't be read any more.");
    };
    let interval = |verdict: &ConstraintVerdict| Some((verdict.constraint.clone(), method(verdict.interval?.method)));
    let ways: HashMap<_, _> = run.verdicts.iter().filter_map(interval).collect();
    let row = |row: verdicts::VerdictRow| {
        let measured = match (row.measured.is_empty(), row.interval.is_empty()) {
            (true, _) => Cell::toned("not measured", "mind"),
            (false, true) => row.measured.into(),
            (false, false) => {
                let way = ways.get(&row.constraint).map_or_else(String::new, |way| format!(", {way}"));
                format!("{} ({}{way})", row.measured, row.interval).into()
            }
        };
        let tone = if row.tone == "good" { "" } else { row.tone };
        vec![
            row.constraint.into(),
            format!("{}: {}", row.subject, row.limit).into(),
            measured,
            Cell::toned(&row.state, tone),
            row.severity.into(),
            row.owner.into(),
        ]
    };
    let rows = verdicts::rows(&judged).into_iter().map(row).collect();
    let head = ["Limit", "What it says", "Measured", "Verdict", "Severity", "Owner"];
    section.table("Limits and verdicts", &head, rows, "The run judged no limit.");
    if run.verdicts.iter().filter_map(|verdict| verdict.interval).any(is_drawn) {
        section.say(DRAWN_AGAIN);
    }
}

pub(super) fn figures(document: &mut Document, of: &Collected) {
    let mut section = Section::new("Figures that the profile asks for");
    figures_of(&mut section, of);
    document.sections.push(section);
}

/// The profile's figures without those that are tables of their own.
pub(super) fn figures_of(section: &mut Section, of: &Collected) {
    let single: Vec<_> = of.held.metrics.iter().filter(|result| result.impact.is_none()).collect();
    if of.held.entry.profile.metric_rules.is_empty() {
        return section.say("The profile asks for no figure.");
    }
    let rows = single.into_iter().map(figure).collect();
    let head = ["Figure", "Of", "Value", "Rows", "What it means", "Citation"];
    section.table("Figures of the profile", &head, rows, "The profile's figures are in the tables that follow.");
    if of.held.metrics.iter().filter(|result| result.impact.is_none()).filter_map(|r| r.interval).any(is_drawn) {
        section.say(DRAWN_AGAIN);
    }
}

fn figure(result: &MetricResult) -> Vec<Cell> {
    let of = match (&result.attribute, &result.group) {
        (Some(attribute), Some(group)) => format!("{attribute}: {group}"),
        (Some(attribute), None) => attribute.clone(),
        _ => "all rows".to_owned(),
    };
    let value = match (result.value, result.interval) {
        (None, _) => Cell::toned("unknown", "mind"),
        (Some(value), None) => format!("{value:.4}").into(),
        (Some(value), Some(i)) => format!("{value:.4} ({:.4} to {:.4}, {})", i.low, i.high, method(i.method)).into(),
    };
    let tone = match result.verdict {
        MetricVerdict::Outside => "bad",
        MetricVerdict::TooFew | MetricVerdict::NotMeasured => "mind",
        _ => "",
    };
    vec![
        result.title.as_str().into(),
        of.replace('*', " × ").into(),
        value,
        result.n.map(words::grouped).unwrap_or_default().into(),
        Cell::toned(&result.why, tone),
        result.citation.as_str().into(),
    ]
}

pub(super) fn groups(document: &mut Document, of: &Collected) -> Result<(), Error> {
    let mut section = Section::new("Results by group");
    groups_of(document, &mut section, of)?;
    document.sections.push(section);
    Ok(())
}

/// Drawings and tables of every attribute that was measured.
pub(super) fn groups_of(document: &mut Document, section: &mut Section, of: &Collected) -> Result<(), Error> {
    let Some(bias) = bias(of) else {
        section.absent("Not measured: there is no record of results by group.");
        return Ok(());
    };
    for (what, why) in bias.absent.iter().take(50) {
        section.absent(format!("{} is missing: {why}", what.replace('_', " ")));
    }
    if bias.tables.is_empty() {
        section.absent("The run that counts has no table of groups.");
    }
    let verdicts = of.facts.run.as_ref().map(|run| run.verdicts.as_slice()).unwrap_or_default();
    plots::add(document, section, &bias, verdicts)?;
    section.say(format!("Method: {}", bias.method));
    Ok(())
}

pub(super) fn bias(of: &Collected) -> Option<BiasBody> {
    let record = of.facts.evidence.iter().find(|record| record.kind == EvidenceKind::Bias)?;
    serde_json::from_str(&record.body).ok()
}
