//! Use-cases. JSON handlers, pages and the console all call these.

use crate::{
    accountability::vacancy,
    accounts::{
        Account, Issued, NewAccount, NewCredentials, Token,
        passwords::{
            ops::{self as password_ops, IssuedReset},
            store as password_store,
        },
        people, roles, second_factor, sessions,
        store::{self, Standing},
        throttle::Place,
        token_expiry, workloads,
    },
    app::App,
    authz::{
        Action, Cause, Credential, CustomRoles, Kind, Limits, Person, Principal, Ranges, Reach, SecondFactor, policy,
    },
    core::{
        clock::rfc3339,
        event::Event,
        ids::{AccountId, TokenId, WorkspaceId},
        page::{Page, PageRequest},
        text::Line,
    },
    crypto::{passwords, tokens},
    db::{Conn, Reader},
    error::Error,
    oversight,
};
use chrono::{DateTime, Utc};
use std::time::Duration;
use tokio::time::timeout;

/// How long a sign-in waits for its turn where nobody is known.
const STRANGERS_WAIT: Duration = Duration::from_secs(5);

const NOT_FOUND: Error = Error::NotFound { kind: "account" };
const NO_TOKEN: Error = Error::NotFound { kind: "token" };

/// An account that was just made, and the code for its person.
pub struct Made {
    pub account: Account,
    pub invitation: Option<IssuedReset>,
}

/// Who a bearer token or a session cookie belongs to.
///
/// # Errors
/// `Unauthenticated` for everything that is not a live credential of an active account;
/// nothing tells which of these it was.
pub async fn authenticate(app: &App, secret: &str) -> Result<Principal, Error> {
    Ok(identify(app, secret).await?.0)
}

/// The same, with the credential.
pub async fn identify(app: &App, secret: &str) -> Result<(Principal, Token), Error> {
    let hash = tokens::Token::parse(secret).map_err(|_| Error::Unauthenticated)?.hash();
    let reader = app.db.read(&policy::authenticate());
    let (token, account) = store::find_credential(&reader, &hash).await?.ok_or(Error::Unauthenticated)?;
    let now = app.db.clock().now();
    let issuer = account.identity.as_ref().map(|identity| identity.issuer.clone());
    let standing = Standing { active: account.active, owner: account.owner, issuer };
    if token.is_idle(now) || !is_live(app, &reader, &token, &standing, now).await? {
        return Err(Error::Unauthenticated);
    }
    if token.is_unnoted(now) {
        // Reading goes on where nothing can be written, on a full disk for example.
        if let Err(error) = sessions::store::note_use(&app.db, token.id, now).await {
            tracing::warn!(token = %token.id, %error, "the use of a session could not be noted");
        }
    }
    let (mut factor, mut person) = (SecondFactor::None, Person::Known);
    if account.identity.is_none() {
        factor = second_factor::ops::standing_of(app, &reader, &account).await?;
    } else if people::store::person(reader.conn(), token.workspace, account.id).await?.is_none() {
        person = Person::Unsaid;
    }
    let credential = if token.session { Credential::Session(token.id) } else { Credential::Token(token.id) };
    let who = Principal {
        id: Some(account.id),
        kind: account.kind,
        name: account.name,
        workspace: token.workspace,
        roles: account.roles,
        ranges: account.ranges,
        custom: account.custom,
        credential,
        proof: token.proof(),
        second_factor: factor,
        person,
        reach: token.reach.clone(),
        cause: Cause::default(),
    };
    Ok((who, token))
}

/// Whether the credential of a caller still stands while something is under way, which is use enough; those without one act
/// from the machine itself.
pub async fn is_signed_in(app: &App, who: &Principal) -> Result<bool, Error> {
    let Some(id) = who.credential.id() else { return Ok(true) };
    let reader = app.db.read(&policy::authenticate());
    let Some(token) = store::find_token_by_id(&reader, id).await? else { return Ok(false) };
    let Some(account) = store::standing(&reader, token.account).await? else { return Ok(false) };
    is_live(app, &reader, &token, &account, app.db.clock().now()).await
}

