//! Use-cases of trusting workloads, and of giving one a token for its own.

use super::{
    MAX_MINUTES, MAX_TRUSTS, Trust,
    rules::{self, Refusal, Rules, Wanted},
    store,
};
use crate::{
    accounts::{
        Issued, Token,
        issuers::{Unproven, store::Once},
        reach::{self, Named},
        store as accounts,
        throttle::Place,
    },
    app::App,
    authz::{Action, Cause, Kind, Principal, Reach, policy},
    core::{
        clock::rfc3339,
        event::Event,
        ids::{TokenId, WorkloadTrustId},
        name::Name,
        page::{Page, PageRequest},
    },
    crypto::tokens,
    error::{Error, InField},
    workspaces,
};
use chrono::TimeDelta;
use std::collections::{BTreeMap, BTreeSet};

const NO_TRUST: Error = Error::NotFound { kind: "workload trust" };
/// The name of a token is not longer.
const MAX_NAME_CHARS: usize = 200;

/// A trust as it is asked for.
pub struct NewTrust {
    pub name: Name,
    pub issuer: String,
    pub audience: String,
    pub claims: BTreeMap<String, BTreeSet<String>>,
    pub account: String,
    pub reach: Named,
    pub minutes: i64,
}

pub async fn create(app: &App, who: &Principal, new: NewTrust) -> Result<Trust, Error> {
    let permit = policy::act(who, Action::WorkloadTrust)?;
    let sight = policy::read(who, Action::AccountRead)?;
    let reader = app.db.read(&sight);
    if app.workload_issuers.named(&new.issuer).is_none() {
        let names = app.workload_issuers.names();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let detail = format!(
            "the operator does not let this service ask it; letter by letter, these can be trusted: {known} (--workload-issuer)"
        );
        return Err(Error::invalid("issuer", detail));
    }
    if new.audience.trim().is_empty() || 200 < new.audience.len() {
        return Err(Error::invalid(
            "audience",
            "name for whom the tokens have to be made, such as this service's address",
        ));
    }
    if !(1..=MAX_MINUTES).contains(&new.minutes) {
        return Err(Error::invalid("minutes", format!("use 1 to {MAX_MINUTES}")));
    }
    let account = accounts::find_by_name(&reader, &new.account).await?;
    let account = account.filter(|account| account.active && account.kind == Kind::Service);
    let Some(account) = account else {
        let detail = format!("\"{}\" is not an active service account in this workspace", new.account);
        return Err(Error::invalid("account", detail));
    };
    let rules = Rules::parse(new.claims).in_field("claims")?;
    let limits = reach::resolve(&reader, new.reach).await?;
    let tx = app.db.begin().await?;
    let trust = Trust {
        id: WorkloadTrustId::generate(),
        workspace: who.workspace,
        name: new.name.to_string(),
        issuer: new.issuer,
        audience: new.audience,
        rules,
        account: account.id,
        limits,
        minutes: new.minutes,
        created_by: who.id,
        created_at: tx.at(),
        ended_at: None,
    };
    if MAX_TRUSTS <= store::count_live(&tx, who.workspace).await? {
        return Err(Error::conflict("too_many_trusts", format!("{MAX_TRUSTS} are the most; end one first")));
    }
    if store::is_name_taken(&tx, who.workspace, &trust.name).await? {
        let detail = format!("another one is called {}; end it first, or choose another name", trust.name);
        return Err(Error::conflict("workload_trust_name_taken", detail));
    }
    store::insert(&tx, &trust).await?;
    tx.commit(permit, Event::WorkloadTrusted { trust: trust.id, account: account.id }).await?;
    Ok(trust)
}

pub async fn list(app: &App, who: &Principal, page: PageRequest) -> Result<Page<Trust>, Error> {
    let sight = policy::read(who, Action::AccountRead)?;
    store::list(&app.db.read(&sight), page).await
}

/// Tokens that were given for it are dead at once. One that has ended stays so, and nothing is logged.
pub async fn end(app: &App, who: &Principal, id: WorkloadTrustId) -> Result<Trust, Error> {
    let sight = policy::read(who, Action::AccountRead)?;
    let permit = policy::act(who, Action::WorkloadDistrust)?;
    let tx = app.db.begin().await?;
    let trust = store::lock(&tx, sight.scope(), id).await?.ok_or(NO_TRUST)?;
    if trust.ended_at.is_some() {
        return Ok(trust);
    }
    store::end(&tx, id).await?;
    let ended = Trust { ended_at: Some(tx.at()), ..trust };
    tx.commit(permit, Event::WorkloadDistrusted { trust: id }).await?;
    Ok(ended)
}

/// The same whether nobody is trusted under the name, or the token is not of who is: whoever has no token of an issuer that is
/// trusted learns no names.
const NOT_BELIEVED: &str = "it is not believed: nobody is trusted under this name in this workspace, or the token is not one \
    that the trusted issuer signed for now. Compare with `plimsoll workload list`; why a token of a trusted issuer was \
    refused is in the audit log";

