//! The summary of a bias audit as 6 RCNY 5-303 asks for one: where the data come from, how many
//! people of unknown category there are, and for sex, for race or ethnicity and for both crossed
//! every category with its count, rate and impact ratio.
//!
//! Rule: the law names no pass mark, so nothing here is coloured and nothing says "passed".

use super::{governance, measured, parts, when};
use crate::{
    core::clock::rfc3339,
    dossiers::{
        collect::Collected,
        document::{Cell, Document, Section},
    },
    error::Error,
    frameworks::{
        MetricResult,
        impact::{CategoryResult, ImpactAnalysis},
    },
    stats::impact::Standing,
    web::{subgroups::method, words},
};

pub(super) fn write(document: &mut Document, of: &Collected) -> Result<(), Error> {
    let mut summary = Section::new("What the summary says of itself");
    let measured_on = of.known.measured.iter().map(|record| record.at).max();
    let used_since = of.releases.iter().map(|release| release.activated_at).min();
    let data = of.facts.dataset.as_ref();
    summary.facts(
        "The tool and the audit",
        vec![
            ("Tool", format!("{} version {}", of.facts.model.name, of.facts.version.number)),
            ("Measured on", measured_on.map(|at| when(&rfc3339(at))).unwrap_or_default()),
            ("In use here since", used_since.map(|at| when(&rfc3339(at))).unwrap_or_default()),
            ("Source of the data", data.map(|data| data.description.source.clone()).unwrap_or_default()),
            ("Rows", data.map(|d| words::grouped(u64::try_from(d.rows).unwrap_or_default())).unwrap_or_default()),
        ],
    );
    summary.say(
        "These figures were measured by the registry. An audit by an independent auditor is another thing: whether one \
         is on record stands under what others reported and among what is missing.",
    );
    document.sections.push(summary);
    for rule in &of.held.entry.profile.metric_rules {
        let mut section = Section::new(rule.title.clone());
        section.say(format!("{}. {}", rule.citation, rule.note));
        for result in of.held.metrics.iter().filter(|result| result.rule == rule.id) {
            analysis(&mut section, result);
        }
        document.sections.push(section);
    }
    document.sections.push(parts::items(of));
    measured::groups(document, of)?;
    document.sections.extend([parts::identity(of), parts::data(of), parts::reported(of), governance::releases(of)]);
    Ok(())
}

fn analysis(section: &mut Section, result: &MetricResult) {
    let Some(impact) = &result.impact else {
        return section.absent(format!("No table: {}.", result.why));
    };
    let name = result.attribute.as_deref().unwrap_or("all").replace('*', " × ");
    let rate = if impact.scoring.is_some() { "Scoring rate" } else { "Selection rate" };
    let counted = if impact.scoring.is_some() { "Above the median" } else { "Selected" };
    let mut rows: Vec<_> = impact.categories.iter().map(category).collect();
    rows.extend(small(impact));
    let head = ["Category", "Applicants", counted, rate, "Impact ratio", "95 % interval", "Remark"];
    section.table(&format!("{} (column {name})", result.title), &head, rows, "No category was counted.");
    section.say(format!(
        "{} rows in all; {} of them of an unknown category, counted and not compared.",
        words::grouped(impact.n),
        words::grouped(impact.unknown)
    ));
    if let Some(highest) = &impact.highest_category {
        section.say(format!("Ratios divide by the rate of {highest}, the highest."));
    }
    if impact.categories.iter().any(|row| row.interval.is_some()) {
        section.say("The intervals are by formula, from the counts alone.");
        if impact.scoring.is_none() {
            section.say(
                "Under the results by group the lowest of these ratios has another one, which also draws the rows again \
                 (bootstrap, widened): limits of the environment are judged by that.",
            );
        }
    }
    for refused in impact.refused_exclusions.iter().take(20) {
        section.absent(format!("Not left out as asked: {refused}."));
    }
}

fn category(row: &CategoryResult) -> Vec<Cell> {
    let mut remark = match &row.standing {
        Standing::Excluded { justification } => format!("under 2 %, left out of the ratios: {justification}"),
        _ => row.why.clone(),
    };
    if row.under_two_percent && row.standing == Standing::Rated {
        remark = format!("{remark}; under 2 % of the rows, listed and compared");
    }
    let number = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| format!("{value:.3}"));
    vec![
        row.category.as_str().into(),
        words::grouped(row.n).into(),
        words::grouped(row.selected).into(),
        row.rate.map_or_else(|| "none".to_owned(), |rate| words::percent(rate.value)).into(),
        number(row.impact_ratio).into(),
        row.interval
            .map_or_else(String::new, |i| format!("{:.3} to {:.3} ({})", i.low, i.high, method(i.method)))
            .into(),
        remark.into(),
    ]
}

/// Below the minimum group size there is a count and nothing else.
fn small(impact: &ImpactAnalysis) -> impl Iterator<Item = Vec<Cell>> {
    impact.too_small.iter().map(|small| {
        let remark = if small.known { "too few rows for a rate" } else { "unknown category; too few rows for a rate" };
        vec![
            small.category.as_str().into(),
            words::grouped(small.n).into(),
            "not shown".into(),
            "none".into(),
            "none".into(),
            "".into(),
            remark.into(),
        ]
    })
}
