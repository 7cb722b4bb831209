//! The only SQL about second factors.

use crate::{
    accounts::second_factor::{Factor, Spent, tried::Looked},
    core::ids::AccountId,
    db::{
        Reader, WriteTx,
        entity::{recovery_code, second_factor},
    },
    error::Error,
};
use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Set,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

pub async fn find(reader: &Reader<'_>, account: AccountId) -> Result<Option<Factor>, Error> {
    let row = second_factor::Entity::find_by_id(account).one(reader.conn()).await?;
    Ok(row.map(to_factor))
}

/// Any that counts.
pub async fn any(reader: &Reader<'_>) -> Result<Option<Factor>, Error> {
    let counting = second_factor::Entity::find().filter(second_factor::COLUMN.confirmed_at.is_not_null());
    let newest = counting.order_by_desc(second_factor::Column::ConfirmedAt);
    Ok(newest.order_by_asc(second_factor::Column::AccountId).one(reader.conn()).await?.map(to_factor))
}

fn to_factor(row: second_factor::Model) -> Factor {
    Factor {
        account: row.account_id,
        sealed: row.sealed,
        confirmed_at: row.confirmed_at,
        last_step: row.last_step,
        taken_at: row.taken_at,
    }
}

/// The code on paper with this hash, if it was not used.
pub async fn find_paper(reader: &Reader<'_>, account: AccountId, hash: &str) -> Result<Option<Uuid>, Error> {
    let row = recovery_code::Entity::find()
        .filter(recovery_code::COLUMN.account_id.eq(account))
        .filter(recovery_code::COLUMN.secret_hash.eq(hash))
        .filter(recovery_code::COLUMN.ended_at.is_null())
        .one(reader.conn())
        .await?;
    Ok(row.map(|row| row.id))
}

pub async fn count_paper(reader: &Reader<'_>, account: AccountId) -> Result<u64, Error> {
    let unused = recovery_code::Entity::find()
        .filter(recovery_code::COLUMN.account_id.eq(account))
        .filter(recovery_code::COLUMN.ended_at.is_null());
    Ok(unused.count(reader.conn()).await?)
}

/// A factor that nobody has confirmed yet, in the place of one like it; false when there is one that counts.
pub async fn begin(tx: &WriteTx, account: AccountId, sealed: String) -> Result<bool, Error> {
    let again = second_factor::Entity::update_many()
        .col_expr(second_factor::Column::Sealed, Expr::value(&sealed))
        .col_expr(second_factor::Column::BegunAt, Expr::value(tx.at()))
        .filter(second_factor::COLUMN.account_id.eq(account))
        .filter(second_factor::COLUMN.confirmed_at.is_null())
        .exec(&tx.conn())
        .await?;
    if again.rows_affected == 1 {
        return Ok(true);
    }
    if second_factor::Entity::find_by_id(account).one(&tx.conn()).await?.is_some() {
        return Ok(false);
    }
    let row = second_factor::ActiveModel {
        account_id: Set(account),
        sealed: Set(Some(sealed)),
        begun_at: Set(tx.at()),
        confirmed_at: Set(None),
        last_step: Set(None),
        taken_at: Set(None),
    };
    second_factor::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(true)
}

/// From now on the factor counts; false when it is another one than was looked at, or counts already.
pub async fn confirm(tx: &WriteTx, account: AccountId, sealed: Option<&str>, step: i64) -> Result<bool, Error> {
    let confirmed = second_factor::Entity::update_many()
        .col_expr(second_factor::Column::ConfirmedAt, Expr::value(tx.at()))
        .col_expr(second_factor::Column::LastStep, Expr::value(step))
        .col_expr(second_factor::Column::TakenAt, Expr::value(None::<chrono::DateTime<chrono::Utc>>))
        .filter(second_factor::COLUMN.account_id.eq(account))
        .filter(second_factor::COLUMN.sealed.eq(sealed.unwrap_or_default()))
        .filter(second_factor::COLUMN.confirmed_at.is_null())
        .exec(&tx.conn())
        .await?;
    Ok(confirmed.rows_affected == 1)
}

