//! The only SQL about the registry's own keys.

use crate::{
    db::{Reader, WriteTx, entity::registry_key},
    error::Error,
    keys::RegisteredKey,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{Expr, OnConflict},
};

/// Every key that the registry had, oldest first.
pub async fn all(reader: &Reader<'_>) -> Result<Vec<RegisteredKey>, Error> {
    let rows = registry_key::Entity::find().all(reader.conn()).await?;
    Ok(in_order(rows))
}

/// The same, so that nobody else changes them meanwhile.
pub async fn lock(tx: &WriteTx) -> Result<Vec<RegisteredKey>, Error> {
    let query = registry_key::Entity::find().order_by_asc(registry_key::Column::Id).lock_exclusive();
    Ok(in_order(query.all(&tx.conn()).await?))
}

/// The key that signs until further notice came last, even within one instant.
fn in_order(rows: Vec<registry_key::Model>) -> Vec<RegisteredKey> {
    let mut keys: Vec<_> = rows.into_iter().map(RegisteredKey::from).collect();
    keys.sort_by_key(|key| (key.signs_until.is_none(), key.added_at, key.signs_until));
    keys
}

/// False when there is an active key already.
pub async fn insert(tx: &WriteTx, key: &RegisteredKey) -> Result<bool, Error> {
    let row = registry_key::ActiveModel {
        id: Set(key.id.clone()),
        origin: Set(key.origin.clone()),
        verifier_key: Set(key.verifier_key.clone()),
        public_key_pem: Set(key.public_key_pem.clone()),
        endorsement: Set(key.endorsement.clone()),
        added_at: Set(key.added_at),
        signs_until: Set(key.signs_until),
        reason: Set(None),
    };
    let keep = OnConflict::new().do_nothing().to_owned();
    let inserted = registry_key::Entity::insert(row).on_conflict(keep).exec_without_returning(&tx.conn()).await?;
    Ok(0 < inserted)
}

pub async fn end(tx: &WriteTx, id: &str, at: DateTime<Utc>, reason: Option<&str>) -> Result<(), Error> {
    let mut update = registry_key::Entity::update_many().col_expr(registry_key::Column::SignsUntil, Expr::value(at));
    if let Some(reason) = reason {
        update = update.col_expr(registry_key::Column::Reason, Expr::value(reason));
    }
    update.filter(registry_key::COLUMN.id.eq(id)).exec(&tx.conn()).await?;
    Ok(())
}

impl From<registry_key::Model> for RegisteredKey {
    fn from(row: registry_key::Model) -> Self {
        Self {
            id: row.id,
            origin: row.origin,
            verifier_key: row.verifier_key,
            public_key_pem: row.public_key_pem,
            endorsement: row.endorsement,
            added_at: row.added_at,
            signs_until: row.signs_until,
        }
    }
}