/// Neither revoked nor over, of an account that is active, as is the person who owns it if it is a robot; and if an
/// identity provider signs its person in, of one that the operator still trusts.
async fn is_live(
    app: &App,
    reader: &Reader<'_>,
    token: &Token,
    account: &Standing,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    if !account.active || token.revoked_at.is_some() || token.expires_at <= now {
        return Ok(false);
    }
    if account.issuer.as_ref().is_some_and(|issuer| app.providers.of_issuer(issuer).is_none()) {
        return Ok(false);
    }
    if let Some(trust) = token.trust
        && !workloads::ops::holds(app, reader, trust).await?
    {
        return Ok(false);
    }
    let Some(owner) = account.owner else { return Ok(true) };
    Ok(store::standing(reader, owner).await?.is_some_and(|owner| owner.active))
}

/// Makes an account. A person without a password gets a code with which they choose one.
pub async fn create(app: &App, who: &Principal, new: NewAccount) -> Result<Made, Error> {
    let permit = policy::act(who, Action::AccountCreate)?;
    let (kind, hash) = match &new.credentials {
        NewCredentials::Person(password) => (Kind::User, Some(hash_password(app, password.as_str().to_owned()).await?)),
        NewCredentials::Invited => (Kind::User, None),
        NewCredentials::Robot => (Kind::Service, None),
    };
    let tx = app.db.begin().await?;
    let account = Account {
        id: AccountId::generate(),
        name: new.name.to_string(),
        display_name: new.display_name.to_string(),
        kind,
        active: true,
        owner: if kind == Kind::Service { who.id } else { None },
        identity: None,
        roles: new.roles,
        ranges: Ranges::default(),
        custom: CustomRoles::default(),
        created_at: tx.at(),
    };
    store::insert(&tx, &account, who.workspace, hash).await?;
    let event = Event::AccountCreated {
        account: account.id,
        kind: kind.name().to_owned(),
        roles: account.roles.iter().map(ToString::to_string).collect(),
    };
    let (invitation, invited) = match new.credentials {
        NewCredentials::Invited => {
            let (issued, event) = password_ops::invite(&tx, who, account.id).await?;
            (Some(issued), vec![event])
        }
        NewCredentials::Person(_) | NewCredentials::Robot => (None, Vec::new()),
    };
    tx.commit_all(permit, event, invited).await?;
    Ok(Made { account, invitation })
}

/// Ends an account's access at once: its sessions, its tokens, its robots. What it answered for is a
/// finding from then on. Where nothing is left to end, nothing is logged.
pub async fn deactivate(app: &App, who: &Principal, name: &str) -> Result<Account, Error> {
    let sight = policy::read(who, Action::AccountRead)?;
    let permit = policy::act(who, Action::AccountDeactivate)?;
    let account = store::find_by_name(&app.db.read(&sight), name).await?.ok_or(NOT_FOUND)?;
    if Some(account.id) == who.id {
        return Err(Error::conflict("own_account", "nobody deactivates the account they are signed in with"));
    }
    let tx = app.db.begin().await?;
    if account.active {
        roles::ops::keep_admins(&tx, who.workspace, &account).await?;
    }
    let left = vacancy::leaving(&tx, sight.scope(), account.id).await?;
    if store::deactivate(&tx, account.id).await? {
        let found = vacancy::open(&tx, who.workspace, left).await?;
        tx.commit_all(permit, Event::AccountDeactivated { account: account.id }, found).await?;
    }
    Ok(Account { active: false, ..account })
}

