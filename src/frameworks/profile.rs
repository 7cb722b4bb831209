//! One revision of one regulation, and the rules that a file must keep to be one.

use crate::{
    constraints::{Confidence, Dimension, Metric, Operator},
    core::{
        name::Name,
        text::{Line, Paragraph},
    },
    environments::read_strictly,
    error::{Error, InField},
    frameworks::selector::{AttributeSelector, Selector},
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// A regulation, standard or guideline as it stands between two dates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FrameworkProfile {
    /// The same for every revision: 1 to 64 of `a-z 0-9 . _ -`.
    pub id: String,
    /// Counts from 1; a later revision takes effect later.
    pub revision: u32,
    pub title: String,
    /// Such as `EU`, `US` or `US-NY-NYC`; `international` for standards.
    pub jurisdiction: String,
    pub status: Status,
    /// The first day on which it applies.
    pub effective_from: NaiveDate,
    /// The first day on which it no longer applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_to: Option<NaiveDate>,
    /// What it took the place of, such as `sr-11-7@1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<String>,
    pub required_items: Vec<RequiredItem>,
    #[serde(default)]
    pub metric_rules: Vec<MetricRule>,
    pub citations: Vec<Citation>,
    /// What this profile is not, and what somebody with a licence to practise should check.
    pub disclaimer: String,
}

/// What its makers say of it. Whether it applies on a day is [`Standing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A draft that may still change; never in force.
    Proposed,
    /// Adopted: it applies from `effective_from`.
    InForce,
    /// Withdrawn: it applied until `effective_to`.
    Rescinded,
}

/// What it is on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Proposed,
    NotYetInForce,
    InForce,
    /// Withdrawn or replaced by then.
    NoLongerInForce,
}

/// Something that has to be on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequiredItem {
    pub id: String,
    pub title: String,
    /// Begins with the short name of one of the profile's citations.
    pub citation: String,
    pub satisfied_by: Selector,
    /// What is older is stale. 1 to 3,650.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_age_days: Option<u32>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A figure that has to be shown, or kept inside a limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricRule {
    pub id: String,
    pub title: String,
    pub metric: Metric,
    pub attribute: AttributeSelector,
    /// Written out in every rule: `none` means that the text has no pass mark.
    pub limit: Limit,
    #[serde(default = "point")]
    pub confidence: Confidence,
    pub citation: String,
    pub severity: Severity,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Limit {
    /// The text asks for the figure and sets no pass mark.
    None,
    At {
        operator: Operator,
        value: f64,
    },
}

