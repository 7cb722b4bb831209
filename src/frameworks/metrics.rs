//! The figures that a profile asks for, with what a limit says of them.
//!
//! Rules: a law without a pass mark gives none; a figure that rests on too few rows, or whose
//! interval reaches over the limit where the rule asks for the whole interval, is neither
//! within nor outside.

use crate::{
    constraints::{Confidence, ImpactForm, Metric, Operator},
    frameworks::{
        facts::Facts,
        impact::{self, ImpactAnalysis},
        profile::{FrameworkProfile, MetricRule, Severity},
        selector::AttributeSelector,
    },
    stats::{
        fairness::{AttributeTable, GroupRates},
        figure::{Figure, Rate},
        interval::Interval,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetricVerdict {
    Within,
    Outside,
    /// The text asks for the figure and says no more.
    NoPassMark,
    TooFew,
    /// There is nothing to compare, or nobody to divide by.
    NotApplicable,
    NotMeasured,
}

impl MetricVerdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Outside => "outside",
            Self::NoPassMark => "no_pass_mark",
            Self::TooFew => "too_few",
            Self::NotApplicable => "not_applicable",
            Self::NotMeasured => "not_measured",
        }
    }
}

/// One figure of one rule: of all rows, of an attribute, or of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MetricResult {
    pub rule: String,
    pub title: String,
    pub citation: String,
    pub metric: Metric,
    pub severity: Severity,
    /// `sex`, or `sex*race` for an intersection.
    pub attribute: Option<String>,
    /// Of an impact ratio the category that has the lowest one.
    pub group: Option<String>,
    pub value: Option<f64>,
    pub interval: Option<Interval>,
    /// Rows that it rests on.
    pub n: Option<u64>,
    /// Absent where the text has no pass mark.
    pub operator: Option<Operator>,
    pub limit: Option<f64>,
    pub verdict: MetricVerdict,
    /// In plain words.
    pub why: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Of an impact ratio: every category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<ImpactAnalysis>,
}

/// What a rule is held against.
pub(super) struct Subject {
    pub attribute: Option<String>,
    pub group: Option<String>,
    pub figure: Figure,
    /// Why the figure can't be judged although it is there, or isn't there at all.
    pub doubt: Option<String>,
}

/// One result or more per rule, in the order of the profile.
pub fn results(profile: &FrameworkProfile, facts: &Facts) -> Vec<MetricResult> {
    profile.metric_rules.iter().flat_map(|rule| of_rule(rule, facts)).collect()
}

fn of_rule(rule: &MetricRule, facts: &Facts) -> Vec<MetricResult> {
    if rule.attribute == AttributeSelector::Overall {
        let result = match facts.figures.get(&rule.metric) {
            Some(figure) => judge(rule, Subject { attribute: None, group: None, figure: *figure, doubt: None }),
            None => absent(rule, facts, None, rule.metric.to_string()),
        };
        return vec![result];
    }
    let tables = facts.tables_of(&rule.attribute);
    let mut found: Vec<_> = match rule.metric.impact() {
        Some(form) => tables.iter().filter_map(|table| impact::of_table(rule, form, table)).collect(),
        None => tables.iter().flat_map(|table| subjects(rule.metric, table)).map(|s| judge(rule, s)).collect(),
    };
    if rule.attribute == AttributeSelector::Every {
        let columns = facts.dataset.iter().flat_map(|dataset| &dataset.sensitive);
        let measured = |column: &str| tables.iter().any(|table| table.attribute == column);
        found.extend(
            columns.filter(|column| !measured(column)).map(|c| absent(rule, facts, Some(c.clone()), c.clone())),
        );
    }
    if found.is_empty() {
        found.push(absent(rule, facts, None, rule.attribute.to_string()));
    }
    found
}

/// A disparity is one figure per table, a rate or another figure one per group.
fn subjects(metric: Metric, table: &AttributeTable) -> Vec<Subject> {
    let attribute = Some(table.attribute.clone());
    if is_per_group(metric, table) {
        let of = |group: &GroupRates| {
            let figure = of_group(metric, group).unwrap_or_else(|| Figure::point(None, group.n));
            let least = table.minimum_group_size;
            let small =
                group.too_small.then(|| format!("the group has fewer than {least} rows, so only a count is given"));
            Subject { attribute: attribute.clone(), group: Some(group.group.clone()), figure, doubt: small }
        };
        return table.groups.iter().map(of).collect();
    }
    let Some(disparity) = metric.disparity().and_then(|metric| table.disparity(metric)) else { return Vec::new() };
    let mut doubt = None;
    if table.usable().count() < 2 {
        doubt = Some(format!("fewer than two groups have at least {} rows", table.minimum_group_size));
    } else if !disparity.complete {
        doubt = Some("one of the rates it compares exists in fewer than two groups".to_owned());
    }
    let figure = Figure::with_interval(disparity.value, disparity.interval, disparity.n);
    vec![Subject { attribute, group: None, figure, doubt }]
}

