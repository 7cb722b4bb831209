//! Bootstrap intervals for the counted figures of a table: rows are drawn again within each group.

use crate::stats::{
    bootstrap::{self, Plan},
    disparity::{Against, Disparity},
    fairness::{AttributeTable, RateName},
    interval::{Interval, IntervalMethod},
};

/// With fewer false positives in a group than this, false negatives per false positive has
/// resamples without a denominator, and those that have one say too little.
const LEAST_FALSE_POSITIVES: u64 = 5;

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
    let settled = table.usable().all(|g| g.counts.is_none_or(|counts| LEAST_FALSE_POSITIVES <= counts.confusion.fp));
    for disparity in &mut table.disparities {
        if let Some(drawn) = bootstrap.disparities.iter().find(|spread| spread.metric == disparity.metric) {
            let usable = settled || !disparity.metric.rates().is_empty();
            let drawn = drawn.replicates.interval.filter(|drawn| usable && drawn.low < drawn.high);
            disparity.interval = interval(disparity, drawn, &table.against);
            if disparity.simultaneous_interval.is_none() && table.groups.iter().filter(|g| !g.too_small).count() == 2 {
                disparity.simultaneous_interval = disparity.interval;
            }
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

/// Newcombe's interval of one rate in two groups stays. Where both a closed form and the bootstrap
/// have an interval, the smallest one that holds both counts: a rate that no resample moves
/// (everybody is selected; one positive only) would else look certain, alone or behind another rate.
fn interval(disparity: &Disparity, drawn: Option<Interval>, against: &Against) -> Option<Interval> {
    disparity.value?;
    let exact = disparity.metric.rates().len() == 1 && *against != Against::Overall;
    match (disparity.interval, drawn) {
        (Some(closed), _) if exact && closed.method == IntervalMethod::Newcombe => Some(closed),
        (Some(closed), Some(drawn)) => Some(drawn.hull(closed, IntervalMethod::BootstrapOrClosedForm)),
        (closed, drawn) => closed.or(drawn),
    }
}
