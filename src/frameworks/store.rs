//! The only SQL about what frameworks ask for. Callers found version and environment within
//! their scope, so what hangs on them is the same tenant's.

use crate::{
    core::ids::{EnvironmentId, ModelId, VersionId},
    db::{
        Conn,
        entity::{account, approval, audit_event, audit_leaf, model_owner, promotion_request, release},
    },
    error::Error,
    frameworks::facts::{ReleaseFact, Stamped},
};
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

/// Accountability, account name, and whether the account is active.
pub(super) async fn owners(conn: &Conn<'_>, model: ModelId) -> Result<Vec<(String, String, bool)>, Error> {
    let rows = model_owner::Entity::find().filter(model_owner::COLUMN.model_id.eq(model)).all(conn).await?;
    let ids: Vec<_> = rows.iter().map(|row| row.account_id).collect();
    let accounts = account::Entity::find().filter(account::COLUMN.id.is_in(ids)).all(conn).await?;
    let named = |row: model_owner::Model| {
        let account = accounts.iter().find(|account| account.id == row.account_id)?;
        Some((row.accountability, account.name.clone(), account.state == "active"))
    };
    Ok(rows.into_iter().filter_map(named).collect())
}

/// Approvals of a version for an environment that reached their quorum, oldest first.
pub(super) async fn approvals(
    conn: &Conn<'_>,
    version: VersionId,
    environment: EnvironmentId,
) -> Result<Vec<Stamped>, Error> {
    let requests = promotion_request::Entity::find()
        .filter(promotion_request::COLUMN.version_id.eq(version))
        .filter(promotion_request::COLUMN.environment_id.eq(environment))
        .filter(promotion_request::COLUMN.state.is_in(["approved", "activated", "superseded"]))
        .order_by_desc(promotion_request::Column::Id)
        .limit(50)
        .all(conn)
        .await?;
    let ids: Vec<_> = requests.into_iter().map(|row| row.id).collect();
    let rows = approval::Entity::find()
        .filter(approval::COLUMN.promotion_id.is_in(ids))
        .filter(approval::COLUMN.outcome.eq("approve"))
        .order_by_asc(approval::Column::Id)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| Stamped { reference: row.id.to_string(), at: row.created_at }).collect())
}

/// Releases of a model in an environment, newest first, at most 200.
pub(super) async fn releases(
    conn: &Conn<'_>,
    environment: EnvironmentId,
    model: ModelId,
    version: VersionId,
) -> Result<Vec<ReleaseFact>, Error> {
    let rows = release::Entity::find()
        .filter(release::COLUMN.environment_id.eq(environment))
        .filter(release::COLUMN.model_id.eq(model))
        .order_by_desc(release::Column::Id)
        .limit(200)
        .all(conn)
        .await?;
    let fact = |row: release::Model| ReleaseFact {
        reference: row.id.to_string(),
        at: row.activated_at,
        of_this_version: row.version_id == version,
    };
    Ok(rows.into_iter().map(fact).collect())
}

/// The index of the leaf that says that a version was sealed, and when that was.
pub(super) async fn sealing(conn: &Conn<'_>, version: VersionId) -> Result<Option<(i64, DateTime<Utc>)>, Error> {
    let event = audit_event::Entity::find()
        .filter(audit_event::COLUMN.object_id.eq(version.to_string()))
        .filter(audit_event::COLUMN.action.eq("version.seal"))
        .filter(audit_event::COLUMN.outcome.eq("done"))
        .one(conn)
        .await?;
    let Some(event) = event else { return Ok(None) };
    let leaf = audit_leaf::Entity::find().filter(audit_leaf::COLUMN.event_id.eq(event.id)).one(conn).await?;
    Ok(leaf.map(|leaf| (leaf.seq, event.at)))
}
