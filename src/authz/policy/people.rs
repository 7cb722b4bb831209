//! Who says which accounts are one person, and who decides in whose stead.

use super::{act, denied};
use crate::{
    authz::{Action, Denied, Kind, Permit, Principal},
    core::ids::AccountId,
};

/// Links and teams are an administrator's business. What would make one's own accounts more
/// independent of each other, or of a team, is for another administrator.
pub fn manage_person(who: &Principal, action: Action, loosens_own: bool) -> Result<Permit, Denied> {
    let permitted = act(who, action)?;
    if !loosens_own {
        return Ok(permitted);
    }
    let reason = "nobody takes apart or moves what binds their own accounts; ask another administrator".to_owned();
    Err(denied(who, action, "own_account", reason))
}

/// Only the person themself says who decides in their stead.
pub fn delegate(who: &Principal) -> Result<Permit, Denied> {
    let action = Action::DelegationCreate;
    let permitted = act(who, action)?;
    if who.kind == Kind::User {
        return Ok(permitted);
    }
    let reason = "only a person has somebody decide in their stead".to_owned();
    Err(denied(who, action, "robot_cannot_delegate", reason))
}

/// Either side ends a delegation, or an administrator.
pub fn revoke_delegation(who: &Principal, from: AccountId, to: AccountId) -> Result<Permit, Denied> {
    let action = Action::DelegationRevoke;
    let permitted = act(who, action)?;
    let is_side = who.id.is_some_and(|id| id == from || id == to);
    if is_side || who.may(Action::PersonLink) {
        return Ok(permitted);
    }
    let reason = "only its two sides, or an administrator, end a delegation".to_owned();
    Err(denied(who, action, "not_yours", reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        authz::{Cause, Credential, Role},
        core::ids::WorkspaceId,
    };
    use std::collections::BTreeSet;

    fn caller(kind: Kind, roles: &[Role]) -> Principal {
        Principal {
            id: Some(AccountId::generate()),
            kind,
            name: "somebody".to_owned(),
            workspace: WorkspaceId::generate(),
            roles: roles.iter().copied().collect::<BTreeSet<_>>(),
            ranges: crate::authz::Ranges::default(),
            custom: crate::authz::CustomRoles::default(),
            credential: Credential::None,
            proof: crate::authz::Proof::Standing,
            second_factor: crate::authz::SecondFactor::None,
            person: crate::authz::Person::Known,
            reach: crate::authz::Reach::default(),
            cause: Cause::default(),
        }
    }

    #[test]
    fn an_administrator_does_not_loosen_what_binds_their_own_accounts() {
        let admin = caller(Kind::User, &[Role::Admin]);
        for action in [Action::PersonLink, Action::TeamSet] {
            assert!(manage_person(&admin, action, false).is_ok());
            assert_eq!(manage_person(&admin, action, true).expect_err("own").code, "own_account");
            let other = caller(Kind::User, &[Role::Reviewer]);
            assert_eq!(manage_person(&other, action, false).expect_err("role").code, "forbidden");
        }
    }

    #[test]
    fn a_delegation_is_made_by_a_person_who_decides_and_ended_by_its_sides() {
        let (mara, rui) = (caller(Kind::User, &[Role::Reviewer]), caller(Kind::User, &[Role::Reviewer]));
        let (from, to) = (mara.id.expect("id"), rui.id.expect("id"));
        assert!(delegate(&mara).is_ok());
        assert_eq!(delegate(&caller(Kind::User, &[Role::Contributor])).expect_err("role").code, "forbidden");
        let robot = caller(Kind::Service, &[Role::Reviewer]);
        assert_eq!(delegate(&robot).expect_err("robot").code, "robot_cannot_delegate");
        for side in [&mara, &rui, &caller(Kind::User, &[Role::Admin])] {
            assert!(revoke_delegation(side, from, to).is_ok());
        }
        let other = caller(Kind::User, &[Role::Reviewer]);
        assert_eq!(revoke_delegation(&other, from, to).expect_err("other").code, "not_yours");
    }
}
