//! Rates by group: a table, and beside it dots with intervals on one scale.
//!
//! Everything in the drawing is positioned here and written by a template, which escapes
//! the groups' names; colours come from classes, because the policy allows no inline style.

use crate::{
    constraints::{ConstraintVerdict, Metric},
    stats::{
        fairness::{AttributeTable, GroupRates, RateName},
        figure::Rate,
    },
    web::words,
};

/// Where the scale begins and ends in the drawing, which is 680 wide.
const LEFT: f64 = 210.0;
const RIGHT: f64 = 580.0;
const ROW: f64 = 30.0;
const TOP: f64 = 34.0;
/// More groups than this are only in the table.
const MAX_DRAWN: usize = 60;

pub struct Subgroups {
    pub attribute: String,
    /// Unique on the page, for the drawing's title and description.
    pub id: String,
    pub minimum_group_size: String,
    pub groups: Vec<GroupRow>,
    /// What the limits say about this attribute: a sentence each, with a tone.
    pub verdicts: Vec<(&'static str, String, String)>,
    pub chart: Option<Chart>,
}

pub struct GroupRow {
    pub group: String,
    pub n: String,
    pub too_small: bool,
    pub selection_rate: String,
    pub tpr: String,
    pub fpr: String,
    pub accuracy: String,
}

pub struct Chart {
    pub rate: &'static str,
    pub height: String,
    pub axis_y: String,
    pub ticks: Vec<(String, String)>,
    pub limit: Option<(String, String)>,
    pub dots: Vec<Dot>,
}

pub struct Dot {
    pub label: String,
    pub n: String,
    pub y: String,
    pub text_y: String,
    pub x: String,
    pub low: String,
    pub high: String,
    pub shown: String,
    /// `good`, `bad` or `quiet`.
    pub tone: &'static str,
}

pub fn all(tables: &[AttributeTable], verdicts: &[ConstraintVerdict]) -> Vec<Subgroups> {
    tables.iter().enumerate().map(|(index, table)| one(index, table, verdicts)).collect()
}

fn one(index: usize, table: &AttributeTable, verdicts: &[ConstraintVerdict]) -> Subgroups {
    let about: Vec<_> = verdicts.iter().filter(|v| v.attribute.as_deref() == Some(table.attribute.as_str())).collect();
    Subgroups {
        attribute: table.attribute.replace('*', " × "),
        id: format!("groups-{index}"),
        minimum_group_size: words::grouped(table.minimum_group_size),
        groups: table.groups.iter().map(group_row).collect(),
        verdicts: about
            .iter()
            .map(|v| {
                let state = v.verdict.to_string();
                (words::tone(&state), words::spoken(&state), v.reason.clone())
            })
            .collect(),
        chart: chart(table, &about),
    }
}

fn group_row(group: &GroupRates) -> GroupRow {
    let shown = |rate: Option<Rate>| match rate {
        Some(r) => format!(
            "{} ({} to {})",
            words::percent(r.value),
            words::percent(r.interval.low),
            words::percent(r.interval.high)
        ),
        None => "none".to_owned(),
    };
    GroupRow {
        group: group.group.clone(),
        n: words::grouped(group.n),
        too_small: group.too_small,
        selection_rate: shown(group.selection_rate),
        tpr: shown(group.tpr),
        fpr: shown(group.fpr),
        accuracy: shown(group.accuracy),
    }
}

fn chart(table: &AttributeTable, about: &[&ConstraintVerdict]) -> Option<Chart> {
    let (rate, limit) = drawn_rate(table, about)?;
    let groups: Vec<_> = table.usable().filter_map(|g| Some((g, g.rate(rate)?))).take(MAX_DRAWN).collect();
    if groups.is_empty() {
        return None;
    }
    let ends = groups.iter().flat_map(|(_, r)| [r.interval.low, r.interval.high]).chain(limit.map(|l| l.at));
    let (low, high) = ends.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
    let scale = Scale::over(low, high);
    let dots = groups.iter().enumerate().map(|(i, (group, rate))| dot(i, group, *rate, &scale, limit)).collect();
    let bottom = TOP + ROW * groups.len() as f64;
    Some(Chart {
        rate: rate_words(rate),
        height: px(bottom + 26.0),
        axis_y: px(bottom),
        ticks: scale.ticks(),
        limit: limit.map(|l| (px(scale.x(l.at)), words::percent(l.at))),
        dots,
    })
}

#[derive(Clone, Copy)]
struct Line {
    at: f64,
    upper: bool,
}

/// The rate that the limits are about, and the limit if it is on the rate itself.
fn drawn_rate(table: &AttributeTable, about: &[&ConstraintVerdict]) -> Option<(RateName, Option<Line>)> {
    let limited = about.iter().find_map(|v| {
        let line = Line { at: v.unit.to_base(v.limit), upper: v.operator.is_upper_limit() };
        Some((v.metric.group_rate()?, Some(line)))
    });
    let compared = || about.iter().find_map(|v| Some((compared_rate(v.metric)?, None)));
    let has = |rate: RateName| table.usable().any(|g| g.rate(rate).is_some());
    let any = || [RateName::SelectionRate, RateName::Accuracy].into_iter().find(|r| has(*r)).map(|r| (r, None));
    limited.or_else(compared).or_else(any)
}

fn compared_rate(metric: Metric) -> Option<RateName> {
    metric.disparity()?.rates().first().copied()
}

fn dot(index: usize, group: &GroupRates, rate: Rate, scale: &Scale, limit: Option<Line>) -> Dot {
    let y = TOP + ROW * index as f64 + ROW / 2.0;
    let tone = match limit {
        None => "quiet",
        Some(l) if l.upper == (rate.value <= l.at) || rate.value == l.at => "good",
        Some(_) => "bad",
    };
    let mut label: String = group.group.chars().take(22).collect();
    if label.len() < group.group.len() {
        label.push('…');
    }
    Dot {
        label,
        n: words::grouped(group.n),
        y: px(y),
        text_y: px(y + 4.5),
        x: px(scale.x(rate.value)),
        low: px(scale.x(rate.interval.low)),
        high: px(scale.x(rate.interval.high)),
        shown: words::percent(rate.value),
        tone,
    }
}

/// A stretch of 0 to 1 in whole steps.
struct Scale {
    from: f64,
    to: f64,
    step: f64,
}

impl Scale {
    fn over(low: f64, high: f64) -> Self {
        let wide = (high - low).max(0.01);
        let step = [0.01, 0.02, 0.05, 0.1, 0.2].into_iter().find(|step| wide / step <= 6.0).unwrap_or(0.25);
        let from = (low / step).floor() * step;
        let to = ((high / step).ceil() * step).max(from + step);
        Self { from, to, step }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }

