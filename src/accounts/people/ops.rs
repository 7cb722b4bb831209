//! Use-cases: who is one person, who is in which team, who decides in whose stead.

use crate::{
    accounts::{
        Account,
        people::{Bonds, Delegation, fits, period, store},
        store as accounts,
    },
    app::App,
    authz::{Action, Kind, Principal, policy, policy::Involved},
    core::{
        clock::rfc3339,
        event::Event,
        ids::{AccountId, DelegationId, PersonId, WorkspaceId},
        name::Name,
        page::{Page, PageRequest},
    },
    db::{Conn, Reader, WriteTx},
    error::Error,
    promotions,
};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

const NO_ACCOUNT: Error = Error::NotFound { kind: "account" };
const NO_DELEGATION: Error = Error::NotFound { kind: "delegation" };

/// Those who took part in something, with the owners of the robots among them and with whoever decides as
/// one with any of them at a moment.
pub(crate) async fn as_one(
    conn: &Conn<'_>,
    workspace: WorkspaceId,
    involved: Involved,
    now: DateTime<Utc>,
) -> Result<Involved, Error> {
    let robots = promotions::store::robots(conn, &involved.people()).await?;
    let people = store::people(conn, workspace, now).await?;
    Ok(involved.with_owners(&robots).with_persons(people.at(now)))
}

pub async fn bonds(app: &App, who: &Principal, name: &str) -> Result<(Account, Bonds), Error> {
    let sight = policy::read(who, Action::AccountRead)?;
    let reader = app.db.read(&sight);
    let account = accounts::find_by_name(&reader, name).await?.ok_or(NO_ACCOUNT)?;
    let mut bonds = store::bonds(reader.conn(), who.workspace, account.id).await?;
    bonds.is_said |= account.identity.is_none();
    Ok((account, bonds))
}

/// Makes an account one of the same person as another one, or of a person of its own. Where that is
/// so already, nothing is logged.
pub async fn link(app: &App, who: &Principal, name: &str, same_as: Option<&str>) -> Result<(Account, Bonds), Error> {
    let sight = policy::read(who, Action::AccountRead)?;
    policy::act(who, Action::PersonLink).map(drop)?;
    let reader = app.db.read(&sight);
    let account = human(&reader, "account", name).await?;
    let other = match same_as {
        Some(other) => Some(human(&reader, "same_as", other).await?),
        None => None,
    };
    if other.as_ref().is_some_and(|other| other.id == account.id) {
        return Err(Error::invalid("same_as", "name another account of the same person"));
    }
    let tx = app.db.begin().await?;
    let sides: Vec<_> = [Some(account.id), other.as_ref().map(|o| o.id), who.id].into_iter().flatten().collect();
    store::lock(&tx, &sides).await?;
    let now = store::person(&tx.conn(), who.workspace, account.id).await?;
    let own = is_own(&tx, who, account.id).await?;
    match other {
        Some(other) => {
            let theirs = store::person(&tx.conn(), who.workspace, other.id).await?;
            if now.is_none() || now != theirs {
                let permit = policy::manage_person(who, Action::PersonLink, own && now.is_some())?;
                let person = theirs.unwrap_or_else(PersonId::generate);
                if theirs.is_none() {
                    store::link(&tx, who.workspace, other.id, person, who.id).await?;
                }
                store::link(&tx, who.workspace, account.id, person, who.id).await?;
                let event = Event::PersonLinked { account: account.id, same_as: other.id, person };
                tx.commit(permit, event).await?;
            }
        }
        None if account.identity.is_some() => {
            // That it is of a person of its own has to be said of it, and stays said.
            let is_alone = store::bonds(&tx.conn(), who.workspace, account.id).await?.same_person.is_empty();
            if now.is_none() || !is_alone {
                let permit = policy::manage_person(who, Action::PersonLink, own)?;
                let person = PersonId::generate();
                store::link(&tx, who.workspace, account.id, person, who.id).await?;
                let event = match now {
                    Some(person) => Event::PersonUnlinked { account: account.id, person },
                    None => Event::PersonSaid { account: account.id, person },
                };
                tx.commit(permit, event).await?;
            }
        }
        None => {
            if let Some(person) = now {
                let permit = policy::manage_person(who, Action::PersonLink, own)?;
                store::unlink(&tx, who.workspace, account.id).await?;
                tx.commit(permit, Event::PersonUnlinked { account: account.id, person }).await?;
            }
        }
    }
    bonds(app, who, name).await
}

/// Puts an account into a team, or into none. Where that is so already, nothing is logged.
pub async fn set_team(app: &App, who: &Principal, name: &str, team: Option<Name>) -> Result<(Account, Bonds), Error> {
    let sight = policy::read(who, Action::AccountRead)?;
    policy::act(who, Action::TeamSet).map(drop)?;
    let account = human(&app.db.read(&sight), "account", name).await?;
    let tx = app.db.begin().await?;
    store::lock(&tx, &[Some(account.id), who.id].into_iter().flatten().collect::<Vec<_>>()).await?;
    let now = store::bonds(&tx.conn(), who.workspace, account.id).await?.team;
    let team = team.map(|team| team.to_string());
    if now != team {
        let own = is_own(&tx, who, account.id).await?;
        let permit = policy::manage_person(who, Action::TeamSet, own && now.is_some())?;
        store::set_team(&tx, who.workspace, account.id, team.as_deref(), who.id).await?;
        tx.commit(permit, Event::TeamSet { account: account.id, team }).await?;
    }
    bonds(app, who, name).await
}

