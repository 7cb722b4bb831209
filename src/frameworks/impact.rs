//! Impact ratios as a profile asks for them: one analysis by sex, by race or ethnicity, or by
//! both crossed, with every category in a row of its own.
//!
//! Rules: where a text has no pass mark the table is that of 6 RCNY 5-301, with the exclusions
//! that an auditor justified; where it has a limit every known category is compared (29 CFR
//! 1607.4(D)), because only the former lets categories be left out. What is undefined is not
//! applicable, never 1.

use crate::{
    constraints::ImpactForm,
    frameworks::{
        metrics::{MetricResult, MetricVerdict, Subject, conclude, result},
        profile::MetricRule,
    },
    stats::{
        breakdown::SmallCategory,
        fairness::AttributeTable,
        figure::{Figure, Rate},
        impact::{CategoryCount, FourFifths, FourFifthsCategory, LocalLaw144, LocalLaw144Category, Scoring, Standing},
        interval::{Interval, katz},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Every category of one analysis, also those that are not compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImpactAnalysis {
    pub categories: Vec<CategoryResult>,
    /// Below the minimum group size: counted, and nothing else is said of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub too_small: Vec<SmallCategory>,
    /// Whose rate the others are divided by.
    pub highest_category: Option<String>,
    pub n: u64,
    /// Rows whose category nobody knows: counted, never compared.
    pub unknown: u64,
    /// How scores became counts; only of the scoring form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scoring: Option<Scoring>,
    /// Why an exclusion that was asked for was not made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_exclusions: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CategoryResult {
    pub category: String,
    pub n: u64,
    /// Selected, or scored above the median of all.
    pub selected: u64,
    /// Selection rate or scoring rate.
    pub rate: Option<Rate>,
    /// Of the highest rate; null where there is none to divide by.
    pub impact_ratio: Option<f64>,
    pub interval: Option<Interval>,
    /// Of this category against the highest one; only where the text has a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fisher_exact_p_value: Option<f64>,
    /// `unknown` and `excluded` categories are listed and not compared.
    #[serde(flatten)]
    pub standing: Standing,
    /// Less than 2 % of the rows of known category.
    pub under_two_percent: bool,
    pub verdict: MetricVerdict,
    pub why: String,
}

/// A category before anything is said of it.
struct Row<'a> {
    count: &'a CategoryCount,
    rate: Option<Rate>,
    ratio: Option<f64>,
    interval: Option<Interval>,
    p_value: Option<f64>,
    standing: Standing,
    under_two_percent: bool,
}

/// The analysis of one table; `None` where the run could not make it.
pub(super) fn of_table(rule: &MetricRule, form: ImpactForm, table: &AttributeTable) -> Option<MetricResult> {
    let ratios = table.impact.as_ref()?;
    let law = match form {
        ImpactForm::Selection => &ratios.selection,
        ImpactForm::Scoring => ratios.scoring.as_ref()?,
    };
    let (rows, highest) = match (form, rule.limit.at()) {
        (ImpactForm::Selection, Some(_)) => (compared(&ratios.four_fifths, law), &ratios.four_fifths.highest_category),
        _ => (listed(law), &law.highest_category),
    };
    let top = rows.iter().map(|row| row.count).find(|count| Some(&count.category) == highest.as_ref());
    let judged: Vec<_> = rows.iter().map(|row| judge(rule, row, top, table.minimum_group_size)).collect();
    let (unknown, n) = ratios.unknown_of_all();
    let analysis = ImpactAnalysis {
        categories: judged,
        too_small: ratios.too_small.clone(),
        highest_category: highest.clone(),
        n,
        unknown,
        scoring: law.scoring,
        refused_exclusions: ratios.refused_exclusions.clone(),
    };
    Some(summed_up(rule, table, analysis))
}

/// The categories of 6 RCNY 5-301.
fn listed(law: &LocalLaw144) -> Vec<Row<'_>> {
    let counts = |c: &LocalLaw144Category| (c.count.selected, c.count.n);
    let top = law.categories.iter().find(|c| Some(&c.count.category) == law.highest_category.as_ref());
    law.categories
        .iter()
        .map(|c| Row {
            count: &c.count,
            rate: c.rate,
            ratio: c.impact_ratio,
            interval: top
                .filter(|top| c.impact_ratio.is_some() && top.count.category != c.count.category)
                .and_then(|top| katz(counts(c), counts(top))),
            p_value: None,
            standing: c.standing.clone(),
            under_two_percent: c.may_be_excluded,
        })
        .collect()
}

/// The categories of 29 CFR 1607.4(D): nobody who is known is left out.
fn compared<'a>(rule: &'a FourFifths, law: &'a LocalLaw144) -> Vec<Row<'a>> {
    let small = |name: &str| law.categories.iter().any(|c| c.count.category == name && c.may_be_excluded);
    let row = |c: &'a FourFifthsCategory| Row {
        count: &c.count,
        rate: c.selection_rate,
        ratio: c.impact_ratio,
        interval: c.against_highest.and_then(|against| against.ratio_interval),
        p_value: c.against_highest.map(|against| against.fisher_exact_p_value),
        standing: if c.count.known { Standing::Rated } else { Standing::Unknown },
        under_two_percent: small(&c.count.category),
    };
    rule.categories.iter().map(row).collect()
}

