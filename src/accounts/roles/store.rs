//! The only SQL that gives and takes roles.

use crate::{
    accounts::roles::Held,
    authz::{Reach, Role, RoleName},
    core::ids::{AccountId, CustomRoleId, MembershipId, WorkspaceId},
    db::{
        Conn, WriteTx,
        entity::{account, membership},
    },
    error::Error,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set, sea_query::LockType};

pub async fn held(conn: &Conn<'_>, workspace: WorkspaceId, id: AccountId) -> Result<Vec<Held>, Error> {
    let rows = membership::Entity::find()
        .filter(membership::COLUMN.workspace_id.eq(workspace))
        .filter(membership::COLUMN.account_id.eq(id))
        .order_by_asc(membership::Column::Role)
        .all(conn)
        .await?;
    rows.into_iter().map(to_held).collect()
}

pub async fn give(
    tx: &WriteTx,
    workspace: WorkspaceId,
    id: AccountId,
    (role, reach): (&RoleName, &Reach),
    custom: Option<CustomRoleId>,
    origin: Option<&str>,
) -> Result<(), Error> {
    let row = membership::ActiveModel {
        id: Set(MembershipId::generate()),
        workspace_id: Set(workspace),
        account_id: Set(id),
        role: Set(role.to_string()),
        origin: Set(origin.map(str::to_owned)),
        reach: Set(reach.limits().map(serde_json::to_string).transpose().map_err(Error::internal)?),
        custom_id: Set(custom),
    };
    membership::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

pub async fn take(tx: &WriteTx, held: &Held) -> Result<(), Error> {
    membership::Entity::delete_by_id(held.id).exec(&tx.conn()).await?;
    Ok(())
}

/// The workspaces in which an account is an administrator, in the order in which they are locked.
pub async fn administered(tx: &WriteTx, id: AccountId) -> Result<Vec<WorkspaceId>, Error> {
    let rows = membership::Entity::find()
        .filter(membership::COLUMN.account_id.eq(id))
        .filter(membership::COLUMN.role.eq(Role::Admin.name()))
        .order_by_asc(membership::Column::WorkspaceId)
        .all(&tx.conn())
        .await?;
    Ok(rows.into_iter().map(|row| row.workspace_id).collect())
}

/// The active administrators of a workspace. Nobody else stops being one before this transaction ends.
pub async fn lock_admins(tx: &WriteTx, workspace: WorkspaceId) -> Result<Vec<AccountId>, Error> {
    let rows = membership::Entity::find()
        .filter(membership::COLUMN.workspace_id.eq(workspace))
        .filter(membership::COLUMN.role.eq(Role::Admin.name()))
        .order_by_asc(membership::Column::Id)
        .lock(LockType::Update)
        .all(&tx.conn())
        .await?;
    let ids: Vec<_> = rows.into_iter().map(|row| row.account_id).collect();
    let active = account::Entity::find()
        .filter(account::COLUMN.id.is_in(ids))
        .filter(account::COLUMN.state.eq("active"))
        .all(&tx.conn())
        .await?;
    Ok(active.into_iter().map(|row| row.id).collect())
}

pub fn to_held(row: membership::Model) -> Result<Held, Error> {
    let role = RoleName::parse(&row.role).map_err(|e| Error::internal(e.0))?;
    let reach = Reach::read(row.reach.as_deref()).map_err(Error::internal)?;
    Ok(Held { id: row.id, role, origin: row.origin, reach })
}
