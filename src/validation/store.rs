//! The only SQL about runs and evidence.

use crate::{
    authz::Scope,
    core::{
        digest::Digest,
        ids::{DatasetId, RevisionId, RunId, VersionId},
        label::Label,
        page::{Page, PageRequest},
        text::Line,
    },
    db::{
        Db, Reader, WriteTx,
        entity::{dataset, environment, environment_revision, evidence, model, model_version, validation_run},
    },
    error::Error,
    validation::{Evidence, EvidenceKind, Place, Run, RunState},
};
use sea_orm::{
    ColumnTrait, Condition, DatabaseExecutor, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set,
    sea_query::Expr,
};
use std::collections::{BTreeSet, HashMap};

pub(crate) async fn find(conn: &DatabaseExecutor<'_>, scope: Scope, id: RunId) -> Result<Option<Run>, Error> {
    visible(scope).filter(validation_run::COLUMN.id.eq(id)).one(conn).await?.map(TryInto::try_into).transpose()
}

pub async fn list(reader: &Reader<'_>, page: PageRequest) -> Result<Page<Run>, Error> {
    let mut query = visible(reader.scope()).order_by_desc(validation_run::Column::Id).limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(validation_run::COLUMN.id.lt(RunId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id.0);
    let items = page.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

/// Runs of one version, newest first; at most 50.
pub async fn of_version(reader: &Reader<'_>, version: VersionId) -> Result<Vec<Run>, Error> {
    let rows = visible(reader.scope())
        .filter(validation_run::COLUMN.version_id.eq(version))
        .order_by_desc(validation_run::Column::Id)
        .limit(50)
        .all(reader.conn())
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// What runs are about, by name.
pub async fn places(reader: &Reader<'_>, runs: &[Run]) -> Result<HashMap<RunId, Place>, Error> {
    let conn = reader.conn();
    let (versions, revisions): (BTreeSet<_>, BTreeSet<_>) =
        runs.iter().map(|run| (run.version, run.constraints)).unzip();
    let (environments, data): (BTreeSet<_>, BTreeSet<_>) =
        runs.iter().map(|run| (run.environment, run.dataset)).unzip();
    let versions = model_version::Entity::find().filter(model_version::COLUMN.id.is_in(versions)).all(conn).await?;
    let models: BTreeSet<_> = versions.iter().map(|version| version.model_id).collect();
    let models = model::Entity::find().filter(model::COLUMN.id.is_in(models)).all(conn).await?;
    let environments = environment::Entity::find().filter(environment::COLUMN.id.is_in(environments)).all(conn).await?;
    let revisions =
        environment_revision::Entity::find().filter(environment_revision::COLUMN.id.is_in(revisions)).all(conn).await?;
    let data = dataset::Entity::find().filter(dataset::COLUMN.id.is_in(data)).all(conn).await?;
    let place = |run: &Run| {
        let version = versions.iter().find(|row| row.id == run.version)?;
        let place = Place {
            model: models.iter().find(|row| row.id == version.model_id)?.name.clone(),
            version: version.number,
            version_digest: version.manifest_digest.clone(),
            environment: environments.iter().find(|row| row.id == run.environment)?.name.clone(),
            constraints_revision: revisions.iter().find(|row| row.id == run.constraints)?.revision,
            dataset: data.iter().find(|row| row.id == run.dataset)?.name.clone(),
        };
        Some((run.id, place))
    };
    Ok(runs.iter().filter_map(place).collect())
}

/// The latest finished run of a version against these limits on these rows: what counts.
pub(crate) async fn latest_finished(
    conn: &DatabaseExecutor<'_>,
    version: VersionId,
    constraints: RevisionId,
    dataset: DatasetId,
) -> Result<Option<Run>, Error> {
    let row = validation_run::Entity::find()
        .filter(validation_run::COLUMN.version_id.eq(version))
        .filter(validation_run::COLUMN.constraints_id.eq(constraints))
        .filter(validation_run::COLUMN.dataset_id.eq(dataset))
        .filter(validation_run::COLUMN.finished_at.is_not_null())
        // It found nothing out, for or against the version.
        .filter(validation_run::COLUMN.state.ne(RunState::Cancelled.name()))
        .order_by_desc(validation_run::Column::FinishedAt)
        .order_by_desc(validation_run::Column::Id)
        .one(conn)
        .await?;
    row.map(TryInto::try_into).transpose()
}

pub async fn insert(tx: &WriteTx, new: &Run) -> Result<(), Error> {
    let row = validation_run::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        version_id: Set(new.version),
        environment_id: Set(new.environment),
        constraints_id: Set(new.constraints),
        dataset_id: Set(new.dataset),
        state: Set(new.state.name().to_owned()),
        phase: Set(new.phase.clone()),
        percent: Set(new.percent),
        reason_code: Set(None),
        reason: Set(None),
        verdicts: Set(None),
        verdicts_digest: Set(None),
        attempt: Set(new.attempt),
        requested_by: Set(new.requested_by),
        requested_at: Set(new.requested_at),
        started_at: Set(None),
        finished_at: Set(None),
        requires: Set(new.requires.as_ref().map(ToString::to_string)),
        measured_by: Set(None),
    };
    validation_run::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

/// A worker begins its attempt. False when the run has ended or belongs to a later one.
pub async fn start(db: &Db, id: RunId, attempt: i32) -> Result<bool, Error> {
    let tx = db.begin_bookkeeping().await?;
    let started = validation_run::Entity::update_many()
        .col_expr(validation_run::Column::State, Expr::value(RunState::Running.name()))
        .col_expr(validation_run::Column::Phase, Expr::value("loading"))
        .col_expr(validation_run::Column::Percent, Expr::value(0))
        .col_expr(validation_run::Column::Attempt, Expr::value(attempt))
        .col_expr(validation_run::Column::StartedAt, Expr::value(tx.at()))
        .filter(validation_run::COLUMN.id.eq(id))
        .filter(validation_run::COLUMN.attempt.lt(attempt))
        .filter(validation_run::COLUMN.finished_at.is_null())
        .exec(&tx.conn())
        .await?;
    tx.commit().await?;
    Ok(started.rows_affected == 1)
}

pub async fn set_progress(db: &Db, id: RunId, attempt: i32, phase: &str, percent: i32) -> Result<(), Error> {
    let tx = db.begin_bookkeeping().await?;
    validation_run::Entity::update_many()
        .col_expr(validation_run::Column::Phase, Expr::value(phase))
        .col_expr(validation_run::Column::Percent, Expr::value(percent))
        .filter(open_attempt(id, attempt))
        .exec(&tx.conn())
        .await?;
    tx.commit().await
}

/// Calls a run off. False when it has ended already.
pub async fn cancel(tx: &WriteTx, id: RunId, reason: &Line) -> Result<bool, Error> {
    let cancelled = validation_run::Entity::update_many()
        .col_expr(validation_run::Column::State, Expr::value(RunState::Cancelled.name()))
        .col_expr(validation_run::Column::Phase, Expr::value("cancelled"))
        .col_expr(validation_run::Column::ReasonCode, Expr::value("cancelled"))
        .col_expr(validation_run::Column::Reason, Expr::value(reason.as_str()))
        .col_expr(validation_run::Column::FinishedAt, Expr::value(tx.at()))
        .filter(validation_run::COLUMN.id.eq(id))
        .filter(validation_run::COLUMN.finished_at.is_null())
        .exec(&tx.conn())
        .await?;
    Ok(cancelled.rows_affected == 1)
}

/// Records the end of an attempt. False when it is no longer the one that counts.
pub async fn finish(tx: &WriteTx, run: &Run, evidence: &[Evidence]) -> Result<bool, Error> {
    let verdicts = serde_json::to_string(&run.verdicts).map_err(Error::internal)?;
    let (code, reason) = run.reason.clone().unzip();
    let finished = validation_run::Entity::update_many()
        .col_expr(validation_run::Column::State, Expr::value(run.state.name()))
        .col_expr(validation_run::Column::Phase, Expr::value("finished"))
        .col_expr(validation_run::Column::Percent, Expr::value(100))
        .col_expr(validation_run::Column::ReasonCode, Expr::value(code))
        .col_expr(validation_run::Column::Reason, Expr::value(reason))
        .col_expr(validation_run::Column::Verdicts, Expr::value(verdicts))
        .col_expr(validation_run::Column::VerdictsDigest, Expr::value(run.verdicts_digest.map(|d| d.to_string())))
        .col_expr(validation_run::Column::FinishedAt, Expr::value(tx.at()))
        .col_expr(validation_run::Column::MeasuredBy, Expr::value(run.measured_by))
        .filter(open_attempt(run.id, run.attempt))
        .exec(&tx.conn())
        .await?;
    if finished.rows_affected != 1 {
        return Ok(false);
    }
    for new in evidence {
        let row = evidence::ActiveModel {
            id: Set(new.id),
            workspace_id: Set(run.workspace),
            version_id: Set(run.version),
            run_id: Set(run.id),
            kind: Set(new.kind.name().to_owned()),
            digest: Set(new.digest.to_string()),
            body: Set(new.body.clone()),
            created_at: Set(tx.at()),
        };
        evidence::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    }
    Ok(true)
}

pub(crate) async fn evidence(conn: &DatabaseExecutor<'_>, run: RunId) -> Result<Vec<Evidence>, Error> {
    let rows = evidence::Entity::find()
        .filter(evidence::COLUMN.run_id.eq(run))
        .order_by_asc(evidence::Column::Id)
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Evidence {
                id: row.id,
                kind: EvidenceKind::parse(&row.kind)?,
                digest: Digest::parse(&row.digest).map_err(|e| Error::internal(e.0))?,
                body: row.body,
                created_at: row.created_at,
            })
        })
        .collect()
}

