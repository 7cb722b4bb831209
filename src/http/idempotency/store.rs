//! The only SQL about claims.

use crate::{
    core::ids::{AccountId, ClaimId},
    db::{Db, entity::idempotency_claim},
    error::Error,
};
use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Set,
    sea_query::{Expr, OnConflict},
};

/// A claim that was never settled is somebody's crash after this long.
const ABANDONED_MINUTES: i64 = 10;
/// An answer is kept for this long.
const KEPT_HOURS: i64 = 24;

pub enum Claim {
    New(ClaimId),
    Taken(Stored),
}

pub struct Stored {
    pub request_hash: String,
    pub state: String,
    pub status: Option<i32>,
    pub reply: Option<String>,
}

pub async fn claim(db: &Db, account: AccountId, key: &str, request_hash: &str) -> Result<Claim, Error> {
    let tx = db.begin_bookkeeping().await?;
    let found = idempotency_claim::Entity::find()
        .filter(idempotency_claim::COLUMN.account_id.eq(account))
        .filter(idempotency_claim::COLUMN.key.eq(key))
        .lock_exclusive()
        .one(&tx.conn())
        .await?;
    let age = |row: &idempotency_claim::Model| tx.at() - row.created_at;
    match found {
        Some(row) if row.state == "claimed" && TimeDelta::minutes(ABANDONED_MINUTES) < age(&row) => {
            idempotency_claim::Entity::delete_by_id(row.id).exec(&tx.conn()).await?;
        }
        Some(row) if TimeDelta::hours(KEPT_HOURS) < age(&row) => {
            idempotency_claim::Entity::delete_by_id(row.id).exec(&tx.conn()).await?;
        }
        Some(row) => return Ok(Claim::Taken(stored(row))),
        None => {}
    }
    let id = ClaimId::generate();
    let row = idempotency_claim::ActiveModel {
        id: Set(id),
        account_id: Set(account),
        key: Set(key.to_owned()),
        request_hash: Set(request_hash.to_owned()),
        state: Set("claimed".to_owned()),
        status: Set(None),
        reply: Set(None),
        created_at: Set(tx.at()),
    };
    let mut only_once = OnConflict::columns([idempotency_claim::Column::AccountId, idempotency_claim::Column::Key]);
    let inserted = idempotency_claim::Entity::insert(row)
        .on_conflict(only_once.do_nothing().to_owned())
        .exec_without_returning(&tx.conn())
        .await?;
    if inserted == 0 {
        // Someone claimed it between our look and our insert.
        let row = idempotency_claim::Entity::find()
            .filter(idempotency_claim::COLUMN.account_id.eq(account))
            .filter(idempotency_claim::COLUMN.key.eq(key))
            .one(&tx.conn())
            .await?;
        return row.map(|row| Claim::Taken(stored(row))).ok_or_else(|| Error::internal("claim vanished"));
    }
    tx.commit().await?;
    Ok(Claim::New(id))
}

/// The request was refused or failed before it changed anything: the key is free again.
/// One whose change is durable stays, so that it is never done twice.
pub async fn release(db: &Db, id: ClaimId) -> Result<(), Error> {
    let tx = db.begin_bookkeeping().await?;
    idempotency_claim::Entity::delete_many()
        .filter(idempotency_claim::COLUMN.id.eq(id))
        .filter(idempotency_claim::COLUMN.state.eq("claimed"))
        .exec(&tx.conn())
        .await?;
    tx.commit().await
}

pub async fn keep(db: &Db, id: ClaimId, status: i32, reply: Option<String>) -> Result<(), Error> {
    let tx = db.begin_bookkeeping().await?;
    idempotency_claim::Entity::update_many()
        .col_expr(idempotency_claim::Column::State, Expr::value("answered"))
        .col_expr(idempotency_claim::Column::Status, Expr::value(status))
        .col_expr(idempotency_claim::Column::Reply, Expr::value(reply))
        .filter(idempotency_claim::COLUMN.id.eq(id))
        .exec(&tx.conn())
        .await?;
    tx.commit().await
}

/// Forgets answers that nobody may ask for any more: they hold what their requests were about.
pub async fn purge(db: &Db) -> Result<u64, Error> {
    let tx = db.begin_bookkeeping().await?;
    let purged = idempotency_claim::Entity::delete_many()
        .filter(idempotency_claim::COLUMN.created_at.lt(tx.at() - TimeDelta::hours(KEPT_HOURS)))
        .exec(&tx.conn())
        .await?;
    tx.commit().await?;
    Ok(purged.rows_affected)
}

fn stored(row: idempotency_claim::Model) -> Stored {
    Stored { request_hash: row.request_hash, state: row.state, status: row.status, reply: row.reply }
}
