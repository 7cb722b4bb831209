//! The only SQL about reviews of rollbacks.

use crate::{
    authz::Scope,
    core::{
        ids::{AccountId, EnvironmentId, ModelId, ReleaseId, ReviewId},
        page::{Page, PageRequest},
    },
    db::{
        Conn, Reader, WriteTx,
        entity::{finding, release, rollback_review},
    },
    error::Error,
    oversight::findings::REVIEW_OVERDUE,
    releases::reviews::{Given, Outcome, Review},
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, Set,
    sea_query::{Expr, LockType},
};

const DUE: &str = "due";

pub async fn insert(tx: &WriteTx, new: &Review) -> Result<(), Error> {
    let row = rollback_review::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        release_id: Set(new.release),
        state: Set(DUE.to_owned()),
        due_at: Set(new.due_at),
        reminded_at: Set(None),
        outcome: Set(None),
        reason: Set(None),
        reviewed_by: Set(None),
        reviewed_at: Set(None),
        created_at: Set(new.created_at),
    };
    rollback_review::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

/// The review of a rollback and who rolled back.
pub async fn lock(tx: &WriteTx, scope: Scope, of: ReleaseId) -> Result<Option<(Review, AccountId)>, Error> {
    let query = visible(scope).filter(rollback_review::COLUMN.release_id.eq(of)).lock(LockType::NoKeyUpdate);
    let Some(row) = query.one(&tx.conn()).await? else { return Ok(None) };
    let by = release::Entity::find_by_id(of).one(&tx.conn()).await?;
    let by = by.ok_or_else(|| Error::internal("a review of no release"))?.activated_by;
    Ok(Some((row.try_into()?, by)))
}

pub async fn give(tx: &WriteTx, id: ReviewId, given: &Given) -> Result<(), Error> {
    rollback_review::Entity::update_many()
        .col_expr(rollback_review::Column::State, Expr::value("done"))
        .col_expr(rollback_review::Column::Outcome, Expr::value(given.outcome.name()))
        .col_expr(rollback_review::Column::Reason, Expr::value(given.reason.as_str()))
        .col_expr(rollback_review::Column::ReviewedBy, Expr::value(given.by))
        .col_expr(rollback_review::Column::ReviewedAt, Expr::value(given.at))
        .filter(rollback_review::COLUMN.id.eq(id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

pub async fn set_reminded(tx: &WriteTx, id: ReviewId) -> Result<(), Error> {
    rollback_review::Entity::update_many()
        .col_expr(rollback_review::Column::RemindedAt, Expr::value(tx.at()))
        .filter(rollback_review::COLUMN.id.eq(id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

/// Newest first; with a moment, only those that are overdue then.
pub async fn list(
    reader: &Reader<'_>,
    overdue_at: Option<DateTime<Utc>>,
    page: PageRequest,
) -> Result<Page<Review>, Error> {
    let mut query = visible(reader.scope()).order_by_desc(rollback_review::Column::Id).limit(page.limit + 1);
    if let Some(now) = overdue_at {
        query = query.filter(rollback_review::COLUMN.state.eq(DUE)).filter(rollback_review::COLUMN.due_at.lte(now));
    }
    if let Some(after) = page.after {
        query = query.filter(rollback_review::COLUMN.id.lt(ReviewId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id.0);
    let items = page.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

pub async fn to_remind(reader: &Reader<'_>, due_before: DateTime<Utc>) -> Result<Vec<Review>, Error> {
    let rows = visible(reader.scope())
        .filter(rollback_review::COLUMN.state.eq(DUE))
        .filter(rollback_review::COLUMN.due_at.lte(due_before))
        .filter(rollback_review::COLUMN.reminded_at.is_null())
        .limit(200)
        .all(reader.conn())
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Reviews that nobody gave in time, and about which no finding was ever opened; those that have waited
/// longest first.
pub async fn unsaid(reader: &Reader<'_>, now: DateTime<Utc>) -> Result<Vec<Review>, Error> {
    let said = finding::Entity::find()
        .select_only()
        .column(finding::Column::SubjectId)
        .filter(finding::COLUMN.code.eq(REVIEW_OVERDUE))
        .filter(finding::COLUMN.subject_kind.eq("release"))
        .into_query();
    let rows = visible(reader.scope())
        .filter(rollback_review::COLUMN.state.eq(DUE))
        .filter(rollback_review::COLUMN.due_at.lte(now))
        .filter(rollback_review::Column::ReleaseId.not_in_subquery(said))
        .order_by_asc(rollback_review::Column::DueAt)
        .limit(200)
        .all(reader.conn())
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The open reviews of a place.
pub async fn open_at(conn: &Conn<'_>, environment: EnvironmentId, model: ModelId) -> Result<Vec<Review>, Error> {
    let there = release::Entity::find()
        .select_only()
        .column(release::Column::Id)
        .filter(release::COLUMN.environment_id.eq(environment))
        .filter(release::COLUMN.model_id.eq(model))
        .into_query();
    let rows = rollback_review::Entity::find()
        .filter(rollback_review::COLUMN.state.eq(DUE))
        .filter(rollback_review::Column::ReleaseId.in_subquery(there))
        .all(conn)
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

fn visible(scope: Scope) -> Select<rollback_review::Entity> {
    match scope {
        Scope::Instance => rollback_review::Entity::find(),
        Scope::Workspace(id) => rollback_review::Entity::find().filter(rollback_review::COLUMN.workspace_id.eq(id)),
    }
}

impl TryFrom<rollback_review::Model> for Review {
    type Error = Error;

    fn try_from(row: rollback_review::Model) -> Result<Self, Error> {
        let given = match (row.outcome, row.reviewed_by, row.reviewed_at) {
            (Some(outcome), Some(by), Some(at)) => {
                Some(Given { outcome: Outcome::parse(&outcome)?, reason: row.reason.unwrap_or_default(), by, at })
            }
            (None, None, None) => None,
            _ => return Err(Error::internal(format!("the review {} is half given", row.id))),
        };
        Ok(Self {
            id: row.id,
            workspace: row.workspace_id,
            release: row.release_id,
            due_at: row.due_at,
            reminded_at: row.reminded_at,
            given,
            created_at: row.created_at,
        })
    }
}
