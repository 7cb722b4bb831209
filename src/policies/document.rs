//! The policy document as it is written, and its canonical form: what is absent stays absent, so
//! that a new field changes the digest of no older document.

use crate::policies::{
    evidence::{EvidenceAsk, EvidenceWord},
    exceptions::{BreakGlass, FindingSeverity, OnLapse, Waivers},
    exclude::Exclude,
    freeze::Window,
    gates::Gate,
    list::one_or_many,
    rule::Rule,
    soak::Soak,
};
use serde::{Deserialize, Serialize};
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
    /// Evidence that there must be beside the validation run. At most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<EvidenceAsk>,
    /// Who may not approve, beside those who had a hand in it.
    #[serde(default, skip_serializing_if = "Exclude::is_empty")]
    pub exclude: Exclude,
    /// People of one team fill one seat between them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub different_teams: bool,
    /// An approval may come with conditions, which are shown and bound into it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub conditions_allowed: bool,
    /// Where the same bytes must have run before, and for how long. One or a list, at most 10.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub soak: Vec<Soak>,
    /// From the approval that filled the last seat to the earliest activation. 1 to 720; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_hours: Option<u32>,
    /// An approval older than this does not count. 1 to 2,160; as long as the request if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_expires_after_hours: Option<u32>,
    /// When nothing is activated. Rolling back, suspending and revoking are never frozen. At most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<Window>,
    /// From this severity on an open finding stands in the way; `high` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocking_finding: Option<FindingSeverity>,
    /// What happens to an active release whose assurance lapses; `flag` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_lapse: Option<OnLapse>,
    /// How long an exception to a limit may last; 90 days if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waivers: Option<Waivers>,
    /// Who may activate in an emergency, and on which terms; nobody if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlass>,
    /// Checks that warn here instead of blocking. At most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Gate>,
    /// What is asked for in addition where the circumstances match. At most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FrameworkAsk {
    /// A framework's id. Which revision counts is looked up when a request is made.
    pub id: String,
    /// What a required item does that is missing or stale.
    pub missing: OnMissing,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnMissing {
    /// It is shown to those who decide.
    Warn,
    /// It fails the request's checks.
    #[default]
    Block,
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
    /// One entry per person that is needed whatever the circumstances; [`Policy::effective`] says
    /// what is needed in some.
    pub fn seats(&self) -> Vec<&str> {
        let seats = self.approvals.iter().flat_map(|slot| (0..slot.count).map(|_| slot.role.as_str()));
        seats.collect()
    }

    /// Whether it names a framework in any circumstances.
    pub fn names_frameworks(&self) -> bool {
        !self.frameworks.is_empty() || self.rules.iter().any(|rule| !rule.frameworks.is_empty())
    }

    /// Whether it asks for evidence of a kind in any circumstances.
    pub fn asks_for(&self, kind: EvidenceWord) -> bool {
        let ruled = self.rules.iter().flat_map(|rule| &rule.evidence);
        self.evidence.iter().chain(ruled).any(|ask| ask.kind == kind)
    }
}
