//! Rules: what is asked for in addition where the circumstances match.

use crate::{
    environments::profile::{Class, OperatingMode},
    models::RiskTier,
    policies::{
        document::{FrameworkAsk, Slot},
        evidence::EvidenceAsk,
        exceptions::{BreakGlassTerms, FindingSeverity, OnLapse, Waivers},
        exclude::Exclude,
        freeze::Window,
        gates::Gate,
        list::one_or_many,
        soak::Soak,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is asked for in addition. Every field means what it means in the policy, is optional,
/// and only ever asks for more: of two counts the larger holds, of two ages the smaller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub when: When,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Slot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_expires_after_hours: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_maximum_age_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frameworks: Vec<FrameworkAsk>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<EvidenceAsk>,
    #[serde(default, skip_serializing_if = "Exclude::is_empty")]
    pub exclude: Exclude,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub different_teams: bool,
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub soak: Vec<Soak>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_hours: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_expires_after_hours: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<Window>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocking_finding: Option<FindingSeverity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_lapse: Option<OnLapse>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waivers: Option<Waivers>,
    /// Narrows what the policy allows in an emergency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlassTerms>,
    /// Checks that block here though the policy lets them warn; only `block` can stand in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Gate>,
}

/// Where a rule applies: every field that is there must match, by any of its values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// The model's.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub risk_tier: Vec<RiskTier>,
    /// The environment's, or what it is part of: `US` matches `US-NY`.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub jurisdiction: Vec<String>,
    /// The environment's.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub class: Vec<Class>,
    /// What is asked for, or the environment's if the request names none.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub mode: Vec<OperatingMode>,
}

/// What a rule looks at. What is not known matches every condition: a doubt asks for more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Circumstances {
    pub risk_tier: RiskTier,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<OperatingMode>,
}

impl When {
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    pub fn matches(&self, here: &Circumstances) -> bool {
        fits(&self.risk_tier, Some(&here.risk_tier))
            && fits(&self.class, here.class.as_ref())
            && fits(&self.mode, here.mode.as_ref())
            && (self.jurisdiction.is_empty()
                || here
                    .jurisdiction
                    .as_ref()
                    .is_none_or(|place| self.jurisdiction.iter().any(|part| covers(part, place))))
    }
}

fn fits<T: PartialEq>(wanted: &[T], found: Option<&T>) -> bool {
    wanted.is_empty() || found.is_none_or(|found| wanted.contains(found))
}

/// `US` covers `US` and `US-NY`, not `USX`.
fn covers(part: &str, place: &str) -> bool {
    let (part, place) = (part.to_ascii_uppercase(), place.to_ascii_uppercase());
    place.strip_prefix(&part).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn here(tier: RiskTier, place: Option<&str>) -> Circumstances {
        Circumstances {
            risk_tier: tier,
            jurisdiction: place.map(str::to_owned),
            class: Some(Class::Server),
            mode: Some(OperatingMode::Advisory),
        }
    }

    #[test]
    fn every_condition_must_match_and_one_value_of_it_suffices() {
        let when = |written| serde_json::from_value::<When>(written).expect("when");
        let high_in_new_york = here(RiskTier::High, Some("US-NY"));
        for (written, expected) in [
            (json!({}), true),
            (json!({"risk_tier": "high"}), true),
            (json!({"risk_tier": ["medium", "high"]}), true),
            (json!({"risk_tier": "low"}), false),
            (json!({"jurisdiction": "us"}), true),
            (json!({"jurisdiction": "US-NY"}), true),
            (json!({"jurisdiction": "US-N"}), false),
            (json!({"jurisdiction": ["EU", "US"]}), true),
            (json!({"risk_tier": "high", "class": "edge"}), false),
            (json!({"risk_tier": "high", "class": "server", "mode": "advisory"}), true),
            (json!({"mode": ["automated", "human_in_the_loop"]}), false),
        ] {
            assert_eq!(when(written.clone()).matches(&high_in_new_york), expected, "{written}");
        }
    }

    #[test]
    fn what_is_not_known_matches() {
        let when = When { jurisdiction: vec!["EU".to_owned()], class: vec![Class::Edge], ..When::default() };
        let unknown = Circumstances { class: None, ..here(RiskTier::Low, None) };
        assert!(when.matches(&unknown));
        assert!(!when.matches(&here(RiskTier::Low, None)), "its class is known");
    }
}