/// Lets another person decide in the caller's stead for a time.
pub async fn delegate(
    app: &App,
    who: &Principal,
    to: &str,
    valid_from: Option<DateTime<Utc>>,
    valid_until: DateTime<Utc>,
) -> Result<Delegation, Error> {
    let sight = policy::read(who, Action::DelegationRead)?;
    let permit = policy::delegate(who)?;
    let from = who.id.ok_or(Error::Unauthenticated)?;
    let delegate = accounts::find_by_name(&app.db.read(&sight), to).await?;
    let delegate = delegate.filter(|account| account.active && account.kind == Kind::User);
    let Some(delegate) = delegate else {
        return Err(Error::invalid("to", format!("\"{to}\" is not an active person in this workspace")));
    };
    if delegate.id == from {
        return Err(Error::invalid("to", "name somebody else"));
    }
    let decides = |role: &&crate::authz::Role| role.allows(Action::PromotionApprove);
    if !who.roles.intersection(&delegate.roles).any(|role| decides(&role)) {
        let detail = format!("{to} holds none of the roles by which you decide, so it would count for nothing");
        return Err(Error::invalid("to", detail));
    }
    let tx = app.db.begin().await?;
    store::lock(&tx, &[from, delegate.id]).await?;
    let (valid_from, valid_until) = period(valid_from, valid_until, tx.at())?;
    let new = Delegation {
        id: DelegationId::generate(),
        workspace: who.workspace,
        from,
        to: delegate.id,
        valid_from,
        valid_until,
        created_at: tx.at(),
        revoked_at: None,
    };
    fits(&new, &store::delegations_of(&tx, &new).await?)?;
    store::insert_delegation(&tx, &new).await?;
    let event = Event::DelegationCreated {
        delegation: new.id,
        from,
        to: new.to,
        valid_from: rfc3339(new.valid_from),
        valid_until: rfc3339(new.valid_until),
    };
    tx.commit(permit, event).await?;
    Ok(new)
}

/// Ends a delegation at once. One that was revoked stays so, and nothing is logged.
pub async fn revoke(app: &App, who: &Principal, id: DelegationId) -> Result<Delegation, Error> {
    let sight = policy::read(who, Action::DelegationRead)?;
    let tx = app.db.begin().await?;
    let found = store::lock_delegation(&tx, sight.scope(), id).await?.ok_or(NO_DELEGATION)?;
    let permit = policy::revoke_delegation(who, found.from, found.to).map_err(|d| d.on("delegation", id))?;
    if found.revoked_at.is_some() {
        return Ok(found);
    }
    store::revoke_delegation(&tx, id, who.id).await?;
    let revoked = Delegation { revoked_at: Some(tx.at()), ..found };
    let event = Event::DelegationRevoked { delegation: id, from: revoked.from, to: revoked.to };
    tx.commit(permit, event).await?;
    Ok(revoked)
}

pub async fn find(app: &App, who: &Principal, id: DelegationId) -> Result<Delegation, Error> {
    let sight = policy::read(who, Action::DelegationRead)?;
    store::find_delegation(app.db.read(&sight).conn(), sight.scope(), id).await?.ok_or(NO_DELEGATION)
}

pub async fn list(app: &App, who: &Principal, page: PageRequest) -> Result<Page<Delegation>, Error> {
    let sight = policy::read(who, Action::DelegationRead)?;
    store::delegations(&app.db.read(&sight), page).await
}

/// A member who is a human, active or not: what somebody did before they left binds them still.
async fn human(reader: &Reader<'_>, field: &str, name: &str) -> Result<Account, Error> {
    match accounts::find_by_name(reader, name).await? {
        None if field == "account" => Err(NO_ACCOUNT),
        None => Err(Error::invalid(field, format!("nobody in this workspace is called \"{name}\""))),
        Some(account) if account.kind == Kind::User => Ok(account),
        Some(_) => {
            let detail = format!("{name} is a service account; what it does, its owner does");
            Err(Error::invalid(field, detail))
        }
    }
}

/// Whether an account is the caller's, under this or another name.
pub(in crate::accounts) async fn is_own(tx: &WriteTx, who: &Principal, account: AccountId) -> Result<bool, Error> {
    let Some(caller) = who.id else { return Ok(false) };
    let bonds = store::bonds(&tx.conn(), who.workspace, account).await?;
    let accounts: BTreeSet<_> = bonds.same_person.into_iter().chain([account]).collect();
    Ok(accounts.contains(&caller))
}
