//! Use-cases of adding, renewing and removing a second factor.

use crate::{
    accounts::{
        Account,
        passwords::store as passwords,
        second_factor::{Factor, demand, paper_hash, recovery_codes, store, tried},
        single_sign_on, store as accounts,
        throttle::Place,
    },
    app::App,
    authz::{Action, Kind, Principal, SecondFactor, policy},
    core::{event::Event, ids::AccountId},
    crypto::totp::Secret,
    db::{Db, Reader},
    error::Error,
};

/// A factor in the only moment in which its secret is readable.
pub struct Begun {
    /// As people type it.
    pub secret: String,
    /// As an authenticator reads it from a picture.
    pub address: String,
}

/// What somebody has.
pub struct Standing {
    /// `none`, `begun` or `active`.
    pub state: &'static str,
    pub recovery_codes_left: u64,
    /// Whether nothing else may be done before there is one.
    pub is_required: bool,
}

/// How it stands with somebody who came with a credential.
pub(in crate::accounts) async fn standing_of(
    app: &App,
    reader: &Reader<'_>,
    of: &Account,
) -> Result<SecondFactor, Error> {
    if of.kind != Kind::User {
        return Ok(SecondFactor::None);
    }
    let factor = store::find(reader, of.id).await?;
    let was_taken = factor.as_ref().is_some_and(|factor| factor.taken_at.is_some());
    Ok(match factor.is_some_and(|factor| factor.counts()) {
        true => SecondFactor::Active,
        false if was_taken || demand::is_needed(&app.factor_demands, of.kind, &of.roles, &of.custom) => {
            SecondFactor::Missing
        }
        false => SecondFactor::None,
    })
}

/// Whether there is a factor that only the sealing key of before opens.
pub async fn is_anything_sealed(db: &Db) -> Result<bool, Error> {
    Ok(store::any(&db.read(&policy::upkeep())).await?.is_some())
}

/// Says at the start that the key is another one than before, not only to the first who signs in.
pub async fn check_key(app: &App) -> Result<(), Error> {
    let Some(factor) = store::any(&app.db.read(&policy::upkeep())).await? else { return Ok(()) };
    if tried::secret_of(app, &factor).is_err() {
        tracing::error!(
            "second factors were sealed with another key than this one: nobody who has one can sign in. Put the key back \
             that the service had before (--sealing-key-file, or PLIMSOLL_SEALING_KEY), and start again"
        );
    }
    Ok(())
}

pub async fn standing(app: &App, who: &Principal) -> Result<Standing, Error> {
    let sight = policy::read(who, Action::TokenRead)?;
    let account = who.id.ok_or(Error::Unauthenticated)?;
    let reader = app.db.read(&sight);
    let state = match store::find(&reader, account).await? {
        Some(factor) if factor.counts() => "active",
        Some(Factor { sealed: Some(_), .. }) => "begun",
        _ => "none",
    };
    let recovery_codes_left = store::count_paper(&reader, account).await?;
    Ok(Standing { state, recovery_codes_left, is_required: who.second_factor == SecondFactor::Missing })
}

/// Makes a secret for an authenticator. It counts when a first code of it was right.
///
/// # Errors
/// `Conflict` when there is a factor that counts.
pub async fn begin(app: &App, who: &Principal) -> Result<Begun, Error> {
    let permit = policy::own_factor(who, Action::SecondFactorAdd)?;
    let account = who.id.ok_or(Error::Unauthenticated)?;
    if single_sign_on::store::issuer_of(&app.db.read(&policy::authenticate()), account).await?.is_some() {
        let detail =
            "the account signs in with an identity provider and has no second factor here; the provider has it";
        return Err(Error::conflict("no_password", detail));
    }
    let secret = Secret::generate().map_err(Error::internal)?;
    let sealed = app.seal.seal(secret.as_bytes(), &account.to_string()).map_err(Error::internal)?;
    let tx = app.db.begin().await?;
    passwords::lock(&tx, account).await?;
    if !store::begin(&tx, account, sealed).await? {
        return Err(active());
    }
    tx.commit(permit, Event::SecondFactorBegun { account }).await?;
    Ok(begun(app, who, &secret))
}

/// The secret that was begun, to be shown again beside what was wrong; not to a program.
pub async fn begun_before(app: &App, who: &Principal) -> Result<Begun, Error> {
    let sight = policy::read(who, Action::TokenRead)?;
    let account = who.id.ok_or(Error::Unauthenticated)?;
    // Whoever has but an old session of the person sees no secret that the person is about to confirm.
    if !who.proof.is_fresh(app.db.clock().now()) {
        return Err(none());
    }
    let found = store::find(&app.db.read(&sight), account).await?;
    let factor = found.filter(|factor| factor.sealed.is_some() && !factor.counts()).ok_or_else(none)?;
    Ok(begun(app, who, &tried::secret_of(app, &factor)?))
}

