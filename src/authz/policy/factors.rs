//! Whose second factor is whose.

use super::{act, denied};
use crate::{
    authz::{Action, Credential, Denied, Kind, Permit, Principal},
    core::ids::AccountId,
};

/// A factor is its person's alone. An API token adds or removes none: whoever found one could otherwise shut its owner
/// out, or undo what keeps others out.
pub fn own_factor(who: &Principal, action: Action) -> Result<Permit, Denied> {
    let permitted = act(who, action)?;
    if who.kind == Kind::User && matches!(who.credential, Credential::Session(_)) {
        return Ok(permitted);
    }
    let reason =
        "a person adds, renews and removes their second factor in a session: sign in with the password".to_owned();
    Err(denied(who, action, "session_needed", reason))
}

/// Somebody else's is the business of an administrator who is there: whoever found one's API token could otherwise undo
/// what keeps them out of another account. One's own is removed in the way that asks for a code of it.
pub fn take_factor(who: &Principal, of: AccountId) -> Result<Permit, Denied> {
    let action = Action::SecondFactorTake;
    let permitted = act(who, action)?;
    if matches!(who.credential, Credential::Token(_)) {
        let reason =
            "an administrator takes a second factor away in a session: sign in with the password (plimsoll login)";
        return Err(denied(who, action, "session_needed", reason.to_owned()));
    }
    if who.id != Some(of) {
        return Ok(permitted);
    }
    let reason =
        "nobody takes their own second factor away like that; remove it (DELETE /api/v1/second-factor)".to_owned();
    Err(denied(who, action, "own_account", reason))
}
