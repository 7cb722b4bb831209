//! The only SQL about whom and what a policy speaks of.

use crate::{
    authz::Touched,
    core::ids::{AccountId, ModelId, WorkspaceId},
    db::{
        Conn,
        entity::{account, membership, model_owner},
    },
    error::Error,
    models::Accountability,
    promotions::store::is_held_in,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use std::collections::BTreeMap;

/// An active person with a role here.
#[derive(Clone, Debug)]
pub struct Judge {
    pub account: AccountId,
    pub name: String,
    pub roles: Vec<String>,
}

/// Who answers for a model, and for what.
pub(super) async fn owners(conn: &Conn<'_>, model: ModelId) -> Result<Vec<(Accountability, AccountId, String)>, Error> {
    let rows = model_owner::Entity::find().filter(model_owner::COLUMN.model_id.eq(model)).all(conn).await?;
    let names = names(conn, rows.iter().map(|row| row.account_id).collect()).await?;
    let owner = |row: model_owner::Model| {
        let what = Accountability::parse(&row.accountability).map_err(|e| Error::internal(e.0))?;
        Ok(names.get(&row.account_id).map(|name| (what, row.account_id, name.clone())))
    };
    rows.into_iter().filter_map(|row| owner(row).transpose()).collect()
}

/// Whoever holds one of some roles, with the role.
pub(super) async fn holders(
    conn: &Conn<'_>,
    workspace: WorkspaceId,
    roles: &[String],
) -> Result<Vec<(AccountId, String)>, Error> {
    if roles.is_empty() {
        return Ok(Vec::new());
    }
    let rows = membership::Entity::find()
        .filter(membership::COLUMN.workspace_id.eq(workspace))
        .filter(membership::COLUMN.role.is_in(roles.to_vec()))
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| (row.account_id, row.role)).collect())
}

/// Accounts of this workspace with one of some names.
pub(super) async fn accounts(
    conn: &Conn<'_>,
    workspace: WorkspaceId,
    wanted: &[String],
) -> Result<Vec<(AccountId, String)>, Error> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let rows = account::Entity::find().filter(account::COLUMN.name.is_in(wanted.to_vec())).all(conn).await?;
    let members = membership::Entity::find()
        .filter(membership::COLUMN.workspace_id.eq(workspace))
        .filter(membership::COLUMN.account_id.is_in(rows.iter().map(|row| row.id)))
        .all(conn)
        .await?;
    let is_member = |id: AccountId| members.iter().any(|row| row.account_id == id);
    Ok(rows.into_iter().filter(|row| is_member(row.id)).map(|row| (row.id, row.name)).collect())
}

/// Every active person who holds one of some roles here, or in one place of it, by name.
pub(crate) async fn judges(
    conn: &Conn<'_>,
    workspace: WorkspaceId,
    roles: &[String],
    place: Option<&Touched>,
) -> Result<Vec<Judge>, Error> {
    let rows = membership::Entity::find()
        .filter(membership::COLUMN.workspace_id.eq(workspace))
        .filter(membership::COLUMN.role.is_in(roles.to_vec()))
        .all(conn)
        .await?;
    let mut held: BTreeMap<AccountId, Vec<String>> = BTreeMap::new();
    for row in rows {
        if place.is_none_or(|place| is_held_in(&row, place).unwrap_or(false)) {
            held.entry(row.account_id).or_default().push(row.role);
        }
    }
    let rows = account::Entity::find()
        .filter(account::COLUMN.id.is_in(held.keys().copied()))
        .filter(account::COLUMN.state.eq("active"))
        .filter(account::COLUMN.kind.eq("user"))
        .order_by_asc(account::Column::Name)
        .all(conn)
        .await?;
    let judge = |row: account::Model| Judge {
        account: row.id,
        name: row.name,
        roles: held.get(&row.id).cloned().unwrap_or_default(),
    };
    Ok(rows.into_iter().map(judge).collect())
}

async fn names(conn: &Conn<'_>, ids: Vec<AccountId>) -> Result<BTreeMap<AccountId, String>, Error> {
    let rows = account::Entity::find().filter(account::COLUMN.id.is_in(ids)).all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}
