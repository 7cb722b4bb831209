//! Bootstrap intervals for the counted figures of a table: rows are drawn again within each group.

use crate::stats::{
    bootstrap::{self, Plan},
    disparity::Disparity,
    fairness::AttributeTable,
    interval::{Interval, IntervalMethod},
};

/// Adds the bootstrap and lets it fill in intervals. Nothing is added to a table without counts
/// and to one that is too large for the plan.
pub fn add(table: &mut AttributeTable, plan: Plan) {
    if table.overall.as_ref().is_none_or(|all| all.counts.is_none()) {
        return;
    }
    let Ok(bootstrap) = bootstrap::table(table, plan) else { return };
    for disparity in &mut table.disparities {
        if let Some(drawn) = bootstrap.disparities.iter().find(|spread| spread.metric == disparity.metric) {
            disparity.interval = interval(disparity, drawn.replicates.interval);
        }
    }
    table.bootstrap = Some(bootstrap);
}

/// Newcombe's interval stays where it is one; the rest takes the bootstrap's, unless no replicate
/// differed: a group in which everybody or nobody is selected has that in every resample, and
/// the closed form still knows how few rows there were.
fn interval(disparity: &Disparity, drawn: Option<Interval>) -> Option<Interval> {
    let closed = disparity.interval;
    let single = disparity.metric.rates().len() == 1;
    let newcombe = closed.filter(|closed| single && closed.method == IntervalMethod::Newcombe);
    let varied = drawn.filter(|drawn| drawn.low < drawn.high);
    disparity.value.and_then(|_| newcombe.or(varied).or(closed))
}
