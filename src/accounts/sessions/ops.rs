//! Use-cases of signing in, staying signed in and signing out.

use crate::{
    accounts::{
        Issued, Token,
        ops::{check_password_from, live_password},
        passwords::store as passwords,
        second_factor::{
            Spent, store as factors,
            tried::{self, Looked},
        },
        sessions::{Whence, begin, known_since, store},
        store as accounts,
        throttle::Place,
    },
    app::App,
    authz::{Action, Cause, Credential, Kind, Principal, policy},
    core::{
        event::Event,
        ids::{AccountId, TokenId},
    },
    crypto::tokens,
    db::WriteTx,
    error::Error,
    workspaces,
};
use chrono::{DateTime, Utc};

const NO_SESSION: Error = Error::NotFound { kind: "session" };

/// What is said to whoever gave the right password and no code.
pub const CODE_MISSING: &str = "second_factor_required";

/// What somebody shows to be who they say.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    pub password: &'a str,
    /// Of a second factor; empty where none was given.
    pub code: &'a str,
}

/// Checks a password, and the code of a second factor where there is one, and opens a session.
///
/// # Errors
/// `Unauthenticated`, equal in time and text for a wrong password, an unknown name and a deactivated
/// account, whatever the code; the attempt is in the audit log. `SecondFactor` for nobody but whoever knows the
/// password. `TooMany` after too many failures, whatever the name.
pub async fn sign_in(
    app: &App,
    cause: Cause,
    workspace: &str,
    name: &str,
    shown: Shown<'_>,
    whence: &Whence,
) -> Result<Issued, Error> {
    let found = workspaces::ops::find(app, workspace).await?;
    let reader = app.db.read(&policy::authenticate());
    let account = match found {
        Some(id) => accounts::find_login(&reader, id, name).await?,
        None => None,
    };
    let (account, hash) = account.map_or((None, None), |(account, hash)| (Some(account), hash));
    // The same questions to the database whether or not there is such an account.
    let id = account.as_ref().map_or_else(AccountId::generate, |account| account.id);
    let device = whence.device_hash(&id.to_string());
    let since = known_since(app.db.clock().now());
    let is_known = store::is_known(&reader, id, since, device.as_deref(), whence.client.as_deref()).await?;
    let place = match &device {
        Some(device) if is_known => Place::Known(device),
        _ => Place::Address(&whence.address),
    };
    // Another tenant's account of this name is another account.
    let counted = format!("{}/{}", workspace.to_lowercase(), name.to_lowercase());
    let tried = app.attempts.attempt(&counted, &place, app.db.clock().now())?;
    let matches = match check_password_from(app, &place, shown.password.to_owned(), hash.clone()).await {
        Ok(matches) => matches,
        // What went wrong on this side is no failure of theirs.
        Err(error) => {
            app.attempts.succeeded(tried);
            return Err(error);
        }
    };
    let active = account.as_ref().filter(|account| account.active && matches);
    let known = device.as_deref().filter(|_| is_known);
    let looked = match active {
        Some(account) => tried::look(app, &reader, account.id, shown.code, known).await?,
        None => Looked::NotAsked,
    };
    // What was right is no failure, whatever becomes of the session; and who gave no code guessed none.
    if active.is_some() && looked != Looked::Wrong {
        app.attempts.succeeded(tried);
    } else if tried.is_last() {
        // Never the name that was typed: it may be a password.
        let about = account.as_ref().map_or_else(|| "unknown".to_owned(), |account| account.id.to_string());
        tracing::warn!(
            account = about,
            address = whence.address,
            "too many sign-ins failed; who tries there now waits"
        );
    }
    let tx = app.db.begin().await?;
    // The password was looked at outside of the transaction; it may have been replaced since.
    let stands = match active {
        Some(account) => passwords::lock_unchanged(&tx, account.id, hash.as_deref()).await?,
        None => false,
    };
    let (Some(workspace), Some(account), true) = (found, active, stands) else {
        let permit = policy::prove(Action::SessionOpen, found, None, cause);
        let about = account.as_ref().map_or_else(|| "unknown".to_owned(), |a| a.id.to_string());
        tx.commit(permit, Event::SessionRefused { account: about }).await?;
        return Err(Error::Unauthenticated);
    };
    // Under the lock on the account: of two who send one code, one is right.
    if !factors::spend(&tx, account.id, &looked).await? {
        let permit = policy::prove(Action::SessionOpen, Some(workspace), None, cause);
        let (event, answer) = unproved(looked, account.id);
        tx.commit(permit, event).await?;
        return Err(answer);
    }
    let (token, secret) = begin(workspace, account.id, (whence.client.clone(), device), tx.at())?;
    accounts::insert_token(&tx, &token, &secret.hash()).await?;
    let permit = policy::prove(Action::SessionOpen, Some(workspace), Some((account.id, &account.name)), cause);
    let event = Event::SessionOpened { token: token.id, account: account.id, provider: None, new_device: !is_known };
    tx.commit_all(permit, event, on_paper(looked, account.id)).await?;
    Ok(Issued { token, secret: secret.reveal().to_owned() })
}

