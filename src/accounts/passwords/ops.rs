//! Use-cases of changing a password, and of setting a lost one anew.

use crate::{
    accounts::{
        ops::{hash_password, live_password},
        passwords::{INVITATION_HOURS, NewPassword, RESET_MINUTES, Reset, store},
        single_sign_on, store as accounts,
    },
    app::App,
    authz::{Action, Cause, Kind, Principal, policy},
    core::{
        clock::rfc3339,
        event::Event,
        ids::{AccountId, ResetId},
    },
    crypto::tokens,
    db::WriteTx,
    error::{Error, InField},
};
use chrono::TimeDelta;

/// A code in the only moment in which it is readable.
pub struct IssuedReset {
    pub reset: Reset,
    pub secret: String,
}

/// Changes the caller's own password. Their other sessions end with it unless they are to stay.
///
/// # Errors
/// `Invalid` for a wrong current password or a new one that may not be set.
pub async fn change(app: &App, who: &Principal, current: &str, new: &str, keep_others: bool) -> Result<usize, Error> {
    let permit = policy::change_password(who)?;
    let account = who.id.ok_or(Error::Unauthenticated)?;
    let sight = policy::authenticate();
    let display_name = accounts::display_name(&app.db.read(&sight), account).await?;
    let new = NewPassword::parse(new, &[&who.name, &display_name]).in_field("new_password")?;
    let before = live_password(app, who, account, current, "current_password").await?;
    let hash = hash_password(app, new.as_str().to_owned()).await?;
    let tx = app.db.begin().await?;
    if !store::lock_unchanged(&tx, account, before.as_deref()).await? {
        return Err(Error::conflict("password_changed", "the password was changed in the meantime; sign in again"));
    }
    store::set(&tx, account, hash).await?;
    store::end_all(&tx, account).await?;
    let ended = match keep_others {
        true => 0,
        false => store::end_credentials(&tx, account, who.credential.id(), false).await?,
    };
    tx.commit(permit, Event::PasswordChanged { account, ended }).await?;
    Ok(ended)
}

/// Issues a code by which a person sets their password. It replaces those before it.
///
/// # Errors
/// `Conflict` for an account that has no password to lose.
pub async fn issue_reset(app: &App, who: &Principal, name: &str) -> Result<IssuedReset, Error> {
    let sight = policy::read(who, Action::AccountRead)?;
    let permit = policy::act(who, Action::PasswordReset)?;
    let found = accounts::find_by_name(&app.db.read(&sight), name).await?;
    let account = found.ok_or(Error::NotFound { kind: "account" })?;
    if account.kind != Kind::User || !account.active {
        let detail = "only an active person has a password; give a service account a token instead";
        return Err(Error::conflict("no_password", detail));
    }
    if single_sign_on::store::issuer_of(&app.db.read(&sight), account.id).await?.is_some() {
        let detail = "the account signs in with an identity provider and has no password here; the provider has it";
        return Err(Error::conflict("no_password", detail));
    }
    let tx = app.db.begin().await?;
    let issued = issue(&tx, who, account.id, TimeDelta::minutes(RESET_MINUTES)).await?;
    let (reset, expires_at) = (issued.reset.id, rfc3339(issued.reset.expires_at));
    tx.commit(permit, Event::PasswordResetIssued { account: account.id, reset, expires_at }).await?;
    Ok(issued)
}

/// The code of an account that is being made, and what the log says about it.
pub(in crate::accounts) async fn invite(
    tx: &WriteTx,
    who: &Principal,
    account: AccountId,
) -> Result<(IssuedReset, Event), Error> {
    let issued = issue(tx, who, account, TimeDelta::hours(INVITATION_HOURS)).await?;
    let (reset, expires_at) = (issued.reset.id, rfc3339(issued.reset.expires_at));
    Ok((issued, Event::AccountInvited { account, reset, expires_at }))
}

async fn issue(tx: &WriteTx, who: &Principal, account: AccountId, lasts: TimeDelta) -> Result<IssuedReset, Error> {
    let secret = tokens::Token::generate().map_err(Error::internal)?;
    let reset =
        Reset { id: ResetId::generate(), account, issued_by: who.id, issued_at: tx.at(), expires_at: tx.at() + lasts };
    store::issue(tx, who.workspace, &reset, secret.hash()).await?;
    Ok(IssuedReset { reset, secret: secret.reveal().to_owned() })
}

/// Sets a password by a code, that of a new account too. Every session and token of the person ends: whoever had the old
/// one may have made them. A second factor stays.
///
/// # Errors
/// `Invalid`, the same for every code that does not work, whether it ever did or not.
pub async fn reset(app: &App, cause: Cause, code: &str, new: &str) -> Result<(), Error> {
    let now = app.db.clock().now();
    let dead = || Error::invalid("code", "it does not work: it is mistyped, used, replaced, or over");
    let hash = tokens::Token::parse(code.trim()).map_err(|_| dead())?.hash();
    let reader = app.db.read(&policy::authenticate());
    let (reset, workspace, account) = store::find(&reader, &hash, now).await?.ok_or_else(dead)?;
    let new = NewPassword::parse(new, &[&account.name, &account.display_name]).in_field("new_password")?;
    let hash = hash_password(app, new.as_str().to_owned()).await?;
    let tx = app.db.begin().await?;
    if !store::lock_unchanged(&tx, account.id, account.password_hash.as_deref()).await?
        || !store::use_up(&tx, &reset).await?
    {
        return Err(dead());
    }
    store::set(&tx, account.id, hash).await?;
    let ended = store::end_credentials(&tx, account.id, None, true).await?;
    let permit = policy::prove(Action::PasswordChange, Some(workspace), Some((account.id, &account.name)), cause);
    tx.commit(permit, Event::PasswordWasReset { account: account.id, reset: reset.id, ended }).await
}
