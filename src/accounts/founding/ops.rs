//! Use-cases of making the first account with a code.

use crate::{
    accounts::{
        Account,
        founding::{Code, First, HOURS, store},
        ops::hash_password,
        store as accounts,
    },
    app::App,
    authz::{Action, Cause, CustomRoles, Kind, Principal, Ranges, Role, policy},
    core::{
        clock::rfc3339,
        event::Event,
        ids::{AccountId, WorkspaceId},
    },
    crypto::tokens::Token,
    error::Error,
    workspaces,
};
use chrono::TimeDelta;
use std::collections::BTreeSet;

/// The code of an empty database, once: who asks again gets none, and neither does whoever has accounts.
pub async fn first_code(app: &App) -> Result<Option<Code>, Error> {
    let reader = app.db.read(&policy::upkeep());
    if store::was_made(&reader).await? || store::has_accounts(&reader).await? {
        return Ok(None);
    }
    let start = Principal::system("start", workspaces::ops::ensure_default(app).await?);
    issue(app, &start, false).await
}

/// Another code in the place of the one before, for whoever has the machine.
///
/// # Errors
/// `Conflict` when there is an account: codes are for the first one alone.
pub async fn replace_code(app: &App, console: &Principal) -> Result<Code, Error> {
    if store::has_accounts(&app.db.read(&policy::upkeep())).await? {
        return Err(founded());
    }
    issue(app, console, true).await?.ok_or_else(founded)
}

async fn issue(app: &App, who: &Principal, replaces: bool) -> Result<Option<Code>, Error> {
    let permit = policy::system(who, Action::FoundingCodeIssue)?;
    let secret = Token::generate().map_err(Error::internal)?;
    let tx = app.db.begin().await?;
    let expires_at = tx.at() + TimeDelta::hours(HOURS);
    let hash = secret.hash();
    let is_there = replaces && store::replace(&tx, &hash, expires_at).await?;
    if !is_there && !store::make(&tx, &hash, expires_at).await? {
        return Ok(None);
    }
    let event = Event::FoundingCodeIssued { workspace: who.workspace, expires_at: rfc3339(expires_at) };
    tx.commit(permit, event).await?;
    Ok(Some(Code { secret: secret.reveal().to_owned(), expires_at }))
}

/// Makes the first account, an administrator's, and uses the code up.
///
/// # Errors
/// `Invalid`, the same for every code that does not work; `Conflict` when there is an account.
pub async fn found(app: &App, cause: Cause, code: &str, first: First) -> Result<Account, Error> {
    let dead = || {
        let detail = "it does not work: it is mistyped, used, replaced, or older than a day. Whoever has the machine \
            makes another: plimsoll admin first-code";
        Error::invalid("code", detail)
    };
    let workspace: WorkspaceId = workspaces::ops::ensure_default(app).await?;
    let hash = Token::parse(code.trim()).map_err(|_| dead())?.hash();
    let reader = app.db.read(&policy::authenticate());
    // A password costs much to hash: not for whoever has no code.
    if !store::works(&reader, &hash, app.db.clock().now()).await? {
        return Err(dead());
    }
    let password = hash_password(app, first.password.as_str().to_owned()).await?;
    let tx = app.db.begin().await?;
    if !store::use_up(&tx, &hash).await? {
        return Err(dead());
    }
    // Somebody with the machine may have made one meanwhile, or be about to: each new account is of a workspace, and waits.
    store::lock_workspaces(&tx).await?;
    if store::has_accounts_now(&tx).await? {
        return Err(founded());
    }
    let account = Account {
        id: AccountId::generate(),
        name: first.name.to_string(),
        display_name: first.display_name.to_string(),
        kind: Kind::User,
        active: true,
        owner: None,
        identity: None,
        roles: BTreeSet::from([Role::Admin]),
        ranges: Ranges::default(),
        custom: CustomRoles::default(),
        created_at: tx.at(),
    };
    accounts::insert(&tx, &account, workspace, Some(password)).await?;
    let permit = policy::prove(Action::AccountCreate, Some(workspace), Some((account.id, &account.name)), cause);
    let event = Event::AccountCreated {
        account: account.id,
        kind: account.kind.name().to_owned(),
        roles: account.roles.iter().map(ToString::to_string).collect(),
    };
    tx.commit(permit, event).await?;
    Ok(account)
}

fn founded() -> Error {
    Error::conflict("has_accounts", "there is an account already: an administrator makes the others")
}
