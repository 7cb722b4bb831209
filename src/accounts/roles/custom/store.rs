//! The only SQL about the roles that workspaces make.

use crate::{
    accounts::roles::custom::Kept,
    authz::{Action, CustomRole},
    core::{
        ids::{AccountId, CustomRoleId, WorkspaceId},
        name::Name,
    },
    db::{
        Conn, WriteTx,
        entity::{custom_role, membership},
    },
    error::Error,
};
use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set, SqlErr,
    sea_query::Expr,
};
use std::collections::BTreeSet;

pub async fn list(conn: &Conn<'_>, workspace: WorkspaceId) -> Result<Vec<Kept>, Error> {
    let rows = custom_role::Entity::find()
        .filter(custom_role::COLUMN.workspace_id.eq(workspace))
        .order_by_asc(custom_role::Column::Name)
        .all(conn)
        .await?;
    rows.into_iter().map(to_kept).collect()
}

/// The role, which nobody else gives, changes or removes before this transaction ends.
pub async fn lock(tx: &WriteTx, workspace: WorkspaceId, name: &Name) -> Result<Option<Kept>, Error> {
    let row = named(workspace, name).lock_exclusive().one(&tx.conn()).await?;
    row.map(to_kept).transpose()
}

/// The same for those who give it, who do not wait for each other.
pub async fn lock_shared(tx: &WriteTx, workspace: WorkspaceId, name: &Name) -> Result<Option<Kept>, Error> {
    let row = named(workspace, name).lock_shared().one(&tx.conn()).await?;
    row.map(to_kept).transpose()
}

/// Who holds it, each with where.
pub async fn memberships(conn: &Conn<'_>, id: CustomRoleId) -> Result<Vec<membership::Model>, Error> {
    Ok(membership::Entity::find().filter(membership::COLUMN.custom_id.eq(id)).all(conn).await?)
}

pub async fn count(tx: &WriteTx, workspace: WorkspaceId) -> Result<u64, Error> {
    let query = custom_role::Entity::find().filter(custom_role::COLUMN.workspace_id.eq(workspace));
    Ok(query.count(&tx.conn()).await?)
}

pub async fn insert(
    tx: &WriteTx,
    workspace: WorkspaceId,
    (id, role): (CustomRoleId, &CustomRole),
    by: Option<AccountId>,
) -> Result<(), Error> {
    let row = custom_role::ActiveModel {
        id: Set(id),
        workspace_id: Set(workspace),
        name: Set(role.name.to_string()),
        actions: Set(written(role)?),
        created_by: Set(by),
        created_at: Set(tx.at()),
    };
    custom_role::Entity::insert(row).exec_without_returning(&tx.conn()).await.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            Error::conflict("role_changed", "somebody made it at the same moment; look at it, and send it again")
        }
        _ => e.into(),
    })?;
    Ok(())
}

pub async fn update(tx: &WriteTx, id: CustomRoleId, role: &CustomRole) -> Result<(), Error> {
    custom_role::Entity::update_many()
        .col_expr(custom_role::Column::Actions, Expr::value(written(role)?))
        .filter(custom_role::COLUMN.id.eq(id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

pub async fn remove(tx: &WriteTx, id: CustomRoleId) -> Result<(), Error> {
    custom_role::Entity::delete_by_id(id).exec(&tx.conn()).await?;
    Ok(())
}

/// What a stored role allows, if the rules of now know such a one. An action that the service knows no more is given to nobody.
pub fn to_role(row: &custom_role::Model) -> Option<CustomRole> {
    let names: BTreeSet<String> = serde_json::from_str(&row.actions).ok()?;
    let actions = names.iter().filter_map(|name| Action::named(name)).collect();
    CustomRole::new(Name::parse(&row.name).ok()?, actions).ok()
}

fn to_kept(row: custom_role::Model) -> Result<Kept, Error> {
    let actions = serde_json::from_str(&row.actions).map_err(Error::internal)?;
    Ok(Kept { id: row.id, role: to_role(&row), actions, name: row.name })
}

fn written(role: &CustomRole) -> Result<String, Error> {
    let names: BTreeSet<_> = role.actions().iter().map(|action| action.name()).collect();
    serde_json::to_string(&names).map_err(Error::internal)
}

fn named(workspace: WorkspaceId, name: &Name) -> Select<custom_role::Entity> {
    custom_role::Entity::find()
        .filter(custom_role::COLUMN.workspace_id.eq(workspace))
        .filter(custom_role::COLUMN.name.eq(name.as_str()))
}
