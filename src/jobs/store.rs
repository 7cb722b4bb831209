//! The only SQL about the queue.

use crate::{
    core::ids::JobId,
    db::{Db, WriteTx, entity::job},
    error::Error,
    jobs::Job,
};
use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{Expr, LockBehavior, LockType},
};

/// A worker that is silent for this long has lost its jobs.
pub const LEASE: TimeDelta = TimeDelta::seconds(30);
pub const MAX_ATTEMPTS: i32 = 10;

/// A job in a worker's hands. `attempt` is its fencing number.
#[derive(Debug)]
pub struct Claimed {
    pub id: JobId,
    /// What to do; an error when nobody can read it.
    pub job: Result<Job, String>,
    pub attempt: i32,
}

/// Adds a job to the change that needs it: no change without its follow-up.
pub async fn enqueue(tx: &WriteTx, new: &Job) -> Result<(), Error> {
    let row = job::ActiveModel {
        id: Set(JobId::generate()),
        kind: Set(new.name().to_owned()),
        payload: Set(serde_json::to_string(new).map_err(Error::internal)?),
        state: Set("queued".to_owned()),
        run_after: Set(tx.at()),
        attempts: Set(0),
        locked_by: Set(None),
        locked_until: Set(None),
        last_error: Set(None),
        created_at: Set(tx.at()),
    };
    job::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

/// Takes the oldest job that is due, or one whose worker fell silent.
pub async fn claim(db: &Db, worker: &str) -> Result<Option<Claimed>, Error> {
    let tx = db.begin_bookkeeping().await?;
    let due = Condition::any()
        .add(job::Column::State.eq("queued").and(job::Column::RunAfter.lte(tx.at())))
        .add(job::Column::State.eq("running").and(job::Column::LockedUntil.lt(tx.at())));
    let found = job::Entity::find()
        .filter(due)
        .order_by_asc(job::Column::Id)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(&tx.conn())
        .await?;
    let Some(row) = found else { return Ok(None) };
    let attempt = row.attempts + 1;
    job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value("running"))
        .col_expr(job::Column::Attempts, Expr::value(attempt))
        .col_expr(job::Column::LockedBy, Expr::value(worker))
        .col_expr(job::Column::LockedUntil, Expr::value(tx.at() + LEASE))
        .filter(job::COLUMN.id.eq(row.id))
        .exec(&tx.conn())
        .await?;
    tx.commit().await?;
    let job = serde_json::from_str(&row.payload).map_err(|e| e.to_string());
    Ok(Some(Claimed { id: row.id, job, attempt }))
}

/// Still at it. False when the job has gone to somebody else.
pub async fn renew(db: &Db, claimed: &Claimed) -> Result<bool, Error> {
    let tx = db.begin_bookkeeping().await?;
    let renewed = job::Entity::update_many()
        .col_expr(job::Column::LockedUntil, Expr::value(tx.at() + LEASE))
        .filter(mine(claimed))
        .exec(&tx.conn())
        .await?;
    tx.commit().await?;
    Ok(renewed.rows_affected == 1)
}

pub async fn finish(db: &Db, claimed: &Claimed) -> Result<(), Error> {
    let tx = db.begin_bookkeeping().await?;
    job::Entity::delete_many().filter(mine(claimed)).exec(&tx.conn()).await?;
    tx.commit().await
}

/// Tries again later, longer each time; after ten times it stays as `dead`, to be seen.
pub async fn fail(db: &Db, claimed: &Claimed, error: &str) -> Result<(), Error> {
    let tx = db.begin_bookkeeping().await?;
    let state = if claimed.attempt < MAX_ATTEMPTS { "queued" } else { "dead" };
    let wait = TimeDelta::seconds(5 << claimed.attempt.clamp(0, 10));
    job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value(state))
        .col_expr(job::Column::RunAfter, Expr::value(tx.at() + wait))
        .col_expr(job::Column::LastError, Expr::value(error))
        .filter(mine(claimed))
        .exec(&tx.conn())
        .await?;
    tx.commit().await
}

fn mine(claimed: &Claimed) -> Condition {
    Condition::all().add(job::Column::Id.eq(claimed.id)).add(job::Column::Attempts.eq(claimed.attempt))
}
