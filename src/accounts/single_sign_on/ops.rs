//! Use-cases of signing in with a provider, and of proving there again who one is.

use super::{
    Answer, Attempt, Failed, Provider, Purpose, Refusal,
    claims::{self, LEEWAY_SECONDS, Proven, Wanted},
    roles::{self, Given},
    store::{self, Known},
};
use crate::{
    accounts::{
        Account, Identity, Issued,
        issuers::store::Once,
        people,
        roles::store as held_roles,
        sessions::{self, HOURS, Whence},
        store as accounts,
        throttle::Place,
    },
    app::App,
    authz::{Action, Cause, Credential, CustomRoles, Kind, Principal, Ranges, Reach, RoleName, policy},
    core::{
        event::Event,
        ids::{AccountId, PersonId, WorkspaceId},
    },
    crypto::jwt::Claims,
    error::Error,
    workspaces,
};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;

/// An answer as it came back.
pub struct Return<'a> {
    pub provider: &'a Provider,
    /// What the browser kept of the attempt.
    pub cookie: Option<&'a str>,
    pub answer: &'a Answer,
    pub whence: &'a Whence,
    /// Who is signed in in that browser.
    pub who: Option<&'a Principal>,
    pub cause: Cause,
}

/// A refusal, with the account that the provider proved before.
struct Refused(Refusal, Option<AccountId>);

enum Stopped {
    Refused(Refused),
    Other(Error),
}

/// Where the browser has to go, to prove who it is in the hands of.
pub async fn begin(app: &App, provider: &Provider, attempt: &Attempt) -> Result<String, Error> {
    let (scope, state, nonce, challenge) =
        (provider.scopes.join(" "), attempt.state(), attempt.nonce(), attempt.challenge());
    // The provider's own session is not believed for longer than one here.
    let most = (HOURS * 3600).to_string();
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", provider.client_id.as_str()),
        ("redirect_uri", provider.redirect_url.as_str()),
        ("scope", scope.as_str()),
        ("state", state.as_str()),
        ("nonce", nonce.as_str()),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    match attempt.purpose {
        Purpose::SignIn => pairs.push(("max_age", most.as_str())),
        Purpose::Confirm => pairs.extend([("prompt", "login"), ("max_age", "0")]),
    }
    Ok(provider.authorization(&pairs, app.db.clock().now()).await?.into())
}

/// Takes a provider's answer: a session, and where it leads.
///
/// # Errors
/// `Refused` with a sentence for the person; it is in the audit log if this browser had asked for the answer. `TooMany`
/// after too many forged ones from one place.
pub async fn finish(app: &App, back: Return<'_>) -> Result<(Issued, String), Failed> {
    let now = app.db.clock().now();
    // Another site can send a browser here with anything: what nobody asked for proves nothing, costs nobody a try, and
    // fills no log.
    let attempt = asked_for(&back, now)?;
    let place = Place::Known(&back.whence.address);
    let tried = app.attempts.attempt(&format!("provider {}", back.provider.name), &place, now)?;
    let proven = prove(back.provider, back.answer, &attempt, now).await;
    // Whom the provider vouched for has forged nothing, whatever becomes of it, and what went wrong on the way is no failure
    // of theirs.
    if !matches!(proven, Err(Failed::Refused(_))) {
        app.attempts.succeeded(tried);
    }
    let settled = match proven {
        Ok(word) if attempt.purpose == Purpose::SignIn => sign_in(app, &back, &word).await,
        Ok(word) => confirm(app, &back, &word).await,
        Err(failed) => Err(failed.into()),
    };
    match settled {
        Ok(issued) => Ok((issued, attempt.next)),
        Err(Stopped::Refused(Refused(refusal, account))) => {
            note(app, back, attempt.purpose, &refusal, account).await?;
            Err(refusal.into())
        }
        Err(Stopped::Other(error)) => Err(error.into()),
    }
}

