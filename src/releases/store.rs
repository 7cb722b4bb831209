//! The only SQL about releases.

use crate::{
    authz::Scope,
    core::{
        ids::{AccountId, EnvironmentId, ModelId, ReleaseId, TrustKeyId, VersionId},
        page::{Page, PageRequest},
    },
    db::{
        Conn, Reader, WriteTx,
        entity::{model_version, release},
    },
    environments::profile::OperatingMode,
    error::Error,
    releases::{Assurance, Kind, Release, State},
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, Set, SqlErr,
    sea_query::{Expr, LockType},
};

pub(crate) async fn active(
    conn: &Conn<'_>,
    environment: EnvironmentId,
    model: ModelId,
) -> Result<Option<Release>, Error> {
    let row = of(environment, model).filter(release::COLUMN.state.eq(State::Active.name())).one(conn).await?;
    row.map(TryInto::try_into).transpose()
}

pub(crate) async fn find(conn: &Conn<'_>, scope: Scope, id: ReleaseId) -> Result<Option<Release>, Error> {
    visible(scope).filter(release::COLUMN.id.eq(id)).one(conn).await?.map(TryInto::try_into).transpose()
}

/// Locks a release if it is still active. Pulls of one release take turns here, so that whatever
/// ends it or blocks it comes before or after each of them, and is not kept waiting by those behind it.
pub(crate) async fn lock_active(tx: &WriteTx, scope: Scope, id: ReleaseId) -> Result<Option<Release>, Error> {
    let active = visible(scope).filter(release::COLUMN.state.eq(State::Active.name()));
    let query = active.filter(release::COLUMN.id.eq(id)).lock(LockType::NoKeyUpdate);
    query.one(&tx.conn()).await?.map(TryInto::try_into).transpose()
}

/// From here on no pull of a version happens before the end of the transaction.
pub(crate) async fn hold_version(tx: &WriteTx, version: VersionId) -> Result<(), Error> {
    hold(tx, release::Entity::find().filter(release::COLUMN.version_id.eq(version))).await
}

/// From here on no pull of what a key signed happens before the end of the transaction.
pub(crate) async fn hold_key(tx: &WriteTx, scope: Scope, key: TrustKeyId) -> Result<(), Error> {
    let signed = model_version::Entity::find().select_only().column(model_version::Column::Id);
    let signed = signed.filter(model_version::Column::TrustKeyId.eq(key)).into_query();
    hold(tx, visible(scope).filter(release::Column::VersionId.in_subquery(signed))).await
}

async fn hold(tx: &WriteTx, releases: Select<release::Entity>) -> Result<(), Error> {
    let active = releases.filter(release::COLUMN.state.eq(State::Active.name()));
    active.order_by_asc(release::Column::Id).lock(LockType::NoKeyUpdate).all(&tx.conn()).await?;
    Ok(())
}

/// Where a version runs or ran.
pub(crate) async fn places(conn: &Conn<'_>, version: VersionId) -> Result<Vec<EnvironmentId>, Error> {
    let query = release::Entity::find().filter(release::COLUMN.version_id.eq(version)).select_only();
    Ok(query.column(release::Column::EnvironmentId).distinct().into_tuple().all(conn).await?)
}

/// When something last changed about what runs: nothing that follows is dated before it.
pub(crate) async fn last_moment(
    conn: &Conn<'_>,
    environment: EnvironmentId,
    model: ModelId,
) -> Result<Option<DateTime<Utc>>, Error> {
    let newest = of(environment, model).order_by_desc(release::Column::ActivatedAt).one(conn).await?;
    Ok(newest.map(|row| row.ended_at.map_or(row.activated_at, |ended| ended.max(row.activated_at))))
}

