//! The only SQL about emergency activations.

use crate::{
    authz::Scope,
    constraints::words::Words,
    core::{
        ids::{AccountId, BreakGlassId, EnvironmentId, ModelId, VersionId},
        page::{Page, PageRequest},
    },
    db::{Conn, Reader, WriteTx, entity::break_glass},
    error::Error,
    oversight::break_glass::{BreakGlass, State},
    sweeps,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set, SqlErr,
    sea_query::{Expr, LockType},
};

/// What a sweep takes on at once.
const BATCH: u64 = 500;

pub(crate) async fn insert(tx: &WriteTx, new: &BreakGlass) -> Result<(), Error> {
    let row = break_glass::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        environment_id: Set(new.environment),
        model_id: Set(new.model),
        version_id: Set(new.version),
        state: Set(new.state.word().to_owned()),
        invoked_by: Set(new.invoked_by),
        second_by: Set(new.second_by),
        justification: Set(new.justification.clone()),
        hours: Set(i64::from(new.hours)),
        invoked_at: Set(new.invoked_at),
        confirm_by: Set(new.confirm_by),
        promotion_id: Set(new.promotion),
        release_id: Set(new.release),
        would_have_passed: Set(new.would_have_passed),
        starts_at: Set(new.starts_at),
        ends_at: Set(new.ends_at),
        ended_at: Set(None),
        ended_by: Set(None),
        ended_reason: Set(None),
        review_due_at: Set(new.review_due_at),
        reviewed_by: Set(None),
        reviewed_at: Set(None),
        review_reason: Set(None),
    };
    break_glass::Entity::insert(row).exec_without_returning(&tx.conn()).await.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            let detail = "another break-glass for this model is proposed or active here; close it first";
            Error::conflict("break_glass_open", detail)
        }
        _ => e.into(),
    })?;
    Ok(())
}

