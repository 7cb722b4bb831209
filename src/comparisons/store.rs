//! The only SQL about comparisons.

use crate::{
    authz::Scope,
    comparisons::{Comparison, State},
    core::{
        digest::Digest,
        ids::{ComparisonId, VersionId},
        page::{Page, PageRequest},
    },
    db::{Conn, Reader, WriteTx, entity::comparison},
    error::Error,
};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set,
    sea_query::{Expr, LockType},
};

pub(crate) async fn find(conn: &Conn<'_>, scope: Scope, id: ComparisonId) -> Result<Option<Comparison>, Error> {
    visible(scope).filter(comparison::COLUMN.id.eq(id)).one(conn).await?.map(TryInto::try_into).transpose()
}

/// One that is still to be carried out, held until the transaction ends.
pub async fn lock_queued(tx: &WriteTx, scope: Scope, id: ComparisonId) -> Result<Option<Comparison>, Error> {
    let query = visible(scope).filter(comparison::COLUMN.id.eq(id)).lock(LockType::NoKeyUpdate);
    let found: Option<Comparison> = query.one(&tx.conn()).await?.map(TryInto::try_into).transpose()?;
    Ok(found.filter(|comparison| comparison.state == State::Queued))
}

/// Newest first.
pub async fn list(reader: &Reader<'_>, page: PageRequest) -> Result<Page<Comparison>, Error> {
    let mut query = visible(reader.scope()).order_by_desc(comparison::Column::Id).limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(comparison::COLUMN.id.lt(ComparisonId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id.0);
    let items = page.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

/// Those whose candidate is this version, newest first; at most 50.
pub async fn of_version(reader: &Reader<'_>, version: VersionId) -> Result<Vec<Comparison>, Error> {
    let rows = visible(reader.scope())
        .filter(comparison::COLUMN.version_id.eq(version))
        .order_by_desc(comparison::Column::Id)
        .limit(50)
        .all(reader.conn())
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub async fn insert(tx: &WriteTx, new: &Comparison) -> Result<(), Error> {
    let row = comparison::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        environment_id: Set(new.environment),
        constraints_id: Set(new.constraints),
        dataset_id: Set(new.dataset),
        version_id: Set(new.version),
        baseline_id: Set(new.baseline),
        release_id: Set(new.release),
        state: Set(new.state.name().to_owned()),
        requested_by: Set(new.requested_by),
        requested_at: Set(new.requested_at),
        finished_at: Set(None),
        reason_code: Set(None),
        reason: Set(None),
        body: Set(None),
        digest: Set(None),
    };
    comparison::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

pub async fn finish(tx: &WriteTx, ended: &Comparison) -> Result<(), Error> {
    let (code, reason) = ended.reason.clone().unzip();
    comparison::Entity::update_many()
        .col_expr(comparison::Column::State, Expr::value(ended.state.name()))
        .col_expr(comparison::Column::FinishedAt, Expr::value(tx.at()))
        .col_expr(comparison::Column::ReasonCode, Expr::value(code))
        .col_expr(comparison::Column::Reason, Expr::value(reason))
        .col_expr(comparison::Column::Body, Expr::value(ended.body.clone()))
        .col_expr(comparison::Column::Digest, Expr::value(ended.digest.map(|digest| digest.to_string())))
        .filter(comparison::COLUMN.id.eq(ended.id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

fn visible(scope: Scope) -> Select<comparison::Entity> {
    match scope {
        Scope::Instance => comparison::Entity::find(),
        Scope::Workspace(id) => comparison::Entity::find().filter(comparison::COLUMN.workspace_id.eq(id)),
    }
}

impl TryFrom<comparison::Model> for Comparison {
    type Error = Error;

    fn try_from(row: comparison::Model) -> Result<Self, Error> {
        let digest = row.digest.as_deref().map(Digest::parse).transpose();
        Ok(Self {
            id: row.id,
            workspace: row.workspace_id,
            environment: row.environment_id,
            constraints: row.constraints_id,
            dataset: row.dataset_id,
            version: row.version_id,
            baseline: row.baseline_id,
            release: row.release_id,
            state: State::parse(&row.state)?,
            requested_by: row.requested_by,
            requested_at: row.requested_at,
            finished_at: row.finished_at,
            reason: row.reason_code.zip(row.reason),
            body: row.body,
            digest: digest.map_err(|e| Error::internal(e.0))?,
        })
    }
}
