//! What the records of the run that counts hold, and what a reported table of groups does.

use crate::{
    constraints::Metric,
    frameworks::{facts::MeasuredFact, selector::MeasuredKind},
    stats::{fairness::AttributeTable, figure::Figure},
    validation::{
        Evidence, EvidenceKind,
        evidence::{BiasBody, PerformanceBody, QualityBody, RobustnessBody},
    },
};
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Records {
    pub measured: Vec<MeasuredFact>,
    pub tables: Vec<AttributeTable>,
    pub figures: BTreeMap<Metric, Figure>,
    pub absent: BTreeMap<String, String>,
}

/// Reads the records of one run. One of another shape has no figures.
pub(super) fn read(records: &[Evidence]) -> Records {
    let mut all = Records::default();
    for record in records {
        let (kind, has_figures) = match record.kind {
            EvidenceKind::Performance => (MeasuredKind::Performance, performance(&record.body)),
            EvidenceKind::Quality => (MeasuredKind::Quality, all.quality(&record.body)),
            EvidenceKind::Bias => (MeasuredKind::Bias, all.bias(&record.body)),
            EvidenceKind::Robustness => (MeasuredKind::Robustness, robustness(&record.body)),
        };
        let digest = record.digest.to_string();
        all.measured.push(MeasuredFact { kind, digest, at: record.created_at, has_figures });
    }
    all
}

impl Records {
    fn quality(&mut self, body: &str) -> bool {
        let Ok(body) = serde_json::from_str::<QualityBody>(body) else { return false };
        self.figures = body.figures;
        self.absent.extend(body.absent);
        is_defined(&self.figures)
    }

    fn bias(&mut self, body: &str) -> bool {
        let Ok(body) = serde_json::from_str::<BiasBody>(body) else { return false };
        self.tables = body.tables;
        self.absent.extend(body.absent);
        self.tables.iter().any(|table| table.usable().next().is_some())
    }
}

fn performance(body: &str) -> bool {
    serde_json::from_str::<PerformanceBody>(body).is_ok_and(|body| !body.loads.is_empty() || is_defined(&body.figures))
}

fn robustness(body: &str) -> bool {
    let found = serde_json::from_str::<RobustnessBody>(body);
    found.is_ok_and(|body| body.perturbations.iter().any(|one| one.absent.is_none()))
}

fn is_defined(figures: &BTreeMap<Metric, Figure>) -> bool {
    figures.values().any(|figure| figure.value.is_some())
}

/// The attributes of a reported record of bias by which at least two groups have counts or
/// impact ratios. A table without them says nothing of anybody.
pub(super) fn compared_attributes(body: &str) -> Vec<String> {
    let Ok(body) = serde_json::from_str::<BiasBody>(body) else { return Vec::new() };
    let compared = body.tables.into_iter().filter(|table| table.class.is_none() && is_counted(table));
    compared.map(|table| table.attribute).collect()
}

fn is_counted(table: &AttributeTable) -> bool {
    let categories = table.impact.iter().flat_map(|impact| &impact.selection.categories);
    let known = categories.filter(|category| category.count.known && 0 < category.count.n).count();
    let counted = |group: &&crate::stats::fairness::GroupRates| {
        0 < group.n && (group.counts.is_some() || group.selection_rate.is_some())
    };
    1 < known || 1 < table.groups.iter().filter(counted).count()
}

#[cfg(test)]
mod tests;