/// What the metric is of one group.
fn of_group(metric: Metric, group: &GroupRates) -> Option<Figure> {
    let of_rate = |rate: Rate| Figure::with_interval(Some(rate.value), Some(rate.interval), rate.total);
    match metric.group_rate() {
        Some(rate) => group.rate(rate).map(of_rate),
        None => group.figure(metric.group_figure()?),
    }
}

/// A figure that no group has is none that this kind of prediction has.
fn is_per_group(metric: Metric, table: &AttributeTable) -> bool {
    let has = |name| table.groups.iter().any(|group| group.figure(name).is_some());
    metric.group_rate().is_some() || metric.group_figure().is_some_and(has)
}

fn judge(rule: &MetricRule, subject: Subject) -> MetricResult {
    let (verdict, why) = conclude(rule, &subject);
    MetricResult {
        value: subject.figure.value,
        interval: subject.figure.interval,
        n: Some(subject.figure.n),
        attribute: subject.attribute,
        group: subject.group,
        ..result(rule, verdict, why)
    }
}

pub(super) fn conclude(rule: &MetricRule, subject: &Subject) -> (MetricVerdict, String) {
    let figure = &subject.figure;
    if let Some(doubt) = &subject.doubt {
        return (MetricVerdict::TooFew, format!("too few rows to tell: {doubt}"));
    }
    let Some(value) = figure.value.filter(|value| value.is_finite()) else {
        return (MetricVerdict::TooFew, "undefined: the rate that it divides by is 0, or no row has it".to_owned());
    };
    let Some((operator, limit)) = rule.limit.at() else {
        return (MetricVerdict::NoPassMark, "to be shown; the text sets no pass mark".to_owned());
    };
    let holds = |value| operator.holds(value, limit);
    let (verdict, reach) = match (rule.confidence, figure.interval) {
        (Confidence::Point, _) => (holds(value), ""),
        (Confidence::Interval, None) => {
            return (MetricVerdict::TooFew, "no interval can be given for so few rows".to_owned());
        }
        (Confidence::Interval, Some(i)) => match [i.low, value, i.high].map(holds) {
            [true, true, true] => (true, " with its whole interval"),
            [false, false, false] => (false, " with its whole interval"),
            _ => {
                let why = format!("too few rows to tell: the interval reaches over {operator} {limit}");
                return (MetricVerdict::TooFew, why);
            }
        },
    };
    let meaning = match (verdict, rule.severity) {
        (false, Severity::EvidenceOfConcern) => "; evidence of a concern to look into, not a verdict",
        _ => "",
    };
    match verdict {
        true => (MetricVerdict::Within, format!("{operator} {limit} holds{reach}")),
        false => (MetricVerdict::Outside, format!("{operator} {limit} does not hold{reach}{meaning}")),
    }
}

fn absent(rule: &MetricRule, facts: &Facts, attribute: Option<String>, what: String) -> MetricResult {
    let of_attribute = || facts.absent.iter().find(|(word, _)| is_meant(rule, word, facts)).map(|(_, why)| why);
    let of_metric = || facts.absent.get(&rule.metric.to_string());
    let why = match facts.absent.get(&what).or_else(of_attribute).or_else(of_metric) {
        Some(reason) => format!("not measured: {reason}"),
        None if rule.metric.impact() == Some(ImpactForm::Scoring) && !facts.tables_of(&rule.attribute).is_empty() => {
            "not measured: this form needs a favourable label and its scores".to_owned()
        }
        None if facts.measured.is_empty() => "not measured: no finished run counts for it".to_owned(),
        None => format!("not measured: the run has nothing on {what}"),
    };
    MetricResult { attribute, ..result(rule, MetricVerdict::NotMeasured, why) }
}

/// Whether what the run could not measure under this word is what the rule asks for.
fn is_meant(rule: &MetricRule, word: &str, facts: &Facts) -> bool {
    matches!(rule.attribute, AttributeSelector::Roles(_)) && rule.attribute.takes(word, &facts.roles())
}

pub(super) fn result(rule: &MetricRule, verdict: MetricVerdict, why: String) -> MetricResult {
    let (operator, limit) = rule.limit.at().unzip();
    MetricResult {
        rule: rule.id.clone(),
        title: rule.title.clone(),
        citation: rule.citation.clone(),
        metric: rule.metric,
        severity: rule.severity,
        attribute: None,
        group: None,
        value: None,
        interval: None,
        n: None,
        operator,
        limit,
        verdict,
        why,
        note: rule.note.clone(),
        impact: None,
    }
}

#[cfg(test)]
mod tests;
