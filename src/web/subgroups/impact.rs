//! Impact ratios as two laws define them. They name no pass mark, so nothing here has a tone.

use super::amount::{self, Amount};
use crate::{
    stats::{
        breakdown::{ImpactRatios, SmallCategory},
        fairness::{AttributeTable, GroupRates},
        impact::{FourFifths, LocalLaw144, LocalLaw144Category, Standing},
    },
    web::words,
};
use std::collections::BTreeSet;

pub struct Impact {
    pub forms: Vec<Form>,
    /// Sentences about all of it.
    pub notes: Vec<String>,
}

/// The table of one form: by selection or by scoring.
pub struct Form {
    pub rate_name: &'static str,
    /// How scores became counts.
    pub about: String,
    /// Whether Fisher's exact test and the four fifths stand beside the ratios.
    pub tested: bool,
    pub rows: Vec<Category>,
    pub left_out: usize,
}

pub struct Category {
    pub name: String,
    pub n: String,
    pub share: String,
    pub rate: Option<Amount>,
    pub ratio: String,
    pub standing: String,
    pub p_value: String,
    pub below: &'static str,
}

pub fn impact(table: &AttributeTable, shown: &[&GroupRates]) -> Option<Impact> {
    let ratios = table.impact.as_ref()?;
    let shown: BTreeSet<&str> = shown.iter().map(|group| group.group.as_str()).collect();
    let by_selection = form(table, &ratios.selection, Some(&ratios.four_fifths), &shown);
    let by_scoring = ratios.scoring.as_ref().map(|scoring| form(table, scoring, None, &shown));
    let forms = [by_selection].into_iter().chain(by_scoring).collect();
    Some(Impact { forms, notes: notes(ratios) })
}

fn form(table: &AttributeTable, analysis: &LocalLaw144, tests: Option<&FourFifths>, shown: &BTreeSet<&str>) -> Form {
    let kept = analysis.categories.iter().filter(|c| shown.contains(c.count.category.as_str()));
    let small = table.impact.iter().flat_map(|impact| &impact.too_small);
    let small = small.filter(|c| shown.contains(c.category.as_str())).map(|c| too_small(table, c));
    let rows: Vec<Category> = kept.map(|c| category(analysis, c, tests)).chain(small).collect();
    let all = analysis.categories.len() + table.impact.as_ref().map_or(0, |impact| impact.too_small.len());
    let about = analysis.scoring.map(|scoring| {
        format!(
            "Selected here means a score above the median of all rows, {}; {} rows are at the median and count as not above.",
            amount::number(scoring.median),
            words::grouped(scoring.at_median)
        )
    });
    Form {
        rate_name: if analysis.scoring.is_some() { "Scoring rate" } else { "Selection rate" },
        about: about.unwrap_or_default(),
        tested: tests.is_some(),
        left_out: all.saturating_sub(rows.len()),
        rows,
    }
}

fn category(analysis: &LocalLaw144, category: &LocalLaw144Category, tests: Option<&FourFifths>) -> Category {
    let name = &category.count.category;
    let tested = tests.and_then(|tests| tests.categories.iter().find(|c| c.count.category == *name));
    let below = match tested.and_then(|tested| tested.below_four_fifths) {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    };
    Category {
        name: name.clone(),
        n: words::grouped(category.count.n),
        share: category.share_of_known.map(words::percent).unwrap_or_default(),
        rate: category.rate.map(amount::rate),
        ratio: category.impact_ratio.map_or_else(|| "none".to_owned(), amount::number),
        standing: standing(analysis, category),
        p_value: tested
            .and_then(|t| t.against_highest)
            .map(|a| amount::p_value(a.fisher_exact_p_value))
            .unwrap_or_default(),
        below,
    }
}

fn too_small(table: &AttributeTable, small: &SmallCategory) -> Category {
    let few = format!("fewer than {} rows: too few to tell", words::grouped(table.minimum_group_size));
    Category {
        name: small.category.clone(),
        n: words::grouped(small.n),
        share: String::new(),
        rate: None,
        ratio: "none".to_owned(),
        standing: if small.known { few } else { format!("unknown: counted, not compared; {few}") },
        p_value: String::new(),
        below: "",
    }
}

fn standing(analysis: &LocalLaw144, category: &LocalLaw144Category) -> String {
    let mut parts = Vec::new();
    match &category.standing {
        Standing::Unknown => parts.push("unknown: counted, not compared".to_owned()),
        Standing::Excluded { justification } => parts.push(format!("under 2 %, left out: {justification}")),
        Standing::Rated => {
            if Some(&category.count.category) == analysis.highest_category.as_ref() {
                parts.push("highest rate".to_owned());
            }
            if category.may_be_excluded {
                parts.push("under 2 %: may be left out with a reason".to_owned());
            }
        }
    }
    parts.join("; ")
}

fn notes(ratios: &ImpactRatios) -> Vec<String> {
    let ImpactRatios { selection, four_fifths, refused_exclusions, .. } = ratios;
    let mut notes = vec![
        "The law names no pass mark: 6 RCNY 5-300 and 5-301 ask for these ratios and for no size of them. Below four \
         fifths of the highest rate is what 29 CFR 1607.4(D) speaks of; it is no verdict on a model."
            .to_owned(),
    ];
    let (unknown, all) = ratios.unknown_of_all();
    if unknown != 0 {
        notes.push(format!(
            "{} of {} rows have an unknown category: counted, not compared.",
            words::grouped(unknown),
            words::grouped(all)
        ));
    }
    match &four_fifths.highest_category {
        Some(highest) if four_fifths.highest_category != selection.highest_category => {
            notes.push(format!(
                "Fisher's exact test and four fifths are against {highest}, which the ratios leave out."
            ));
        }
        _ => {}
    }
    let refused = refused_exclusions.iter().take(10);
    notes.extend(refused.map(|reason| format!("Not left out as asked: {reason}.")));
    notes
}