/// Forgets who a deactivated account belonged to: its name, its display name, its password, the
/// names of its tokens, the programs that it signed in with, and the salts by which the log's hashes of them could be recognised.
///
/// What it did stays on record under its id. Texts that others wrote about it are theirs to change.
/// Where nothing is left to forget, nothing is logged.
pub async fn erase(app: &App, who: &Principal, name: &str) -> Result<Account, Error> {
    let sight = policy::read(who, Action::AccountRead)?;
    let permit = policy::act(who, Action::AccountErase)?;
    let account = store::find_by_name(&app.db.read(&sight), name).await?.ok_or(NOT_FOUND)?;
    if account.active {
        let detail = "the account is active; deactivate it first, so that nobody works under a name that is forgotten";
        return Err(Error::conflict("account_active", detail));
    }
    let tx = app.db.begin().await?;
    let (name, changed) = store::erase(&tx, account.id).await?;
    if changed {
        second_factor::store::forget(&tx, account.id).await?;
        tx.commit(permit, Event::AccountErased { account: account.id }).await?;
    }
    Ok(Account { display_name: name.clone(), name, ..account })
}

pub async fn list(app: &App, who: &Principal, page: PageRequest) -> Result<Page<Account>, Error> {
    let sight = policy::read(who, Action::AccountRead)?;
    store::list(&app.db.read(&sight), page).await
}

/// The account of that name, if it is active here; for owners named in documents.
pub async fn require_member(app: &App, who: &Principal, field: &str, name: &str) -> Result<AccountId, Error> {
    let sight = policy::read(who, Action::AccountRead)?;
    let account = store::find_by_name(&app.db.read(&sight), name).await?;
    match account {
        Some(account) if account.active && account.kind == Kind::User => Ok(account.id),
        _ => Err(Error::invalid(field, format!("\"{name}\" is not an active person in this workspace"))),
    }
}

/// The same as a transaction sees it.
pub(crate) async fn require_member_in(
    conn: &Conn<'_>,
    who: &Principal,
    field: &str,
    name: &str,
) -> Result<AccountId, Error> {
    policy::read(who, Action::AccountRead).map(drop)?;
    let found = oversight::store::member(conn, who.workspace, name).await?;
    found.ok_or_else(|| Error::invalid(field, format!("\"{name}\" is not an active person in this workspace")))
}

/// Names for ids, for showing.
pub async fn names(app: &App, ids: &[AccountId]) -> Result<std::collections::HashMap<AccountId, String>, Error> {
    store::names(&app.db.read(&policy::upkeep()), ids).await
}

pub async fn create_token(
    app: &App,
    who: &Principal,
    account: Option<&str>,
    name: Line,
    expires_in_days: i64,
    limits: Limits,
) -> Result<Issued, Error> {
    let sight = policy::read(who, Action::TokenRead)?;
    let reader = app.db.read(&sight);
    let (owner, owner_kind) = match (account, who.id) {
        (Some(account), _) => {
            let account = store::find_by_name(&reader, account).await?.ok_or(NOT_FOUND)?;
            (account.id, account.kind)
        }
        (None, Some(own)) => (own, who.kind),
        (None, None) => return Err(Error::invalid("account", "say whose token it is")),
    };
    let permit = policy::manage_token(who, Action::TokenCreate, owner, owner_kind)?;
    // A token made with a token of the same person does not outlive it.
    let parent = match who.credential {
        Credential::Token(id) if who.id == Some(owner) => store::find_token_by_id(&reader, id).await?,
        _ => None,
    };
    let secret = tokens::Token::generate().map_err(Error::internal)?;
    let tx = app.db.begin().await?;
    let asked = token_expiry(tx.at(), expires_in_days)?;
    let token = Token {
        id: TokenId::generate(),
        workspace: who.workspace,
        account: owner,
        session: false,
        name: name.to_string(),
        accessor: secret.accessor(),
        created_at: tx.at(),
        expires_at: parent.map_or(asked, |parent| parent.expires_at.min(asked)),
        revoked_at: None,
        client: None,
        device: None,
        seen_at: None,
        proven_at: None,
        reach: Reach::new(limits),
        trust: None,
    };
    store::insert_token(&tx, &token, &secret.hash()).await?;
    let event = Event::TokenCreated {
        token: token.id,
        account: owner,
        accessor: token.accessor.clone(),
        expires_at: rfc3339(token.expires_at),
    };
    tx.commit(permit, event).await?;
    Ok(Issued { token, secret: secret.reveal().to_owned() })
}