    fn ticks(&self) -> Vec<(String, String)> {
        let count = ((self.to - self.from) / self.step).round() as u32;
        let at = |i: u32| self.from + self.step * f64::from(i);
        (0..=count).map(|i| (px(self.x(at(i))), format!("{:.0} %", at(i) * 100.0))).collect()
    }
}

fn px(value: f64) -> String {
    format!("{value:.1}")
}

fn rate_words(rate: RateName) -> &'static str {
    match rate {
        RateName::SelectionRate => "Selection rate",
        RateName::Accuracy => "Accuracy",
        RateName::Tpr => "True positive rate",
        RateName::Fpr => "False positive rate",
        RateName::Tnr => "True negative rate",
        RateName::Fnr => "False negative rate",
        RateName::Precision => "Precision",
        RateName::Npv => "Negative predictive value",
        RateName::FalseOmissionRate => "False omission rate",
        RateName::FalseDiscoveryRate => "False discovery rate",
        RateName::ErrorRate => "Error rate",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_holds_what_is_drawn_and_has_few_ticks() {
        for (low, high) in [(0.0, 1.0), (0.5, 0.5), (0.118, 0.131), (0.99, 1.0), (0.0, 0.0)] {
            let scale = Scale::over(low, high);
            assert!(scale.from <= low && high <= scale.to + 1e-9, "{low} {high}");
            assert!((2..=9).contains(&scale.ticks().len()), "{low} {high}");
            assert!((LEFT..=RIGHT).contains(&scale.x(low)));
        }
    }

    #[test]
    fn a_dot_beyond_the_limit_is_bad_on_the_right_side() {
        let group = GroupRates {
            group: "x".repeat(40),
            n: 100,
            too_small: false,
            counts: None,
            base_rate: None,
            selection_rate: None,
            accuracy: None,
            tpr: None,
            fpr: None,
            fnr: None,
            tnr: None,
            precision: None,
            npv: None,
            false_omission_rate: None,
            false_discovery_rate: None,
            figures: std::collections::BTreeMap::new(),
        };
        let scale = Scale::over(0.0, 1.0);
        for (count, upper, tone) in [(40, true, "good"), (60, true, "bad"), (40, false, "bad"), (50, true, "good")] {
            let rate = Rate::of(count, 100).expect("rate");
            let drawn = dot(0, &group, rate, &scale, Some(Line { at: 0.5, upper }));
            assert_eq!(drawn.tone, tone, "{count} {upper}");
            assert_eq!(drawn.label.chars().count(), 23);
        }
    }
}