/// Codes on paper, in the place of those before them.
pub async fn keep_papers(tx: &WriteTx, account: AccountId, hashes: Vec<String>) -> Result<(), Error> {
    end_papers(tx, account).await?;
    let rows = hashes.into_iter().map(|hash| recovery_code::ActiveModel {
        id: Set(Uuid::now_v7()),
        account_id: Set(account),
        secret_hash: Set(hash),
        made_at: Set(tx.at()),
        ended_at: Set(None),
    });
    recovery_code::Entity::insert_many(rows).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

/// Notes that a code was used; false when it was already, by somebody who was faster, or the factor is another now. The
/// account's row is locked by then.
pub async fn spend(tx: &WriteTx, account: AccountId, looked: &Looked) -> Result<bool, Error> {
    let counting = second_factor::Entity::find_by_id(account)
        .filter(second_factor::COLUMN.confirmed_at.is_not_null())
        .one(&tx.conn())
        .await?;
    let changed = match looked {
        Looked::NotAsked => return Ok(counting.is_none()),
        Looked::Missing | Looked::Wrong => return Ok(false),
        Looked::Right(_) if counting.is_none() => return Ok(false),
        Looked::Right(Spent::Step(step)) => {
            let later = second_factor::Column::LastStep.is_null().or(second_factor::Column::LastStep.lt(*step));
            second_factor::Entity::update_many()
                .col_expr(second_factor::Column::LastStep, Expr::value(*step))
                .filter(second_factor::COLUMN.account_id.eq(account))
                .filter(later)
                .exec(&tx.conn())
                .await?
        }
        Looked::Right(Spent::Paper(id)) => {
            recovery_code::Entity::update_many()
                .col_expr(recovery_code::Column::EndedAt, Expr::value(tx.at()))
                .filter(recovery_code::COLUMN.id.eq(*id))
                .filter(recovery_code::COLUMN.ended_at.is_null())
                .exec(&tx.conn())
                .await?
        }
    };
    Ok(changed.rows_affected == 1)
}

/// Takes a factor and its codes on paper away; false when there was none that counts. The secret goes at once.
pub async fn remove(tx: &WriteTx, account: AccountId, by_somebody_else: bool) -> Result<bool, Error> {
    let taken_at = by_somebody_else.then(|| tx.at());
    let removed = second_factor::Entity::update_many()
        .col_expr(second_factor::Column::Sealed, Expr::value(None::<String>))
        .col_expr(second_factor::Column::ConfirmedAt, Expr::value(None::<chrono::DateTime<chrono::Utc>>))
        .col_expr(second_factor::Column::TakenAt, Expr::value(taken_at))
        .filter(second_factor::COLUMN.account_id.eq(account))
        .filter(second_factor::COLUMN.confirmed_at.is_not_null())
        .exec(&tx.conn())
        .await?;
    end_papers(tx, account).await?;
    Ok(removed.rows_affected == 1)
}

/// The secret of somebody who is forgotten, counting or not.
pub async fn forget(tx: &WriteTx, account: AccountId) -> Result<(), Error> {
    end_papers(tx, account).await?;
    let held = second_factor::Entity::find_by_id(account).one(&tx.conn()).await?;
    if held.is_none_or(|row| row.sealed.is_none()) {
        return Ok(());
    }
    tx.forget("second_factor", &account.to_string()).await?;
    second_factor::Entity::update_many()
        .col_expr(second_factor::Column::Sealed, Expr::value(None::<String>))
        .col_expr(second_factor::Column::ConfirmedAt, Expr::value(None::<chrono::DateTime<chrono::Utc>>))
        .filter(second_factor::COLUMN.account_id.eq(account))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

async fn end_papers(tx: &WriteTx, account: AccountId) -> Result<(), Error> {
    recovery_code::Entity::update_many()
        .col_expr(recovery_code::Column::EndedAt, Expr::value(tx.at()))
        .filter(recovery_code::COLUMN.account_id.eq(account))
        .filter(recovery_code::COLUMN.ended_at.is_null())
        .exec(&tx.conn())
        .await?;
    Ok(())
}