/// The attempt that the answer belongs to.
fn asked_for(back: &Return<'_>, now: DateTime<Utc>) -> Result<Attempt, Refusal> {
    let attempt = back.cookie.and_then(Attempt::of_cookie);
    let fits = |a: &Attempt| a.provider == back.provider.name.as_str() && a.fits(back.answer);
    let attempt = attempt.filter(fits).ok_or_else(|| {
        let said = "This answer belongs to no sign-in that was begun in this browser, or it was used. Sign in again.";
        Refusal::new("wrong_state", said)
    })?;
    match attempt.is_over(now) {
        true => Err(Refusal::new("too_late", "The sign-in took longer than ten minutes. Sign in again.")),
        false => Ok(attempt),
    }
}

/// Puts a refusal into the log: a confirmation is the doing of whoever is signed in, a sign-in is nobody's yet.
async fn note(
    app: &App,
    back: Return<'_>,
    purpose: Purpose,
    refusal: &Refusal,
    account: Option<AccountId>,
) -> Result<(), Error> {
    let (provider, cause) = (back.provider.name.to_string(), refusal.cause.to_owned());
    let signed_in = back.who.filter(|_| purpose == Purpose::Confirm).and_then(|who| Some((who, who.id?)));
    if let Some((who, account)) = signed_in {
        let permit = policy::act(who, Action::SessionConfirm)?;
        let event = Event::ProviderConfirmationRefused { account, provider, cause };
        return app.db.begin().await?.commit(permit, event).await;
    }
    let workspace = workspaces::ops::find(app, &back.provider.workspace).await?;
    let account = account.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
    let permit = policy::prove(Action::SessionOpen, workspace, None, back.cause);
    app.db.begin().await?.commit(permit, Event::ProviderRefused { account, provider, cause }).await
}

/// What the provider says of whoever came.
struct Word {
    claims: Claims,
    proven: Proven,
    once: Once,
}

async fn prove(provider: &Provider, answer: &Answer, attempt: &Attempt, now: DateTime<Utc>) -> Result<Word, Failed> {
    is_by(provider, answer, now).await?;
    if let Some(error) = &answer.error {
        tracing::info!(provider = %provider.name, error = error.escape_debug().to_string(), "a provider let nobody in");
        let said = "Your provider did not let you in. If you should be able to sign in, ask those who run it.";
        return Err(Refusal::new("provider_refused", said).into());
    }
    let code = answer.code().ok_or_else(|| Refusal::new("no_code", "Your provider's answer has no code."))?;
    let token = provider.redeem(code, &attempt.verifier(), now).await?;
    let claims = provider.verified(&token, now).await?;
    let nonce = attempt.nonce();
    let leeway = TimeDelta::seconds(LEEWAY_SECONDS);
    let wanted = Wanted {
        issuer: &provider.issuer.name,
        client_id: &provider.client_id,
        nonce: &nonce,
        now,
        proven_since: match attempt.purpose {
            Purpose::Confirm => Some(attempt.started_at()),
            // Not every provider says it; one that does is held to what it was asked for.
            Purpose::SignIn => claims.get("auth_time").map(|_| now - TimeDelta::hours(HOURS) - leeway),
        },
    };
    let proven = claims::check(&claims, &wanted)?;
    let once = Once::new(&provider.issuer.name, &nonce, attempt.kept_until(proven.expires_at));
    Ok(Word { claims, proven, once })
}

/// Of two providers, one could pass the other's answer off as its own (RFC 9207).
async fn is_by(provider: &Provider, answer: &Answer, now: DateTime<Utc>) -> Result<(), Failed> {
    let is_named = provider.issuer.description(now).await?.authorization_response_iss_parameter_supported;
    match &answer.iss {
        Some(issuer) if *issuer == provider.issuer.name => Ok(()),
        None if !is_named => Ok(()),
        _ => Err(Refusal::new("other_issuer", "The answer is not by the provider that was asked.").into()),
    }
}

