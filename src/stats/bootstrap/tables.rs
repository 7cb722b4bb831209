//! The bootstrap of a table of groups: every rate, every disparity, every contrast.

use super::{GENERATOR, Plan, PlanError, Replicates, replicates};
use crate::stats::{
    confusion::Confusion,
    contrast::CONTRASTED,
    disparity::{Against, Cells, CellsAgainst, DisparityMetric, of_cells, rate_of_cells},
    fairness::{AttributeTable, RateName},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RateBootstrap {
    pub rate: RateName,
    pub replicates: Replicates,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GroupBootstrap {
    pub group: String,
    /// Each rate, in the order of [`CONTRASTED`].
    pub rates: Vec<RateBootstrap>,
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
    pub differences: Vec<RateBootstrap>,
    pub ratios: Vec<RateBootstrap>,
}

fn cells_of(counts: Confusion) -> Cells {
    [counts.tp, counts.fp, counts.tn, counts.fn_]
}

fn cells(table: &AttributeTable) -> (Vec<String>, Vec<Cells>) {
    table.usable().filter_map(|g| Some((g.group.clone(), cells_of(g.counts?.confusion)))).unzip()
}

fn sum<'a>(all: impl IntoIterator<Item = &'a Cells>) -> Cells {
    all.into_iter().fold([0; 4], |[a, b, c, d], [w, x, y, z]| [a + w, b + x, c + y, d + z])
}

/// All rows but those of the groups that are large enough.
fn rest(table: &AttributeTable, counts: &[Cells]) -> Option<Cells> {
    let ([a, b, c, d], [w, x, y, z]) = (cells_of(table.overall.as_ref()?.counts?.confusion), sum(counts));
    Some([a.saturating_sub(w), b.saturating_sub(x), c.saturating_sub(y), d.saturating_sub(z)])
}

/// The disparities that counted rows give, in the order of the answer.
fn counted() -> impl Iterator<Item = DisparityMetric> {
    DisparityMetric::ALL.into_iter().filter(|metric| metric.is_counted())
}

/// Rates with their replicates, as they come.
fn named(replicates: &mut impl Iterator<Item = Replicates>) -> Vec<RateBootstrap> {
    let named = CONTRASTED.into_iter().zip(replicates.by_ref().take(CONTRASTED.len()));
    named.map(|(rate, replicates)| RateBootstrap { rate, replicates }).collect()
}

/// Percentile intervals for every rate of every group that is large enough, and for every counted
/// disparity against what the table holds its groups against.
///
/// # Errors
/// Also when the table has no counts, or its reference group is absent or too small.
pub fn table(table: &AttributeTable, plan: Plan) -> Result<TableBootstrap, PlanError> {
    let (labels, mut counts) = cells(table);
    let groups = labels.len();
    let reference = match &table.against {
        Against::BetweenGroups => CellsAgainst::BetweenGroups,
        Against::Overall => {
            // What all rows have beyond the usable groups is one more stratum of its own.
            counts.extend(rest(table, &counts));
            CellsAgainst::Overall(sum(&counts))
        }
        Against::Group(name) => {
            let at = labels.iter().position(|label| label == name);
            CellsAgainst::Group(at.ok_or_else(|| PlanError::NoReference { group: name.clone() })?)
        }
    };
    let mut summaries = replicates(&counts, plan, |drawn, values| {
        let own = drawn.get(..groups).unwrap_or_default();
        values.extend(own.iter().flat_map(|cells| CONTRASTED.map(|name| rate_of_cells(*cells, name))));
        let reference = match reference {
            CellsAgainst::Overall(_) => CellsAgainst::Overall(sum(drawn)),
            other => other,
        };
        values.extend(counted().map(|metric| of_cells(metric, own, reference)));
    })?
    .into_iter();
    let groups = labels.into_iter().map(|group| GroupBootstrap { group, rates: named(&mut summaries) }).collect();
    let disparities = counted().zip(summaries);
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
    let all = labels.into_iter().map(|group| ContrastBootstrap {
        group,
        differences: named(&mut summaries),
        ratios: named(&mut summaries),
    });
    Ok(all.enumerate().filter(|(index, _)| *index != at).map(|(_, contrast)| contrast).collect())
}