/// One's own tokens; an administrator sees everybody's.
pub async fn list_tokens(app: &App, who: &Principal, page: PageRequest) -> Result<Page<Token>, Error> {
    let sight = policy::read(who, Action::TokenRead)?;
    let own = if who.may(Action::AccountCreate) { None } else { who.id };
    store::list_tokens(&app.db.read(&sight), own, page).await
}

/// Ends a token at once. One that has ended stays so, and nothing is logged.
pub async fn revoke_token(app: &App, who: &Principal, id: TokenId) -> Result<(), Error> {
    let sight = policy::read(who, Action::TokenRead)?;
    let token = store::find_token(&app.db.read(&sight), id).await?.ok_or(NO_TOKEN)?;
    let visible = Some(token.account) == who.id || who.may(Action::AccountCreate);
    if !visible {
        return Err(NO_TOKEN);
    }
    let permit = policy::manage_token(who, Action::TokenRevoke, token.account, who.kind)?;
    let tx = app.db.begin().await?;
    match store::revoke_token(&tx, id).await? {
        true => tx.commit(permit, Event::TokenRevoked { token: id }).await,
        false => Ok(()),
    }
}

/// The console acts with the authority of the machine's operator.
pub fn console(workspace: WorkspaceId) -> Principal {
    Principal::system("console", workspace)
}

pub(super) async fn hash_password(app: &App, password: String) -> Result<String, Error> {
    let _turn = app.hashing.acquire().await.map_err(Error::internal)?;
    let hashed = tokio::task::spawn_blocking(move || passwords::hash(&password)).await.map_err(Error::internal)?;
    hashed.map_err(|e| Error::internal(e.to_string()))
}

/// Whether it is the password of whoever is signed in already; returns its stored form.
///
/// # Errors
/// `Invalid` when it is not, which is in the audit log; `TooMany` after too many of them.
pub(super) async fn live_password(
    app: &App,
    who: &Principal,
    account: AccountId,
    password: &str,
    field: &str,
) -> Result<Option<String>, Error> {
    let hash = password_store::hash_of(&app.db.read(&policy::authenticate()), account).await?;
    // Only somebody with a live credential of the account gets here, and each has tries of its own: neither a stranger
    // nor whoever stole one session can use all of them up.
    let (id, now) = (account.to_string(), app.db.clock().now());
    let credential = who.credential.id().map_or_else(String::new, |credential| credential.to_string());
    let tried = app.attempts.attempt(&id, &Place::SignedIn(&credential), now)?;
    let checked = check_password(app, password.to_owned(), hash.clone()).await;
    // What went wrong on this side is no failure of theirs.
    if !matches!(checked, Ok(false)) {
        app.attempts.succeeded(tried);
    }
    if checked? {
        return Ok(hash);
    }
    let permit = policy::act(who, Action::SessionConfirm)?;
    app.db.begin().await?.commit(permit, Event::ConfirmationRefused { account }).await?;
    Err(Error::invalid(field, "this is not your password"))
}

pub(super) async fn check_password(app: &App, password: String, hash: Option<String>) -> Result<bool, Error> {
    let _turn = app.hashing.acquire().await.map_err(Error::internal)?;
    compare(password, hash).await
}

/// The same for whoever signs in from this place.
///
/// # Errors
/// `Unavailable` for strangers while there are too many of them.
pub(super) async fn check_password_from(
    app: &App,
    place: &Place<'_>,
    password: String,
    hash: Option<String>,
) -> Result<bool, Error> {
    let Place::Address(_) = place else { return check_password(app, password, hash).await };
    let Ok(turn) = timeout(STRANGERS_WAIT, app.strangers.acquire()).await else {
        let detail = "too many are signing in at this moment; try again in a moment".to_owned();
        return Err(Error::Unavailable { code: "sign_in_busy", detail });
    };
    let _turn = turn.map_err(Error::internal)?;
    compare(password, hash).await
}

async fn compare(password: String, hash: Option<String>) -> Result<bool, Error> {
    let check = move || passwords::verify_or_waste(&password, hash.as_deref());
    tokio::task::spawn_blocking(check).await.map_err(Error::internal)
}
