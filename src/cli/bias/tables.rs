//! A table of groups for people: rates and figures with intervals, disparities, impact ratios.

use super::super::output;
use crate::stats::{
    disparity::{Against, Disparity, DisparityMetric},
    fairness::{AttributeTable, FigureName, GroupRates, RateName},
    figure::{Figure, Rate},
    impact::{LocalLaw144, Standing},
    interval::{Interval, IntervalMethod},
};

/// A column of figures by group.
enum Column {
    BaseRate,
    Rate(RateName),
    Figure(FigureName),
}

/// Blocks of columns that fit beside each other.
const BLOCKS: [&[(&str, Column)]; 6] = [
    &[
        ("base rate", Column::BaseRate),
        ("selection rate", Column::Rate(RateName::SelectionRate)),
        ("accuracy", Column::Rate(RateName::Accuracy)),
    ],
    &[
        ("TPR", Column::Rate(RateName::Tpr)),
        ("FPR", Column::Rate(RateName::Fpr)),
        ("TNR", Column::Rate(RateName::Tnr)),
        ("FNR", Column::Rate(RateName::Fnr)),
    ],
    &[
        ("precision", Column::Rate(RateName::Precision)),
        ("NPV", Column::Rate(RateName::Npv)),
        ("F1", Column::Figure(FigureName::F1)),
        ("balanced accuracy", Column::Figure(FigureName::BalancedAccuracy)),
    ],
    &[
        ("mean score", Column::Figure(FigureName::MeanScore)),
        ("calibration gap", Column::Figure(FigureName::CalibrationGap)),
        ("ECE", Column::Figure(FigureName::Ece)),
    ],
    &[
        ("AUC", Column::Figure(FigureName::Auc)),
        ("log loss", Column::Figure(FigureName::LogLoss)),
        ("Brier", Column::Figure(FigureName::Brier)),
    ],
    &[
        ("MAE", Column::Figure(FigureName::Mae)),
        ("RMSE", Column::Figure(FigureName::Rmse)),
        ("mean residual", Column::Figure(FigureName::MeanResidual)),
        ("macro F1", Column::Figure(FigureName::MacroF1)),
    ],
];
/// The block that a short view shows.
const BRIEF: usize = 1;

/// Rates of selection, and the disparities that laws speak of.
pub fn brief(table: &AttributeTable) -> Vec<String> {
    let mut parts = vec![heading(table)];
    parts.extend(BLOCKS.iter().take(BRIEF).chain(&BLOCKS[5..]).filter_map(|block| groups(table, block)));
    parts.push(disparities(table.disparities.iter().filter(|d| SHOWN.contains(&d.metric))));
    parts
}

/// Everything that fits into tables; JSON has more.
pub fn full(table: &AttributeTable) -> Vec<String> {
    let mut parts = vec![heading(table)];
    parts.extend(BLOCKS.iter().filter_map(|block| groups(table, block)));
    parts.push(disparities(table.disparities.iter().filter(|d| d.value.is_some() || SHOWN.contains(&d.metric))));
    if let Some(impact) = &table.impact {
        parts.push(impact_ratios(&table.attribute, &impact.selection, "selection rate"));
        parts.extend(impact.scoring.iter().map(|scoring| impact_ratios(&table.attribute, scoring, "scoring rate")));
    }
    if let Some(bootstrap) = &table.bootstrap {
        let plan = bootstrap.plan;
        parts.push(format!("* bootstrap of {} resamples within each group, seed {}", plan.resamples, plan.seed));
    }
    parts
}

fn heading(table: &AttributeTable) -> String {
    let class = table.class.as_ref().map_or_else(String::new, |class| format!(" for the class {class}"));
    let against = match &table.against {
        Against::BetweenGroups => String::new(),
        Against::Overall => ", held against all rows".to_owned(),
        Against::Group(name) => format!(", held against {name}"),
    };
    let (attribute, rows, minimum) = (&table.attribute, table.n, table.minimum_group_size);
    format!("Groups of {attribute}{class}{against} ({rows} rows; 95 % intervals; no rates below {minimum} rows)")
}

