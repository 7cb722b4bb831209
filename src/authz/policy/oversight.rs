//! Who may deal with findings, grant exceptions, and break the glass.

use super::{Involved, act, conflicts, denied, permit_as};
use crate::{
    authz::{Action, Actor, Denied, Kind, Permit, Persons, Principal},
    core::ids::AccountId,
};

/// What only a person does, whatever roles a robot holds.
fn by_a_person(who: &Principal, action: Action, code: &'static str, reason: &str) -> Result<Permit, Denied> {
    let permitted = act(who, action)?;
    if who.kind != Kind::User {
        return Err(denied(who, action, code, reason.to_owned()));
    }
    Ok(permitted)
}

/// Nobody who had a hand in it, by whichever account, says that it is dealt with.
pub fn close_finding(who: &Principal, involved: &Involved) -> Result<Permit, Denied> {
    let action = Action::FindingClose;
    let permitted = by_a_person(who, action, "robot_cannot_close", "only a person closes a finding")?;
    let conflict = conflicts(who, involved);
    if conflict.is_empty() {
        return Ok(permitted);
    }
    let reason = format!("{} cannot close this finding, being {}; ask somebody else", who.name, conflict.join(" and "));
    Err(denied(who, action, "separation_of_duties", reason))
}

/// A risk is accepted by a person who had no hand in it, by whichever account.
pub fn accept_finding(who: &Principal, involved: &Involved) -> Result<Permit, Denied> {
    let action = Action::FindingAccept;
    let permitted = by_a_person(who, action, "robot_cannot_accept", "only a person accepts a risk")?;
    let conflict = conflicts(who, involved);
    if conflict.is_empty() {
        return Ok(permitted);
    }
    let reason = format!("{} cannot accept this risk, being {}; ask somebody else", who.name, conflict.join(" and "));
    Err(denied(who, action, "separation_of_duties", reason))
}

/// An exception is asked for by a person.
pub fn request_waiver(who: &Principal) -> Result<Permit, Denied> {
    by_a_person(who, Action::WaiverRequest, "robot_cannot_request", "only a person asks for a waiver")
}

/// The owner of the limit decides, whatever part they had; everybody else only without one.
pub fn decide_waiver(who: &Principal, action: Action, owner: AccountId, involved: &Involved) -> Result<Permit, Denied> {
    let permitted = by_a_person(who, action, "robot_cannot_grant", "only a person decides on a waiver")?;
    let conflict = conflicts(who, involved);
    if who.id == Some(owner) || conflict.is_empty() {
        return Ok(permitted);
    }
    let reason = format!("{} cannot decide on this waiver, being {}", who.name, conflict.join(" and "));
    Err(denied(who, action, "separation_of_duties", reason))
}

/// Taking it back is for the one who asked, and for those who may grant.
pub fn revoke_waiver(who: &Principal, requested_by: AccountId) -> Result<Permit, Denied> {
    let action = Action::WaiverRevoke;
    let permitted = by_a_person(who, action, "robot_cannot_revoke", "only a person revokes a waiver")?;
    if who.id == Some(requested_by) {
        return Ok(permitted);
    }
    if who.may(Action::WaiverGrant) {
        return Ok(permit_as(who, action, Action::WaiverGrant));
    }
    let reason = "only the one who asked, or somebody who may grant, revokes a waiver".to_owned();
    Err(denied(who, action, "not_yours", reason))
}

/// In an emergency: a person whom the environment's policy names by role. `roles` is absent where the
/// policy allows nobody.
pub fn break_glass(who: &Principal, action: Action, roles: Option<&[String]>) -> Result<Permit, Denied> {
    by_a_person(who, action, "robot_cannot_invoke", "only a person breaks the glass").map(drop)?;
    let Some(roles) = roles else {
        let reason = "the policy of this environment allows no break-glass; ask for a promotion".to_owned();
        return Err(denied(who, action, "break_glass_not_allowed", reason));
    };
    let named: Vec<_> = who.roles.iter().copied().filter(|role| roles.iter().any(|name| name == role.name())).collect();
    if !named.is_empty() {
        // By one of those that the policy names, where it is held.
        let able: Vec<_> = named.into_iter().filter(|role| role.allows(action)).collect();
        let ranges = if able.is_empty() { who.ranges_for(action) } else { who.ranges.around(able) };
        return Ok(Permit { actor: Actor { ranges, ..who.actor() }, action });
    }
    let reason = format!("the policy of this environment lets {} break the glass, and nobody else", roles.join(", "));
    Err(denied(who, action, "break_glass_role", reason))
}

/// The second person is another one.
pub fn confirm_break_glass(
    who: &Principal,
    roles: Option<&[String]>,
    invoked_by: AccountId,
    persons: &Persons,
) -> Result<Permit, Denied> {
    let action = Action::BreakGlassConfirm;
    let permitted = break_glass(who, action, roles)?;
    if who.id.is_some_and(|id| persons.standing_for(id) != persons.standing_for(invoked_by)) {
        return Ok(permitted);
    }
    let reason = format!("{} invoked it, so somebody else confirms it", who.name);
    Err(denied(who, action, "separation_of_duties", reason))
}

/// Ending an emergency early is for a person who may invoke one anywhere.
pub fn close_break_glass(who: &Principal) -> Result<Permit, Denied> {
    by_a_person(who, Action::BreakGlassClose, "robot_cannot_close", "only a person ends an emergency")
}

