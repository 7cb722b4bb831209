//! The only SQL about the queue.

use crate::{
    core::{
        ids::{AccountId, JobId, RunId, WorkspaceId},
        label::Label,
    },
    db::{Db, Reader, WriteTx, entity::job},
    error::Error,
    jobs::Job,
    validation::Run,
};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{Expr, LockBehavior, LockType},
};

/// A worker that is silent for this long has lost its jobs. Workers elsewhere are told.
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

/// Who asks for a job.
#[derive(Clone, Copy, Debug)]
pub struct Claimant<'a> {
    pub name: &'a str,
    /// A job that asks for a label goes to those who have it.
    pub labels: &'a [Label],
    /// Set for a worker that is not at this database: it carries runs of one workspace out, and nothing else.
    pub remote: Option<(WorkspaceId, AccountId)>,
}

/// Adds a job to the change that needs it: no change without its follow-up.
pub async fn enqueue(tx: &WriteTx, new: &Job) -> Result<(), Error> {
    insert(tx, new, None).await
}

/// The same for a run, which may be carried out elsewhere and may ask for a label.
pub async fn enqueue_run(tx: &WriteTx, run: &Run) -> Result<(), Error> {
    insert(tx, &Job::RunValidation { run: run.id }, Some(run)).await
}

async fn insert(tx: &WriteTx, new: &Job, run: Option<&Run>) -> Result<(), Error> {
    let row = job::ActiveModel {
        workspace_id: Set(run.map(|run| run.workspace)),
        run_id: Set(run.map(|run| run.id)),
        requires: Set(run.and_then(|run| run.requires.as_ref()).map(ToString::to_string)),
        holder_id: Set(None),
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

/// Takes the oldest job that is due, or one whose worker fell silent, of those that this worker may do.
pub async fn claim(db: &Db, who: Claimant<'_>) -> Result<Option<Claimed>, Error> {
    let tx = db.begin_bookkeeping().await?;
    let found = job::Entity::find()
        .filter(due(tx.at()))
        .filter(fits(who))
        .order_by_asc(job::Column::Id)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(&tx.conn())
        .await?;
    let Some(row) = found else { return Ok(None) };
    let attempt = row.attempts + 1;
    job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value("running"))
        .col_expr(job::Column::Attempts, Expr::value(attempt))
        .col_expr(job::Column::LockedBy, Expr::value(who.name))
        .col_expr(job::Column::HolderId, Expr::value(who.remote.map(|(_, account)| account)))
        .col_expr(job::Column::LockedUntil, Expr::value(tx.at() + LEASE))
        .filter(job::COLUMN.id.eq(row.id))
        .exec(&tx.conn())
        .await?;
    tx.commit().await?;
    let job = serde_json::from_str(&row.payload).map_err(|e| e.to_string());
    Ok(Some(Claimed { id: row.id, job, attempt }))
}

/// Whether there is something to claim; asked before a claim, which takes the database's one writer.
pub async fn is_any_due(reader: &Reader<'_>, who: Claimant<'_>, now: DateTime<Utc>) -> Result<bool, Error> {
    Ok(job::Entity::find().filter(due(now)).filter(fits(who)).one(reader.conn()).await?.is_some())
}

fn due(now: DateTime<Utc>) -> Condition {
    Condition::any()
        .add(job::Column::State.eq("queued").and(job::Column::RunAfter.lte(now)))
        .add(job::Column::State.eq("running").and(job::Column::LockedUntil.lt(now)))
}

fn fits(who: Claimant<'_>) -> Condition {
    let labels = who.labels.iter().map(Label::as_str);
    let fits = Condition::all()
        .add(Condition::any().add(job::Column::Requires.is_null()).add(job::Column::Requires.is_in(labels)));
    match who.remote {
        // What a device says is believed as far as it can be, so only a spec that asks for one is measured on it.
        Some((workspace, _)) => fits
            .add(job::Column::WorkspaceId.eq(workspace))
            .add(job::Column::RunId.is_not_null())
            .add(job::Column::Requires.is_not_null()),
        None => fits,
    }
}

/// How the work on a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Somebody is at it.
    Held,
    /// It may be taken from this time on.
    Free(DateTime<Utc>),
}

/// `None` when there is nothing to do for the run, now or later.
pub async fn standing(reader: &Reader<'_>, run: RunId, now: DateTime<Utc>) -> Result<Option<Standing>, Error> {
    let found = job::Entity::find()
        .filter(job::COLUMN.run_id.eq(run))
        .filter(job::Column::State.is_in(["queued", "running"]))
        .one(reader.conn())
        .await?;
    Ok(found.map(|row| match (row.state.as_str(), row.locked_until) {
        ("running", Some(until)) if now <= until => Standing::Held,
        ("running", _) => Standing::Free(now),
        _ => Standing::Free(row.run_after),
    }))
}

/// Nobody does it any more; whoever is at it finds the lease gone.
pub async fn drop_of_run(tx: &WriteTx, run: RunId) -> Result<(), Error> {
    job::Entity::delete_many().filter(job::COLUMN.run_id.eq(run)).exec(&tx.conn()).await?;
    Ok(())
}

/// What a worker elsewhere has in its hands.
#[derive(Clone, Debug)]
pub struct Held {
    pub run: RunId,
    /// The worker's, among those of its account.
    pub name: String,
}

/// The run that a worker elsewhere has in its hands under this claim; with a time, only if its lease lasts then.
pub async fn held(
    reader: &Reader<'_>,
    claimed: &Claimed,
    holder: AccountId,
    now: Option<DateTime<Utc>>,
) -> Result<Option<Held>, Error> {
    let row = job::Entity::find()
        .filter(mine(claimed))
        .filter(job::COLUMN.holder_id.eq(holder))
        .filter(job::COLUMN.state.eq("running"))
        .one(reader.conn())
        .await?;
    let lasts = |row: &job::Model| now.is_none_or(|now| row.locked_until.is_some_and(|until| now <= until));
    let held = |row: job::Model| Some(Held { run: row.run_id?, name: row.locked_by? });
    Ok(row.filter(lasts).and_then(held))
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
