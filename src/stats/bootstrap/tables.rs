//! The bootstrap of a table of groups: every rate, every disparity, every contrast.

use super::{GENERATOR, Plan, PlanError, Replicates, replicates};
use crate::stats::{
    confusion::Confusion,
    contrast::CONTRASTED,
    disparity::{Cells, CellsAgainst, DisparityMetric, of_cells, rate_of_cells},
    fairness::{AttributeTable, RateName},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GroupBootstrap {
    pub group: String,
    /// Each rate, in the order of [`CONTRASTED`].
    pub rates: Vec<(RateName, Replicates)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SpreadBootstrap {
    pub metric: DisparityMetric,
    pub replicates: Replicates,
}

/// The bootstrap of the groups that are large enough; only their rows are drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TableBootstrap {
    pub plan: Plan,
    pub generator: String,
    pub groups: Vec<GroupBootstrap>,
    pub disparities: Vec<SpreadBootstrap>,
}

/// A group against the reference group: signed differences and ratios of each rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ContrastBootstrap {
    pub group: String,
    pub differences: Vec<(RateName, Replicates)>,
    pub ratios: Vec<(RateName, Replicates)>,
}

fn cells(table: &AttributeTable) -> (Vec<String>, Vec<Cells>) {
    let of = |counts: Confusion| [counts.tp, counts.fp, counts.tn, counts.fn_];
    table.usable().filter_map(|g| Some((g.group.clone(), of(g.counts?.confusion)))).unzip()
}

/// Percentile intervals for every rate of every group that is large enough, and for every
/// disparity between them.
pub fn table(table: &AttributeTable, plan: Plan) -> Result<TableBootstrap, PlanError> {
    let (labels, counts) = cells(table);
    let mut summaries = replicates(&counts, plan, |drawn, values| {
        values.extend(drawn.iter().flat_map(|cells| CONTRASTED.map(|name| rate_of_cells(*cells, name))));
        values.extend(DisparityMetric::ALL.map(|metric| of_cells(metric, drawn, CellsAgainst::BetweenGroups)));
    })?
    .into_iter();
    let mut next = |count: usize| summaries.by_ref().take(count).collect::<Vec<Replicates>>();
    let groups = labels
        .into_iter()
        .map(|group| GroupBootstrap { group, rates: CONTRASTED.into_iter().zip(next(CONTRASTED.len())).collect() })
        .collect();
    let disparities = DisparityMetric::ALL.into_iter().zip(next(DisparityMetric::ALL.len()));
    let disparities = disparities.map(|(metric, replicates)| SpreadBootstrap { metric, replicates }).collect();
    Ok(TableBootstrap { plan, generator: GENERATOR.to_owned(), groups, disparities })
}

/// Percentile intervals for the signed difference and the ratio of every rate between each group
/// and the group `reference`. Empty when the reference is absent or too small.
pub fn contrasts(table: &AttributeTable, reference: &str, plan: Plan) -> Result<Vec<ContrastBootstrap>, PlanError> {
    let (labels, counts) = cells(table);
    let Some(at) = labels.iter().position(|label| label == reference) else {
        return Ok(Vec::new());
    };
    let mut summaries = replicates(&counts, plan, |drawn, values| {
        let base = drawn.get(at).copied().unwrap_or_default();
        for cells in drawn {
            let pairs = CONTRASTED.map(|name| rate_of_cells(*cells, name).zip(rate_of_cells(base, name)));
            values.extend(pairs.map(|pair| pair.map(|(a, b)| a - b)));
            values.extend(pairs.map(|pair| pair.filter(|(_, b)| *b != 0.0).map(|(a, b)| a / b)));
        }
    })?
    .into_iter();
    let mut next =
        || CONTRASTED.into_iter().zip(summaries.by_ref().take(CONTRASTED.len()).collect::<Vec<_>>()).collect();
    let all = labels.into_iter().map(|group| ContrastBootstrap { group, differences: next(), ratios: next() });
    Ok(all.enumerate().filter(|(index, _)| *index != at).map(|(_, contrast)| contrast).collect())
}
