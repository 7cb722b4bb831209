//! The only SQL about what was loaded.

use crate::{
    db::{Reader, WriteTx, entity::loaded_settings},
    error::Error,
};
use sea_orm::{ActiveValue::NotSet, EntityTrait, QueryFilter, QueryOrder, Set};

/// What was logged last of this kind: `configuration` or `schema`.
pub async fn last(reader: &Reader<'_>, kind: &str) -> Result<Option<String>, Error> {
    let query = loaded_settings::Entity::find().filter(loaded_settings::COLUMN.kind.eq(kind));
    let row = query.order_by_desc(loaded_settings::Column::Id).one(reader.conn()).await?;
    Ok(row.map(|row| row.entries))
}

pub async fn insert(tx: &WriteTx, kind: &str, digest: &str, entries: &str) -> Result<(), Error> {
    let row = loaded_settings::ActiveModel {
        id: NotSet,
        kind: Set(kind.to_owned()),
        digest: Set(digest.to_owned()),
        entries: Set(entries.to_owned()),
        loaded_at: Set(tx.at()),
    };
    loaded_settings::Entity::insert(row).exec(&tx.conn()).await?;
    Ok(())
}
