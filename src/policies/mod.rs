//! What an environment asks for before a version may become active there.

pub mod quorum;

use crate::{
    authz::Role,
    environments::read_strictly,
    error::{Error, InField},
    frameworks,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A promotion policy. Rules about who may not approve are not in here: they hold always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Each is filled by as many different people with that role.
    pub approvals: Vec<Slot>,
    /// A request that nobody decided by then is a no. 1 to 2,160; 72 if absent.
    #[serde(default = "default_expiry_hours")]
    pub request_expires_after_hours: u32,
    /// A validation run older than this does not count. 1 to 3,650; 90 if absent.
    #[serde(default = "default_evidence_days")]
    pub evidence_maximum_age_days: u32,
    /// Regulations that a version is held against. At most 20, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frameworks: Vec<FrameworkAsk>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FrameworkAsk {
    /// A framework's id. Which revision counts is looked up when a request is made.
    pub id: String,
    /// What a required item does that is missing or stale.
    pub missing: OnMissing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnMissing {
    /// It fails the request's checks.
    Block,
    /// It is shown to those who decide.
    Warn,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// The role that an approver holds in the workspace.
    pub role: String,
    /// How many of them. 1 to 10.
    pub count: u32,
}

fn default_expiry_hours() -> u32 {
    72
}

fn default_evidence_days() -> u32 {
    90
}

impl Policy {
    pub fn parse(written: &Value) -> Result<Self, Error> {
        let policy: Self = read_strictly(written)?;
        let between = |field: &str, value: u32, range: std::ops::RangeInclusive<u32>| {
            if range.contains(&value) {
                return Ok(());
            }
            Err(Error::invalid(field, format!("use {} to {}", range.start(), range.end())))
        };
        if policy.approvals.is_empty() || 10 < policy.approvals.len() {
            return Err(Error::invalid("approvals", "ask for 1 to 10 kinds of approval; nothing is activated unseen"));
        }
        for (i, slot) in policy.approvals.iter().enumerate() {
            let role = Role::parse(&slot.role).in_field(&format!("approvals[{i}].role"))?;
            if !role.allows(crate::authz::Action::PromotionApprove) {
                let detail =
                    format!("the role {role} cannot approve; use reviewer, risk_officer or compliance_officer");
                return Err(Error::invalid(format!("approvals[{i}].role"), detail));
            }
            between(&format!("approvals[{i}].count"), slot.count, 1..=10)?;
        }
        between("request_expires_after_hours", policy.request_expires_after_hours, 1..=2_160)?;
        between("evidence_maximum_age_days", policy.evidence_maximum_age_days, 1..=3_650)?;
        policy.check_frameworks()?;
        Ok(policy)
    }

    fn check_frameworks(&self) -> Result<(), Error> {
        if 20 < self.frameworks.len() {
            return Err(Error::invalid("frameworks", "name at most 20 frameworks"));
        }
        let known = frameworks::catalog()?.ids();
        for (i, ask) in self.frameworks.iter().enumerate() {
            let place = format!("frameworks[{i}].id");
            if !known.contains(&ask.id.as_str()) {
                return Err(Error::invalid(
                    place,
                    format!("no framework is called so; known are {}", known.join(", ")),
                ));
            }
            if self.frameworks[..i].iter().any(|before| before.id == ask.id) {
                return Err(Error::invalid(place, format!("{} stands twice", ask.id)));
            }
        }
        Ok(())
    }

    /// One entry per person that is needed.
    pub fn seats(&self) -> Vec<&str> {
        let seats = self.approvals.iter().flat_map(|slot| (0..slot.count).map(|_| slot.role.as_str()));
        seats.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_policy_asks_somebody_who_can_answer() {
        assert!(Policy::parse(&json!({"approvals": [{"role": "reviewer", "count": 2}]})).is_ok());
        for bad in [
            json!({"approvals": []}),
            json!({"approvals": [{"role": "deployer", "count": 1}]}),
            json!({"approvals": [{"role": "reviewer", "count": 0}]}),
            json!({"approvals": [{"role": "reviewer", "count": 1}], "request_expires_after_hours": 0}),
            json!({"approvals": [{"role": "reviewer", "count": 1}], "auto": true}),
            asking(json!([{"id": "nyc-ll144"}])),
            asking(json!([{"id": "nyc-ll144", "missing": "ignore"}])),
            asking(json!([{"id": "nyc-ll144", "missing": "warn"}, {"id": "nyc-ll144", "missing": "block"}])),
            asking(json!([{"id": "nyc-ll144", "revision": 1, "missing": "warn"}])),
        ] {
            assert!(Policy::parse(&bad).is_err(), "{bad}");
        }
    }

    fn asking(frameworks: Value) -> Value {
        json!({"approvals": [{"role": "reviewer", "count": 1}], "frameworks": frameworks})
    }

    #[test]
    fn a_framework_that_nobody_knows_is_refused_with_those_that_are() {
        assert!(Policy::parse(&asking(json!([{"id": "nyc-ll144", "missing": "block"}]))).is_ok());
        let refused = Policy::parse(&asking(json!([{"id": "nyc-ll", "missing": "block"}]))).expect_err("unknown");
        for wanted in ["frameworks[0].id", "nyc-ll144", "eu-ai-act"] {
            assert!(refused.to_string().contains(wanted), "{refused}");
        }
    }

    #[test]
    fn a_policy_without_frameworks_keeps_its_digest() {
        let policy = Policy::parse(&asking(json!([]))).expect("policy");
        assert!(!serde_json::to_string(&policy).expect("json").contains("frameworks"));
    }
}
