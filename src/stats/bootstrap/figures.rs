//! What the bootstrap of row-level figures answers, and how its replicates are laid out.

use super::{Generator, Plan, PlanError, ROW_GENERATOR, Replicates, run};
use crate::stats::{disparity::Against, fairness::FigureName, groups::Groups};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The replicates of one figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FigureBootstrap {
    pub figure: FigureName,
    /// Of one class against the rest; `None` for a figure of all classes or of two.
    pub class: Option<String>,
    pub replicates: Replicates,
}

/// One group that is large enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GroupFigures {
    pub group: String,
    pub figures: Vec<FigureBootstrap>,
    /// Group minus reference, signed. Empty for the reference group itself and where groups are
    /// held against each other.
    pub differences: Vec<FigureBootstrap>,
}

/// Every figure by group, over all rows and between groups, in the order in which the maker of
/// the bootstrap names them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FiguresBootstrap {
    pub plan: Plan,
    pub generator: String,
    pub against: Against,
    /// Over all rows, those of small groups included.
    pub overall: Vec<FigureBootstrap>,
    pub groups: Vec<GroupFigures>,
    /// Highest minus lowest of the groups that are large enough: never below 0, so no test of "no
    /// difference".
    pub spreads: Vec<FigureBootstrap>,
    /// Below the minimum size: drawn for the figures of all rows, without figures of their own.
    pub groups_left_out: Vec<String>,
}

/// Which groups are compared, with what, and how.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    pub groups: &'a Groups,
    pub minimum_group_size: u64,
    pub against: Against,
    pub plan: Plan,
}

/// The groups of a comparison: all of them are strata, some of them have figures.
pub struct Strata {
    pub labels: Vec<String>,
    /// The row numbers of each group.
    pub rows: Vec<Vec<u32>>,
    /// Whether each group is large enough.
    pub usable: Vec<bool>,
    /// The place of the reference among the usable groups.
    reference: Option<usize>,
}

impl Comparison<'_> {
    /// `rows` is how many values there are.
    pub fn strata(&self, rows: usize) -> Result<Strata, PlanError> {
        let in_groups = self.groups.of_rows().len();
        if in_groups != rows || u32::try_from(rows).is_err() {
            return Err(PlanError::Lengths { rows: in_groups, other: rows });
        }
        let numbers: Vec<u32> = (0..rows as u32).collect();
        let (labels, rows): (Vec<String>, _) = (self.groups.labels().collect(), self.groups.split(&numbers));
        let usable: Vec<bool> = rows.iter().map(|rows| self.minimum_group_size <= rows.len() as u64).collect();
        let mut compared = labels.iter().zip(&usable).filter(|(_, usable)| **usable).map(|(label, _)| label);
        let reference = match &self.against {
            Against::BetweenGroups | Against::Overall => None,
            Against::Group(name) => {
                let absent = || PlanError::NoReference { group: name.clone() };
                Some(compared.position(|label| label == name).ok_or_else(absent)?)
            }
        };
        Ok(Strata { labels, rows, usable, reference })
    }

    /// `draw` draws once and pushes the figures of all rows and then of each usable group, each
    /// time as many as there are `names`.
    pub fn bootstrap(
        &self,
        strata: Strata,
        names: &[(FigureName, Option<String>)],
        progress: &mut dyn FnMut(f64),
        mut draw: impl FnMut(&mut Generator, &mut Vec<Option<f64>>),
    ) -> Result<FiguresBootstrap, PlanError> {
        let usable = strata.usable.iter().filter(|usable| **usable).count();
        let blocks = names.len().max(1);
        // Of all rows and of each group, the spreads, and the differences of each group.
        let signed = self.against != Against::BetweenGroups;
        let width = names.len().saturating_mul(2 + usable * if signed { 2 } else { 1 });
        let at = strata.reference.map_or(0, |place| place + 1);
        let mut summaries = run(self.plan, width, progress, |generator, values| {
            draw(generator, values);
            let own = values.clone();
            values.extend(spreads(&own, blocks));
            let base = own.chunks(blocks).nth(at).unwrap_or_default();
            for group in own.chunks(blocks).skip(1).filter(|_| signed) {
                values.extend(group.iter().zip(base).map(|(a, b)| a.zip(*b).map(|(a, b)| a - b)));
            }
        })?
        .into_iter();
        let mut next = || -> Vec<FigureBootstrap> {
            let replicates = summaries.by_ref().take(names.len());
            let named = names.iter().cloned().zip(replicates);
            named.map(|((figure, class), replicates)| FigureBootstrap { figure, class, replicates }).collect()
        };
        let overall = next();
        let figures: Vec<Vec<FigureBootstrap>> = (0..usable).map(|_| next()).collect();
        let spreads = next();
        let differences = (0..usable).map(|place| (next(), Some(place) == strata.reference));
        let differences: Vec<_> = differences.map(|(all, own)| if own || !signed { Vec::new() } else { all }).collect();
        let (large, small): (Vec<_>, Vec<_>) = strata.labels.into_iter().zip(strata.usable).partition(|group| group.1);
        let groups = large.into_iter().zip(figures.into_iter().zip(differences));
        Ok(FiguresBootstrap {
            plan: self.plan,
            generator: ROW_GENERATOR.to_owned(),
            against: self.against.clone(),
            overall,
            groups: groups
                .map(|((group, _), (figures, differences))| GroupFigures { group, figures, differences })
                .collect(),
            spreads,
            groups_left_out: small.into_iter().map(|group| group.0).collect(),
        })
    }
}

/// Highest minus lowest of each figure over the groups that have it, at least two of them.
fn spreads(own: &[Option<f64>], blocks: usize) -> Vec<Option<f64>> {
    let of = |figure: usize| {
        let values = own.chunks(blocks).skip(1).filter_map(|group| group.get(figure).copied().flatten());
        let (mut low, mut high, mut groups) = (f64::INFINITY, f64::NEG_INFINITY, 0);
        for value in values {
            (low, high, groups) = (low.min(value), high.max(value), groups + 1);
        }
        (2 <= groups).then_some(high - low)
    };
    (0..blocks).map(of).collect()
}
