//! The roles that a provider's groups give: set anew whenever somebody proves there who they are, and taken when the
//! operator trusts the provider or the group no longer.

use super::{Provider, store};
use crate::{
    accounts::roles::{Held, store as held_roles},
    app::App,
    authz::{Action, Cause, Principal, Reach, Role, RoleName, policy},
    core::{
        event::Event,
        ids::{AccountId, WorkspaceId},
    },
    error::Error,
};
use std::collections::{BTreeMap, BTreeSet};

/// Roles, and the group that gives each.
pub type Given = BTreeMap<Role, String>;

/// Gives what the groups give now and takes what they gave before; what a person gave stays. Returns all that is held
/// then. Where nothing changes, nothing is logged.
///
/// # Errors
/// `Unauthenticated` for an account that is not active.
pub async fn set(
    app: &App,
    provider: &Provider,
    (workspace, account): (WorkspaceId, AccountId),
    wanted: &Given,
    cause: Cause,
) -> Result<BTreeSet<RoleName>, Error> {
    let tx = app.db.begin().await?;
    // Administrators first, as whoever takes a role or deactivates an account does.
    let is_last = held_roles::lock_admins(&tx, workspace).await? == [account] && !wanted.contains_key(&Role::Admin);
    if !store::lock_active(&tx, account).await? {
        return Err(Error::Unauthenticated);
    }
    // A role that another group gives now goes and comes again under that group's name.
    let stays = |held: &Held| {
        held.origin
            .as_ref()
            .is_none_or(|origin| gives(wanted, &held.role).is_some_and(|group| *origin == provider.origin(group)))
    };
    let held = held_roles::held(&tx.conn(), workspace, account).await?;
    // A workspace without an administrator could be helped by nobody but the operator: the last one stays.
    let admin = RoleName::Fixed(Role::Admin);
    let stays = |held: &Held| stays(held) || (is_last && held.role == admin);
    let (kept, mut gone): (Vec<_>, Vec<_>) = held.into_iter().partition(stays);
    if is_last && kept.iter().any(|held| held.role == admin && held.origin.is_some()) {
        tracing::warn!(%account, "the last administrator of a workspace lost the group that makes them one, and stays it");
    }
    let mut now: BTreeSet<RoleName> = kept.iter().map(|held| held.role.clone()).collect();
    let new = wanted.iter().map(|(role, group)| (RoleName::Fixed(*role), group));
    let new: Vec<_> = new.filter(|(role, _)| !now.contains(role)).collect();
    if gone.is_empty() && new.is_empty() {
        return Ok(now);
    }
    gone.sort_by(|a, b| a.role.cmp(&b.role));
    for held in &gone {
        held_roles::take(&tx, held).await?;
    }
    for (role, group) in &new {
        held_roles::give(&tx, workspace, account, (role, &Reach::default()), None, Some(&provider.origin(group)))
            .await?;
    }
    let permit = policy::system(&registry(workspace, cause), Action::RoleMap)?;
    let event = Event::RolesMapped {
        account,
        provider: provider.name.to_string(),
        mapping: app.providers.digest().to_string(),
        given: new.iter().map(|(role, _)| role.to_string()).collect(),
        taken: gone.iter().map(|held| held.role.to_string()).collect(),
    };
    tx.commit(permit, event).await?;
    now.extend(new.into_iter().map(|(role, _)| role));
    Ok(now)
}

/// Takes the roles that groups gave and, by the settings of this start, would not give any more: nobody keeps one until
/// their next sign-in.
pub async fn reconcile(app: &App) -> Result<(), Error> {
    let all = store::mapped(&app.db.read(&policy::upkeep())).await?;
    let stale = |held: &Held| {
        held.origin
            .as_ref()
            .is_some_and(|origin| held.role.fixed().is_none_or(|role| !app.providers.still_gives(origin, role)))
    };
    let people: BTreeSet<_> = all.iter().filter(|(_, held)| stale(held)).map(|(of, _)| *of).collect();
    for (workspace, account) in people {
        let tx = app.db.begin().await?;
        // Who else starts at this moment finds nothing left to take. The last administrator stays, as at a sign-in.
        let is_last = held_roles::lock_admins(&tx, workspace).await? == [account];
        let mut gone = held_roles::held(&tx.conn(), workspace, account).await?;
        gone.retain(|held| stale(held) && !(is_last && held.role == RoleName::Fixed(Role::Admin)));
        gone.sort_by(|a, b| a.role.cmp(&b.role));
        let Some(first) = gone.first() else { continue };
        let provider = first.origin.as_deref().and_then(|origin| origin.split('/').next()).unwrap_or_default();
        let event = Event::RolesMapped {
            account,
            provider: provider.to_owned(),
            mapping: app.providers.digest().to_string(),
            given: Vec::new(),
            taken: gone.iter().map(|held| held.role.to_string()).collect(),
        };
        for held in &gone {
            held_roles::take(&tx, held).await?;
        }
        let permit = policy::system(&registry(workspace, Cause::default()), Action::RoleMap)?;
        tx.commit(permit, event).await?;
    }
    Ok(())
}

/// The group that gives a role; none gives one that a workspace made.
fn gives<'a>(wanted: &'a Given, role: &RoleName) -> Option<&'a String> {
    wanted.get(&role.fixed()?)
}

/// Nobody but the mapping gave and took it.
pub fn registry(workspace: WorkspaceId, cause: Cause) -> Principal {
    Principal { cause, ..Principal::system("single sign-on", workspace) }
}