async fn sign_in(app: &App, back: &Return<'_>, word: &Word) -> Result<Issued, Stopped> {
    let provider = back.provider;
    let found = workspaces::ops::find(app, &provider.workspace).await?;
    let missing = || Refusal::new("no_workspace", "The workspace that your provider leads to does not exist.");
    let workspace = found.ok_or_else(missing)?;
    let wanted = provider.roles(&claims::groups(&word.claims, &provider.group_claim)?);
    let reader = app.db.read(&policy::authenticate());
    let known = match store::find(&reader, &provider.issuer.name, &word.proven.subject).await? {
        Some(known) => known,
        None => provision(app, back, workspace, word, &wanted).await?,
    };
    let id = known.account;
    if !known.active {
        return Err(deactivated(id));
    }
    // One that was used before says nothing of the groups of now.
    if word.once.is_used(&reader).await? {
        return Err(used(id));
    }
    match roles::set(app, provider, (workspace, id), &wanted, back.cause.clone()).await {
        Ok(roles) if roles.is_empty() => return Err(Refused(no_role(), Some(id)).into()),
        Ok(_) => {}
        Err(Error::Unauthenticated) => return Err(deactivated(id)),
        Err(error) => return Err(error.into()),
    }
    let device = back.whence.device_hash(&id.to_string());
    let client = back.whence.client.clone();
    let since = sessions::known_since(app.db.clock().now());
    let is_known = sessions::store::is_known(&reader, id, since, device.as_deref(), client.as_deref()).await?;
    let tx = app.db.begin().await?;
    if !store::lock_active(&tx, id).await? {
        return Err(deactivated(id));
    }
    if !word.once.use_up(&tx).await? {
        return Err(used(id));
    }
    let (mut token, secret) = sessions::begin(workspace, id, (client, device), tx.at())?;
    // A provider that says nothing of when it was may have asked for no password: it counts as long ago.
    let unknown = token.created_at - TimeDelta::hours(HOURS);
    token.proven_at = Some(claims::time(&word.claims, "auth_time").unwrap_or(unknown).min(token.created_at));
    accounts::insert_token(&tx, &token, &secret.hash()).await?;
    let permit = policy::prove(Action::SessionOpen, Some(workspace), Some((id, &known.name)), back.cause.clone());
    let provider = Some(provider.name.to_string());
    let event = Event::SessionOpened { token: token.id, account: id, provider, new_device: !is_known };
    tx.commit(permit, event).await?;
    Ok(Issued { token, secret: secret.reveal().to_owned() })
}

/// Makes the account of somebody who comes for the first time.
async fn provision(
    app: &App,
    back: &Return<'_>,
    workspace: WorkspaceId,
    word: &Word,
    wanted: &Given,
) -> Result<Known, Stopped> {
    let provider = back.provider;
    if wanted.is_empty() {
        return Err(no_role().into());
    }
    let name = claims::account_name(&word.claims, &provider.name_claim, provider.name_domain.as_deref())?;
    let (issuer, subject) = (provider.issuer.name.clone(), word.proven.subject.clone());
    let permit = policy::system(&roles::registry(workspace, back.cause.clone()), Action::AccountCreate)
        .map_err(|denied| Stopped::Other(denied.into()))?;
    let tx = app.db.begin().await?;
    let account = Account {
        id: AccountId::generate(),
        name: name.to_string(),
        display_name: claims::display_name(&word.claims).to_string(),
        kind: Kind::User,
        active: true,
        owner: None,
        identity: Some(Identity { issuer: issuer.clone(), subject: subject.clone() }),
        roles: BTreeSet::new(),
        ranges: Ranges::default(),
        custom: CustomRoles::default(),
        created_at: tx.at(),
    };
    match accounts::insert(&tx, &account, workspace, None).await {
        Ok(()) => {}
        Err(Error::Conflict { .. }) => {
            drop(tx);
            // Whoever came twice at once has made it a moment ago.
            let again = store::find(&app.db.read(&policy::authenticate()), &issuer, &subject).await?;
            return again.ok_or_else(|| name_taken(&account.name).into());
        }
        Err(error) => return Err(error.into()),
    }
    for (role, group) in wanted {
        let given = (&RoleName::Fixed(*role), &Reach::default());
        held_roles::give(&tx, workspace, account.id, given, None, Some(&provider.origin(group))).await?;
    }
    let person = provider.one_account_each.then(PersonId::generate);
    if let Some(person) = person {
        people::store::link(&tx, workspace, account.id, person, None).await?;
    }
    let event = Event::AccountProvisioned {
        account: account.id,
        provider: provider.name.to_string(),
        mapping: app.providers.digest().to_string(),
        roles: wanted.keys().map(ToString::to_string).collect(),
        person,
    };
    tx.commit(permit, event).await?;
    Ok(Known { account: account.id, name: account.name, active: true })
}