fn open_attempt(id: RunId, attempt: i32) -> Condition {
    Condition::all()
        .add(validation_run::Column::Id.eq(id))
        .add(validation_run::Column::Attempt.eq(attempt))
        .add(validation_run::Column::FinishedAt.is_null())
}

fn visible(scope: Scope) -> Select<validation_run::Entity> {
    match scope {
        Scope::Instance => validation_run::Entity::find(),
        Scope::Workspace(id) => validation_run::Entity::find().filter(validation_run::COLUMN.workspace_id.eq(id)),
    }
}

impl TryFrom<validation_run::Model> for Run {
    type Error = Error;

    fn try_from(row: validation_run::Model) -> Result<Self, Error> {
        let digest = row.verdicts_digest.as_deref().map(Digest::parse).transpose();
        Ok(Self {
            id: row.id,
            workspace: row.workspace_id,
            version: row.version_id,
            environment: row.environment_id,
            constraints: row.constraints_id,
            dataset: row.dataset_id,
            state: RunState::parse(&row.state)?,
            phase: row.phase,
            percent: row.percent,
            reason: row.reason_code.zip(row.reason),
            verdicts: match &row.verdicts {
                Some(text) => serde_json::from_str(text).map_err(Error::internal)?,
                None => Vec::new(),
            },
            verdicts_digest: digest.map_err(|e| Error::internal(e.0))?,
            attempt: row.attempt,
            requested_by: row.requested_by,
            requested_at: row.requested_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            requires: row.requires.as_deref().map(Label::parse).transpose().map_err(|e| Error::internal(e.0))?,
            measured_by: row.measured_by,
        })
    }
}
