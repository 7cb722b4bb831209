//! The terms of what is out of the ordinary: findings, lapses, waivers, break-glass.

pub use crate::oversight::findings::Severity as FindingSeverity;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest that a waiver may last anywhere, in days.
pub const LONGEST_WAIVER_DAYS: u32 = 90;
/// The longest that a break-glass activation may last anywhere, in hours.
pub const LONGEST_BREAK_GLASS_HOURS: u32 = 24;

/// What happens to an active release when something that it rests on no longer holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnLapse {
    /// It stays active, marked, with a finding.
    #[default]
    Flag,
    /// It is taken out of service as well.
    Suspend,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Waivers {
    /// The longest that an exception to a limit may last. 0 to 90; 0 allows none.
    pub maximum_days: u32,
}

/// Who may activate without approvals in an emergency, and on which terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakGlass {
    /// Who may, by role. 1 to 10.
    pub roles: Vec<String>,
    /// The longest that it lasts. 1 to 24; 24 if absent.
    #[serde(default = "default_maximum_hours")]
    pub maximum_hours: u32,
    /// Somebody else with one of the roles must agree at the same time.
    #[serde(default)]
    pub second_person: bool,
    /// When somebody else must have reviewed it, from its beginning. 1 to 720; 72 if absent.
    #[serde(default = "default_review_hours")]
    pub review_within_hours: u32,
}

/// What a rule narrows of it. A rule never allows an emergency that the policy does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakGlassTerms {
    /// Nobody may, whatever the policy says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forbidden: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_hours: Option<u32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub second_person: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_within_hours: Option<u32>,
}

fn default_maximum_hours() -> u32 {
    LONGEST_BREAK_GLASS_HOURS
}

fn default_review_hours() -> u32 {
    72
}

impl BreakGlass {
    /// What is left of it under a rule's terms.
    #[must_use]
    pub fn narrowed(&self, terms: &BreakGlassTerms) -> Option<Self> {
        (!terms.forbidden).then(|| Self {
            roles: self.roles.clone(),
            maximum_hours: terms.maximum_hours.map_or(self.maximum_hours, |hours| hours.min(self.maximum_hours)),
            second_person: self.second_person || terms.second_person,
            review_within_hours: terms
                .review_within_hours
                .map_or(self.review_within_hours, |hours| hours.min(self.review_within_hours)),
        })
    }
}
