//! Roles that a workspace makes for itself: named sets of actions beside the fixed ones.
//!
//! Invariants: no such role decides on what others ask for, lifts anybody, makes a credential, or carries what one fixed role
//! carries alone: what it may hold is listed here, and an action that is new is in no list. None makes things and says or
//! releases what they are held to as well.

use crate::{
    authz::{Action, Reach, Role},
    core::{Malformed, name::Name},
};
use std::{collections::BTreeSet, fmt};

/// What every reference to such a role begins with, so that no fixed one, of now or later, is ever called the same.
const PREFIX: &str = "custom:";

/// What goes with everything.
const EITHER: &[Action] = &[
    Action::FindingRead,
    Action::WaiverRead,
    Action::BreakGlassRead,
    Action::RecordRead,
    Action::VersionInspect,
    Action::DatasetInspect,
    Action::PromotionComment,
    Action::RunCancel,
    Action::FindingOpen,
    Action::RecordReview,
    Action::DossierExport,
    Action::AuditExport,
];

/// What makes or measures a thing, or asks for it.
const MAKES: &[Action] = &[
    Action::ModelRegister,
    Action::ModelUpdate,
    Action::VersionCreate,
    Action::VersionUpload,
    Action::VersionSeal,
    Action::DatasetRegister,
    Action::RunRequest,
    Action::EvidenceReport,
    Action::EvidenceWithdraw,
    Action::PromotionRequest,
    Action::PromotionWithdraw,
    Action::FindingRemediate,
    Action::WaiverRequest,
    Action::WaiverRevoke,
    Action::RecordPut,
];

/// What says what things are held to, or lets them run.
const RULES: &[Action] = &[
    Action::EnvironmentCreate,
    Action::EnvironmentRevise,
    Action::ConstraintsRevise,
    Action::PolicyPublish,
    Action::PromotionActivate,
    Action::ReleaseRollBack,
    Action::ReleaseSuspend,
    Action::ReleaseResume,
    Action::ReleaseLowerMode,
    Action::ReleaseRehearse,
    Action::EnvironmentRecordPut,
];

/// What is of the whole workspace, so that a role with it has no range.
const WHOLE: &[Action] = &[Action::AuditRead, Action::AuditExport];

/// A set of actions under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomRole {
    pub name: Name,
    actions: BTreeSet<Action>,
}

/// Those that somebody holds, each with where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomRoles(Vec<(CustomRole, Reach)>);

/// A role as people and the log call it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleName {
    Fixed(Role),
    Custom(Name),
}

impl CustomRole {
    /// # Errors
    /// For an empty set, for what no such role holds, and for what none holds together.
    pub fn new(name: Name, actions: BTreeSet<Action>) -> Result<Self, Malformed> {
        if actions.is_empty() {
            return Err(Malformed::new("name at least one action"));
        }
        if let Some(action) = actions.iter().find(|action| !Self::may_hold(**action)) {
            return Err(Malformed::new(format!(
                "no custom role holds {action}: deciding, giving rights and credentials, pulling and measuring are for the roles that \
                 are made for them"
            )));
        }
        let of = |set: &[Action]| actions.iter().copied().find(|action| set.contains(action));
        if let (Some(makes), Some(rules)) = (of(MAKES), of(RULES)) {
            return Err(Malformed::new(format!(
                "{makes} and {rules} are not for one role: whoever makes or measures a thing does not say what it is held to, nor \
                 let it run"
            )));
        }
        Ok(Self { name, actions })
    }

    pub fn actions(&self) -> &BTreeSet<Action> {
        &self.actions
    }

    /// Whether a custom role can hold it at all.
    pub fn may_hold(action: Action) -> bool {
        Role::is_look(action) || [EITHER, MAKES, RULES].iter().any(|set| set.contains(&action))
    }

    /// What it says, and what everybody may with what is their own.
    pub fn allows(&self, action: Action) -> bool {
        self.actions.contains(&action) || Role::is_own(action)
    }

    /// Whether it can be held for some models or environments alone.
    pub fn has_places(&self) -> bool {
        !self.actions.iter().any(|action| WHOLE.contains(action))
    }

    /// Whether it does some of what a fixed role is there for, so that what is asked of its holders is asked here too.
    pub fn does_what(&self, role: Role) -> bool {
        self.actions.iter().any(|action| !Role::is_nowhere(*action) && role.allows(*action))
    }
}