/// `None` when no group has any of the figures.
fn groups(attribute: &AttributeTable, block: &[(&str, Column)]) -> Option<String> {
    let has = |column: &Column| attribute.groups.iter().any(|group| cell(group, column).is_some());
    let columns: Vec<&(&str, Column)> = block.iter().filter(|(_, column)| has(column)).collect();
    if columns.is_empty() {
        return None;
    }
    let names: Vec<&str> = ["group", "n"].into_iter().chain(columns.iter().map(|(name, _)| *name)).collect();
    let mut table = output::table(&names);
    let all = attribute.overall.as_ref();
    for group in attribute.groups.iter().chain(all) {
        let figures = columns.iter().enumerate().map(|(i, (_, column))| match (group.too_small, i) {
            (true, 0) => "too few rows to tell".to_owned(),
            (true, _) => String::new(),
            (false, _) => cell(group, column).unwrap_or_else(|| "undefined".to_owned()),
        });
        table.add_row([group.group.clone(), group.n.to_string()].into_iter().chain(figures));
    }
    Some(output::text(&table))
}

fn cell(group: &GroupRates, column: &Column) -> Option<String> {
    match column {
        Column::BaseRate => group.base_rate.map(rate),
        Column::Rate(name) => group.rate(*name).map(rate),
        Column::Figure(name) => group.figure(*name).and_then(figure),
    }
}

fn rate(rate: Rate) -> String {
    format!("{:.3} ({:.3} to {:.3})", rate.value, rate.interval.low, rate.interval.high)
}

fn figure(figure: Figure) -> Option<String> {
    let value = amount(figure.value?);
    Some(match figure.interval {
        Some(interval) => format!("{value} ({} to {}){}", amount(interval.low), amount(interval.high), mark(interval)),
        None => value,
    })
}

/// Three digits after the point where the value is small, fewer where it is large.
fn amount(value: f64) -> String {
    match value.abs() {
        size if size < 10.0 => format!("{value:.3}"),
        size if size < 1000.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn mark(interval: Interval) -> &'static str {
    if interval.method == IntervalMethod::BootstrapPercentile { " *" } else { "" }
}

const SHOWN: [DisparityMetric; 7] = [
    DisparityMetric::DemographicParityRatio,
    DisparityMetric::DemographicParityDifference,
    DisparityMetric::EqualOpportunityDifference,
    DisparityMetric::EqualizedOddsDifference,
    DisparityMetric::AccuracyDifference,
    DisparityMetric::MaeDifference,
    DisparityMetric::MeanResidualDifference,
];

fn disparities<'a>(all: impl Iterator<Item = &'a Disparity>) -> String {
    let mut table = output::table(&["disparity", "value", "95 % interval", "highest", "lowest"]);
    for d in all {
        let value = d.value.map_or_else(|| "undefined".to_owned(), amount);
        let interval =
            d.interval.map_or_else(String::new, |i| format!("{} to {}{}", amount(i.low), amount(i.high), mark(i)));
        let group = |g: &Option<String>| g.clone().unwrap_or_default();
        table.add_row([name(d.metric), value, interval, group(&d.highest_group), group(&d.lowest_group)]);
    }
    output::text(&table)
}

fn name(metric: DisparityMetric) -> String {
    let word = serde_json::to_value(metric).ok().and_then(|v| v.as_str().map(|s| s.replace('_', " ")));
    word.unwrap_or_default()
}

fn impact_ratios(attribute: &str, analysis: &LocalLaw144, rate_name: &str) -> String {
    let mut table = output::table(&["category", "n", rate_name, "impact ratio", "remark"]);
    for category in &analysis.categories {
        let remark = match &category.standing {
            Standing::Rated if Some(&category.count.category) == analysis.highest_category.as_ref() => "highest rate",
            Standing::Rated if category.may_be_excluded => "under 2 %: may be left out with a reason",
            Standing::Rated => "",
            Standing::Unknown => "unknown: counted, not compared",
            Standing::Excluded { justification } => justification,
        };
        table.add_row([
            category.count.category.clone(),
            category.count.n.to_string(),
            category.rate.map_or_else(|| "undefined".to_owned(), rate),
            category.impact_ratio.map_or_else(|| "none".to_owned(), |ratio| format!("{ratio:.3}")),
            remark.to_owned(),
        ]);
    }
    format!(
        "Impact ratios of {attribute} by {rate_name} (no law names a pass mark for them)\n\n{}",
        output::text(&table)
    )
}
