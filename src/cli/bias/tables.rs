//! A table of groups for people: rates and figures with intervals, disparities, impact ratios.

use super::super::output;
use crate::stats::{
    disparity::{Against, Disparity, DisparityMetric},
    fairness::{AttributeTable, FigureName, GroupRates, RateName},
    figure::{Figure, Rate},
    impact::{LocalLaw144, Standing},
    interval::{Interval, IntervalMethod},
};
use comfy_table::{ContentArrangement, Table};
use std::io::IsTerminal;

/// Tables that nobody's terminal limits are made for a mail or a page.
const WIDTH: usize = 100;
/// Spaces that a column has beside its text.
const GAP: usize = 3;

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
    parts.extend(BLOCKS.iter().take(BRIEF).chain(&BLOCKS[5..]).flat_map(|block| groups(table, block)));
    parts.push(disparities(table, |d| SHOWN.contains(&d.metric)));
    parts
}

/// Everything that fits into tables; JSON has more.
pub fn full(table: &AttributeTable) -> Vec<String> {
    let mut parts = vec![heading(table)];
    parts.extend(BLOCKS.iter().flat_map(|block| groups(table, block)));
    parts.push(disparities(table, |d| d.value.is_some() || SHOWN.contains(&d.metric)));
    if let Some(impact) = &table.impact {
        parts.push(impact_ratios(table, &impact.selection, "selection rate"));
        parts.extend(impact.scoring.iter().map(|scoring| impact_ratios(table, scoring, "scoring rate")));
    }
    let counted = table.bootstrap.as_ref().map(|bootstrap| bootstrap.plan);
    if let Some(plan) = counted.or(table.row_bootstrap.as_ref().map(|bootstrap| bootstrap.plan)) {
        parts.push(format!("* bootstrap of {} resamples within each group, seed {}", plan.resamples, plan.seed));
    }
    parts
}

/// A table that fits.
fn fitted(header: &[&str]) -> Table {
    let mut table = output::table(header);
    if !std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH as u16);
    }
    table
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

/// The name of a column and its cells.
type Filled<'a> = (&'a str, Vec<String>);

/// One table, or several where the columns don't fit beside each other; none when no group has any
/// of the figures.
fn groups(attribute: &AttributeTable, block: &[(&str, Column)]) -> Vec<String> {
    let rows: Vec<&GroupRates> = attribute.groups.iter().chain(&attribute.overall).collect();
    let has = |column: &Column| attribute.groups.iter().any(|group| cell(group, column).is_some());
    let width = |cells: &[String]| cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0) + GAP;
    let names: Vec<String> = rows.iter().map(|group| group.group.clone()).collect();
    let sizes: Vec<String> = rows.iter().map(|group| group.n.to_string()).collect();
    let fixed = width(&names).max("group".len() + GAP) + width(&sizes);
    let mut tables: Vec<(usize, Vec<Filled>)> = Vec::new();
    for (name, column) in block.iter().filter(|(_, column)| has(column)) {
        let mut cells = vec![(*name).to_owned()];
        cells.extend(rows.iter().map(|group| match group.too_small {
            true => String::new(),
            false => cell(group, column).unwrap_or_else(|| "undefined".to_owned()),
        }));
        let own = width(&cells);
        cells.remove(0);
        match tables.last_mut().filter(|(used, _)| used + own <= WIDTH) {
            Some((used, columns)) => {
                *used += own;
                columns.push((name, cells));
            }
            None => tables.push((fixed + own, vec![(name, cells)])),
        }
    }
    tables.into_iter().map(|(_, columns)| table_of(&rows, &columns)).collect()
}