/// What a workload shows, and where it says that it is trusted.
pub struct Shown<'a> {
    pub workspace: &'a str,
    pub trust: &'a str,
    pub token: &'a str,
    /// From where it comes.
    pub address: &'a str,
}

/// Gives a workload a token of the service account that its own stands for.
///
/// # Errors
/// `Invalid` for a token that is not believed, which is in the audit log; `TooMany` after too many of them from one place;
/// `Unavailable` when its issuer cannot be asked.
pub async fn exchange(app: &App, cause: Cause, shown: Shown<'_>) -> Result<Issued, Error> {
    let now = app.db.clock().now();
    let workspace = workspaces::ops::find(app, shown.workspace).await?;
    let reader = app.db.read(&policy::authenticate());
    let trust = match workspace {
        Some(workspace) => store::live(&reader, workspace, shown.trust).await?,
        None => None,
    };
    // Counted by the name, so that the count does not tell whether anybody is trusted under it.
    let named = format!("workload {}/{}", shown.workspace, shown.trust);
    let tried = app.attempts.attempt(&named, &Place::Known(shown.address), now)?;
    let Some(trust) = trust else { return Err(Error::invalid("token", NOT_BELIEVED)) };
    let settled = settle(app, &cause, &trust, shown.token).await;
    match settled {
        Err(Stopped::Refused(refusal)) => {
            let permit = policy::prove(Action::TokenExchange, Some(trust.workspace), None, cause);
            let event = Event::WorkloadRefused { trust: trust.id, cause: refusal.cause.to_owned() };
            app.db.begin().await?.commit(permit, event).await?;
            Err(Error::invalid("token", refusal.said))
        }
        Err(Stopped::Other(error)) => {
            app.attempts.succeeded(tried);
            Err(error)
        }
        Ok(issued) => {
            app.attempts.succeeded(tried);
            Ok(issued)
        }
    }
}

enum Stopped {
    Refused(Refusal),
    Other(Error),
}

async fn settle(app: &App, cause: &Cause, trust: &Trust, token: &str) -> Result<Issued, Stopped> {
    let now = app.db.clock().now();
    let issuer = app.workload_issuers.named(&trust.issuer).ok_or_else(|| {
        let detail = "the operator no longer lets this service ask the issuer that is trusted (--workload-issuer)";
        Error::Unavailable { code: "issuer_not_allowed", detail: detail.to_owned() }
    })?;
    let claims = match issuer.verified(token, now).await {
        Ok(claims) => claims,
        Err(Unproven::Forged(e)) => return Err(Refusal::new(e.code(), NOT_BELIEVED.to_owned()).into()),
        Err(Unproven::Other(error)) => return Err(error.into()),
    };
    let wanted = Wanted { issuer: &trust.issuer, audience: &trust.audience, now };
    let workload = rules::check(&claims, wanted, &trust.rules)?;
    let once = Once::new(&trust.issuer, &format!("jti {}", workload.token), workload.kept_until());
    let secret = tokens::Token::generate().map_err(Error::internal)?;
    let tx = app.db.begin().await?;
    let Some(account) = store::lock_account(&tx, trust.account).await? else {
        return Err(
            Refusal::new("account_over", "the service account that it stands for is not active any more").into()
        );
    };
    // The trust may have ended while its issuer was asked.
    let standing = store::lock(&tx, policy::authenticate().scope(), trust.id).await?;
    if standing.is_none_or(|standing| standing.ended_at.is_some()) {
        return Err(Refusal::new("trust_over", "it is not trusted any more").into());
    }
    if !once.use_up(&tx).await? {
        return Err(Refusal::new("used", "it was exchanged before; ask your issuer for another one").into());
    }
    let name: String = format!("{}: {}", trust.name, workload.subject).chars().filter(|c| !c.is_control()).collect();
    let new = Token {
        id: TokenId::generate(),
        workspace: trust.workspace,
        account: trust.account,
        session: false,
        name: name.chars().take(MAX_NAME_CHARS).collect(),
        accessor: secret.accessor(),
        created_at: tx.at(),
        expires_at: tx.at() + TimeDelta::minutes(trust.minutes),
        revoked_at: None,
        client: None,
        device: None,
        seen_at: None,
        proven_at: None,
        reach: Reach::new(trust.limits.clone()),
        trust: Some(trust.id),
    };
    accounts::insert_token(&tx, &new, &secret.hash()).await?;
    let permit = policy::admit_workload(trust.workspace, (trust.account, &account), cause.clone());
    let event = Event::TokenExchanged {
        token: new.id,
        account: new.account,
        trust: trust.id,
        expires_at: rfc3339(new.expires_at),
    };
    tx.commit(permit, event).await?;
    Ok(Issued { token: new, secret: secret.reveal().to_owned() })
}

/// Whether what was given for a trust still holds: neither has it ended, nor does the operator forbid its issuer.
pub async fn holds(app: &App, reader: &crate::db::Reader<'_>, id: WorkloadTrustId) -> Result<bool, Error> {
    let issuer = store::issuer_of(reader, id).await?;
    Ok(issuer.is_some_and(|issuer| app.workload_issuers.named(&issuer).is_some()))
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}
