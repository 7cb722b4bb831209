//! Impact ratios of one attribute, in the forms of two laws.

use super::{ImpactRatios, Question, Rows, SmallCategory};
use crate::stats::{
    fairness::{Outcomes, TableError},
    impact::{self, CategoryCount, Exclusion, Scoring, above_median, four_fifths, local_law_144},
};

/// `None` without a favourable label: nobody is selected then.
pub fn of<S: AsRef<str>>(
    question: &Question,
    columns: &[&[S]],
    rows: Rows,
) -> Result<Option<ImpactRatios>, TableError> {
    let Some(selected) = rows.outcomes.and_then(Outcomes::selected) else { return Ok(None) };
    let unknown: Vec<&str> = question.unknown.iter().map(String::as_str).collect();
    let count = |selected: &[bool]| impact::count(question.attribute, columns, selected, &unknown);
    let all = count(&selected)?;
    let minimum = question.minimum_group_size;
    let (exclusions, mut refused_exclusions) = allowed(&all, question.exclusions, minimum);
    let is_small = |count: &&CategoryCount| count.n < minimum;
    let small = all.iter().filter(is_small);
    let too_small: Vec<SmallCategory> =
        small.map(|c| SmallCategory { category: c.category.clone(), n: c.n, known: c.known }).collect();
    let mut analysis = |counts: Vec<CategoryCount>, scoring: Option<Scoring>| {
        let large: Vec<CategoryCount> = counts.into_iter().filter(|count| !is_small(&count)).collect();
        let made = local_law_144(&large, scoring, &exclusions);
        made.map_err(|error| refused_exclusions.push(error.to_string())).ok()
    };
    let scoring = match rows.scores.and_then(above_median) {
        Some((above, scoring)) => analysis(count(&above)?, Some(scoring)),
        None => None,
    };
    let large: Vec<CategoryCount> = all.iter().filter(|count| !is_small(count)).cloned().collect();
    let selection = analysis(all, None);
    let four_fifths = four_fifths(&large);
    Ok(selection.map(|selection| ImpactRatios { selection, scoring, four_fifths, too_small, refused_exclusions }))
}

/// The exclusions that the law allows, and why the others are not made. A category that is too
/// small to have a rate needs none.
fn allowed(all: &[CategoryCount], asked: &[Exclusion], minimum: u64) -> (Vec<Exclusion>, Vec<String>) {
    let is_small = |exclusion: &Exclusion| all.iter().any(|c| c.category == exclusion.category && c.n < minimum);
    let (mut allowed, mut refused) = (Vec::new(), Vec::new());
    for exclusion in asked.iter().filter(|exclusion| !is_small(exclusion)) {
        match local_law_144(all, None, std::slice::from_ref(exclusion)) {
            Ok(_) => allowed.push(exclusion.clone()),
            Err(error) => refused.push(error.to_string()),
        }
    }
    (allowed, refused)
}
