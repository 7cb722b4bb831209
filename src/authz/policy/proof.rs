//! What somebody has to prove who they are for once more, and whose password is whose.

use super::{act, denied};
use crate::{
    authz::{Action, Actor, Denied, Kind, Permit, Principal},
    core::event::Object,
};
use chrono::{DateTime, Utc};

/// What weighs so much that a session alone is not enough: a screen that was left alone, or a stolen
/// cookie, must not approve, waive, or make another credential.
const WEIGHTY: &[Action] = &[
    Action::PromotionApprove,
    // One rejection ends a request.
    Action::PromotionReject,
    Action::WaiverGrant,
    Action::FindingAccept,
    // What stood in the way is gone for good.
    Action::FindingClose,
    Action::EvidenceRefute,
    Action::BreakGlassInvoke,
    Action::BreakGlassConfirm,
    Action::ReleaseResume,
    // What a place asks for, and from whom.
    Action::ConstraintsRevise,
    Action::EnvironmentRevise,
    Action::PolicyPublish,
    Action::TokenCreate,
    // Whoever's jobs are trusted gets tokens.
    Action::WorkloadTrust,
    // Whoever adds a key signs versions that the registry believes.
    Action::TrustKeyAdd,
    // Whoever makes an account says what it may do.
    Action::AccountCreate,
    Action::AccountDeactivate,
    Action::AccountErase,
    Action::RoleGive,
    Action::RoleTake,
    Action::RoleDefine,
    Action::RoleDiscard,
    // Both decide who is independent of whom.
    Action::PersonLink,
    Action::TeamSet,
    Action::PasswordReset,
    Action::SecondFactorAdd,
    Action::SecondFactorRemove,
    Action::SecondFactorTake,
    Action::RecoveryCodesRenew,
    Action::DelegationCreate,
];

pub fn is_weighty(action: Action) -> bool {
    WEIGHTY.contains(&action)
}

/// Asked at every commit, with its time, so that no use-case can forget it.
pub fn require_fresh(actor: &Actor, action: Action, about: Object, at: DateTime<Utc>) -> Result<(), Denied> {
    if actor.proof.is_fresh(at) || !is_weighty(action) {
        return Ok(());
    }
    let reason = "this needs your password once more, since you gave it more than 15 minutes ago: confirm the session \
        (POST /api/v1/sessions/current/confirmation) or sign in again, and repeat the request"
        .to_owned();
    let actor = Box::new(actor.clone());
    Err(Denied { actor, action, code: "reauthentication_required", reason, about: vec![about] })
}

/// Where the operator says so, a token alone pulls nothing: it takes a machine with a certificate, too.
pub fn require_certificate(who: &Principal, is_shown: bool) -> Result<(), Denied> {
    if is_shown {
        return Ok(());
    }
    let reason = "this service gives releases to machines with a certificate of its operator's authority alone, and \
        none was shown; on the command line name it with --client-cert";
    Err(denied(who, Action::ReleasePull, "client_certificate_required", reason.to_owned()))
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
