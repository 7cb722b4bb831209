//! Bootstrap intervals for the counted figures of a table: rows are drawn again within each group.

use crate::stats::{
    bootstrap::{self, Plan},
    disparity::Disparity,
    fairness::{AttributeTable, RateName},
    interval::{Interval, IntervalMethod},
};

/// Adds the bootstrap and lets it fill in intervals. Nothing is added to a table without counts
/// and to one that is too large for the plan.
pub fn add(table: &mut AttributeTable, plan: Plan) {
    if table.overall.as_ref().is_none_or(|all| all.counts.is_none()) {
        return;
    }
    let Ok(mut bootstrap) = bootstrap::table(table, plan) else { return };
    if !counts_give_accuracy(table) {
        bootstrap.disparities.retain(|drawn| !drawn.metric.rates().iter().any(|rate| is_of_labels(*rate)));
        bootstrap.groups.iter_mut().for_each(|group| group.rates.retain(|drawn| !is_of_labels(drawn.rate)));
    }
    for disparity in &mut table.disparities {
        if let Some(drawn) = bootstrap.disparities.iter().find(|spread| spread.metric == disparity.metric) {
            disparity.interval = interval(disparity, drawn.replicates.interval);
        }
    }
    table.bootstrap = Some(bootstrap);
}

/// Whether the accuracy of the groups is that of their counts. With a favourable label among
/// several classes it isn't: accuracy is over all labels, and the counts know the favourable one.
pub fn counts_give_accuracy(table: &AttributeTable) -> bool {
    table.usable().all(|group| {
        let counted = group.counts.map(|counts| counts.confusion.tp + counts.confusion.tn);
        counted.is_none() || counted == group.accuracy.map(|rate| rate.count)
    })
}

pub fn is_of_labels(rate: RateName) -> bool {
    matches!(rate, RateName::Accuracy | RateName::ErrorRate)
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
