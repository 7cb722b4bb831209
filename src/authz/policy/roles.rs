//! Who says what others may do.

use super::{act, denied};
use crate::authz::{Action, Denied, Permit, Principal};

/// Roles are an administrator's business, and those of the administrator's own accounts another one's: nobody lifts
/// themselves, nor the account that they might act by instead.
pub fn change_role(who: &Principal, action: Action, is_own: bool) -> Result<Permit, Denied> {
    let permitted = act(who, action)?;
    if !is_own {
        return Ok(permitted);
    }
    let reason = "nobody changes the roles of their own accounts; ask another administrator".to_owned();
    Err(denied(who, action, "own_account", reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        authz::{Kind, Role},
        core::ids::{AccountId, WorkspaceId},
    };

    fn holder(role: Role) -> Principal {
        let somebody = Principal::system("somebody", WorkspaceId::generate());
        Principal { id: Some(AccountId::generate()), kind: Kind::User, roles: [role].into(), ..somebody }
    }

    #[test]
    fn administrators_alone_change_roles_and_nobody_their_own() {
        for action in [Action::RoleGive, Action::RoleTake, Action::RoleDefine] {
            for role in Role::ALL {
                assert_eq!(change_role(&holder(*role), action, false).is_ok(), *role == Role::Admin, "{role}");
            }
            assert_eq!(change_role(&holder(Role::Admin), action, true).expect_err("own").code, "own_account");
        }
    }
}