/// What the log and whoever signs in are told when the password alone was right.
fn unproved(looked: Looked, account: AccountId) -> (Event, Error) {
    match looked {
        Looked::Missing => {
            let detail = "the account has a second factor: send a code of it as well";
            (Event::SecondFactorAsked { account }, Error::SecondFactor { code: CODE_MISSING, detail })
        }
        Looked::NotAsked | Looked::Wrong | Looked::Right(_) => {
            let detail = "the code of the second factor is not one of now, or was used before; wait for the next one";
            (Event::SecondFactorRefused { account }, Error::SecondFactor { code: "second_factor_wrong", detail })
        }
    }
}

fn on_paper(looked: Looked, account: AccountId) -> Vec<Event> {
    match looked {
        Looked::Right(Spent::Paper(_)) => vec![Event::RecoveryCodeUsed { account }],
        _ => Vec::new(),
    }
}

/// Gives a session that was confirmed with the password, and a code where there is a second factor, another secret; the
/// old one is dead.
///
/// # Errors
/// `Invalid` for a wrong password or code, which is in the audit log; `TooMany` after too many of them.
pub async fn confirm(app: &App, who: &Principal, shown: Shown<'_>) -> Result<Issued, Error> {
    let permit = policy::act(who, Action::SessionConfirm)?;
    let (Credential::Session(old), Some(account)) = (who.credential, who.id) else {
        let detail = "only a session is confirmed; an API token needs no password";
        return Err(Error::conflict("no_session", detail));
    };
    live_password(app, who, account, shown.password, "password").await?;
    let reader = app.db.read(&policy::authenticate());
    let looked = tried::look(app, &reader, account, shown.code, Some("signed in")).await?;
    let before = accounts::find_token_by_id(&reader, old).await?.ok_or(NO_SESSION)?;
    let tx = app.db.begin().await?;
    passwords::lock(&tx, account).await?;
    if !factors::spend(&tx, account, &looked).await? {
        if looked == Looked::Missing {
            return Err(Error::invalid("code", "you have a second factor: send a code of it as well"));
        }
        tx.commit(permit, Event::ConfirmationRefused { account }).await?;
        return Err(Error::invalid("code", "this is no code of now, or it was used before; wait for the next one"));
    }
    let issued = renew(&tx, before, None).await?;
    let event = Event::SessionConfirmed { token: issued.token.id, account, replaces: old };
    tx.commit_all(permit, event, on_paper(looked, account)).await?;
    Ok(issued)
}

