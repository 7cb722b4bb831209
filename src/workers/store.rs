//! The only SQL about workers.

use crate::{
    core::{
        ids::{AccountId, WorkerId, WorkspaceId},
        label::Label,
    },
    db::{Db, Reader, entity::worker},
    error::Error,
    workers::{Known, MEMORY, Seen},
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set, sea_query::Expr};

/// More than this nobody looks through.
const MAXIMUM: u64 = 1_000;

/// Who says that it is there.
pub struct Present<'a> {
    /// Of a worker at this database: its process. Another one is known by its account and name.
    pub id: WorkerId,
    pub remote: Option<(WorkspaceId, AccountId)>,
    pub name: &'a str,
    pub labels: &'a [Label],
}

/// Notes that a worker is there, and forgets those that have been gone for long.
pub async fn announce(db: &Db, present: &Present<'_>) -> Result<(), Error> {
    let labels = serde_json::to_string(present.labels).map_err(Error::internal)?;
    let tx = db.begin_bookkeeping().await?;
    worker::Entity::delete_many().filter(worker::COLUMN.last_seen_at.lt(tx.at() - MEMORY)).exec(&tx.conn()).await?;
    let same = match present.remote {
        Some((_, account)) => {
            Condition::all().add(worker::Column::AccountId.eq(account)).add(worker::Column::Name.eq(present.name))
        }
        None => Condition::all().add(worker::Column::Id.eq(present.id)),
    };
    let known = worker::Entity::update_many()
        .col_expr(worker::Column::Labels, Expr::value(labels.clone()))
        .col_expr(worker::Column::LastSeenAt, Expr::value(tx.at()))
        .filter(same)
        .exec(&tx.conn())
        .await?;
    if known.rows_affected == 0 {
        let row = worker::ActiveModel {
            id: Set(present.id),
            workspace_id: Set(present.remote.map(|(workspace, _)| workspace)),
            account_id: Set(present.remote.map(|(_, account)| account)),
            name: Set(present.name.to_owned()),
            labels: Set(labels),
            last_seen_at: Set(tx.at()),
        };
        worker::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    }
    tx.commit().await
}

/// Notes that a worker elsewhere is still there, at its work.
pub async fn touch(db: &Db, account: AccountId, name: &str) -> Result<(), Error> {
    let tx = db.begin_bookkeeping().await?;
    worker::Entity::update_many()
        .col_expr(worker::Column::LastSeenAt, Expr::value(tx.at()))
        .filter(worker::COLUMN.account_id.eq(account))
        .filter(worker::COLUMN.name.eq(name))
        .exec(&tx.conn())
        .await?;
    tx.commit().await
}

/// Workers that may do what a workspace asks for, those that were seen last first.
pub async fn seen(reader: &Reader<'_>, workspace: WorkspaceId) -> Result<Vec<Seen>, Error> {
    let all = known(reader, workspace).await?;
    Ok(all.into_iter().map(|worker| Seen { labels: worker.labels, last_seen_at: worker.last_seen_at }).collect())
}

/// The same with their names.
pub async fn known(reader: &Reader<'_>, workspace: WorkspaceId) -> Result<Vec<Known>, Error> {
    let here =
        Condition::any().add(worker::Column::WorkspaceId.is_null()).add(worker::Column::WorkspaceId.eq(workspace));
    let rows = worker::Entity::find()
        .filter(here)
        .order_by_desc(worker::Column::LastSeenAt)
        .order_by_asc(worker::Column::Id)
        .limit(MAXIMUM)
        .all(reader.conn())
        .await?;
    let known = |row: worker::Model| {
        let labels = serde_json::from_str(&row.labels).map_err(Error::internal)?;
        Ok(Known { name: row.name, account: row.account_id, labels, last_seen_at: row.last_seen_at })
    };
    rows.into_iter().map(known).collect()
}