/// Newest first.
pub async fn history(
    reader: &Reader<'_>,
    environment: EnvironmentId,
    model: ModelId,
    page: PageRequest,
) -> Result<Page<Release>, Error> {
    let mut query = of(environment, model).order_by_desc(release::Column::Id).limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(release::COLUMN.id.lt(ReleaseId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id.0);
    let items = page.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

/// Releases that were active before, newest first: what a rollback can go to.
pub(crate) async fn earlier(
    conn: &Conn<'_>,
    environment: EnvironmentId,
    model: ModelId,
) -> Result<Vec<Release>, Error> {
    let rows = of(environment, model)
        .filter(release::COLUMN.state.ne(State::Active.name()))
        .order_by_desc(release::Column::Id)
        .limit(200)
        .all(conn)
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The same of one version, however long ago that was.
pub(crate) async fn earlier_of(
    conn: &Conn<'_>,
    environment: EnvironmentId,
    model: ModelId,
    version: VersionId,
) -> Result<Vec<Release>, Error> {
    let rows = of(environment, model)
        .filter(release::COLUMN.version_id.eq(version))
        .filter(release::COLUMN.state.ne(State::Active.name()))
        .order_by_desc(release::Column::Id)
        .limit(200)
        .all(conn)
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The one that came last, whatever became of it.
pub(crate) async fn newest(
    conn: &Conn<'_>,
    environment: EnvironmentId,
    model: ModelId,
) -> Result<Option<Release>, Error> {
    let row = of(environment, model).order_by_desc(release::Column::Id).one(conn).await?;
    row.map(TryInto::try_into).transpose()
}

/// The one that came last before another, whatever became of it.
pub(crate) async fn newest_but(conn: &Conn<'_>, but: &Release) -> Result<Option<Release>, Error> {
    let others = of(but.environment, but.model).filter(release::COLUMN.id.ne(but.id));
    let row = others.order_by_desc(release::Column::Id).one(conn).await?;
    row.map(TryInto::try_into).transpose()
}

/// What was active at a moment, by the index of beginnings.
pub(crate) async fn active_at(
    conn: &Conn<'_>,
    environment: EnvironmentId,
    model: ModelId,
    at: DateTime<Utc>,
) -> Result<Option<Release>, Error> {
    let begun = of(environment, model).filter(release::COLUMN.activated_at.lte(at));
    let row = begun.order_by_desc(release::Column::ActivatedAt).order_by_desc(release::Column::Id).one(conn).await?;
    let release: Option<Release> = row.map(TryInto::try_into).transpose()?;
    Ok(release.filter(|release| release.ended_at.is_none_or(|end| at < end) && !release.is_over(at)))
}

/// When a version ran somewhere.
pub(crate) async fn of_version(
    conn: &Conn<'_>,
    environment: EnvironmentId,
    model: ModelId,
    version: VersionId,
) -> Result<Vec<Release>, Error> {
    let rows = of(environment, model).filter(release::COLUMN.version_id.eq(version)).all(conn).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Everything that is active, the latest first.
pub async fn all_active(reader: &Reader<'_>) -> Result<Vec<Release>, Error> {
    all_of(visible(reader.scope()), reader, 200).await
}

/// What is active in an environment, the latest first.
pub async fn active_in(reader: &Reader<'_>, environment: EnvironmentId, limit: u64) -> Result<Vec<Release>, Error> {
    all_of(visible(reader.scope()).filter(release::COLUMN.environment_id.eq(environment)), reader, limit).await
}

/// Where a version is active, the latest first.
pub async fn active_of(reader: &Reader<'_>, version: VersionId) -> Result<Vec<Release>, Error> {
    all_of(visible(reader.scope()).filter(release::COLUMN.version_id.eq(version)), reader, 200).await
}

/// Where a model is active, the latest first.
pub async fn active_of_model(reader: &Reader<'_>, model: ModelId) -> Result<Vec<Release>, Error> {
    all_of(visible(reader.scope()).filter(release::COLUMN.model_id.eq(model)), reader, 200).await
}

async fn all_of(query: Select<release::Entity>, reader: &Reader<'_>, limit: u64) -> Result<Vec<Release>, Error> {
    let active = query.filter(release::COLUMN.state.eq(State::Active.name()));
    let rows = active.order_by_desc(release::Column::Id).limit(limit).all(reader.conn()).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// What ran in an environment, whichever the model, the latest first.
pub async fn recent(reader: &Reader<'_>, environment: EnvironmentId) -> Result<Vec<Release>, Error> {
    let rows = visible(reader.scope())
        .filter(release::COLUMN.environment_id.eq(environment))
        .order_by_desc(release::Column::Id)
        .limit(50)
        .all(reader.conn())
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub async fn insert(tx: &WriteTx, new: &Release) -> Result<(), Error> {
    let row = release::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        environment_id: Set(new.environment),
        model_id: Set(new.model),
        version_id: Set(new.version),
        promotion_id: Set(new.promotion),
        restores: Set(new.restores),
        state: Set(new.state.name().to_owned()),
        reason: Set(new.reason.clone()),
        statement: Set(new.statement.clone()),
        activated_by: Set(new.activated_by),
        activated_at: Set(new.activated_at),
        ended_at: Set(None),
        mode: Set(new.mode.map(|mode| mode.name().to_owned())),
        kind: Set(Some(new.kind.name().to_owned())),
        ends_at: Set(new.ends_at),
        summary: Set(new.summary.clone()),
        ended_by: Set(None),
        ended_reason: Set(None),
        assurance: Set(new.assurance.name().to_owned()),
        lapsed_at: Set(new.lapsed_at),
        lapse_cause: Set(new.lapse_cause.clone()),
    };
    release::Entity::insert(row).exec_without_returning(&tx.conn()).await.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            Error::conflict("release_raced", "another release became active at the same moment; look again")
        }
        _ => e.into(),
    })?;
    Ok(())
}

/// Ends the active release, if it is still the one that the caller saw: by somebody, for a reason.
pub(crate) async fn end_because(
    tx: &WriteTx,
    id: ReleaseId,
    state: State,
    by: Option<AccountId>,
    reason: Option<&str>,
) -> Result<(), Error> {
    let ended = release::Entity::update_many()
        .col_expr(release::Column::State, Expr::value(state.name()))
        .col_expr(release::Column::EndedAt, Expr::value(tx.at()))
        .col_expr(release::Column::EndedBy, Expr::value(by))
        .col_expr(release::Column::EndedReason, Expr::value(reason))
        .filter(release::COLUMN.id.eq(id))
        .filter(release::COLUMN.state.eq(State::Active.name()))
        .exec(&tx.conn())
        .await?;
    if ended.rows_affected != 1 {
        return Err(Error::conflict("release_raced", "another release became active at the same moment; look again"));
    }
    Ok(())
}

fn visible(scope: Scope) -> Select<release::Entity> {
    match scope {
        Scope::Instance => release::Entity::find(),
        Scope::Workspace(id) => release::Entity::find().filter(release::COLUMN.workspace_id.eq(id)),
    }
}

fn of(environment: EnvironmentId, model: ModelId) -> Select<release::Entity> {
    release::Entity::find()
        .filter(release::COLUMN.environment_id.eq(environment))
        .filter(release::COLUMN.model_id.eq(model))
}

impl TryFrom<release::Model> for Release {
    type Error = Error;

    fn try_from(row: release::Model) -> Result<Self, Error> {
        let mode = row.mode.as_deref().map(OperatingMode::parse).transpose();
        let kind = match &row.kind {
            Some(kind) => Kind::parse(kind)?,
            // Of before kinds were written.
            None if row.restores.is_some() => Kind::Rollback,
            None => Kind::Promotion,
        };
        Ok(Self {
            id: row.id,
            workspace: row.workspace_id,
            environment: row.environment_id,
            model: row.model_id,
            version: row.version_id,
            promotion: row.promotion_id,
            restores: row.restores,
            state: State::parse(&row.state)?,
            reason: row.reason,
            statement: row.statement,
            activated_by: row.activated_by,
            activated_at: row.activated_at,
            ended_at: row.ended_at,
            mode: mode.map_err(|e| Error::internal(e.0))?,
            kind,
            ends_at: row.ends_at,
            summary: row.summary,
            ended_by: row.ended_by,
            ended_reason: row.ended_reason,
            assurance: Assurance::parse(&row.assurance)?,
            lapsed_at: row.lapsed_at,
            lapse_cause: row.lapse_cause,
        })
    }
}
