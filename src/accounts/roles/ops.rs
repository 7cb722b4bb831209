//! Use-cases: what somebody may do, given and taken one by one.

use crate::{
    accounts::{
        Account, fit,
        people::{ops::is_own, store as people},
        roles::{Held, custom, store},
        store as accounts,
    },
    app::App,
    authz::{Action, Kind, Limits, Principal, Reach, Role, RoleName, policy},
    core::{
        Malformed,
        event::Event,
        ids::{AccountId, WorkspaceId},
    },
    db::WriteTx,
    error::{Error, InField},
};
use std::collections::BTreeSet;

const NOT_FOUND: Error = Error::NotFound { kind: "account" };

pub async fn of(app: &App, who: &Principal, name: &str) -> Result<(Account, Vec<Held>), Error> {
    let sight = policy::read(who, Action::AccountRead)?;
    let reader = app.db.read(&sight);
    let account = accounts::find_by_name(&reader, name).await?.ok_or(NOT_FOUND)?;
    let held = store::held(reader.conn(), who.workspace, account.id).await?;
    Ok((account, held))
}

/// Gives a role, in the whole workspace or for some models and environments alone, whatever it was held for before. One that
/// a group of an identity provider gave stays from now on when the group goes. Where somebody gave it already for as much,
/// nothing is logged.
///
/// # Errors
/// 409 `account_not_active`, 403 `own_account`; `Invalid` for a role that does not go with the account, or has no places.
pub async fn give(
    app: &App,
    who: &Principal,
    name: &str,
    role: &RoleName,
    limits: Limits,
) -> Result<(Account, Vec<Held>), Error> {
    if limits.actions.is_some() {
        return Err(Error::invalid("scope.actions", "what a role allows is fixed; leave it out"));
    }
    let reach = Reach::new(limits);
    if reach.is_limited() && role.fixed().is_some_and(|role| !role.has_places()) {
        return Err(without_places(role));
    }
    let Begun { tx, account, held, by } = begin(app, who, Action::RoleGive, name).await?;
    if held.iter().any(|held| held.role == *role && held.origin.is_none() && held.reach == reach) {
        return of(app, who, name).await;
    }
    let permit = policy::change_role(&by, Action::RoleGive, is_own(&tx, who, account.id).await?)?;
    if !account.active {
        let detail = format!("{name} is deactivated for good; make another account");
        return Err(Error::conflict("account_not_active", detail));
    }
    let before: BTreeSet<_> = held.iter().map(|held| held.role.clone()).collect();
    let now: BTreeSet<_> = before.iter().chain([role]).cloned().collect();
    fit_together(account.kind, &now).in_field("role")?;
    let custom = match role {
        RoleName::Fixed(_) => None,
        RoleName::Custom(name) => {
            let known = custom::store::lock_shared(&tx, who.workspace, name).await?;
            let kept = known.ok_or(Error::not_found("role"))?;
            if reach.is_limited() && kept.role.is_none_or(|custom| !custom.has_places()) {
                return Err(without_places(role));
            }
            Some(kept.id)
        }
    };
    for held in held.iter().filter(|held| held.role == *role) {
        store::take(&tx, held).await?;
    }
    store::give(&tx, who.workspace, account.id, (role, &reach), custom, None).await?;
    let limits = reach.limits().cloned().unwrap_or_default();
    let event = Event::RoleGiven {
        account: account.id,
        role: role.to_string(),
        models: limits.models.map(|all| all.into_iter().collect()),
        environments: limits.environments.map(|all| all.into_iter().collect()),
        before: named(&before),
        now: named(&now),
    };
    tx.commit(permit, event).await?;
    of(app, who, name).await
}