impl CustomRoles {
    pub fn of(held: impl IntoIterator<Item = (CustomRole, Reach)>) -> Self {
        Self(held.into_iter().collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &CustomRole> {
        self.0.iter().map(|(role, _)| role)
    }

    pub fn allow(&self, action: Action) -> bool {
        self.iter().any(|role| role.allows(action))
    }

    /// Where those are held that allow something.
    pub fn places(&self, action: Action) -> impl Iterator<Item = &Reach> {
        self.0.iter().filter(move |(role, _)| role.allows(action)).map(|(_, reach)| reach)
    }

    /// As the log and the lists call them.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.iter().map(|role| RoleName::Custom(role.name.clone()).to_string())
    }
}

impl RoleName {
    /// # Errors
    /// For what is neither a fixed role nor `custom:` and a name.
    pub fn parse(raw: &str) -> Result<Self, Malformed> {
        match raw.strip_prefix(PREFIX) {
            Some(name) => Name::parse(name).map(Self::Custom),
            None => Role::parse(raw).map(Self::Fixed).map_err(|wrong| {
                Malformed::new(format!("{}, or {PREFIX} and the name of a role of this workspace", wrong.0))
            }),
        }
    }

    pub fn fixed(&self) -> Option<Role> {
        match self {
            Self::Fixed(role) => Some(*role),
            Self::Custom(_) => None,
        }
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(role) => role.fmt(f),
            Self::Custom(name) => write!(f, "{PREFIX}{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(actions: &[Action]) -> Result<CustomRole, Malformed> {
        CustomRole::new(Name::parse("clerk").expect("a name"), actions.iter().copied().collect())
    }

    #[test]
    fn no_custom_role_decides_lifts_makes_credentials_or_does_what_one_role_does_alone() {
        for action in Action::ALL {
            let holders: Vec<_> = Role::ALL.iter().filter(|role| role.allows(*action)).collect();
            let is_for_judges = *action != Action::ReleaseReview && holders.iter().all(|role| role.judges());
            let is_alone = holders.len() == 1
                && [Role::Admin, Role::Deployer, Role::Worker].iter().any(|role| holders.contains(&role));
            let is_forbidden = holders.is_empty() || is_for_judges || is_alone || Role::is_own(*action);
            if is_forbidden && *action != Action::AuditRead {
                assert!(role(&[*action]).is_err(), "{action}");
            }
        }
        for action in [
            Action::PromotionApprove,
            Action::PromotionReject,
            Action::WaiverGrant,
            Action::BreakGlassInvoke,
            Action::DelegationCreate,
            Action::RoleGive,
            Action::TokenCreate,
            Action::ReleasePull,
            Action::RunCarryOut,
            Action::WorkspaceCreate,
            Action::QuotaSet,
        ] {
            assert!(role(&[action]).is_err(), "{action}");
        }
        assert!(role(&[]).is_err());
    }

    #[test]
    fn none_makes_things_and_says_what_they_are_held_to() {
        for makes in MAKES {
            for rules in RULES {
                assert!(role(&[*makes, *rules]).is_err(), "{makes} {rules}");
            }
            assert!(role(&[*makes, Action::ModelRead, Action::AuditExport]).is_ok(), "{makes}");
        }
        let made = role(&[Action::VersionCreate, Action::VersionSeal]).expect("a role");
        assert!(made.allows(Action::VersionSeal) && made.allows(Action::TokenRead) && !made.allows(Action::ModelRead));
        assert!(made.has_places() && !role(&[Action::AuditExport]).expect("a role").has_places());
        assert!(made.does_what(Role::Contributor) && !made.does_what(Role::EnvironmentManager));
    }

    #[test]
    fn a_custom_role_is_never_called_what_a_fixed_one_is() {
        for role in Role::ALL {
            assert_eq!(RoleName::parse(role.name()), Ok(RoleName::Fixed(*role)));
        }
        let admin = RoleName::parse("custom:reviewer").expect("a name");
        assert_eq!((admin.to_string().as_str(), admin.fixed()), ("custom:reviewer", None));
        for bad in ["", "king", "custom:", "custom:a b", "Custom:a", "custom:custom:a"] {
            assert!(RoleName::parse(bad).is_err(), "{bad}");
        }
    }
}
