//! What a record of each kind says. Every field is read strictly, and everything is bounded.

use crate::{
    constraints::words::{Words, words},
    core::{
        Malformed,
        digest::Digest,
        text::{Line, Paragraph},
    },
    environments::read_strictly,
    error::{Error, InField},
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

const MAX_ENTRIES: usize = 100;
const MAX_STEPS: usize = 20;
const MAX_URL_BYTES: usize = 500;
/// Thirty days: whoever is called later than that is called by nobody.
const MAX_MINUTES: u32 = 43_200;

words! {
    /// What somebody answers for.
    Kind {
        /// What the model is meant to achieve, as a number.
        Kpi = "kpi",
        /// What must hold for the model to be right.
        Assumption = "assumption",
        /// What happens when it does not work.
        Degradation = "degradation",
        /// What people do when something is wrong.
        Runbook = "runbook",
        /// What is promised to those who use it.
        Sla = "sla",
        /// Who is called, and after how long.
        Escalation = "escalation",
        /// What feeds it and what it feeds.
        IntegrationMap = "integration_map",
    }

    /// Whether an assumption holds, as far as anybody knows.
    Holding {
        Holds = "holds",
        Unknown = "unknown",
        Violated = "violated",
    }

    /// What happens instead of the model's own answer.
    Response {
        /// No answer is given.
        Abstain = "abstain",
        FallbackModel = "fallback_model",
        HumanReview = "human_review",
    }
}

impl Kind {
    /// As people say it.
    pub fn spoken(self) -> &'static str {
        match self {
            Self::Kpi => "KPI",
            Self::Assumption => "assumption",
            Self::Degradation => "degradation policy",
            Self::Runbook => "runbook",
            Self::Sla => "SLA",
            Self::Escalation => "escalation chain",
            Self::IntegrationMap => "integration map",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Malformed> {
        Self::from_word(raw).ok_or_else(|| Malformed::new(format!("use one of {}", Self::listed())))
    }
}

/// A number to reach, and until when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Kpi {
    pub metric: String,
    /// UCUM where there is one, such as `%` or `h`.
    pub unit: String,
    pub target: f64,
    /// What it was without the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
    /// The day on which the target is to be reached.
    pub due: NaiveDate,
    /// Where the number is read.
    pub source: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assumption {
    pub statement: String,
    /// While it is violated, nothing that it bears on is promoted.
    pub state: Holding,
    /// How somebody finds out whether it holds.
    pub check: String,
    /// `sha256:…` of what shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Degradation {
    /// What sets it off. 1 to 20.
    pub triggers: Vec<String>,
    pub response: Response,
    /// What answers instead; with the response `fallback_model` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Runbook {
    /// http or https.
    pub url: String,
    /// `sha256:…` of the document as its owner read it: what is behind an address changes.
    pub sha256: String,
}

/// At least one promise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceLevel {
    /// Above 0, at most 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_percent: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_time_p95_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput_per_second: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_time_minutes: Option<f64>,
    /// When somebody is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// 1 to 20, each later than the one before.
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// 0 to 43,200.
    pub after_minutes: u32,
    pub contact: String,
}

/// At least one system, upstream or downstream. At most 100 of each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IntegrationMap {
    #[serde(default)]
    pub upstream: Vec<String>,
    #[serde(default)]
    pub downstream: Vec<String>,
    #[serde(default)]
    pub interfaces: Vec<Interface>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// A system that is upstream or downstream.
    pub system: String,
    /// Such as `REST`, `file` or `queue`.
    pub protocol: String,
    /// What goes over it.
    pub data: String,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Body {
    Kpi(Kpi),
    Assumption(Assumption),
    Degradation(Degradation),
    Runbook(Runbook),
    Sla(ServiceLevel),
    Escalation(Escalation),
    IntegrationMap(IntegrationMap),
}

impl Body {
    /// Reads what a record of a kind says; every problem is named with its place.
    pub fn parse(kind: Kind, written: &Value) -> Result<Self, Error> {
        let body = match kind {
            Kind::Kpi => Self::Kpi(read_strictly(written)?),
            Kind::Assumption => Self::Assumption(read_strictly(written)?),
            Kind::Degradation => Self::Degradation(read_strictly(written)?),
            Kind::Runbook => Self::Runbook(read_strictly(written)?),
            Kind::Sla => Self::Sla(read_strictly(written)?),
            Kind::Escalation => Self::Escalation(read_strictly(written)?),
            Kind::IntegrationMap => Self::IntegrationMap(read_strictly(written)?),
        };
        match &body {
            Self::Kpi(kpi) => kpi.check(),
            Self::Assumption(assumption) => assumption.check(),
            Self::Degradation(degradation) => degradation.check(),
            Self::Runbook(runbook) => runbook.check(),
            Self::Sla(level) => level.check(),
            Self::Escalation(chain) => chain.check(),
            Self::IntegrationMap(map) => map.check(),
        }?;
        Ok(body)
    }

    /// Somebody found that what must hold does not.
    pub fn is_violated(&self) -> bool {
        matches!(self, Self::Assumption(Assumption { state: Holding::Violated, .. }))
    }
}

impl Kpi {
    fn check(&self) -> Result<(), Error> {
        line("metric", &self.metric)?;
        line("unit", &self.unit)?;
        line("source", &self.source)
    }
}

impl Assumption {
    fn check(&self) -> Result<(), Error> {
        Paragraph::parse_required(&self.statement).in_field("statement")?;
        Paragraph::parse_required(&self.check).in_field("check")?;
        self.evidence.as_deref().map(Digest::parse).transpose().in_field("evidence")?;
        Ok(())
    }
}

impl Degradation {
    fn check(&self) -> Result<(), Error> {
        between("triggers", self.triggers.len(), 1, MAX_STEPS)?;
        lines("triggers", &self.triggers)?;
        match (self.response, &self.fallback) {
            (Response::FallbackModel, None) => Err(Error::invalid("fallback", "say what answers instead")),
            (Response::FallbackModel, Some(fallback)) => line("fallback", fallback),
            (_, Some(_)) => Err(Error::invalid("fallback", "goes with the response fallback_model only")),
            (_, None) => Ok(()),
        }
    }
}

impl Runbook {
    fn check(&self) -> Result<(), Error> {
        let after = self.url.strip_prefix("https://").or_else(|| self.url.strip_prefix("http://"));
        let plain = !self.url.contains(|c: char| c.is_whitespace() || c.is_control());
        if after.is_none_or(str::is_empty) || !plain || MAX_URL_BYTES < self.url.len() {
            let detail = format!("use an http or https address of at most {MAX_URL_BYTES} bytes");
            return Err(Error::invalid("url", detail));
        }
        Digest::parse(&self.sha256).in_field("sha256").map(drop)
    }
}

impl ServiceLevel {
    fn check(&self) -> Result<(), Error> {
        let promises = [
            ("availability_percent", self.availability_percent, 100.0),
            ("response_time_p95_ms", self.response_time_p95_ms, f64::MAX),
            ("throughput_per_second", self.throughput_per_second, f64::MAX),
            ("recovery_time_minutes", self.recovery_time_minutes, f64::MAX),
        ];
        if promises.iter().all(|(_, value, _)| value.is_none()) && self.support.is_none() {
            return Err(Error::invalid("availability_percent", "promise at least one thing"));
        }
        for (field, value, most) in promises {
            if value.is_some_and(|value| !value.is_finite() || value <= 0.0 || most < value) {
                let bound = if most < f64::MAX { format!(" and at most {most}") } else { String::new() };
                return Err(Error::invalid(field, format!("use a number above 0{bound}")));
            }
        }
        self.support.as_deref().map_or(Ok(()), |support| line("support", support))
    }
}

impl Escalation {
    fn check(&self) -> Result<(), Error> {
        between("steps", self.steps.len(), 1, MAX_STEPS)?;
        let mut before = None;
        for (i, step) in self.steps.iter().enumerate() {
            let late = before.is_some_and(|before| step.after_minutes <= before) || MAX_MINUTES < step.after_minutes;
            if late {
                let detail = format!("use at most {MAX_MINUTES} minutes, each more than the one before");
                return Err(Error::invalid(format!("steps[{i}].after_minutes"), detail));
            }
            line(&format!("steps[{i}].contact"), &step.contact)?;
            before = Some(step.after_minutes);
        }
        Ok(())
    }
}

impl IntegrationMap {
    fn check(&self) -> Result<(), Error> {
        if self.upstream.is_empty() && self.downstream.is_empty() {
            return Err(Error::invalid("upstream", "name at least one system, upstream or downstream"));
        }
        for (field, systems) in [("upstream", &self.upstream), ("downstream", &self.downstream)] {
            between(field, systems.len(), 0, MAX_ENTRIES)?;
            lines(field, systems)?;
        }
        between("interfaces", self.interfaces.len(), 0, MAX_ENTRIES)?;
        for (i, interface) in self.interfaces.iter().enumerate() {
            let at = |field: &str| format!("interfaces[{i}].{field}");
            if !self.upstream.contains(&interface.system) && !self.downstream.contains(&interface.system) {
                return Err(Error::invalid(at("system"), "name a system that is upstream or downstream"));
            }
            line(&at("protocol"), &interface.protocol)?;
            line(&at("data"), &interface.data)?;
        }
        Ok(())
    }
}

fn line(field: &str, text: &str) -> Result<(), Error> {
    Line::parse_required(text).in_field(field).map(drop)
}

fn lines(field: &str, texts: &[String]) -> Result<(), Error> {
    texts.iter().enumerate().try_for_each(|(i, text)| line(&format!("{field}[{i}]"), text))
}

fn between(field: &str, count: usize, least: usize, most: usize) -> Result<(), Error> {
    if count < least || most < count {
        return Err(Error::invalid(field, format!("use {least} to {most} entries")));
    }
    Ok(())
}

#[cfg(test)]
#[path = "kinds_tests.rs"]
mod tests;
