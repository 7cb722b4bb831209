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

/// Rows times resamples that one table may draw: about two seconds of one core in a release build.
/// More rows get fewer resamples.
const MAXIMUM_DRAWS: u64 = 200_000_000;
/// With fewer resamples than this the intervals in closed form stay, and figures without one have
/// none.
const LEAST_RESAMPLES: u64 = 200;

/// The plan, with no more resamples than so many rows and the draws that are left allow.
fn affordable(plan: Plan, rows: u64, draws: u64) -> Option<Plan> {
    let resamples = u64::from(plan.resamples).min(MAXIMUM_DRAWS.min(draws) / rows.max(1));
    let enough = LEAST_RESAMPLES.min(u64::from(plan.resamples)) <= resamples;
    u32::try_from(resamples).ok().filter(|_| enough).map(|resamples| Plan { resamples, ..plan })
}

/// What the intervals of figures of rows rest on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RowBootstrap {
    pub plan: Plan,
    pub generator: String,
}

/// Fills in the intervals of figures and of their differences.
pub fn add(table: &mut AttributeTable, groups: &Groups, rows: Rows, question: &Question) {
    let Some(plan) = affordable(question.plan, table.n, question.budget.draws) else { return };
    let comparison =
        Comparison { groups, minimum_group_size: question.minimum_group_size, against: question.against.clone(), plan };
    for drawn in draw(&comparison, rows) {
        if let Some(overall) = &mut table.overall {
            fill(overall, &drawn.overall, plan);
        }
        for figures in &drawn.groups {
            if let Some(group) = table.groups.iter_mut().find(|group| group.group == figures.group) {
                fill(group, &figures.figures, plan);
            }
        }
        let one_pair = drawn.groups.len() == 2;
        for disparity in &mut table.disparities {
            if let Some(interval) = of_disparity(disparity, &drawn) {
                disparity.interval = disparity.value.map(|_| interval);
                disparity.simultaneous_interval = disparity.interval.filter(|_| one_pair);
            }
        }
        table.row_bootstrap = Some(RowBootstrap { plan: drawn.plan, generator: drawn.generator });
    }
}

/// The intervals of figures over all rows, and what they rest on.
pub fn overall(rows: Rows, row_count: usize, plan: Plan) -> Option<(Vec<(FigureName, Interval)>, RowBootstrap)> {
    let none: [&[&str]; 0] = [];
    let groups = Groups::of("", &none, row_count).ok()?;
    let plan = affordable(plan, row_count as u64, MAXIMUM_DRAWS)?;
    let comparison =
        Comparison { groups: &groups, minimum_group_size: u64::MAX, against: Against::BetweenGroups, plan };
    let drawn = draw(&comparison, rows);
    let generator = drawn.first()?.generator.clone();
    let figures = drawn.into_iter().flat_map(|drawn| drawn.overall).filter(|drawn| drawn.class.is_none());
    let intervals = figures.filter_map(|drawn| Some((drawn.figure, varied(&drawn, plan)?))).collect();
    Some((intervals, RowBootstrap { plan, generator }))
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

/// The drawn interval, unless no replicate differed from another or more than one in twenty has
/// no such figure.
fn varied(drawn: &FigureBootstrap, plan: Plan) -> Option<Interval> {
    let mostly = u64::from(plan.resamples) * 19 <= u64::from(drawn.replicates.defined) * 20;
    drawn.replicates.interval.filter(|interval| mostly && interval.low < interval.high)
}

fn fill(group: &mut GroupRates, drawn: &[FigureBootstrap], plan: Plan) {
    for drawn in drawn.iter().filter(|drawn| drawn.class.is_none()) {
        if let (Some(figure), Some(interval)) = (group.figures.get_mut(&drawn.figure), varied(drawn, plan)) {
            figure.interval = figure.value.map(|_| interval);
        }
    }
}

fn of_disparity(disparity: &Disparity, all_drawn: &FiguresBootstrap) -> Option<Interval> {
    let name = disparity.metric.figure().filter(|_| is_difference(disparity.metric))?;
    let find =
        |all: &[FigureBootstrap]| all.iter().find(|drawn| drawn.figure == name && drawn.class.is_none()).cloned();
    // A figure that no resample of a group moves, or that many of them don't have, would look
    // certain behind those of the other groups.
    let settled = |drawn: &FigureBootstrap| drawn.replicates.defined == 0 || varied(drawn, all_drawn.plan).is_some();
    if !all_drawn.groups.iter().filter_map(|group| find(&group.figures)).all(|drawn| settled(&drawn)) {
        return None;
    }
    let named = |all: &[FigureBootstrap]| find(all).as_ref().and_then(|found| varied(found, all_drawn.plan));
    if all_drawn.against == Against::BetweenGroups {
        return named(&all_drawn.spreads);
    }
    // Signed, group minus reference: turned round where the group is the lower one.
    let group = |label: &Option<String>| all_drawn.groups.iter().find(|group| Some(&group.group) == label.as_ref());
    let differences = |label: &Option<String>| named(&group(label)?.differences);
    differences(&disparity.highest_group)
        .or_else(|| differences(&disparity.lowest_group).map(|i| Interval { low: -i.high, high: -i.low, ..i }))
}

fn is_difference(metric: DisparityMetric) -> bool {
    !metric.is_ratio()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::bootstrap::Scheme;

    #[test]
    fn many_rows_get_fewer_resamples_and_too_many_get_none() {
        let resamples = |asked: u32, rows: u64| {
            let plan = Plan { resamples: asked, seed: 1, scheme: Scheme::StratifiedByGroup };
            affordable(plan, rows, u64::MAX).map(|plan| plan.resamples)
        };
        assert_eq!(resamples(2000, 0), Some(2000));
        assert_eq!(resamples(2000, 100_000), Some(2000));
        assert_eq!(resamples(2000, 1_000_000), Some(200));
        assert_eq!(resamples(2000, 1_000_001), None);
        assert_eq!(resamples(100, 1_000_001), Some(100));
    }
}
