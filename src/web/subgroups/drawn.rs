//! What the drawing of an attribute shows, and which groups the page has room for.

use super::names;
use crate::{
    constraints::{ConstraintVerdict, Verdict},
    stats::{
        disparity::Compared,
        fairness::{AttributeTable, FigureName, GroupRates, RateName},
    },
};

/// More groups of one attribute than this are only in the evidence.
pub const MAXIMUM_GROUPS: usize = 40;

/// A limit on what is drawn, in base units.
#[derive(Clone, Copy)]
pub struct Limit {
    pub at: f64,
    pub upper: bool,
    /// The verdict on it; a limit is judged by its point or by its whole interval.
    pub failed: bool,
}

#[derive(Clone, Copy)]
pub struct Drawn {
    pub what: Compared,
    pub limit: Option<Limit>,
}

impl Drawn {
    /// What a limit is about, else what is compared under a limit, else what says most.
    pub fn of(table: &AttributeTable, about: &[&ConstraintVerdict]) -> Option<Self> {
        let has = |what: &Compared| table.usable().any(|group| names::value(group, *what).is_some());
        let limited = about.iter().find_map(|v| {
            let rate = v.metric.group_rate().map(Compared::Rate);
            let what = rate.or_else(|| v.metric.group_figure().map(Compared::Figure)).filter(has)?;
            let failed = v.verdict == Verdict::Fail;
            let limit = Limit { at: v.unit.to_base(v.limit), upper: v.operator.is_upper_limit(), failed };
            Some(Self { what, limit: Some(limit).filter(|limit| limit.at.is_finite()) })
        });
        let compared = || about.iter().find_map(|v| v.metric.disparity()?.compares().find(|what| has(what)));
        let usual = || {
            [
                Compared::Rate(RateName::SelectionRate),
                Compared::Figure(FigureName::Mae),
                Compared::Rate(RateName::Accuracy),
            ]
            .into_iter()
            .find(|what| has(what))
        };
        limited.or_else(|| compared().or_else(usual).map(|what| Self { what, limit: None }))
    }

    /// How bad: how far beyond the limit, or, without one, how far from all rows.
    fn badness(self, group: &GroupRates, overall: Option<&GroupRates>) -> f64 {
        let value = |group| names::value(group, self.what).and_then(|figure| figure.value);
        let Some(own) = value(group) else { return f64::NEG_INFINITY };
        match (self.limit, overall.and_then(value)) {
            (Some(limit), _) if limit.upper => own - limit.at,
            (Some(limit), _) => limit.at - own,
            (None, all) => (own - all.unwrap_or(0.0)).abs(),
        }
    }
}

/// The groups that are shown, in the order of the table: all, or the worst of many.
pub fn shown(table: &AttributeTable, drawn: Option<Drawn>) -> Vec<&GroupRates> {
    let mut ranked: Vec<(usize, &GroupRates)> = table.groups.iter().enumerate().collect();
    if let Some(drawn) = drawn.filter(|_| MAXIMUM_GROUPS < ranked.len()) {
        let bad = |group: &GroupRates| drawn.badness(group, table.overall.as_ref());
        ranked.sort_by(|(_, a), (_, b)| bad(b).total_cmp(&bad(a)));
    }
    ranked.truncate(MAXIMUM_GROUPS);
    ranked.sort_by_key(|(place, _)| *place);
    ranked.into_iter().map(|(_, group)| group).collect()
}