/// Takes a role. It acts with the next request, and approvals that were given by it alone count no more. Where it is not
/// held, nothing is logged.
///
/// # Errors
/// 409 `last_admin`, 409 `role_of_a_group`, 403 `own_account`.
pub async fn take(app: &App, who: &Principal, name: &str, role: &RoleName) -> Result<(Account, Vec<Held>), Error> {
    let Begun { tx, account, held, by } = begin(app, who, Action::RoleTake, name).await?;
    let Some(gone) = held.iter().find(|held| held.role == *role) else { return of(app, who, name).await };
    if *role == RoleName::Fixed(Role::Admin) {
        keep_an_admin(&tx, who.workspace, &account).await?;
    }
    let permit = policy::change_role(&by, Action::RoleTake, is_own(&tx, who, account.id).await?)?;
    if let Some(origin) = &gone.origin {
        let detail = format!(
            "{name} is {role} by the group {origin} of an identity provider, which gives it again at every sign-in; take \
             them out of the group there, or the role from the group in the providers file"
        );
        return Err(Error::conflict("role_of_a_group", detail));
    }
    store::take(&tx, gone).await?;
    let before: BTreeSet<_> = held.iter().map(|held| held.role.clone()).collect();
    let now: BTreeSet<_> = before.iter().filter(|left| *left != role).cloned().collect();
    let event =
        Event::RoleTaken { account: account.id, role: role.to_string(), before: named(&before), now: named(&now) };
    tx.commit(permit, event).await?;
    of(app, who, name).await
}

/// What a change of somebody's roles rests on, with nobody else changing them meanwhile.
struct Begun {
    tx: WriteTx,
    account: Account,
    held: Vec<Held>,
    /// Whoever changes them, with the roles that they have left by now.
    by: Principal,
}

async fn begin(app: &App, who: &Principal, action: Action, name: &str) -> Result<Begun, Error> {
    let sight = policy::read(who, Action::AccountRead)?;
    policy::act(who, action).map(drop)?;
    let account = accounts::find_by_name(&app.db.read(&sight), name).await?.ok_or(NOT_FOUND)?;
    let tx = app.db.begin().await?;
    // Administrators first, as whoever deactivates an account does.
    if action == Action::RoleTake {
        store::lock_admins(&tx, who.workspace).await?;
    }
    people::lock(&tx, &[Some(account.id), who.id].into_iter().flatten().collect::<Vec<_>>()).await?;
    let held = store::held(&tx.conn(), who.workspace, account.id).await?;
    let mut by = who.clone();
    if let Some(id) = who.id {
        // Whoever gives roles holds theirs in the whole workspace: that one has no places.
        by.roles = store::held(&tx.conn(), who.workspace, id)
            .await?
            .into_iter()
            .filter_map(|held| held.role.fixed())
            .collect();
    }
    Ok(Begun { tx, account, held, by })
}

/// An account that ends ends everywhere: none of the workspaces in which it is an administrator may be left without one.
///
/// # Errors
/// 409 `last_admin`.
pub(in crate::accounts) async fn keep_admins(tx: &WriteTx, here: WorkspaceId, of: &Account) -> Result<(), Error> {
    for workspace in store::administered(tx, of.id).await? {
        match keep_an_admin(tx, workspace, of).await {
            Err(Error::Conflict { .. }) if workspace != here => {
                let detail = format!(
                    "{} is the last administrator of another workspace too, which would be left without one; somebody there gives                      the role to somebody else first",
                    of.name
                );
                return Err(Error::conflict("last_admin", detail));
            }
            kept => kept?,
        }
    }
    Ok(())
}

/// # Errors
/// 409 `last_admin` when the workspace would be left without one.
pub(in crate::accounts) async fn keep_an_admin(
    tx: &WriteTx,
    workspace: WorkspaceId,
    of: &Account,
) -> Result<(), Error> {
    let admins: Vec<AccountId> = store::lock_admins(tx, workspace).await?;
    if admins != [of.id] {
        return Ok(());
    }
    let detail = format!(
        "{} is the last administrator of this workspace: without one nobody could make accounts, give roles or trust a key; \
         give somebody else the role first",
        of.name
    );
    Err(Error::conflict("last_admin", detail))
}

fn without_places(role: &RoleName) -> Error {
    let detail = format!("{role} is held in the whole workspace: what it is for is of no model and no environment");
    Error::invalid("scope", detail)
}

/// Whether an account of this kind can hold these together; a worker is nothing else.
fn fit_together(kind: Kind, roles: &BTreeSet<RoleName>) -> Result<(), Malformed> {
    let fixed: BTreeSet<_> = roles.iter().filter_map(RoleName::fixed).collect();
    if fixed.contains(&Role::Worker) && fixed.len() < roles.len() {
        return Err(Malformed::new("worker is for a service account that has no other role"));
    }
    fit(kind, &fixed)
}

fn named(roles: &BTreeSet<RoleName>) -> Vec<String> {
    roles.iter().map(ToString::to_string).collect()
}
