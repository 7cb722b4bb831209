//! The only SQL about waivers.

use crate::{
    authz::Scope,
    constraints::words::Words,
    core::{
        digest::Digest,
        ids::{EnvironmentId, ModelId, VersionId, WaiverGrantId, WaiverId},
        page::{Page, PageRequest},
    },
    db::{
        Conn, Reader, WriteTx,
        entity::{waiver, waiver_grant},
    },
    error::Error,
    oversight::waivers::{Grant, Outcome, State, Waiver},
    sweeps,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set, SqlErr,
    sea_query::{Expr, LockType},
};

/// What a sweep takes on at once.
const BATCH: u64 = 500;
const OPEN: [&str; 2] = ["requested", "granted"];

pub(crate) async fn insert(tx: &WriteTx, new: &Waiver) -> Result<(), Error> {
    let row = waiver::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        model_id: Set(new.model),
        version_id: Set(new.version),
        environment_id: Set(new.environment),
        constraint_name: Set(new.constraint.clone()),
        constraint_digest: Set(new.constraint_digest.to_string()),
        reason: Set(new.reason.clone()),
        compensating_control: Set(new.compensating_control.clone()),
        requested_by: Set(new.requested_by),
        requested_at: Set(new.requested_at),
        expires_at: Set(new.expires_at),
        state: Set(new.state.word().to_owned()),
        granted_at: Set(None),
        closed_at: Set(None),
        closed_by: Set(None),
        closed_reason: Set(None),
    };
    waiver::Entity::insert(row).exec_without_returning(&tx.conn()).await.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::conflict(
            "waiver_open",
            format!("a waiver of {} is asked for here already; have it decided on, or revoke it", new.constraint),
        ),
        _ => e.into(),
    })?;
    Ok(())
}

pub(crate) async fn insert_grant(tx: &WriteTx, id: WaiverId, new: &Grant) -> Result<(), Error> {
    let row = waiver_grant::ActiveModel {
        id: Set(WaiverGrantId::generate()),
        waiver_id: Set(id),
        account_id: Set(new.account),
        outcome: Set(new.outcome.word().to_owned()),
        reason: Set(new.reason.clone()),
        statement: Set(new.statement.clone()),
        decided_at: Set(new.decided_at),
    };
    waiver_grant::Entity::insert(row).exec_without_returning(&tx.conn()).await.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            let detail = "you have decided on this waiver already; somebody else decides now, or revoke it";
            Error::conflict("already_decided", detail)
        }
        _ => e.into(),
    })?;
    Ok(())
}

