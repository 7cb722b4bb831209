//! Who may write records that somebody answers for, and who may say that they still hold.

use super::{act, denied};
use crate::{
    authz::{Action, Denied, Kind, Permit, Principal},
    core::ids::AccountId,
};

/// A record of an environment belongs to those who manage environments; a record of a model, or of a
/// model in an environment, to those who keep models.
pub fn put_record(who: &Principal, of_a_model: bool) -> Result<Permit, Denied> {
    act(who, if of_a_model { Action::RecordPut } else { Action::EnvironmentRecordPut })
}

/// Only whoever answers for a record says that it still holds.
pub fn review_record(who: &Principal, owner: AccountId) -> Result<Permit, Denied> {
    let action = Action::RecordReview;
    let permitted = act(who, action)?;
    if who.kind != Kind::User || who.id != Some(owner) {
        let reason = "only the record's owner says that it still holds; a revision can name another owner".to_owned();
        return Err(denied(who, action, "not_yours", reason));
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

    fn holder(kind: Kind, roles: &[Role]) -> Principal {
        Principal {
            id: Some(AccountId::generate()),
            kind,
            name: "ines".to_owned(),
            workspace: WorkspaceId::generate(),
            roles: roles.iter().copied().collect(),
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
    fn contributors_write_records_of_models_and_environment_managers_those_of_environments() {
        for role in Role::ALL {
            let who = holder(Kind::User, &[*role]);
            assert_eq!(put_record(&who, true).is_ok(), *role == Role::Contributor, "{role}");
            assert_eq!(put_record(&who, false).is_ok(), *role == Role::EnvironmentManager, "{role}");
        }
    }

    #[test]
    fn the_owner_alone_renews_and_only_as_a_person_with_a_role() {
        let owner = holder(Kind::User, &[Role::Viewer]);
        let id = owner.id.expect("an id");
        assert!(review_record(&owner, id).is_ok());
        assert_eq!(review_record(&owner, AccountId::generate()).expect_err("other").code, "not_yours");
        let robot = Principal { kind: Kind::Service, ..owner.clone() };
        assert_eq!(review_record(&robot, id).expect_err("robot").code, "not_yours");
        let nobody = Principal { roles: Default::default(), ..owner };
        assert!(review_record(&nobody, id).is_err());
    }
}
