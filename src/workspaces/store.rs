//! The only SQL about workspaces.

use crate::{
    core::ids::WorkspaceId,
    db::{Reader, WriteTx, entity::workspace},
    error::Error,
};
use sea_orm::{EntityTrait, QueryFilter, Set, sea_query::OnConflict};

pub async fn find(reader: &Reader<'_>, name: &str) -> Result<Option<WorkspaceId>, Error> {
    let row = workspace::Entity::find().filter(workspace::COLUMN.name.eq(name)).one(reader.conn()).await?;
    Ok(row.map(|row| row.id))
}

/// False when there is one of that name already.
pub async fn insert(tx: &WriteTx, id: WorkspaceId, name: &str, quota: Option<i64>) -> Result<bool, Error> {
    let row = workspace::ActiveModel {
        id: Set(id),
        name: Set(name.to_owned()),
        created_at: Set(tx.at()),
        quota_bytes: Set(quota),
        kept_bytes: Set(0),
    };
    let mut by_name = OnConflict::column(workspace::Column::Name);
    let inserted = workspace::Entity::insert(row)
        .on_conflict(by_name.do_nothing().to_owned())
        .exec_without_returning(&tx.conn())
        .await?;
    Ok(0 < inserted)
}
