//! Bootstrap intervals for the figures that need the rows themselves: scores, residuals, classes.

use super::{Question, Rows};
use crate::stats::{
    bootstrap::{self, Comparison, FigureBootstrap, FiguresBootstrap, Plan},
    disparity::{Against, Disparity, DisparityMetric},
    fairness::{AttributeTable, FigureName, GroupRates},
    groups::Groups,
    interval::Interval,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Rows times resamples that one table may draw. Beyond it the intervals in closed form stay, and
/// figures without one have none.
const MAXIMUM_DRAWS: u64 = 500_000_000;

/// What the intervals of figures of rows rest on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RowBootstrap {
    pub plan: Plan,
    pub generator: String,
}

/// Fills in the intervals of figures and of their differences.
pub fn add(table: &mut AttributeTable, groups: &Groups, rows: Rows, question: &Question) {
    if MAXIMUM_DRAWS < table.n.saturating_mul(u64::from(question.plan.resamples)) {
        return;
    }
    let comparison = Comparison {
        groups,
        minimum_group_size: question.minimum_group_size,
        against: question.against.clone(),
        plan: question.plan,
    };
    for drawn in draw(&comparison, rows) {
        if let Some(overall) = &mut table.overall {
            fill(overall, &drawn.overall);
        }
        for figures in &drawn.groups {
            if let Some(group) = table.groups.iter_mut().find(|group| group.group == figures.group) {
                fill(group, &figures.figures);
            }
        }
        for disparity in &mut table.disparities {
            if let Some(interval) = of_disparity(disparity, &drawn) {
                disparity.interval = disparity.value.map(|_| interval);
            }
        }
        table.row_bootstrap = Some(RowBootstrap { plan: drawn.plan, generator: drawn.generator });
    }
}

/// The intervals of figures over all rows.
pub fn overall(rows: Rows, row_count: usize, plan: Plan) -> Vec<(FigureName, Interval)> {
    let none: [&[&str]; 0] = [];
    let Ok(groups) = Groups::of("", &none, row_count) else { return Vec::new() };
    if MAXIMUM_DRAWS < (row_count as u64).saturating_mul(u64::from(plan.resamples)) {
        return Vec::new();
    }
    let comparison =
        Comparison { groups: &groups, minimum_group_size: u64::MAX, against: Against::BetweenGroups, plan };
    let drawn = draw(&comparison, rows).into_iter().flat_map(|drawn| drawn.overall);
    drawn.filter(|drawn| drawn.class.is_none()).filter_map(|drawn| Some((drawn.figure, varied(&drawn)?))).collect()
}

/// One bootstrap for each kind of figure that the rows have. What can't be drawn is left out: its
/// figures then keep the interval in closed form, or none.
fn draw(of: &Comparison, rows: Rows) -> Vec<FiguresBootstrap> {
    let quiet = &mut |_: f64| {};
    let mut all = Vec::new();
    if let Some(outcomes) = rows.outcomes {
        let positives = outcomes.positives();
        if let Some(selected) = outcomes.selected() {
            all.push(bootstrap::decisions(of, &positives, &selected, quiet));
        }
        if let Some(scores) = rows.scores {
            all.push(bootstrap::scores(of, &positives, scores, quiet));
        }
    }
    if let Some((labels, truth)) = rows.labels {
        all.push(bootstrap::classes(of, labels, truth, quiet));
    }
    if let Some((predicted, truth)) = rows.numbers {
        all.push(bootstrap::residuals(of, predicted, truth, quiet));
    }
    all.into_iter().filter_map(Result::ok).collect()
}

/// The drawn interval, unless no replicate differed from another.
fn varied(drawn: &FigureBootstrap) -> Option<Interval> {
    drawn.replicates.interval.filter(|interval| interval.low < interval.high)
}

fn fill(group: &mut GroupRates, drawn: &[FigureBootstrap]) {
    for drawn in drawn.iter().filter(|drawn| drawn.class.is_none()) {
        if let (Some(figure), Some(interval)) = (group.figures.get_mut(&drawn.figure), varied(drawn)) {
            figure.interval = figure.value.map(|_| interval);
        }
    }
}

fn of_disparity(disparity: &Disparity, drawn: &FiguresBootstrap) -> Option<Interval> {
    let name = disparity.metric.figure().filter(|_| is_difference(disparity.metric))?;
    let named = |all: &[FigureBootstrap]| {
        all.iter().find(|drawn| drawn.figure == name && drawn.class.is_none()).and_then(varied)
    };
    if drawn.against == Against::BetweenGroups {
        return named(&drawn.spreads);
    }
    // Signed, group minus reference: turned round where the group is the lower one.
    let group = |label: &Option<String>| drawn.groups.iter().find(|group| Some(&group.group) == label.as_ref());
    let differences = |label: &Option<String>| named(&group(label)?.differences);
    differences(&disparity.highest_group)
        .or_else(|| differences(&disparity.lowest_group).map(|i| Interval { low: -i.high, high: -i.low, ..i }))
}

fn is_difference(metric: DisparityMetric) -> bool {
    !metric.is_ratio()
}
