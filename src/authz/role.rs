//! Roles are named sets of actions; nothing asks for a role where it can ask for an action.

mod accountability;
mod oversight;

use crate::{authz::Action, core::Malformed};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks at everything but the log.
    Viewer,
    /// A data scientist: registers, pushes, asks.
    Contributor,
    /// Decides on promotion requests.
    Reviewer,
    /// Owns environments, their limits and policies; activates and rolls back.
    EnvironmentManager,
    /// A deployment tool: pulls what is active, and nothing else.
    Deployer,
    /// Reads everything and the log.
    Auditor,
    /// Members, tokens, trusted keys. Approves nothing.
    Admin,
    /// Decides on promotion requests where the risk is asked about.
    RiskOfficer,
    /// Decides on promotion requests where the law is asked about.
    ComplianceOfficer,
    /// A device that measures: it carries runs out, and nothing else. For service accounts alone, and their only role.
    Worker,
}

const LOOK: &[Action] = &[
    Action::AccountRead,
    Action::DelegationRead,
    Action::TrustKeyRead,
    Action::ModelRead,
    Action::VersionRead,
    Action::EnvironmentRead,
    Action::DatasetRead,
    Action::FrameworkRead,
    Action::RunRead,
    Action::EvidenceRead,
    Action::PromotionRead,
    Action::ReleaseRead,
];

/// What everyone may do with what is their own.
const OWN: &[Action] = &[
    Action::SessionClose,
    Action::SessionConfirm,
    Action::PasswordChange,
    Action::SecondFactorAdd,
    Action::SecondFactorRemove,
    Action::RecoveryCodesRenew,
    Action::TokenRead,
    Action::TokenCreate,
    Action::TokenRevoke,
    Action::DelegationRevoke,
];

/// What an officer may beyond looking: judge requests, and read what there is to judge.
const OFFICER: &[Action] = &[
    Action::VersionInspect,
    Action::PromotionApprove,
    Action::PromotionReject,
    Action::PromotionComment,
    Action::DelegationCreate,
    Action::DossierExport,
    Action::ReleaseSuspend,
    Action::ReleaseReview,
    Action::PromotionUnapprove,
];

impl Role {
    pub const ALL: &[Self] = &[
        Self::Viewer,
        Self::Contributor,
        Self::Reviewer,
        Self::EnvironmentManager,
        Self::Deployer,
        Self::Auditor,
        Self::Admin,
        Self::RiskOfficer,
        Self::ComplianceOfficer,
        Self::Worker,
    ];