/// Whoever invoked or confirmed it does not say whether that was right.
pub fn review_break_glass(
    who: &Principal,
    invoked_by: AccountId,
    second_by: Option<AccountId>,
    persons: &Persons,
) -> Result<Permit, Denied> {
    let action = Action::BreakGlassReview;
    let permitted = by_a_person(who, action, "robot_cannot_review", "only a person reviews an emergency")?;
    let own = |id: AccountId| who.id.is_some_and(|me| persons.standing_for(me) == persons.standing_for(id));
    if own(invoked_by) || second_by.is_some_and(own) {
        let reason = format!("{} took part in it, so somebody else reviews it", who.name);
        return Err(denied(who, action, "separation_of_duties", reason));
    }
    Ok(permitted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        authz::{Cause, Credential, Role},
        core::ids::WorkspaceId,
    };

    fn with_all_roles(kind: Kind) -> Principal {
        Principal {
            id: Some(AccountId::generate()),
            kind,
            name: "rosa".to_owned(),
            workspace: WorkspaceId::generate(),
            roles: Role::ALL.iter().copied().collect(),
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
    fn nobody_judges_a_finding_that_they_had_a_hand_in() {
        let who = with_all_roles(Kind::User);
        let (mut mine, mut theirs) = (Involved::default(), Involved::default());
        mine.add(who.id, "who opened it");
        theirs.add([AccountId::generate()], "who opened it");
        for others in [Involved::default(), theirs] {
            assert!(close_finding(&who, &others).is_ok() && accept_finding(&who, &others).is_ok());
        }
        let (closed, accepted) = (close_finding(&who, &mine), accept_finding(&who, &mine));
        for refused in [closed.expect_err("own"), accepted.expect_err("own")] {
            assert_eq!(refused.code, "separation_of_duties");
            assert!(refused.reason.contains("being who opened it"), "{}", refused.reason);
        }
    }

    #[test]
    fn a_waiver_is_decided_by_the_owner_of_the_limit_and_by_who_had_no_part_in_it() {
        let who = with_all_roles(Kind::User);
        let (me, other) = (who.id.expect("id"), AccountId::generate());
        let (mut mine, mut theirs) = (Involved::default(), Involved::default());
        mine.add([me], "the version's author");
        theirs.add([other], "the version's author");
        assert!(decide_waiver(&who, Action::WaiverGrant, me, &mine).is_ok());
        assert!(decide_waiver(&who, Action::WaiverGrant, other, &theirs).is_ok());
        let refused = decide_waiver(&who, Action::WaiverGrant, other, &mine).expect_err("a party");
        assert_eq!(refused.code, "separation_of_duties");
        let robot = with_all_roles(Kind::Service);
        let own = robot.id.expect("id");
        let refused = decide_waiver(&robot, Action::WaiverGrant, own, &Involved::default()).expect_err("robot");
        assert_eq!(refused.code, "robot_cannot_grant");
        assert!(request_waiver(&robot).is_err() && revoke_waiver(&robot, own).is_err());
        let contributor = Principal { roles: [Role::Contributor].into(), ..with_all_roles(Kind::User) };
        assert_eq!(revoke_waiver(&contributor, other).expect_err("theirs").code, "not_yours");
        assert!(revoke_waiver(&contributor, contributor.id.expect("id")).is_ok());
    }

    #[test]
    fn the_glass_is_broken_by_people_whom_the_policy_names_and_judged_by_others() {
        let who = Principal { roles: [Role::RiskOfficer].into(), ..with_all_roles(Kind::User) };
        let (me, other, nobody) = (who.id.expect("id"), AccountId::generate(), Persons::default());
        let (mine, theirs) = (["risk_officer".to_owned()], ["environment_manager".to_owned()]);
        let invoke = |roles| break_glass(&who, Action::BreakGlassInvoke, roles).map(drop).map_err(|denied| denied.code);
        assert_eq!(invoke(Some(&mine[..])), Ok(()));
        assert_eq!(invoke(Some(&theirs[..])), Err("break_glass_role"));
        assert_eq!(invoke(Some(&[])), Err("break_glass_role"));
        assert_eq!(invoke(None), Err("break_glass_not_allowed"));
        assert!(confirm_break_glass(&who, Some(&mine), other, &nobody).is_ok());
        assert!(confirm_break_glass(&who, Some(&mine), me, &nobody).is_err());
        assert!(review_break_glass(&who, other, None, &nobody).is_ok());
        assert!(review_break_glass(&who, me, None, &nobody).is_err());
        assert!(review_break_glass(&who, other, Some(me), &nobody).is_err());
        let robot = with_all_roles(Kind::Service);
        assert_eq!(
            break_glass(&robot, Action::BreakGlassInvoke, Some(&mine)).expect_err("robot").code,
            "robot_cannot_invoke"
        );
        assert!(review_break_glass(&robot, other, None, &nobody).is_err() && close_break_glass(&robot).is_err());
    }

    #[test]
    fn no_robot_judges_a_finding_whatever_its_roles() {
        for kind in [Kind::Service, Kind::System, Kind::Anonymous] {
            let robot = with_all_roles(kind);
            let nobody = Involved::default();
            assert_eq!(close_finding(&robot, &nobody).expect_err("robot").code, "robot_cannot_close");
            assert_eq!(accept_finding(&robot, &nobody).expect_err("robot").code, "robot_cannot_accept");
        }
    }
}
