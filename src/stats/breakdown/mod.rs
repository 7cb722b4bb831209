//! Everything that is said about one attribute: the rates of each group, figures of scores,
//! residuals and classes, disparities, contrasts, impact ratios, and bootstrap intervals for what
//! has none in closed form.
//!
//! Invariant: what can't be computed for this kind of prediction is left out; it never stops what
//! can be.

mod comparisons;
mod figures;
mod impact_ratios;
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
    impact::{Exclusion, FourFifths, LocalLaw144},
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
    /// Below the minimum group size: counted here, and in neither form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub too_small: Vec<SmallCategory>,
    /// Why an exclusion that was asked for was not made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_exclusions: Vec<String>,
}

impl ImpactRatios {
    /// Rows of unknown category and of all categories, those of small ones included.
    pub fn unknown_of_all(&self) -> (u64, u64) {
        let small = |wanted: &dyn Fn(&SmallCategory) -> bool| -> u64 {
            self.too_small.iter().filter(|c| wanted(c)).map(|c| c.n).sum()
        };
        (self.selection.unknown + small(&|c| !c.known), self.selection.n + small(&|_| true))
    }
}

/// A category with too few rows to have a rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SmallCategory {
    pub category: String,
    pub n: u64,
    pub known: bool,
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

/// What one table may cost. A table beyond it has counts, rates, figures, impact ratios and
/// intervals in closed form, and nothing that is resampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// A table with more groups has no contrasts and no bootstrap.
    pub groups_in_detail: usize,
    /// Rows times resamples; fewer resamples are made when it doesn't suffice.
    pub draws: u64,
}

impl Budget {
    /// Of all tables of one measurement together: some megabytes of evidence, and about half a
    /// minute of one core in a release build.
    pub const OF_ALL_TABLES: Self = Self { groups_in_detail: 500, draws: 2_000_000_000 };

    /// What the tables so far leave.
    pub fn left(tables: &[AttributeTable]) -> Self {
        let detailed = tables.iter().filter(|table| table.bootstrap.is_some() || table.row_bootstrap.is_some());
        let groups: usize = detailed.map(|table| table.groups.len()).sum();
        let draws =
            tables.iter().filter_map(|table| Some(table.n * u64::from(table.row_bootstrap.as_ref()?.plan.resamples)));
        Self {
            groups_in_detail: Self::OF_ALL_TABLES.groups_in_detail.saturating_sub(groups),
            draws: Self::OF_ALL_TABLES.draws.saturating_sub(draws.sum()),
        }
    }
}

/// How one attribute is broken down.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    pub attribute: &'a str,
    pub class: Option<&'a str>,
    pub against: &'a Against,
    pub minimum_group_size: u64,
    pub plan: Plan,
    pub budget: Budget,
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
    table.impact = impact_ratios::of(question, columns, rows)?;
    if groups.len() <= question.budget.groups_in_detail {
        table.contrasts = contrasts(&table, question.against);
        resample::add(&mut table, question.plan);
        rows::add(&mut table, &groups, rows, question);
    }
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

#[cfg(test)]
mod tests;