/// What a figure outside of the limit means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is to be shown.
    Report,
    /// It is evidence of a concern, and no verdict by itself.
    EvidenceOfConcern,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Citation {
    /// How items name it, such as `29 CFR 1607`.
    pub short: String,
    /// Where to find it, in full.
    pub reference: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

fn point() -> Confidence {
    Confidence::Point
}

impl Limit {
    pub fn at(self) -> Option<(Operator, f64)> {
        match self {
            Self::None => None,
            Self::At { operator, value } => Some((operator, value)),
        }
    }
}

impl FrameworkProfile {
    /// Reads a profile strictly; the first thing that is wrong is named with its place.
    pub fn parse(written: &Value) -> Result<Self, Error> {
        let profile: Self = read_strictly(written)?;
        Name::parse(&profile.id).in_field("id")?;
        Line::parse_required(&profile.title).in_field("title")?;
        Line::parse_required(&profile.jurisdiction).in_field("jurisdiction")?;
        Paragraph::parse_required(&profile.disclaimer).in_field("disclaimer")?;
        if profile.revision == 0 {
            return Err(Error::invalid("revision", "revisions count from 1"));
        }
        profile.check_dates()?;
        profile.check_citations()?;
        let items = profile.required_items.iter().map(|item| ("required_items", item.id.as_str()));
        let rules = profile.metric_rules.iter().map(|rule| ("metric_rules", rule.id.as_str()));
        unique(items.chain(rules))?;
        if profile.required_items.is_empty() || 200 < profile.required_items.len() {
            return Err(Error::invalid("required_items", "a profile lists 1 to 200 items"));
        }
        for (i, item) in profile.required_items.iter().enumerate() {
            profile.check_item(item, &format!("required_items[{i}]"))?;
        }
        for (i, rule) in profile.metric_rules.iter().enumerate() {
            profile.check_rule(rule, &format!("metric_rules[{i}]"))?;
        }
        Ok(profile)
    }

    /// `sr-26-2@1`.
    pub fn name(&self) -> String {
        format!("{}@{}", self.id, self.revision)
    }

    pub fn standing(&self, on: NaiveDate) -> Standing {
        if self.status == Status::Proposed {
            return Standing::Proposed;
        }
        if on < self.effective_from {
            return Standing::NotYetInForce;
        }
        match self.effective_to {
            Some(end) if end <= on => Standing::NoLongerInForce,
            _ => Standing::InForce,
        }
    }

    fn check_dates(&self) -> Result<(), Error> {
        if self.effective_to.is_some_and(|end| end <= self.effective_from) {
            return Err(Error::invalid("effective_to", "must lie after effective_from"));
        }
        if self.status == Status::Rescinded && self.effective_to.is_none() {
            return Err(Error::invalid("effective_to", "what was rescinded says since when"));
        }
        match self.supersedes.as_deref().map(parse_name) {
            Some(None) => Err(Error::invalid("supersedes", "name a profile with its revision, such as sr-11-7@1")),
            _ => Ok(()),
        }
    }

    fn check_citations(&self) -> Result<(), Error> {
        if self.citations.is_empty() || 100 < self.citations.len() {
            return Err(Error::invalid("citations", "a profile cites 1 to 100 texts"));
        }
        for (i, citation) in self.citations.iter().enumerate() {
            Line::parse_required(&citation.short).in_field(&format!("citations[{i}].short"))?;
            Line::parse_required(&citation.reference).in_field(&format!("citations[{i}].reference"))?;
            if citation.url.as_ref().is_some_and(|url| !url.starts_with("https://")) {
                return Err(Error::invalid(format!("citations[{i}].url"), "use an https address"));
            }
        }
        unique(self.citations.iter().map(|citation| ("citations", citation.short.as_str())))
    }

    fn check_item(&self, item: &RequiredItem, place: &str) -> Result<(), Error> {
        Name::parse(&item.id).in_field(&format!("{place}.id"))?;
        Line::parse_required(&item.title).in_field(&format!("{place}.title"))?;
        Paragraph::parse(&item.note).in_field(&format!("{place}.note"))?;
        item.satisfied_by.check(&format!("{place}.satisfied_by"))?;
        self.check_citation(&item.citation, place)?;
        if item.maximum_age_days.is_some_and(|days| !(1..=3_650).contains(&days)) {
            return Err(Error::invalid(format!("{place}.maximum_age_days"), "use 1 to 3650"));
        }
        Ok(())
    }

    fn check_rule(&self, rule: &MetricRule, place: &str) -> Result<(), Error> {
        Name::parse(&rule.id).in_field(&format!("{place}.id"))?;
        Line::parse_required(&rule.title).in_field(&format!("{place}.title"))?;
        Paragraph::parse(&rule.note).in_field(&format!("{place}.note"))?;
        self.check_citation(&rule.citation, place)?;
        rule.attribute.check(&format!("{place}.attribute"))?;
        let dimension = match rule.attribute {
            AttributeSelector::Overall => Dimension::Quality,
            _ => Dimension::Bias,
        };
        if !dimension.metrics().contains(&rule.metric) {
            let detail = format!("{} is no metric of {dimension}, which this attribute asks for", rule.metric);
            return Err(Error::invalid(format!("{place}.metric"), detail));
        }
        if rule.confidence == Confidence::Interval && !rule.metric.has_interval(None) {
            let detail = format!("{} has no interval; judge the point", rule.metric);
            return Err(Error::invalid(format!("{place}.confidence"), detail));
        }
        let (low, high) = rule.metric.range();
        match rule.limit.at() {
            Some((_, value)) if !value.is_finite() || value < low || high < value => {
                Err(Error::invalid(format!("{place}.limit"), format!("{} lies between {low} and {high}", rule.metric)))
            }
            None if rule.severity == Severity::EvidenceOfConcern => {
                Err(Error::invalid(format!("{place}.severity"), "without a limit a figure can only be reported"))
            }
            _ => Ok(()),
        }
    }

    fn check_citation(&self, cited: &str, place: &str) -> Result<(), Error> {
        Line::parse_required(cited).in_field(&format!("{place}.citation"))?;
        if self.citations.iter().any(|citation| cited.starts_with(&citation.short)) {
            return Ok(());
        }
        let detail = "begin with the short name of one of the citations, so that a reader finds the text";
        Err(Error::invalid(format!("{place}.citation"), detail))
    }
}

/// `sr-11-7@1` as id and revision.
pub fn parse_name(raw: &str) -> Option<(&str, u32)> {
    let (id, revision) = raw.split_once('@')?;
    Name::parse(id).ok()?;
    let digits = revision.bytes().all(|b| b.is_ascii_digit()) && !revision.starts_with('0');
    Some((id, revision.parse().ok().filter(|_| digits)?))
}

fn unique<'a>(ids: impl Iterator<Item = (&'static str, &'a str)>) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for (list, id) in ids {
        if !seen.insert(id) {
            return Err(Error::invalid(list, format!("\"{id}\" stands twice")));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests;
