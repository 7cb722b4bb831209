//! Impact ratios: the rate of each category over the highest rate of the same analysis.
//!
//! Two laws use them, with other rules around the same division: [`local_law_144`] (New York
//! City) and [`four_fifths`] (the US Uniform Guidelines). A ratio is evidence, not a verdict:
//! Local Law 144 names no pass mark, so nothing here says "passed".
//!
//! Invariants: every category of the data is listed with its count and its rate, also one that is
//! left out of the ratios; with fewer than two rated categories, or a highest rate of 0, there is
//! no ratio (never 1); equality of a ratio with 4/5 is decided in whole numbers.

mod four_fifths;
mod local_law_144;
mod scoring;
mod two_by_two;

pub use four_fifths::{AgainstHighest, FourFifths, FourFifthsCategory, four_fifths};
pub use local_law_144::{Exclusion, ExclusionError, LocalLaw144, LocalLaw144Category, Standing, local_law_144};
pub use scoring::{Scoring, above_median};
pub use two_by_two::{PooledZ, fisher_exact, pooled_z};

use super::{
    bands::NOT_A_NUMBER,
    fairness::{MISSING, TableError},
    groups::Groups,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One category as it was counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CategoryCount {
    pub category: String,
    pub n: u64,
    /// Selected, or scored above the median.
    pub selected: u64,
    /// False for rows whose category nobody knows: counted, never compared.
    pub known: bool,
}

/// Counts the rows of each category. `columns` as in [`super::fairness::tabulate`]; an empty cell,
/// what is no number where bands of numbers stand, and each of the values `unknown` make a category
/// unknown, in an intersection also when only one of its cells is.
pub fn count<S: AsRef<str>>(
    attribute: &str,
    columns: &[&[S]],
    selected: &[bool],
    unknown: &[&str],
) -> Result<Vec<CategoryCount>, TableError> {
    let groups = Groups::of(attribute, columns, selected.len())?;
    let is_unknown =
        |cell: &String| [MISSING, NOT_A_NUMBER].contains(&cell.as_str()) || unknown.contains(&cell.as_str());
    let selected = groups.split(selected);
    let categories = groups.labels().zip(groups.cells()).zip(selected);
    Ok(categories
        .map(|((category, cells), selected)| CategoryCount {
            category,
            n: selected.len() as u64,
            selected: selected.iter().filter(|s| **s).count() as u64,
            known: !cells.iter().any(is_unknown),
        })
        .collect())
}

/// The category with the highest rate, of equal ones the last. `None` unless at least two
/// categories can be compared.
fn highest<'a>(rated: &[&'a CategoryCount]) -> Option<&'a CategoryCount> {
    let not_below = |a: &CategoryCount, b: &CategoryCount| {
        u128::from(b.selected) * u128::from(a.n) <= u128::from(a.selected) * u128::from(b.n)
    };
    let with_rows: Vec<&CategoryCount> = rated.iter().copied().filter(|c| c.n != 0 && c.selected <= c.n).collect();
    (2 <= with_rows.len())
        .then(|| with_rows.into_iter().reduce(|best, next| if not_below(next, best) { next } else { best }))?
}

#[cfg(test)]
mod tests;
