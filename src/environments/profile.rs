//! What an environment is: where models will run, for whom, and who is called at night.

use crate::{
    core::text::{Line, Paragraph},
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
    pub operating_mode: OperatingMode,
    /// Position on the way to production; a smaller number comes first.
    #[serde(default)]
    pub order: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware: Option<HardwareProfile>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperatingMode {
    Advisory,
    HumanInTheLoop,
    Automated,
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
        ] {
            let text = Profile::parse(&bad).expect_err(place).to_string();
            assert!(text.contains(place), "{text}");
        }
    }
}
