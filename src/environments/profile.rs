//! What an environment is: where models will run, for whom, and who is called at night.

use crate::{
    constraints::Link,
    core::{
        Malformed,
        text::{Line, Paragraph},
    },
    environments::read_strictly,
    error::{Error, InField},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    #[serde(default)]
    pub description: String,
    pub class: Class,
    /// Where the law is looked up, such as `EU` or `US-NY`.
    #[serde(default)]
    pub jurisdiction: String,
    /// The most that any model may do by itself here.
    pub operating_mode: OperatingMode,
    /// What the first release of a model may begin with: `advisory` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starting_mode: Option<OperatingMode>,
    /// Position on the way to production; a smaller number comes first.
    #[serde(default)]
    pub order: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware: Option<HardwareProfile>,
    /// How the environment reaches what runs there; limits on transfer and offline time are judged by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connectivity: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sla: Option<Sla>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation_contact: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalation: Vec<EscalationStep>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Server,
    Edge,
    Batch,
    Embedded,
}

/// Who decides: a person with advice, a person in the loop, or the model alone.
/// In this order, each leaves less to people than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperatingMode {
    Advisory,
    HumanInTheLoop,
    Automated,
}

impl OperatingMode {
    pub const ALL: [Self; 3] = [Self::Advisory, Self::HumanInTheLoop, Self::Automated];

    pub fn name(self) -> &'static str {
        match self {
            Self::Advisory => "advisory",
            Self::HumanInTheLoop => "human_in_the_loop",
            Self::Automated => "automated",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Malformed> {
        let found = Self::ALL.into_iter().find(|mode| mode.name() == raw);
        found.ok_or_else(|| Malformed::new("use advisory, human_in_the_loop or automated"))
    }

    /// The next one that leaves less to people; the last one is its own.
    pub fn one_up(self) -> Self {
        match self {
            Self::Advisory => Self::HumanInTheLoop,
            Self::HumanInTheLoop | Self::Automated => Self::Automated,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HardwareProfile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<f64>,
    /// UCUM, such as `GiBy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerator: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sla {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_percent: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_time_p95_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_time_minutes: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EscalationStep {
    pub after_minutes: u32,
    pub contact: String,
}

impl Profile {
    pub fn parse(written: &Value) -> Result<Self, Error> {
        let profile: Self = read_strictly(written)?;
        Paragraph::parse(&profile.description).in_field("description")?;
        Line::parse(&profile.jurisdiction).in_field("jurisdiction")?;
        if profile.starting_mode.is_some_and(|starting| profile.operating_mode < starting) {
            let detail = format!("nothing here goes beyond the operating_mode, {}", profile.operating_mode.name());
            return Err(Error::invalid("starting_mode", detail));
        }
        if let Some((field, why)) = profile.connectivity.and_then(|link| link.problem()) {
            return Err(Error::invalid(format!("connectivity.{field}"), why));
        }
        if let Some(url) = &profile.runbook_url {
            let web = url.starts_with("https://") || url.starts_with("http://");
            if !web || 500 < url.len() || url.contains(char::is_whitespace) {
                return Err(Error::invalid("runbook_url", "use an http or https address of at most 500 bytes"));
            }
        }
        if let Some(contact) = &profile.escalation_contact {
            Line::parse_required(contact).in_field("escalation_contact")?;
        }
        if 20 < profile.escalation.len() {
            return Err(Error::invalid("escalation", "at most 20 steps"));
        }
        for (i, step) in profile.escalation.iter().enumerate() {
            Line::parse_required(&step.contact).in_field(&format!("escalation[{i}].contact"))?;
        }
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_profile_says_what_is_wrong_and_where() {
        let good = json!({"class": "server", "operating_mode": "advisory"});
        assert!(Profile::parse(&good).is_ok());
        for (bad, place) in [
            (json!({"class": "cloud", "operating_mode": "advisory"}), "class"),
            (json!({"class": "edge", "operating_mode": "advisory", "sla": {"uptime": 1}}), "sla"),
            (json!({"class": "edge", "operating_mode": "advisory", "runbook_url": "javascript:1"}), "runbook_url"),
            (
                json!({"class": "edge", "operating_mode": "advisory",
                    "connectivity": {"rate": {"value": 5, "unit": "ms"}}}),
                "connectivity.rate",
            ),
            (json!({"class": "edge", "operating_mode": "advisory", "connectivity": {"speed": 5}}), "connectivity"),
        ] {
            let text = Profile::parse(&bad).expect_err(place).to_string();
            assert!(text.contains(place), "{text}");
        }
    }
}