/// Gives a session another secret, once its person proved who they are: now, or when a provider says that it was.
///
/// # Errors
/// `Unauthenticated` when the session has ended.
pub(in crate::accounts) async fn renew(
    tx: &WriteTx,
    before: Token,
    proven_at: Option<DateTime<Utc>>,
) -> Result<Issued, Error> {
    if !store::end(tx, before.id).await? {
        return Err(Error::Unauthenticated);
    }
    let secret = tokens::Token::generate().map_err(Error::internal)?;
    let token = Token {
        id: TokenId::generate(),
        accessor: secret.accessor(),
        created_at: tx.at(),
        seen_at: Some(tx.at()),
        revoked_at: None,
        proven_at,
        ..before
    };
    accounts::insert_token(tx, &token, &secret.hash()).await?;
    Ok(Issued { token, secret: secret.reveal().to_owned() })
}

/// Ends the credential that the caller came with.
pub async fn sign_out(app: &App, who: &Principal) -> Result<(), Error> {
    let permit = policy::act(who, Action::SessionClose)?;
    let token = who.credential.id().ok_or(Error::NotFound { kind: "token" })?;
    let tx = app.db.begin().await?;
    store::end(&tx, token).await?;
    tx.commit(permit, Event::SessionClosed { token }).await
}

/// The sessions of somebody that are in use: one's own, or another's for an administrator.
pub async fn list(app: &App, who: &Principal, account: Option<&str>) -> Result<Vec<Token>, Error> {
    let sight = policy::read(who, Action::TokenRead)?;
    let reader = app.db.read(&sight);
    let own = who.id.ok_or(NO_SESSION)?;
    let account = match account {
        Some(name) if name != who.name => {
            policy::read(who, Action::AccountRead).map(drop)?;
            let found = accounts::find_by_name(&reader, name).await?.ok_or(Error::NotFound { kind: "account" })?;
            policy::manage_token(who, Action::SessionClose, found.id, Kind::User).map(drop)?;
            found.id
        }
        _ => own,
    };
    let now = app.db.clock().now();
    let mut live = store::live(&reader, account, now).await?;
    live.retain(|session| session.workspace == who.workspace && !session.is_idle(now));
    Ok(live)
}

/// Ends one session: one's own, or anybody's for an administrator. One that has ended stays so, and nothing is logged.
pub async fn end(app: &App, who: &Principal, id: TokenId) -> Result<(), Error> {
    let sight = policy::read(who, Action::TokenRead)?;
    let session = accounts::find_token(&app.db.read(&sight), id).await?.filter(|token| token.session);
    let session = session.ok_or(NO_SESSION)?;
    if Some(session.account) != who.id && !who.may(Action::AccountCreate) {
        return Err(NO_SESSION);
    }
    let permit = policy::manage_token(who, Action::SessionClose, session.account, Kind::User)?;
    let tx = app.db.begin().await?;
    match store::end(&tx, id).await? {
        true => tx.commit(permit, Event::SessionClosed { token: id }).await,
        false => Ok(()),
    }
}

/// Ends the caller's other sessions; says how many there were.
pub async fn end_others(app: &App, who: &Principal) -> Result<usize, Error> {
    let sight = policy::read(who, Action::TokenRead)?;
    let own = who.id.ok_or(NO_SESSION)?;
    let mut ended = 0;
    // One look sees the newest; nobody's older session stays behind them.
    loop {
        let live = store::live(&app.db.read(&sight), own, app.db.clock().now()).await?;
        let others = live.into_iter().filter(|session| Some(session.id) != who.credential.id());
        let permit = policy::act(who, Action::SessionClose)?;
        let tx = app.db.begin().await?;
        let mut events = Vec::new();
        for session in others {
            if store::end(&tx, session.id).await? {
                events.push(Event::SessionClosed { token: session.id });
            }
        }
        ended += events.len();
        let mut events = events.into_iter();
        let Some(first) = events.next() else { return Ok(ended) };
        tx.commit_all(permit, first, events.collect()).await?;
    }
}
