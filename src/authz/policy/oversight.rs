//! Who may deal with findings, grant exceptions, and break the glass.

use super::{act, denied};
use crate::{
    authz::{Action, Denied, Kind, Permit, Principal},
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

/// Whoever says that they mended it is not the one who says that it is mended.
pub fn close_finding(who: &Principal, remediated_by: Option<AccountId>) -> Result<Permit, Denied> {
    let action = Action::FindingClose;
    let permitted = by_a_person(who, action, "robot_cannot_close", "only a person closes a finding")?;
    if remediated_by.is_some() && who.id == remediated_by {
        let reason = format!("{} remediates this finding, so somebody else closes it", who.name);
        return Err(denied(who, action, "separation_of_duties", reason));
    }
    Ok(permitted)
}

/// A risk is accepted by a person who did not report it.
pub fn accept_finding(who: &Principal, opened_by: Option<AccountId>) -> Result<Permit, Denied> {
    let action = Action::FindingAccept;
    let permitted = by_a_person(who, action, "robot_cannot_accept", "only a person accepts a risk")?;
    if opened_by.is_some() && who.id == opened_by {
        let reason = format!("{} opened this finding, so somebody else accepts its risk", who.name);
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
            credential: Credential::None,
            cause: Cause::default(),
        }
    }

    #[test]
    fn nobody_judges_a_finding_that_they_opened_or_mended() {
        let who = with_all_roles(Kind::User);
        for other in [None, Some(AccountId::generate())] {
            assert!(close_finding(&who, other).is_ok() && accept_finding(&who, other).is_ok());
        }
        assert_eq!(close_finding(&who, who.id).expect_err("own").code, "separation_of_duties");
        assert_eq!(accept_finding(&who, who.id).expect_err("own").code, "separation_of_duties");
    }

    #[test]
    fn no_robot_judges_a_finding_whatever_its_roles() {
        for kind in [Kind::Service, Kind::System, Kind::Anonymous] {
            let robot = with_all_roles(kind);
            assert_eq!(close_finding(&robot, None).expect_err("robot").code, "robot_cannot_close");
            assert_eq!(accept_finding(&robot, None).expect_err("robot").code, "robot_cannot_accept");
        }
    }
}