/// Writes what can change of a waiver.
pub(crate) async fn update(tx: &WriteTx, waiver: &Waiver) -> Result<(), Error> {
    waiver::Entity::update_many()
        .col_expr(waiver::Column::State, Expr::value(waiver.state.word()))
        .col_expr(waiver::Column::GrantedAt, Expr::value(waiver.granted_at))
        .col_expr(waiver::Column::ClosedAt, Expr::value(waiver.closed_at))
        .col_expr(waiver::Column::ClosedBy, Expr::value(waiver.closed_by))
        .col_expr(waiver::Column::ClosedReason, Expr::value(waiver.closed_reason.as_deref()))
        .filter(waiver::COLUMN.id.eq(waiver.id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

pub(crate) async fn find(conn: &Conn<'_>, scope: Scope, id: WaiverId) -> Result<Option<Waiver>, Error> {
    let row = visible(scope).filter(waiver::COLUMN.id.eq(id)).one(conn).await?;
    Ok(with_grants(conn, row.into_iter().collect()).await?.pop())
}

pub(crate) async fn lock(tx: &WriteTx, scope: Scope, id: WaiverId) -> Result<Option<Waiver>, Error> {
    let query = visible(scope).filter(waiver::COLUMN.id.eq(id)).lock(LockType::NoKeyUpdate);
    let row = query.one(&tx.conn()).await?;
    Ok(with_grants(&tx.conn(), row.into_iter().collect()).await?.pop())
}

/// Those that were granted for a version of a model in an environment, ended ones too if nobody
/// wrote so yet. Oldest first.
pub(crate) async fn granted(
    conn: &Conn<'_>,
    scope: Scope,
    model: ModelId,
    version: VersionId,
    environment: EnvironmentId,
) -> Result<Vec<Waiver>, Error> {
    let of_version = waiver::COLUMN.version_id;
    let rows = visible(scope)
        .filter(waiver::COLUMN.state.eq(State::Granted.word()))
        .filter(waiver::COLUMN.model_id.eq(model))
        .filter(waiver::COLUMN.environment_id.eq(environment))
        .filter(of_version.is_null().or(of_version.eq(version)))
        .order_by_asc(waiver::Column::Id)
        .all(conn)
        .await?;
    with_grants(conn, rows).await
}

/// Those that held at a moment for a version of a model in an environment.
pub(crate) async fn held_at(
    conn: &Conn<'_>,
    scope: Scope,
    model: ModelId,
    version: VersionId,
    environment: EnvironmentId,
    at: DateTime<Utc>,
) -> Result<Vec<Waiver>, Error> {
    let of_version = waiver::COLUMN.version_id;
    let rows = visible(scope)
        .filter(waiver::COLUMN.granted_at.lte(at))
        .filter(waiver::COLUMN.model_id.eq(model))
        .filter(waiver::COLUMN.environment_id.eq(environment))
        .filter(of_version.is_null().or(of_version.eq(version)))
        .filter(waiver::COLUMN.closed_at.is_null().or(waiver::COLUMN.closed_at.gt(at)))
        .order_by_asc(waiver::Column::Id)
        .all(conn)
        .await?;
    let mut all = with_grants(conn, rows).await?;
    for waiver in &mut all {
        waiver.state = State::Granted;
    }
    Ok(all)
}

/// What is asked for or holds of a limit for a version, or for a whole model, in an environment that is locked, as far
/// as is written. Oldest first.
pub(crate) async fn open(tx: &WriteTx, like: &Waiver) -> Result<Vec<Waiver>, Error> {
    let of_version = waiver::COLUMN.version_id;
    let rows = visible(Scope::Workspace(like.workspace))
        .filter(waiver::COLUMN.state.is_in(OPEN))
        .filter(waiver::COLUMN.environment_id.eq(like.environment))
        .filter(waiver::COLUMN.model_id.eq(like.model))
        .filter(like.version.map_or_else(|| of_version.is_null(), |version| of_version.eq(version)))
        .filter(waiver::COLUMN.constraint_name.eq(like.constraint.as_str()))
        .order_by_asc(waiver::Column::Id)
        .all(&tx.conn())
        .await?;
    with_grants(&tx.conn(), rows).await
}

/// Newest first.
pub(crate) async fn list(
    reader: &Reader<'_>,
    open_only: bool,
    environment: Option<EnvironmentId>,
    page: PageRequest,
) -> Result<Page<Waiver>, Error> {
    let mut query = visible(reader.scope()).order_by_desc(waiver::Column::Id).limit(page.limit + 1);
    if open_only {
        query = query.filter(waiver::COLUMN.state.is_in(OPEN));
    }
    if let Some(environment) = environment {
        query = query.filter(waiver::COLUMN.environment_id.eq(environment));
    }
    if let Some(after) = page.after {
        query = query.filter(waiver::COLUMN.id.lt(WaiverId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id.0);
    Ok(Page { items: with_grants(reader.conn(), page.items).await?, next: page.next })
}

/// Waivers that have ended and of which nobody has written so yet.
pub(crate) async fn overdue(reader: &Reader<'_>, now: DateTime<Utc>) -> Result<Vec<Waiver>, Error> {
    let rows = visible(reader.scope())
        .filter(waiver::COLUMN.state.is_in(OPEN))
        .filter(waiver::COLUMN.expires_at.lte(now))
        .limit(BATCH)
        .all(reader.conn())
        .await?;
    // Who granted them does not matter to their end.
    Ok(sweeps::readable(rows))
}

/// Waivers with who granted them.
pub(crate) async fn with_grants(conn: &Conn<'_>, rows: Vec<waiver::Model>) -> Result<Vec<Waiver>, Error> {
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let grants = waiver_grant::Entity::find()
        .filter(waiver_grant::COLUMN.waiver_id.is_in(ids))
        .order_by_asc(waiver_grant::Column::Id)
        .all(conn)
        .await?;
    let mut waivers = Vec::new();
    for row in rows {
        let mut waiver = Waiver::try_from(row)?;
        for grant in grants.iter().filter(|grant| grant.waiver_id == waiver.id) {
            waiver.grants.push(grant.clone().try_into()?);
        }
        waivers.push(waiver);
    }
    Ok(waivers)
}

fn visible(scope: Scope) -> Select<waiver::Entity> {
    match scope {
        Scope::Instance => waiver::Entity::find(),
        Scope::Workspace(id) => waiver::Entity::find().filter(waiver::COLUMN.workspace_id.eq(id)),
    }
}

fn unknown(word: &str) -> Error {
    Error::internal(format!("a waiver says {word}"))
}

impl TryFrom<waiver::Model> for Waiver {
    type Error = Error;

    fn try_from(row: waiver::Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            workspace: row.workspace_id,
            model: row.model_id,
            version: row.version_id,
            environment: row.environment_id,
            constraint: row.constraint_name,
            constraint_digest: Digest::parse(&row.constraint_digest).map_err(|e| Error::internal(e.0))?,
            reason: row.reason,
            compensating_control: row.compensating_control,
            requested_by: row.requested_by,
            requested_at: row.requested_at,
            expires_at: row.expires_at,
            state: State::from_word(&row.state).ok_or_else(|| unknown(&row.state))?,
            granted_at: row.granted_at,
            closed_at: row.closed_at,
            closed_by: row.closed_by,
            closed_reason: row.closed_reason,
            grants: Vec::new(),
        })
    }
}

impl TryFrom<waiver_grant::Model> for Grant {
    type Error = Error;

    fn try_from(row: waiver_grant::Model) -> Result<Self, Error> {
        Ok(Self {
            account: row.account_id,
            outcome: Outcome::from_word(&row.outcome).ok_or_else(|| unknown(&row.outcome))?,
            reason: row.reason,
            statement: row.statement,
            decided_at: row.decided_at,
        })
    }
}