    /// Those that decide on what others ask for.
    pub const JUDGES: &[Self] = &[Self::Reviewer, Self::RiskOfficer, Self::ComplianceOfficer];

    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Contributor => "contributor",
            Self::Reviewer => "reviewer",
            Self::EnvironmentManager => "environment_manager",
            Self::Deployer => "deployer",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
            Self::RiskOfficer => "risk_officer",
            Self::ComplianceOfficer => "compliance_officer",
            Self::Worker => "worker",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Malformed> {
        Self::ALL.iter().copied().find(|role| role.name() == raw).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|role| role.name()).collect();
            Malformed::new(format!("use one of {}", names.join(", ")))
        })
    }

    pub fn allows(self, action: Action) -> bool {
        if self == Self::Worker {
            return action == Action::RunCarryOut;
        }
        OWN.contains(&action)
            || self.actions().iter().any(|set| set.contains(&action))
            || oversight::allows(self, action)
            || accountability::actions(self).contains(&action)
    }

    /// Whether it changes nothing, and nobody's independence hangs on who does it.
    pub fn is_look(action: Action) -> bool {
        LOOK.contains(&action) || action == Action::AuditRead
    }

    /// Whether it is for everybody, with what is their own.
    pub fn is_own(action: Action) -> bool {
        OWN.contains(&action)
    }

    /// Whether it bears on no model and no environment, so that where a role is held says nothing of it: looking, what is
    /// one's own, and who decides in one's stead.
    pub fn is_nowhere(action: Action) -> bool {
        let looks = [Action::FindingRead, Action::WaiverRead, Action::BreakGlassRead, Action::RecordRead];
        Self::is_look(action) || looks.contains(&action) || OWN.contains(&action) || action == Action::DelegationCreate
    }

    /// Whether it can be held for some models or environments alone: what it is for is of those.
    pub fn has_places(self) -> bool {
        self.judges() || matches!(self, Self::Contributor | Self::EnvironmentManager | Self::Deployer)
    }

    /// It decides on what others ask for. No robot holds such a role.
    pub fn judges(self) -> bool {
        Self::JUDGES.contains(&self)
    }

    fn actions(self) -> [&'static [Action]; 2] {
        let own: &[Action] = match self {
            Self::Viewer => &[],
            Self::Contributor => &[
                Action::ModelRegister,
                Action::ModelUpdate,
                Action::VersionCreate,
                Action::VersionUpload,
                Action::VersionSeal,
                Action::VersionInspect,
                Action::DatasetRegister,
                Action::DatasetInspect,
                Action::RunRequest,
                Action::RunCancel,
                Action::EvidenceReport,
                Action::EvidenceWithdraw,
                Action::PromotionRequest,
                Action::PromotionWithdraw,
                Action::PromotionComment,
            ],
            Self::Reviewer => &[
                Action::VersionInspect,
                Action::EvidenceReport,
                Action::EvidenceWithdraw,
                Action::EvidenceRefute,
                Action::PromotionApprove,
                Action::PromotionReject,
                Action::PromotionComment,
                Action::DelegationCreate,
                Action::PromotionUnapprove,
                Action::DossierExport,
                Action::ReleaseReview,
            ],
            Self::EnvironmentManager => &[
                Action::EnvironmentCreate,
                Action::EnvironmentRevise,
                Action::ConstraintsRevise,
                Action::PolicyPublish,
                Action::DatasetRegister,
                Action::DatasetInspect,
                Action::PromotionActivate,
                Action::PromotionComment,
                Action::ReleaseRollBack,
                Action::ReleaseSuspend,
                Action::ReleaseResume,
                Action::ReleaseLowerMode,
                Action::ReleaseReview,
                Action::ReleaseRehearse,
                Action::RunCancel,
            ],
            Self::Deployer => return [&[], &[Action::ReleaseRead, Action::ReleasePull]],
            Self::Auditor => &[Action::AuditRead, Action::AuditExport, Action::DossierExport, Action::VersionInspect],
            Self::Admin => &[
                Action::WorkloadTrust,
                Action::WorkloadDistrust,
                Action::AccountCreate,
                Action::AccountDeactivate,
                Action::AccountErase,
                Action::RoleGive,
                Action::RoleTake,
                Action::RoleDefine,
                Action::RoleDiscard,
                Action::PasswordReset,
                Action::SecondFactorTake,
                Action::PersonLink,
                Action::TeamSet,
                Action::TrustKeyAdd,
                Action::TrustKeyRevoke,
                Action::VersionRevoke,
                Action::EvidenceWithdraw,
                Action::DossierExport,
                Action::AuditRead,
            ],
            Self::RiskOfficer | Self::ComplianceOfficer => OFFICER,
            Self::Worker => return [&[], &[Action::RunCarryOut]],
        };
        [LOOK, own]
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reviewers_and_officers_approve_and_only_deployers_pull() {
        for role in Role::ALL {
            assert_eq!(role.allows(Action::PromotionApprove), role.judges(), "{role}");
            assert_eq!(role.allows(Action::ReleasePull), *role == Role::Deployer, "{role}");
        }
    }

    #[test]
    fn a_worker_carries_runs_out_and_nothing_else_and_nobody_else_does() {
        for action in Action::ALL {
            let holders: Vec<_> = Role::ALL.iter().filter(|role| role.allows(*action)).collect();
            assert_eq!(holders.contains(&&Role::Worker), *action == Action::RunCarryOut, "{action}");
            assert!(*action != Action::RunCarryOut || holders == [&Role::Worker]);
        }
    }

    #[test]
    fn a_deployer_sees_releases_only() {
        for action in [Action::ModelRead, Action::VersionRead, Action::AuditRead, Action::RunRead] {
            assert!(!Role::Deployer.allows(action), "{action}");
        }
    }
}
