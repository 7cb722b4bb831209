//! The only SQL about what was watched over, for dossiers. Callers found the model within their scope.

use super::About;
use crate::{
    accountability::{Body, Record},
    core::{digest::Digest, ids::ReleaseId},
    db::{
        Conn,
        entity::{
            accountability_revision, approval_withdrawal, break_glass, promotion_comment, rehearsal, rollback_review,
            waiver,
        },
    },
    dossiers::store::MAX_HISTORY,
    error::Error,
    oversight::{
        break_glass::BreakGlass,
        waivers::{Waiver, store},
    },
    promotions::{Approval, Promotion, Withdrawn, comments::Comment},
    releases::{Release, rehearsals::Rehearsal, reviews::Review},
};
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};

/// Says of approvals which of them had been taken back.
pub(in crate::dossiers) async fn taken_back(
    conn: &Conn<'_>,
    approvals: &mut [Approval],
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let ids: Vec<_> = approvals.iter().map(|approval| approval.id).collect();
    let withdrawn = approval_withdrawal::Entity::find()
        .filter(approval_withdrawal::COLUMN.approval_id.is_in(ids))
        .filter(approval_withdrawal::COLUMN.created_at.lte(at))
        .all(conn)
        .await?;
    for row in withdrawn {
        if let Some(approval) = approvals.iter_mut().find(|approval| approval.id == row.approval_id) {
            approval.withdrawn = Some(Withdrawn { at: row.created_at, reason: row.reason });
        }
    }
    Ok(())
}

pub(super) async fn comments(conn: &Conn<'_>, about: About, of: &[Promotion]) -> Result<Vec<Comment>, Error> {
    let ids: Vec<_> = of.iter().map(|request| request.id).collect();
    let rows = promotion_comment::Entity::find()
        .filter(promotion_comment::COLUMN.promotion_id.is_in(ids))
        .filter(promotion_comment::COLUMN.created_at.lte(about.at))
        .order_by_asc(promotion_comment::Column::Id)
        .limit(MAX_HISTORY)
        .all(conn)
        .await?;
    let comment = |row: promotion_comment::Model| Comment {
        id: row.id,
        promotion: row.promotion_id,
        account: row.account_id,
        body: row.body,
        created_at: row.created_at,
    };
    Ok(rows.into_iter().map(comment).collect())
}

/// Of the version, and those of every version of its model.
pub(super) async fn waivers(conn: &Conn<'_>, about: About) -> Result<Vec<Waiver>, Error> {
    let of_version = waiver::COLUMN.version_id;
    let rows = waiver::Entity::find()
        .filter(waiver::COLUMN.model_id.eq(about.model))
        .filter(waiver::COLUMN.environment_id.eq(about.environment))
        .filter(of_version.is_null().or(of_version.eq(about.version)))
        .filter(waiver::COLUMN.requested_at.lte(about.at))
        .order_by_asc(waiver::Column::Id)
        .limit(MAX_HISTORY)
        .all(conn)
        .await?;
    store::with_grants(conn, rows).await
}

pub(super) async fn emergencies(conn: &Conn<'_>, about: About) -> Result<Vec<BreakGlass>, Error> {
    let rows = break_glass::Entity::find()
        .filter(break_glass::COLUMN.version_id.eq(about.version))
        .filter(break_glass::COLUMN.environment_id.eq(about.environment))
        .filter(break_glass::COLUMN.invoked_at.lte(about.at))
        .order_by_asc(break_glass::Column::Id)
        .limit(MAX_HISTORY)
        .all(conn)
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(super) async fn rehearsals(conn: &Conn<'_>, about: About) -> Result<Vec<Rehearsal>, Error> {
    let rows = rehearsal::Entity::find()
        .filter(rehearsal::COLUMN.model_id.eq(about.model))
        .filter(rehearsal::COLUMN.environment_id.eq(about.environment))
        .filter(rehearsal::COLUMN.requested_at.lte(about.at))
        .order_by_desc(rehearsal::Column::Id)
        .limit(MAX_HISTORY)
        .all(conn)
        .await?;
    rows.into_iter().rev().map(TryInto::try_into).collect()
}

/// Of the rollbacks among these releases.
pub(super) async fn reviews(conn: &Conn<'_>, about: About, releases: &[Release]) -> Result<Vec<Review>, Error> {
    let ids: Vec<ReleaseId> = releases.iter().map(|release| release.id).collect();
    let rows = rollback_review::Entity::find()
        .filter(rollback_review::COLUMN.release_id.is_in(ids))
        .filter(rollback_review::COLUMN.created_at.lte(about.at))
        .order_by_asc(rollback_review::Column::Id)
        .all(conn)
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// A record as its last revision until a moment had it, if it was there.
pub(super) async fn record(conn: &Conn<'_>, now: Record, at: DateTime<Utc>) -> Result<Option<Record>, Error> {
    let row = accountability_revision::Entity::find()
        .filter(accountability_revision::COLUMN.record_id.eq(now.id))
        .filter(accountability_revision::COLUMN.revised_at.lte(at))
        .order_by_desc(accountability_revision::Column::Revision)
        .one(conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let body = serde_json::from_str(&row.body).map_err(Error::internal)?;
    Ok(Some(Record {
        revision: row.revision,
        owner: row.owner_id,
        review_by: row.review_by,
        digest: Digest::parse(&row.digest).map_err(|e| Error::internal(e.0))?,
        body: Body::parse(now.kind, &body)?,
        revised_by: row.revised_by,
        revised_at: row.revised_at,
        ..now
    }))
}
