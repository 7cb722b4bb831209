//! Who deals with findings, exceptions and emergencies, by role.

use super::{Action, Role};

const LOOKS: &[Action] = &[Action::FindingRead, Action::WaiverRead, Action::BreakGlassRead];

/// A limit may be owned by whoever manages the environment; a robot manages none of this.
const MANAGES: &[Action] = &[
    Action::FindingOpen,
    Action::FindingRemediate,
    Action::WaiverRequest,
    Action::WaiverGrant,
    Action::WaiverRefuse,
    Action::WaiverRevoke,
    Action::BreakGlassInvoke,
    Action::BreakGlassConfirm,
    Action::BreakGlassClose,
];

const REVIEWS: &[Action] = &[
    Action::FindingOpen,
    Action::FindingClose,
    Action::WaiverGrant,
    Action::WaiverRefuse,
    Action::WaiverRevoke,
    Action::BreakGlassInvoke,
    Action::BreakGlassConfirm,
    Action::BreakGlassClose,
    Action::BreakGlassReview,
];

/// Beyond what a reviewer does, an officer answers for a risk that stands.
const ANSWERS: &[Action] = &[Action::FindingAccept];

const DEVELOPS: &[Action] =
    &[Action::FindingOpen, Action::FindingRemediate, Action::WaiverRequest, Action::WaiverRevoke];

pub fn allows(role: Role, action: Action) -> bool {
    let sets: &[&[Action]] = match role {
        Role::Viewer | Role::Admin => &[LOOKS],
        Role::Deployer => &[&[Action::RunningReport]],
        Role::Worker => &[],
        Role::Auditor => &[LOOKS, &[Action::FindingOpen]],
        Role::Contributor => &[LOOKS, DEVELOPS],
        Role::EnvironmentManager => &[LOOKS, MANAGES],
        Role::Reviewer => &[LOOKS, REVIEWS],
        Role::RiskOfficer | Role::ComplianceOfficer => &[LOOKS, REVIEWS, ANSWERS],
    };
    sets.iter().any(|set| set.contains(&action))
}
