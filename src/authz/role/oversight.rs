//! Who deals with findings, exceptions and emergencies, by role.

use super::{Action, Role};

const REPORTS: &[Action] = &[Action::FindingRead, Action::FindingOpen];
const MENDS: &[Action] = &[Action::FindingRead, Action::FindingOpen, Action::FindingRemediate];
const REVIEWS: &[Action] = &[Action::FindingRead, Action::FindingOpen, Action::FindingClose];
/// An officer answers for a risk that stands.
const ANSWERS: &[Action] = &[Action::FindingRead, Action::FindingOpen, Action::FindingClose, Action::FindingAccept];

pub fn actions(role: Role) -> &'static [Action] {
    match role {
        Role::Viewer | Role::Admin => &[Action::FindingRead],
        Role::Deployer => &[],
        Role::Auditor => REPORTS,
        Role::Contributor | Role::EnvironmentManager => MENDS,
        Role::Reviewer => REVIEWS,
        Role::RiskOfficer | Role::ComplianceOfficer => ANSWERS,
    }
}
