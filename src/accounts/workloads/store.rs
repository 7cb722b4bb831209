//! The only SQL about which workloads are trusted.

use super::{Trust, rules::Rules};
use crate::{
    authz::Scope,
    core::{
        ids::{AccountId, WorkloadTrustId, WorkspaceId},
        page::{Page, PageRequest},
    },
    db::{
        Reader, WriteTx,
        entity::{account, workload_trust},
    },
    error::Error,
};
use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set,
    sea_query::{Expr, LockType},
};

pub async fn list(reader: &Reader<'_>, page: PageRequest) -> Result<Page<Trust>, Error> {
    let mut query = visible(reader.scope()).order_by_asc(workload_trust::Column::Id).limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(workload_trust::COLUMN.id.gt(WorkloadTrustId(after)));
    }
    let page = Page::from_rows(query.all(reader.conn()).await?, page.limit, |row| row.id.0);
    let items = page.items.into_iter().map(to_trust).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

/// The one of that name that has not ended.
pub async fn live(reader: &Reader<'_>, workspace: WorkspaceId, name: &str) -> Result<Option<Trust>, Error> {
    let query = visible(Scope::Workspace(workspace))
        .filter(workload_trust::COLUMN.name.eq(name))
        .filter(workload_trust::COLUMN.ended_at.is_null());
    query.one(reader.conn()).await?.map(to_trust).transpose()
}

/// The issuer of a trust that has not ended.
pub async fn issuer_of(reader: &Reader<'_>, id: WorkloadTrustId) -> Result<Option<String>, Error> {
    let row = workload_trust::Entity::find_by_id(id).one(reader.conn()).await?;
    Ok(row.filter(|row| row.ended_at.is_none()).map(|row| row.issuer))
}

pub async fn count_live(tx: &WriteTx, workspace: WorkspaceId) -> Result<u64, Error> {
    let query = visible(Scope::Workspace(workspace)).filter(workload_trust::COLUMN.ended_at.is_null());
    Ok(query.count(&tx.conn()).await?)
}

pub async fn is_name_taken(tx: &WriteTx, workspace: WorkspaceId, name: &str) -> Result<bool, Error> {
    let query = visible(Scope::Workspace(workspace))
        .filter(workload_trust::COLUMN.name.eq(name))
        .filter(workload_trust::COLUMN.ended_at.is_null());
    Ok(0 < query.count(&tx.conn()).await?)
}

pub async fn insert(tx: &WriteTx, new: &Trust) -> Result<(), Error> {
    let row = workload_trust::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        name: Set(new.name.clone()),
        issuer: Set(new.issuer.clone()),
        audience: Set(new.audience.clone()),
        rules: Set(serde_json::to_string(&new.rules).map_err(Error::internal)?),
        account_id: Set(new.account),
        reach: Set(serde_json::to_string(&new.limits).map_err(Error::internal)?),
        minutes: Set(new.minutes),
        created_by: Set(new.created_by),
        created_at: Set(new.created_at),
        ended_at: Set(None),
    };
    workload_trust::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

/// Nobody ends it before the end of the transaction.
pub async fn lock(tx: &WriteTx, scope: Scope, id: WorkloadTrustId) -> Result<Option<Trust>, Error> {
    let query = visible(scope).filter(workload_trust::COLUMN.id.eq(id)).lock(LockType::NoKeyUpdate);
    query.one(&tx.conn()).await?.map(to_trust).transpose()
}

pub async fn end(tx: &WriteTx, id: WorkloadTrustId) -> Result<(), Error> {
    workload_trust::Entity::update_many()
        .col_expr(workload_trust::Column::EndedAt, Expr::value(tx.at()))
        .filter(workload_trust::COLUMN.id.eq(id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

/// The name of the account, if it is active and whoever owns it is too; holds the account so.
pub async fn lock_account(tx: &WriteTx, id: AccountId) -> Result<Option<String>, Error> {
    let row = account::Entity::find_by_id(id).lock(LockType::NoKeyUpdate).one(&tx.conn()).await?;
    let Some(robot) = row.filter(|row| row.state == "active" && row.kind == "service") else { return Ok(None) };
    let Some(owner) = robot.owner_id else { return Ok(Some(robot.name)) };
    let owner = account::Entity::find_by_id(owner).one(&tx.conn()).await?;
    Ok(owner.filter(|owner| owner.state == "active").map(|_| robot.name))
}

fn visible(scope: Scope) -> Select<workload_trust::Entity> {
    match scope {
        Scope::Instance => workload_trust::Entity::find(),
        Scope::Workspace(id) => workload_trust::Entity::find().filter(workload_trust::COLUMN.workspace_id.eq(id)),
    }
}

fn to_trust(row: workload_trust::Model) -> Result<Trust, Error> {
    let rules: Rules = serde_json::from_str(&row.rules).map_err(Error::internal)?;
    Ok(Trust {
        id: row.id,
        workspace: row.workspace_id,
        name: row.name,
        issuer: row.issuer,
        audience: row.audience,
        rules,
        account: row.account_id,
        limits: serde_json::from_str(&row.reach).map_err(Error::internal)?,
        minutes: row.minutes,
        created_by: row.created_by,
        created_at: row.created_at,
        ended_at: row.ended_at,
    })
}