/// Writes what can change of it.
pub(crate) async fn update(tx: &WriteTx, broken: &BreakGlass) -> Result<(), Error> {
    break_glass::Entity::update_many()
        .col_expr(break_glass::Column::State, Expr::value(broken.state.word()))
        .col_expr(break_glass::Column::SecondBy, Expr::value(broken.second_by))
        .col_expr(break_glass::Column::PromotionId, Expr::value(broken.promotion))
        .col_expr(break_glass::Column::ReleaseId, Expr::value(broken.release))
        .col_expr(break_glass::Column::WouldHavePassed, Expr::value(broken.would_have_passed))
        .col_expr(break_glass::Column::StartsAt, Expr::value(broken.starts_at))
        .col_expr(break_glass::Column::EndsAt, Expr::value(broken.ends_at))
        .col_expr(break_glass::Column::EndedAt, Expr::value(broken.ended_at))
        .col_expr(break_glass::Column::EndedBy, Expr::value(broken.ended_by))
        .col_expr(break_glass::Column::EndedReason, Expr::value(broken.ended_reason.as_deref()))
        .col_expr(break_glass::Column::ReviewDueAt, Expr::value(broken.review_due_at))
        .col_expr(break_glass::Column::ReviewedBy, Expr::value(broken.reviewed_by))
        .col_expr(break_glass::Column::ReviewedAt, Expr::value(broken.reviewed_at))
        .col_expr(break_glass::Column::ReviewReason, Expr::value(broken.review_reason.as_deref()))
        .filter(break_glass::COLUMN.id.eq(broken.id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

pub(crate) async fn find(conn: &Conn<'_>, scope: Scope, id: BreakGlassId) -> Result<Option<BreakGlass>, Error> {
    visible(scope).filter(break_glass::COLUMN.id.eq(id)).one(conn).await?.map(TryInto::try_into).transpose()
}

pub(crate) async fn lock(tx: &WriteTx, scope: Scope, id: BreakGlassId) -> Result<Option<BreakGlass>, Error> {
    let query = visible(scope).filter(break_glass::COLUMN.id.eq(id)).lock(LockType::NoKeyUpdate);
    query.one(&tx.conn()).await?.map(TryInto::try_into).transpose()
}

/// Of one place: what is proposed or active as far as is written.
pub(crate) async fn lock_open(
    tx: &WriteTx,
    environment: EnvironmentId,
    model: ModelId,
) -> Result<Option<BreakGlass>, Error> {
    let row = break_glass::Entity::find()
        .filter(break_glass::COLUMN.environment_id.eq(environment))
        .filter(break_glass::COLUMN.model_id.eq(model))
        .filter(break_glass::COLUMN.state.is_in([State::Proposed.word(), State::Active.word()]))
        .lock(LockType::NoKeyUpdate)
        .one(&tx.conn())
        .await?;
    row.map(TryInto::try_into).transpose()
}

/// Those of a model in an environment that have ended and that nobody has reviewed, oldest first.
pub(crate) async fn unreviewed(
    conn: &Conn<'_>,
    environment: EnvironmentId,
    model: ModelId,
    now: DateTime<Utc>,
) -> Result<Vec<BreakGlass>, Error> {
    let (state, ends_at) = (break_glass::COLUMN.state, break_glass::COLUMN.ends_at);
    let over = state.eq(State::Active.word()).and(ends_at.lte(now));
    let rows = break_glass::Entity::find()
        .filter(break_glass::COLUMN.environment_id.eq(environment))
        .filter(break_glass::COLUMN.model_id.eq(model))
        .filter(over.or(state.eq(State::Closed.word())))
        .order_by_asc(break_glass::Column::Id)
        .all(conn)
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Those anywhere that somebody should have reviewed by now.
pub(crate) async fn all_unreviewed(reader: &Reader<'_>, now: DateTime<Utc>) -> Result<Vec<BreakGlass>, Error> {
    Ok(sweeps::readable(due(reader.scope(), now).limit(BATCH).all(reader.conn()).await?))
}

fn due(scope: Scope, now: DateTime<Utc>) -> Select<break_glass::Entity> {
    visible(scope)
        .filter(break_glass::COLUMN.state.is_in([State::Active.word(), State::Closed.word()]))
        .filter(break_glass::COLUMN.review_due_at.lte(now))
}

/// Those whose time is over and of which nobody has written so yet.
pub(crate) async fn over(reader: &Reader<'_>, now: DateTime<Utc>) -> Result<Vec<BreakGlass>, Error> {
    let active = break_glass::COLUMN.state.eq(State::Active.word()).and(break_glass::COLUMN.ends_at.lte(now));
    let proposed = break_glass::COLUMN.state.eq(State::Proposed.word()).and(break_glass::COLUMN.confirm_by.lte(now));
    Ok(sweeps::readable(visible(reader.scope()).filter(active.or(proposed)).limit(BATCH).all(reader.conn()).await?))
}

/// Everybody who broke the glass for a version, in one environment or anywhere.
pub(crate) async fn invokers(
    conn: &Conn<'_>,
    version: VersionId,
    environment: Option<EnvironmentId>,
) -> Result<Vec<AccountId>, Error> {
    let mut query = break_glass::Entity::find().filter(break_glass::COLUMN.version_id.eq(version));
    if let Some(environment) = environment {
        query = query.filter(break_glass::COLUMN.environment_id.eq(environment));
    }
    let rows = query.all(conn).await?;
    Ok(rows.into_iter().flat_map(|row| [Some(row.invoked_by), row.second_by]).flatten().collect())
}

/// Newest first.
pub(crate) async fn list(
    reader: &Reader<'_>,
    unreviewed_only: bool,
    page: PageRequest,
) -> Result<Page<BreakGlass>, Error> {
    let mut query = visible(reader.scope()).order_by_desc(break_glass::Column::Id).limit(page.limit + 1);
    if unreviewed_only {
        let unreviewed = [State::Proposed.word(), State::Active.word(), State::Closed.word()];
        query = query.filter(break_glass::COLUMN.state.is_in(unreviewed));
    }
    if let Some(after) = page.after {
        query = query.filter(break_glass::COLUMN.id.lt(BreakGlassId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id.0);
    let items = page.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

fn visible(scope: Scope) -> Select<break_glass::Entity> {
    match scope {
        Scope::Instance => break_glass::Entity::find(),
        Scope::Workspace(id) => break_glass::Entity::find().filter(break_glass::COLUMN.workspace_id.eq(id)),
    }
}

impl TryFrom<break_glass::Model> for BreakGlass {
    type Error = Error;

    fn try_from(row: break_glass::Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            workspace: row.workspace_id,
            environment: row.environment_id,
            model: row.model_id,
            version: row.version_id,
            state: State::from_word(&row.state)
                .ok_or_else(|| Error::internal(format!("a break-glass says {}", row.state)))?,
            invoked_by: row.invoked_by,
            second_by: row.second_by,
            justification: row.justification,
            hours: u32::try_from(row.hours).map_err(Error::internal)?,
            invoked_at: row.invoked_at,
            confirm_by: row.confirm_by,
            promotion: row.promotion_id,
            release: row.release_id,
            would_have_passed: row.would_have_passed,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            ended_at: row.ended_at,
            ended_by: row.ended_by,
            ended_reason: row.ended_reason,
            review_due_at: row.review_due_at,
            reviewed_by: row.reviewed_by,
            reviewed_at: row.reviewed_at,
            review_reason: row.review_reason,
        })
    }
}