fn table_of(rows: &[&GroupRates], columns: &[Filled]) -> String {
    let header: Vec<&str> = ["group", "n"].into_iter().chain(columns.iter().map(|(name, _)| *name)).collect();
    let mut table = fitted(&header);
    for (at, group) in rows.iter().enumerate() {
        let cells = columns.iter().enumerate().map(|(i, (_, cells))| match (group.too_small, i) {
            (true, 0) => "too few rows to tell".to_owned(),
            _ => cells.get(at).cloned().unwrap_or_default(),
        });
        table.add_row([group.group.clone(), group.n.to_string()].into_iter().chain(cells));
    }
    output::text(&table)
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
    let resampled = [IntervalMethod::BootstrapPercentile, IntervalMethod::BootstrapOrClosedForm];
    if resampled.contains(&interval.method) { " *" } else { "" }
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

fn disparities(attribute: &AttributeTable, wanted: impl Fn(&Disparity) -> bool) -> String {
    if let Some(reason) = nothing_to_compare(attribute) {
        return format!("No disparities: {reason}.");
    }
    // Without a favourable label there is nobody who is selected, and nothing undefined about it.
    let counted = attribute.overall.as_ref().is_some_and(|all| all.counts.is_some());
    let mut table = fitted(&["disparity", "value", "95 % interval", "highest", "lowest"]);
    for d in attribute.disparities.iter().filter(|d| wanted(d) && (counted || d.value.is_some())) {
        let value = d.value.map_or_else(|| "undefined".to_owned(), amount);
        let interval =
            d.interval.map_or_else(String::new, |i| format!("{} to {}{}", amount(i.low), amount(i.high), mark(i)));
        let group = |g: &Option<String>| g.clone().unwrap_or_default();
        table.add_row([name(d.metric), value, interval, group(&d.highest_group), group(&d.lowest_group)]);
    }
    output::text(&table)
}

/// Why no group is held against anything.
fn nothing_to_compare(attribute: &AttributeTable) -> Option<String> {
    let (large, all, rows) = (attribute.usable().count(), attribute.groups.len(), attribute.minimum_group_size);
    match &attribute.against {
        Against::Group(name) if !attribute.usable().any(|group| group.group == *name) => {
            Some(format!("the reference group {name} is absent or has fewer than {rows} rows"))
        }
        Against::Overall if large == 0 => Some(format!("none of {all} groups has at least {rows} rows")),
        Against::Group(_) | Against::BetweenGroups if large < 2 => {
            Some(format!("{large} of {all} groups have at least {rows} rows, and a comparison needs two"))
        }
        _ => None,
    }
}

fn name(metric: DisparityMetric) -> String {
    let word = serde_json::to_value(metric).ok().and_then(|v| v.as_str().map(|s| s.replace('_', " ")));
    word.unwrap_or_default()
}

fn impact_ratios(attribute: &AttributeTable, analysis: &LocalLaw144, rate_name: &str) -> String {
    let mut table = fitted(&["category", "n", rate_name, "impact ratio", "remark"]);
    for category in &analysis.categories {
        let highest = Some(&category.count.category) == analysis.highest_category.as_ref();
        let remarks = match &category.standing {
            Standing::Rated => [
                highest.then(|| "highest rate".to_owned()),
                category.may_be_excluded.then(|| "under 2 %: may be left out".to_owned()),
            ],
            Standing::Unknown => [Some("unknown: counted, not compared".to_owned()), None],
            Standing::Excluded { justification } => [Some(format!("left out: {justification}")), None],
        };
        table.add_row([
            category.count.category.clone(),
            category.count.n.to_string(),
            category.rate.map_or_else(|| "undefined".to_owned(), rate),
            category.impact_ratio.map_or_else(|| "none".to_owned(), |ratio| format!("{ratio:.3}")),
            remarks.into_iter().flatten().collect::<Vec<_>>().join("; "),
        ]);
    }
    for small in attribute.impact.iter().flat_map(|impact| &impact.too_small) {
        let unknown = if small.known { "" } else { "unknown; " };
        let remark = format!("{unknown}too few rows to tell");
        table.add_row([small.category.clone(), small.n.to_string(), String::new(), String::new(), remark]);
    }
    let name = &attribute.attribute;
    format!("Impact ratios of {name} by {rate_name} (Local Law 144 names no pass mark)\n\n{}", output::text(&table))
}
