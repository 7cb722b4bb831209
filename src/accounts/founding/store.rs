//! The only SQL about the code for the first account. There is one row, or none.

use crate::{
    db::{
        Reader, WriteTx,
        entity::{account, founding_code, workspace},
    },
    error::Error,
};
use chrono::{DateTime, Utc};
use sea_orm::{EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Set, SqlErr, sea_query::Expr};

const ONE: i32 = 1;

pub async fn has_accounts(reader: &Reader<'_>) -> Result<bool, Error> {
    Ok(0 < account::Entity::find().limit(1).count(reader.conn()).await?)
}

pub async fn has_accounts_now(tx: &WriteTx) -> Result<bool, Error> {
    Ok(0 < account::Entity::find().limit(1).count(&tx.conn()).await?)
}

/// Nobody makes an account before this transaction ends: each refers to its workspace.
pub async fn lock_workspaces(tx: &WriteTx) -> Result<(), Error> {
    workspace::Entity::find().order_by_asc(workspace::Column::Id).lock_exclusive().all(&tx.conn()).await?;
    Ok(())
}

/// Whether there ever was a code.
pub async fn was_made(reader: &Reader<'_>) -> Result<bool, Error> {
    Ok(founding_code::Entity::find_by_id(ONE).one(reader.conn()).await?.is_some())
}

/// The first code; false when another process was faster.
pub async fn make(tx: &WriteTx, secret_hash: &str, expires_at: DateTime<Utc>) -> Result<bool, Error> {
    let row = founding_code::ActiveModel {
        id: Set(ONE),
        secret_hash: Set(secret_hash.to_owned()),
        issued_at: Set(tx.at()),
        expires_at: Set(expires_at),
        used_at: Set(None),
    };
    match founding_code::Entity::insert(row).exec_without_returning(&tx.conn()).await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Another code in the place of the one before; false when there was none.
pub async fn replace(tx: &WriteTx, secret_hash: &str, expires_at: DateTime<Utc>) -> Result<bool, Error> {
    let replaced = founding_code::Entity::update_many()
        .col_expr(founding_code::Column::SecretHash, Expr::value(secret_hash))
        .col_expr(founding_code::Column::IssuedAt, Expr::value(tx.at()))
        .col_expr(founding_code::Column::ExpiresAt, Expr::value(expires_at))
        .col_expr(founding_code::Column::UsedAt, Expr::value(None::<DateTime<Utc>>))
        .filter(founding_code::COLUMN.id.eq(ONE))
        .exec(&tx.conn())
        .await?;
    Ok(replaced.rows_affected == 1)
}

/// Whether such a code works.
pub async fn works(reader: &Reader<'_>, secret_hash: &str, at: DateTime<Utc>) -> Result<bool, Error> {
    let found = founding_code::Entity::find()
        .filter(founding_code::COLUMN.secret_hash.eq(secret_hash))
        .filter(founding_code::COLUMN.used_at.is_null())
        .filter(founding_code::COLUMN.expires_at.gt(at));
    Ok(found.one(reader.conn()).await?.is_some())
}

/// Uses a code up; false when it does not work, or somebody else just used it. Holds the row.
pub async fn use_up(tx: &WriteTx, secret_hash: &str) -> Result<bool, Error> {
    let used = founding_code::Entity::update_many()
        .col_expr(founding_code::Column::UsedAt, Expr::value(tx.at()))
        .filter(founding_code::COLUMN.secret_hash.eq(secret_hash))
        .filter(founding_code::COLUMN.used_at.is_null())
        .filter(founding_code::COLUMN.expires_at.gt(tx.at()))
        .exec(&tx.conn())
        .await?;
    Ok(used.rows_affected == 1)
}
