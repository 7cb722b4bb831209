//! Bootstrap intervals for the counted figures of a table: rows are drawn again within each group.

use crate::stats::{
    bootstrap::{GENERATOR, GroupBootstrap, Plan, Replicates, SpreadBootstrap, TableBootstrap, replicates},
    confusion::Confusion,
    contrast::CONTRASTED,
    disparity::{Against, Cells, CellsAgainst, Disparity, DisparityMetric, of_cells, rate_of_cells},
    fairness::AttributeTable,
    interval::{Interval, IntervalMethod},
};

/// The counted disparities, in the order of the bootstrap's answer.
fn counted() -> impl Iterator<Item = DisparityMetric> {
    DisparityMetric::ALL.into_iter().filter(|metric| metric.is_counted())
}

/// Adds the bootstrap and lets it fill in intervals. Nothing is added to a table without counts
/// and to one that is too large for the plan.
pub fn add(table: &mut AttributeTable, plan: Plan) {
    let Some(bootstrap) = resample(table, plan) else { return };
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

fn cells(counts: &Confusion) -> Cells {
    [counts.tp, counts.fp, counts.tn, counts.fn_]
}

fn resample(table: &AttributeTable, plan: Plan) -> Option<TableBootstrap> {
    let (labels, mut counts): (Vec<String>, Vec<Cells>) =
        table.usable().filter_map(|g| Some((g.group.clone(), cells(&g.counts?.confusion)))).unzip();
    let groups = labels.len();
    // What all rows have beyond the usable groups is one more stratum of its own.
    if table.against == Against::Overall {
        let overall = cells(&table.overall.as_ref()?.counts?.confusion);
        let rest = std::array::from_fn(|i| {
            overall.get(i).copied().unwrap_or(0).saturating_sub(counts.iter().filter_map(|c| c.get(i)).sum())
        });
        counts.push(rest);
    }
    let reference = match &table.against {
        Against::Group(name) => Some(labels.iter().position(|label| label == name)?),
        _ => None,
    };
    if groups == 0 {
        return None;
    }
    let drawn = replicates(&counts, plan, |drawn, values| {
        let (own, _) = drawn.split_at(groups.min(drawn.len()));
        values.extend(own.iter().flat_map(|cells| CONTRASTED.map(|name| rate_of_cells(*cells, name))));
        let overall = drawn.iter().fold([0; 4], |sum, cells| {
            std::array::from_fn(|i| sum.get(i).copied().unwrap_or(0) + cells.get(i).copied().unwrap_or(0))
        });
        let held_against = match (&table.against, reference) {
            (Against::Overall, _) => CellsAgainst::Overall(overall),
            (_, Some(at)) => CellsAgainst::Group(at),
            (_, None) => CellsAgainst::BetweenGroups,
        };
        values.extend(counted().map(|metric| of_cells(metric, own, held_against)));
    });
    let mut drawn = drawn.ok()?.into_iter();
    let mut next = |count: usize| drawn.by_ref().take(count).collect::<Vec<Replicates>>();
    let groups = labels
        .into_iter()
        .map(|group| GroupBootstrap { group, rates: CONTRASTED.into_iter().zip(next(CONTRASTED.len())).collect() })
        .collect();
    let disparities = counted().zip(next(counted().count()));
    let disparities = disparities.map(|(metric, replicates)| SpreadBootstrap { metric, replicates }).collect();
    Some(TableBootstrap { plan, generator: GENERATOR.to_owned(), groups, disparities })
}