async fn confirm(app: &App, back: &Return<'_>, word: &Word) -> Result<Issued, Stopped> {
    let session = back.who.and_then(|who| match (who.credential, who.id) {
        (Credential::Session(session), Some(account)) => Some((who, session, account)),
        _ => None,
    });
    let ended = || Refusal::new("not_signed_in", "Your session has ended in the meantime. Sign in again.");
    let (who, session, account) = session.ok_or_else(ended)?;
    let reader = app.db.read(&policy::authenticate());
    let provider = back.provider;
    let known = store::find(&reader, &provider.issuer.name, &word.proven.subject).await?;
    if known.as_ref().is_none_or(|known| known.account != account) {
        let said = "You proved to be somebody else than the one who is signed in here.";
        return Err(Refusal::new("other_person", said).into());
    }
    if word.once.is_used(&reader).await? {
        return Err(used(account));
    }
    let permit = policy::act(who, Action::SessionConfirm).map_err(|denied| Stopped::Other(denied.into()))?;
    // Who lost a group since they signed in has lost its roles before what they are about to do.
    let wanted = provider.roles(&claims::groups(&word.claims, &provider.group_claim)?);
    if roles::set(app, provider, (who.workspace, account), &wanted, back.cause.clone()).await?.is_empty() {
        return Err(no_role().into());
    }
    let before = accounts::find_token_by_id(&reader, session).await?.ok_or_else(ended)?;
    let tx = app.db.begin().await?;
    if !store::lock_active(&tx, account).await? || !word.once.use_up(&tx).await? {
        return Err(used(account));
    }
    let proven_at = claims::time(&word.claims, "auth_time").unwrap_or_default().min(tx.at());
    let issued = match sessions::ops::renew(&tx, before, Some(proven_at)).await {
        Err(Error::Unauthenticated) => return Err(ended().into()),
        issued => issued?,
    };
    let event = Event::SessionConfirmed { token: issued.token.id, account, replaces: session };
    tx.commit(permit, event).await?;
    Ok(issued)
}

/// The provider that the caller signs in with; `None` for whoever has a password.
pub async fn provider_of<'a>(app: &'a App, who: &Principal) -> Result<Option<&'a Provider>, Error> {
    let Some(account) = who.id else { return Ok(None) };
    let issuer = store::issuer_of(&app.db.read(&policy::authenticate()), account).await?;
    Ok(issuer.and_then(|issuer| app.providers.of_issuer(&issuer)))
}

fn no_role() -> Refusal {
    let said = "None of the groups that your provider says you are in gives you a role here. Ask those who run the \
        provider for a group, or the operator of this service which groups count.";
    Refusal::new("no_role", said)
}

fn used(account: AccountId) -> Stopped {
    let said = "This answer of your provider was used already. Sign in again.";
    Refused(Refusal::new("used", said), Some(account)).into()
}

fn deactivated(account: AccountId) -> Stopped {
    Refused(Refusal::new("deactivated", "Your account here is not active any more."), Some(account)).into()
}

fn name_taken(name: &str) -> Refusal {
    let said = format!(
        "There is an account named {name} here already, and it is not linked to you: accounts are never joined by \
         their names. Ask a workspace administrator."
    );
    Refusal::new("name_taken", said)
}

impl From<Refused> for Stopped {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Refused(refusal, None))
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<Failed> for Stopped {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Refused(refusal) => refusal.into(),
            Failed::Other(error) => error.into(),
        }
    }
}
