//! The only SQL about the marks of active releases.

use crate::{
    authz::Scope,
    core::ids::{EnvironmentId, ReleaseId},
    db::{Conn, Reader, WriteTx, entity::release},
    error::Error,
    oversight::Reach,
    promotions::invalidation::Cause,
    releases::{Assurance, Release, State, assurance::LOOKED_AT_AGAIN},
    trust,
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, LockType},
};
use std::collections::BTreeSet;

/// Where active releases are that a cause reaches.
pub(crate) async fn places(conn: &Conn<'_>, scope: Scope, cause: Cause) -> Result<BTreeSet<EnvironmentId>, Error> {
    let Some(query) = reached(scope, cause) else { return Ok(BTreeSet::new()) };
    let query = query.select_only().column(release::Column::EnvironmentId).distinct();
    let places: Vec<EnvironmentId> = query.into_tuple().all(conn).await?;
    Ok(places.into_iter().collect())
}

/// The active releases that a cause may mark or take down, oldest first. Their environments are locked already.
pub(crate) async fn lock_reached(tx: &WriteTx, scope: Scope, cause: Cause) -> Result<Vec<Release>, Error> {
    let Some(query) = reached(scope, cause) else { return Ok(Vec::new()) };
    let query = query.order_by_asc(release::Column::Id).lock(LockType::NoKeyUpdate);
    query.all(&tx.conn()).await?.into_iter().map(TryInto::try_into).collect()
}

fn reached(scope: Scope, cause: Cause) -> Option<Select<release::Entity>> {
    let watched = watched(scope);
    let reach = match cause {
        Cause::TrustKey(key) => return Some(watched.filter(trust::store::rests_on(key, release::Column::VersionId))),
        Cause::Documents(environment) => Reach { environment: Some(environment), ..Reach::default() },
        Cause::Version(version) => Reach { version: Some(version), ..Reach::default() },
        Cause::Model(model) => Reach { model: Some(model), ..Reach::default() },
        Cause::Release(environment, model) => Reach::place(environment, model),
        Cause::Oversight(reach) if reach.is_nowhere() => return None,
        Cause::Oversight(reach) => reach,
    };
    let found = reach.model.map_or(watched.clone(), |id| watched.filter(release::COLUMN.model_id.eq(id)));
    let found = reach.version.map_or(found.clone(), |id| found.filter(release::COLUMN.version_id.eq(id)));
    Some(reach.environment.map_or(found.clone(), |id| found.filter(release::COLUMN.environment_id.eq(id))))
}

/// One of several pages of the active releases of all workspaces that time may mark or take down.
pub(crate) async fn page(reader: &Reader<'_>, turn: u64, size: u64) -> Result<Vec<Release>, Error> {
    let pages = watched(reader.scope()).order_by_asc(release::Column::Id).paginate(reader.conn(), size);
    let count = pages.num_pages().await?.max(1);
    pages.fetch_page(turn % count).await?.into_iter().map(TryInto::try_into).collect()
}

pub(crate) async fn mark(tx: &WriteTx, id: ReleaseId, cause: &str) -> Result<(), Error> {
    release::Entity::update_many()
        .col_expr(release::Column::Assurance, Expr::value(Assurance::Lapsed.name()))
        .col_expr(release::Column::LapsedAt, Expr::value(tx.at()))
        .col_expr(release::Column::LapseCause, Expr::value(cause))
        .filter(release::COLUMN.id.eq(id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

/// Active, and not marked yet, or only for what takes nothing down.
fn watched(scope: Scope) -> Select<release::Entity> {
    let all = match scope {
        Scope::Instance => release::Entity::find(),
        Scope::Workspace(id) => release::Entity::find().filter(release::COLUMN.workspace_id.eq(id)),
    };
    let sound = release::COLUMN.assurance.eq(Assurance::Sound.name());
    let lightly = release::COLUMN.lapse_cause.eq(LOOKED_AT_AGAIN);
    all.filter(release::COLUMN.state.eq(State::Active.name())).filter(Condition::any().add(sound).add(lightly))
}
