//! The only SQL that gives names to what findings, waivers and emergency activations are about.

use crate::{
    authz::{Role, Touched},
    core::ids::{AccountId, EnvironmentId, ModelId, VersionId, WorkspaceId},
    db::{
        Conn,
        entity::{account, environment, membership, model, model_owner, model_version},
    },
    error::Error,
    models::Accountability,
    oversight::Reach,
    promotions::store::is_held_in,
};
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;

/// Names of models and environments, and numbers of versions, by id.
#[derive(Default)]
pub struct Names {
    pub models: HashMap<ModelId, String>,
    pub versions: HashMap<VersionId, i64>,
    pub environments: HashMap<EnvironmentId, String>,
}

/// The names of what some things bear on. They come from rows that the caller may see.
pub(crate) async fn names(conn: &Conn<'_>, of: &[Reach]) -> Result<Names, Error> {
    let models: Vec<_> = of.iter().filter_map(|reach| reach.model).collect();
    let versions: Vec<_> = of.iter().filter_map(|reach| reach.version).collect();
    let environments: Vec<_> = of.iter().filter_map(|reach| reach.environment).collect();
    let mut names = Names::default();
    if !models.is_empty() {
        let rows = model::Entity::find().filter(model::COLUMN.id.is_in(models)).all(conn).await?;
        names.models = rows.into_iter().map(|row| (row.id, row.name)).collect();
    }
    if !versions.is_empty() {
        let rows: Vec<(VersionId, i64)> = model_version::Entity::find()
            .select_only()
            .column(model_version::Column::Id)
            .column(model_version::Column::Number)
            .filter(model_version::COLUMN.id.is_in(versions))
            .into_tuple()
            .all(conn)
            .await?;
        names.versions = rows.into_iter().collect();
    }
    if !environments.is_empty() {
        let rows = environment::Entity::find().filter(environment::COLUMN.id.is_in(environments)).all(conn).await?;
        names.environments = rows.into_iter().map(|row| (row.id, row.name)).collect();
    }
    Ok(names)
}

/// Who answers for something where nobody was named: for a model its development owner, else its
/// business owner; for an environment whoever made it. Only active accounts answer for anything.
pub(crate) async fn answerable(conn: &Conn<'_>, reach: Reach) -> Result<Option<AccountId>, Error> {
    let mut candidates = Vec::new();
    if let Some(model) = reach.model {
        let owners = model_owner::Entity::find().filter(model_owner::COLUMN.model_id.eq(model)).all(conn).await?;
        for accountability in ["development", "business"] {
            candidates.extend(owners.iter().find(|row| row.accountability == accountability).map(|row| row.account_id));
        }
    }
    if let Some(environment) = reach.environment {
        let row = environment::Entity::find_by_id(environment).one(conn).await?;
        candidates.extend(row.map(|row| row.created_by));
    }
    for candidate in candidates {
        let account = account::Entity::find_by_id(candidate).one(conn).await?;
        if account.is_some_and(|account| account.state == "active") {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

/// Who sees to the operation of a model in an environment: its operations owner, else whoever made the
/// environment and manages it still, else who manages environments, by name. Only active people, and
/// somebody else than `but` before them.
pub(crate) async fn in_charge(
    conn: &Conn<'_>,
    workspace: WorkspaceId,
    (environment, model): (EnvironmentId, ModelId),
    but: AccountId,
) -> Result<Option<AccountId>, Error> {
    let owner = model_owner::Entity::find()
        .filter(model_owner::COLUMN.model_id.eq(model))
        .filter(model_owner::COLUMN.accountability.eq(Accountability::Operations.name()))
        .one(conn)
        .await?;
    let maker = environment::Entity::find_by_id(environment).one(conn).await?.map(|row| row.created_by);
    let managing = membership::Entity::find()
        .filter(membership::COLUMN.workspace_id.eq(workspace))
        .filter(membership::COLUMN.role.eq(Role::EnvironmentManager.name()))
        .all(conn)
        .await?;
    let place = Touched { models: [model].into(), environments: [environment].into() };
    let mut managing_here = Vec::new();
    for row in managing {
        if is_held_in(&row, &place)? {
            managing_here.push(row);
        }
    }
    let managing = managing_here;
    let ids: Vec<_> =
        managing.iter().map(|row| row.account_id).chain(owner.as_ref().map(|row| row.account_id)).collect();
    let active = account::Entity::find()
        .filter(account::COLUMN.id.is_in(ids))
        .filter(account::COLUMN.state.eq("active"))
        .filter(account::COLUMN.kind.eq("user"))
        .order_by_asc(account::Column::Name)
        .all(conn)
        .await?;
    let manages = |id: &AccountId| managing.iter().any(|row| row.account_id == *id);
    let ranked = owner.map(|row| row.account_id).into_iter().chain(maker.filter(manages));
    let ranked = ranked.chain(active.iter().map(|row| row.id).filter(manages));
    let ranked: Vec<_> = ranked.filter(|id| active.iter().any(|row| row.id == *id)).collect();
    Ok(ranked.iter().find(|id| **id != but).or(ranked.first()).copied())
}

/// Names of accounts.
pub(crate) async fn people(conn: &Conn<'_>, ids: &[AccountId]) -> Result<HashMap<AccountId, String>, Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = account::Entity::find().filter(account::COLUMN.id.is_in(ids.to_vec())).all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// The active person of that name who is a member of a workspace.
pub(crate) async fn member(conn: &Conn<'_>, workspace: WorkspaceId, name: &str) -> Result<Option<AccountId>, Error> {
    member_as_of(conn, workspace, name, DateTime::<Utc>::MAX_UTC).await
}

/// The same, if the account is no younger than a moment: before it, the name meant nobody or somebody else.
pub(crate) async fn member_as_of(
    conn: &Conn<'_>,
    workspace: WorkspaceId,
    name: &str,
    moment: DateTime<Utc>,
) -> Result<Option<AccountId>, Error> {
    let found = account::Entity::find()
        .filter(account::COLUMN.name.eq(name))
        .filter(account::COLUMN.kind.eq("user"))
        .filter(account::COLUMN.state.eq("active"))
        .one(conn)
        .await?;
    let Some(account) = found.filter(|account| account.created_at <= moment) else { return Ok(None) };
    let held = membership::Entity::find()
        .filter(membership::COLUMN.workspace_id.eq(workspace))
        .filter(membership::COLUMN.account_id.eq(account.id))
        .one(conn)
        .await?;
    Ok(held.map(|_| account.id))
}
