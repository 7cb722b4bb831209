//! Use-cases: the roles of a workspace, made, changed and removed.

use crate::{
    accounts::{
        people::ops::is_own,
        roles::custom::{Defined, store},
        store as accounts,
    },
    app::App,
    authz::{Action, CustomRole, Principal, Reach, policy},
    core::{event::Event, ids::CustomRoleId, name::Name},
    db::Reader,
    error::{Error, InField},
};
use std::collections::BTreeSet;

/// So many roles of its own has a workspace at most.
const MOST: u64 = 50;

const NOT_FOUND: Error = Error::NotFound { kind: "role" };

pub async fn list(app: &App, who: &Principal) -> Result<Vec<Defined>, Error> {
    let sight = policy::read(who, Action::AccountRead)?;
    let reader = app.db.read(&sight);
    let mut all = Vec::new();
    for kept in store::list(reader.conn(), who.workspace).await? {
        let holders = holders(&reader, kept.id).await?;
        all.push(Defined { name: kept.name, actions: kept.actions, holders });
    }
    Ok(all)
}

async fn holders(reader: &Reader<'_>, id: CustomRoleId) -> Result<Vec<String>, Error> {
    let held = store::memberships(reader.conn(), id).await?;
    let ids: Vec<_> = held.into_iter().map(|held| held.account_id).collect();
    let mut names: Vec<_> = accounts::names(reader, &ids).await?.into_values().collect();
    names.sort();
    Ok(names)
}

/// Makes a role, or says anew what one allows: whoever holds it may that from their next request on. Where it says so
/// already, nothing is logged.
///
/// # Errors
/// `Invalid` for actions that no such role holds, or none together; 403 `own_account`; 409 `too_many_roles`,
/// 409 `role_has_places`.
pub async fn define(app: &App, who: &Principal, name: Name, actions: &BTreeSet<String>) -> Result<Defined, Error> {
    policy::act(who, Action::RoleDefine).map(drop)?;
    let actions = actions.iter().map(|name| {
        let unknown =
            || Error::invalid("actions", format!("\"{name}\" is no action; docs/security/roles.md lists them"));
        Action::named(name).ok_or_else(unknown)
    });
    let role = CustomRole::new(name, actions.collect::<Result<_, _>>()?).in_field("actions")?;
    let tx = app.db.begin().await?;
    let known = store::lock(&tx, who.workspace, &role.name).await?;
    let (id, before) = match &known {
        Some(kept) => (kept.id, kept.actions.clone()),
        None => (CustomRoleId::generate(), Vec::new()),
    };
    if known.as_ref().is_some_and(|kept| kept.role.as_ref() == Some(&role)) {
        drop(tx);
        return defined(app, who, id, &role).await;
    }
    let held = store::memberships(&tx.conn(), id).await?;
    let mut holds = false;
    for held in &held {
        holds |= is_own(&tx, who, held.account_id).await?;
    }
    let permit = policy::change_role(who, Action::RoleDefine, holds)?;
    let places: Result<Vec<_>, _> = held.iter().map(|held| Reach::read(held.reach.as_deref())).collect();
    let is_placed = places.map_err(Error::internal)?.iter().any(Reach::is_limited);
    if is_placed && !role.has_places() {
        let detail = "somebody holds it for some models or environments alone, and audit.read and audit.export are of the whole \
            workspace; take it from them first, or make another role";
        return Err(Error::conflict("role_has_places", detail));
    }
    match known {
        Some(_) => store::update(&tx, id, &role).await?,
        None if MOST <= store::count(&tx, who.workspace).await? => {
            return Err(Error::conflict(
                "too_many_roles",
                format!("{MOST} are the most; remove one that nobody holds"),
            ));
        }
        None => store::insert(&tx, who.workspace, (id, &role), who.id).await?,
    }
    let event = Event::RoleDefined { role: id, name: role.name.to_string(), before, now: said(&role) };
    tx.commit(permit, event).await?;
    defined(app, who, id, &role).await
}

async fn defined(app: &App, who: &Principal, id: CustomRoleId, role: &CustomRole) -> Result<Defined, Error> {
    let sight = policy::read(who, Action::AccountRead)?;
    let holders = holders(&app.db.read(&sight), id).await?;
    Ok(Defined { name: role.name.to_string(), actions: said(role), holders })
}

/// Removes a role that nobody holds.
///
/// # Errors
/// 409 `role_held`.
pub async fn discard(app: &App, who: &Principal, name: &Name) -> Result<(), Error> {
    let permit = policy::act(who, Action::RoleDiscard)?;
    let tx = app.db.begin().await?;
    let kept = store::lock(&tx, who.workspace, name).await?.ok_or(NOT_FOUND)?;
    let held = store::memberships(&tx.conn(), kept.id).await?;
    if !held.is_empty() {
        let detail =
            format!("accounts that hold it: {}; take it from them first, the list of roles names them", held.len());
        return Err(Error::conflict("role_held", detail));
    }
    store::remove(&tx, kept.id).await?;
    tx.commit(permit, Event::RoleDiscarded { role: kept.id, name: kept.name, before: kept.actions }).await
}

fn said(role: &CustomRole) -> Vec<String> {
    let names: BTreeSet<_> = role.actions().iter().map(|action| action.name().to_owned()).collect();
    names.into_iter().collect()
}