fn judge(rule: &MetricRule, row: &Row, top: Option<&CategoryCount>, minimum: u64) -> CategoryResult {
    let (verdict, why) = verdict(rule, row, top, minimum);
    CategoryResult {
        category: row.count.category.clone(),
        n: row.count.n,
        selected: row.count.selected,
        rate: row.rate,
        impact_ratio: row.ratio,
        interval: row.interval,
        fisher_exact_p_value: row.p_value,
        standing: row.standing.clone(),
        under_two_percent: row.under_two_percent,
        verdict,
        why,
    }
}

fn verdict(rule: &MetricRule, row: &Row, top: Option<&CategoryCount>, minimum: u64) -> (MetricVerdict, String) {
    let not_applicable = |why: &str| (MetricVerdict::NotApplicable, why.to_owned());
    match &row.standing {
        Standing::Unknown => return not_applicable("unknown category: counted, not compared"),
        Standing::Excluded { justification } => {
            return not_applicable(&format!("left out of the ratios: {justification}"));
        }
        Standing::Rated => {}
    }
    let Some(top) = top else { return not_applicable("no other known category to compare with") };
    let Some(ratio) = row.ratio else { return not_applicable("no category has anybody selected, so no ratio exists") };
    let small = row.count.n < minimum;
    if rule.limit.at().is_none() {
        let why = match (top.category == row.count.category, small) {
            (true, _) => "the highest rate, which the others are divided by".to_owned(),
            (false, true) => format!("fewer than {minimum} rows: one of them more or less changes the ratio much"),
            (false, false) => "to be shown; the text sets no pass mark".to_owned(),
        };
        return (MetricVerdict::NoPassMark, why);
    }
    if top.category == row.count.category {
        return not_applicable("the highest rate, which the others are divided by");
    }
    let doubt = match (small, top.n < minimum) {
        (true, _) => Some(format!("the category has fewer than {minimum} rows")),
        (false, true) => Some(format!("the highest rate is that of {}, with only {} rows", top.category, top.n)),
        (false, false) => None,
    };
    let figure = Figure::with_interval(Some(ratio), row.interval, row.count.n);
    conclude(rule, &Subject { attribute: None, group: None, figure, doubt })
}

/// The lowest ratio that says something, and what the rows come to together.
fn summed_up(rule: &MetricRule, table: &AttributeTable, analysis: ImpactAnalysis) -> MetricResult {
    let with = |verdict: MetricVerdict| analysis.categories.iter().filter(move |row| row.verdict == verdict);
    let count = |verdict| with(verdict).count();
    let (outside, within, few) =
        (count(MetricVerdict::Outside), count(MetricVerdict::Within), count(MetricVerdict::TooFew));
    let left = match few {
        0 => String::new(),
        _ => format!("; {few} of the categories are too small to tell"),
    };
    let (verdict, why) = match rule.limit.at() {
        None if 0 < count(MetricVerdict::NoPassMark) => {
            (MetricVerdict::NoPassMark, "to be shown; the law names no pass mark".to_owned())
        }
        Some((operator, limit)) if 0 < outside => {
            let why =
                format!("{operator} {limit} does not hold for {outside} of {} categories", outside + within + few);
            (MetricVerdict::Outside, format!("{why}: evidence of a concern to look into, not a verdict{left}"))
        }
        Some((operator, limit)) if 0 < within => {
            (MetricVerdict::Within, format!("{operator} {limit} holds for every category that is compared{left}"))
        }
        Some(_) if 0 < few => (MetricVerdict::TooFew, "too few rows to tell in any category".to_owned()),
        _ => (MetricVerdict::NotApplicable, undefined(&analysis)),
    };
    let lowest = with(verdict).filter(|row| row.impact_ratio.is_some()).min_by(|a, b| {
        let ratio = |row: &CategoryResult| row.impact_ratio.unwrap_or(f64::INFINITY);
        ratio(a).total_cmp(&ratio(b))
    });
    let lowest = lowest.filter(|_| verdict != MetricVerdict::NotApplicable);
    MetricResult {
        attribute: Some(table.attribute.clone()),
        group: lowest.map(|row| row.category.clone()),
        value: lowest.and_then(|row| row.impact_ratio),
        interval: lowest.and_then(|row| row.interval),
        n: Some(analysis.n),
        impact: Some(analysis.clone()),
        ..result(rule, verdict, why)
    }
}

fn undefined(analysis: &ImpactAnalysis) -> String {
    match &analysis.highest_category {
        None => "not applicable: fewer than two known categories to compare".to_owned(),
        Some(_) => "not applicable: nobody is selected in any category, so there is no rate to divide by".to_owned(),
    }
}

#[cfg(test)]
mod tests;
