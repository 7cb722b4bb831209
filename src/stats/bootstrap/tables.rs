//! The bootstrap of a table of groups: every rate, every disparity, every contrast.

use super::{GENERATOR, Plan, PlanError, Replicates, replicates};
use crate::stats::{
    confusion::Confusion,
    contrast::CONTRASTED,
    disparity::DisparityMetric,
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

type Cells = [u64; 4];

fn cells(table: &AttributeTable) -> (Vec<String>, Vec<Cells>) {
    let of = |counts: Confusion| [counts.tp, counts.fp, counts.tn, counts.fn_];
    table.usable().filter_map(|g| Some((g.group.clone(), of(g.counts?.confusion)))).unzip()
}

/// A rate without its interval: the same division as [`Confusion::rate`], two thousand times.
fn value([tp, fp, tn, fn_]: Cells, name: RateName) -> Option<f64> {
    let (count, total) = match name {
        RateName::SelectionRate => (tp + fp, tp + fp + tn + fn_),
        RateName::Accuracy => (tp + tn, tp + fp + tn + fn_),
        RateName::ErrorRate => (fp + fn_, tp + fp + tn + fn_),
        RateName::Tpr => (tp, tp + fn_),
        RateName::Fnr => (fn_, tp + fn_),
        RateName::Fpr => (fp, fp + tn),
        RateName::Tnr => (tn, fp + tn),
        RateName::Precision => (tp, tp + fp),
        RateName::FalseDiscoveryRate => (fp, tp + fp),
        RateName::Npv => (tn, tn + fn_),
        RateName::FalseOmissionRate => (fn_, tn + fn_),
    };
    (total != 0).then(|| count as f64 / total as f64)
}

/// The disparity of the drawn groups, by the rules of [`crate::stats::disparity`].
pub(super) fn disparity(drawn: &[Cells], metric: DisparityMetric) -> Option<f64> {
    let spreads = metric.rates().iter().filter_map(|rate| {
        let (mut low, mut high, mut groups) = (f64::INFINITY, f64::NEG_INFINITY, 0);
        for value in drawn.iter().filter_map(|cells| value(*cells, *rate)) {
            (low, high, groups) = (low.min(value), high.max(value), groups + 1);
        }
        (2 <= groups).then_some((low, high))
    });
    if metric.is_ratio() {
        // 0/0 is worse than any ratio, so it makes the whole undefined.
        let ratios = spreads.map(|(low, high)| if high == 0.0 { f64::NAN } else { low / high });
        ratios.reduce(|a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }).filter(|r| !r.is_nan())
    } else {
        spreads.map(|(low, high)| high - low).reduce(f64::max)
    }
}

/// Percentile intervals for every rate of every group that is large enough, and for every
/// disparity between them.
pub fn table(table: &AttributeTable, plan: Plan) -> Result<TableBootstrap, PlanError> {
    let (labels, counts) = cells(table);
    let mut summaries = replicates(&counts, plan, |drawn, values| {
        values.extend(drawn.iter().flat_map(|cells| CONTRASTED.map(|name| value(*cells, name))));
        values.extend(DisparityMetric::ALL.map(|metric| disparity(drawn, metric)));
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
            let pairs = CONTRASTED.map(|name| value(*cells, name).zip(value(base, name)));
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
