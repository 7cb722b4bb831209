//! Everything that is said about one attribute: the rates of each group, figures of scores,
//! residuals and classes, disparities, contrasts, impact ratios, and bootstrap intervals for what
//! has none in closed form.
//!
//! Invariant: what can't be computed for this kind of prediction is left out; it never stops what
//! can be.

mod comparisons;
mod figures;
mod resample;
mod rows;

pub use comparisons::Comparisons;
pub use rows::{RowBootstrap, overall};

use super::{
    bootstrap::Plan,
    contrast::{GroupContrast, Reference, against},
    disparity::Against,
    fairness::{AttributeTable, Outcomes, RateName, TableError, count},
    groups::Groups,
    impact::{
        self, CategoryCount, Exclusion, FourFifths, LocalLaw144, Scoring, above_median, four_fifths, local_law_144,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// With more groups than this the signed figures would be a book; the disparities still cover all.
const MAXIMUM_CONTRASTED: usize = 100;

/// Each group against one reference, signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Contrasts {
    pub reference: Reference,
    pub groups: Vec<GroupContrast>,
}

/// Impact ratios of selection and, where there are scores, of scoring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImpactRatios {
    pub selection: LocalLaw144,
    pub scoring: Option<LocalLaw144>,
    pub four_fifths: FourFifths,
    /// Why an exclusion that was asked for was not made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_exclusions: Vec<String>,
}

/// What a model predicted, row by row. Everything that is there has the same length.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Of a classifier.
    pub outcomes: Option<&'a Outcomes>,
    /// Label and truth of a classifier, for the figures over several classes.
    pub labels: Option<(&'a [String], &'a [String])>,
    /// Finite scores of the positive label.
    pub scores: Option<&'a [f64]>,
    /// Predicted and true number of a regression.
    pub numbers: Option<(&'a [f64], &'a [f64])>,
}

/// How one attribute is broken down.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    pub attribute: &'a str,
    pub class: Option<&'a str>,
    pub against: &'a Against,
    pub minimum_group_size: u64,
    pub plan: Plan,
    /// Cells that mean that nobody knows the group, beside the empty cell.
    pub unknown: &'a [String],
    /// Categories left out of impact ratios, with the auditor's reason.
    pub exclusions: &'a [Exclusion],
}

/// `columns` holds the cells of the attribute, or of each crossed attribute in order.
pub fn break_down<S: AsRef<str>>(
    question: &Question,
    columns: &[&[S]],
    rows: Rows,
    row_count: usize,
) -> Result<AttributeTable, TableError> {
    let groups = Groups::of(question.attribute, columns, row_count)?;
    let mut table = count(question.attribute, &groups, rows.outcomes, question.minimum_group_size);
    table.class = question.class.map(str::to_owned);
    figures::add(&mut table, &groups, rows);
    table.compare(question.against);
    table.contrasts = contrasts(&table, question.against);
    table.impact = impact_ratios(question, columns, rows)?;
    resample::add(&mut table, question.plan);
    rows::add(&mut table, &groups, rows, question);
    Ok(table)
}

fn contrasts(table: &AttributeTable, held_against: &Against) -> Option<Contrasts> {
    let overall = table.overall.as_ref()?.counts?.confusion;
    let reference = match held_against {
        Against::BetweenGroups => Reference::Highest(RateName::SelectionRate),
        Against::Overall => Reference::Overall,
        Against::Group(name) => Reference::Group(name.clone()),
    };
    if MAXIMUM_CONTRASTED < table.usable().count() {
        return None;
    }
    let mut groups = against(table, &overall, &reference).ok()?;
    if !resample::counts_give_accuracy(table) {
        for group in &mut groups {
            group.contrast.rates.retain(|contrast| !resample::is_of_labels(contrast.rate));
        }
    }
    (!groups.is_empty()).then_some(Contrasts { reference, groups })
}

/// `None` without a favourable label: nobody is selected then.
fn impact_ratios<S: AsRef<str>>(
    question: &Question,
    columns: &[&[S]],
    rows: Rows,
) -> Result<Option<ImpactRatios>, TableError> {
    let Some(selected) = rows.outcomes.and_then(Outcomes::selected) else { return Ok(None) };
    let unknown: Vec<&str> = question.unknown.iter().map(String::as_str).collect();
    let counted = impact::count(question.attribute, columns, &selected, &unknown)?;
    let mut refused_exclusions = Vec::new();
    let mut allowed = Vec::new();
    for exclusion in question.exclusions {
        match local_law_144(&counted, None, std::slice::from_ref(exclusion)) {
            Ok(_) => allowed.push(exclusion.clone()),
            Err(error) => refused_exclusions.push(error.to_string()),
        }
    }
    let mut table = |counts: &[CategoryCount], scoring: Option<Scoring>| {
        local_law_144(counts, scoring, &allowed).map_err(|error| refused_exclusions.push(error.to_string())).ok()
    };
    let scoring = match rows.scores.and_then(above_median) {
        Some((above, scoring)) => table(&impact::count(question.attribute, columns, &above, &unknown)?, Some(scoring)),
        None => None,
    };
    let selection = table(&counted, None);
    let four_fifths = four_fifths(&counted);
    Ok(selection.map(|selection| ImpactRatios { selection, scoring, four_fifths, refused_exclusions }))
}

#[cfg(test)]
mod tests;