fn begun(app: &App, who: &Principal, secret: &Secret) -> Begun {
    Begun { secret: secret.base32(), address: secret.address(app.signer.origin(), &who.name) }
}

/// Takes the first code; from now on every sign-in needs one. The person's other sessions, which were opened without,
/// end. Returns the codes on paper.
///
/// # Errors
/// `Invalid` for a code that is not of now; `Conflict` when nothing was begun, or there is a factor that counts.
pub async fn confirm(app: &App, who: &Principal, code: &str) -> Result<Vec<String>, Error> {
    let permit = policy::own_factor(who, Action::SecondFactorAdd)?;
    let account = who.id.ok_or(Error::Unauthenticated)?;
    let found = store::find(&app.db.read(&policy::authenticate()), account).await?;
    let factor = found.filter(|factor| factor.sealed.is_some()).ok_or_else(none)?;
    if factor.counts() {
        return Err(active());
    }
    // Whoever has the session saw the secret: this is against programs that try all codes for nothing.
    let tried = app.attempts.attempt(&account.to_string(), &Place::Code(Some("begun")), app.db.clock().now())?;
    let step = tried::step_of(app, &factor, code)?.ok_or_else(wrong)?;
    app.attempts.succeeded(tried);
    let (codes, hashes) = papers(account)?;
    let tx = app.db.begin().await?;
    passwords::lock(&tx, account).await?;
    if !store::confirm(&tx, account, factor.sealed.as_deref(), step).await? {
        return Err(active());
    }
    store::keep_papers(&tx, account, hashes).await?;
    let ended = passwords::end_credentials(&tx, account, who.credential.id(), false).await?;
    tx.commit(permit, Event::SecondFactorAdded { account, ended }).await?;
    Ok(codes)
}

/// New codes on paper, in the place of those before.
pub async fn renew_codes(app: &App, who: &Principal) -> Result<Vec<String>, Error> {
    let permit = policy::own_factor(who, Action::RecoveryCodesRenew)?;
    let account = who.id.ok_or(Error::Unauthenticated)?;
    let found = store::find(&app.db.read(&policy::authenticate()), account).await?;
    if !found.is_some_and(|factor| factor.counts()) {
        return Err(none());
    }
    let (codes, hashes) = papers(account)?;
    let tx = app.db.begin().await?;
    passwords::lock(&tx, account).await?;
    store::keep_papers(&tx, account, hashes).await?;
    tx.commit(permit, Event::RecoveryCodesRenewed { account }).await?;
    Ok(codes)
}

/// Takes one's own factor away. Whoever has confirmed their session lately gave a code of it for that.
pub async fn remove(app: &App, who: &Principal) -> Result<(), Error> {
    let permit = policy::own_factor(who, Action::SecondFactorRemove)?;
    let account = who.id.ok_or(Error::Unauthenticated)?;
    let tx = app.db.begin().await?;
    passwords::lock(&tx, account).await?;
    if !store::remove(&tx, account, false).await? {
        return Err(none());
    }
    tx.commit(permit, Event::SecondFactorRemoved { account }).await
}

/// Takes somebody's factor away who lost their authenticator and their codes. Their sessions end, and they can do
/// nothing but add another one.
///
/// # Errors
/// `Conflict` for an account that has none, `Denied` for one's own.
pub async fn take(app: &App, who: &Principal, name: &str) -> Result<(), Error> {
    let sight = policy::read(who, Action::AccountRead)?;
    policy::act(who, Action::SecondFactorTake).map(drop)?;
    let found = accounts::find_by_name(&app.db.read(&sight), name).await?;
    let account = found.ok_or(Error::NotFound { kind: "account" })?;
    let permit = policy::take_factor(who, account.id)?;
    let tx = app.db.begin().await?;
    passwords::lock(&tx, account.id).await?;
    if !store::remove(&tx, account.id, true).await? {
        return Err(none());
    }
    let ended = passwords::end_credentials(&tx, account.id, None, false).await?;
    tx.commit(permit, Event::SecondFactorTaken { account: account.id, ended }).await
}

/// Codes as they are shown, and as they are stored.
fn papers(account: AccountId) -> Result<(Vec<String>, Vec<String>), Error> {
    let codes = recovery_codes().map_err(Error::internal)?;
    let hashes = codes.iter().map(|code| paper_hash(code, account)).collect();
    Ok((codes, hashes))
}

fn active() -> Error {
    Error::conflict("second_factor_active", "there is a second factor already; remove it first")
}

fn none() -> Error {
    Error::conflict(
        "no_second_factor",
        "there is no second factor; add one, beginning with a secret for an authenticator",
    )
}

fn wrong() -> Error {
    Error::invalid("code", "this is no code of now; look at the clock of your authenticator")
}
