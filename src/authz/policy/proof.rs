//! What somebody has to prove who they are for once more, and whose password is whose.

use super::{act, denied};
use crate::{
    authz::{Action, Actor, Denied, Kind, Permit, Principal},
    core::event::Object,
};

/// What weighs so much that a session alone is not enough: a screen that was left alone, or a stolen
/// cookie, must not approve, waive, or make another credential.
const WEIGHTY: &[Action] = &[
    Action::PromotionApprove,
    Action::WaiverGrant,
    Action::BreakGlassInvoke,
    Action::BreakGlassConfirm,
    Action::TokenCreate,
    // Whoever makes an account says what it may do.
    Action::AccountCreate,
    Action::PersonLink,
    Action::PasswordReset,
    Action::SecondFactorAdd,
    Action::SecondFactorRemove,
    Action::SecondFactorTake,
    Action::RecoveryCodesRenew,
    Action::DelegationCreate,
];

/// Asked at every commit, so that no use-case can forget it.
pub fn require_fresh(actor: &Actor, action: Action, about: Object) -> Result<(), Denied> {
    if actor.fresh || !WEIGHTY.contains(&action) {
        return Ok(());
    }
    let reason = "this needs your password once more, since you gave it more than 15 minutes ago: confirm the session \
        (POST /api/v1/sessions/current/confirmation) or sign in again, and repeat the request"
        .to_owned();
    let actor = Box::new(actor.clone());
    Err(Denied { actor, action, code: "reauthentication_required", reason, about: vec![about] })
}

/// A password is its person's alone; a service account has none.
pub fn change_password(who: &Principal) -> Result<Permit, Denied> {
    let action = Action::PasswordChange;
    let permitted = act(who, action)?;
    if who.kind == Kind::User {
        return Ok(permitted);
    }
    Err(denied(who, action, "no_password", "a service account has no password; it has tokens".to_owned()))
}
