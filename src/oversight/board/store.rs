//! The only SQL about what stands about a place.

use super::Place;
use crate::{
    authz::Scope,
    core::ids::{EnvironmentId, ModelId},
    db::{
        Reader,
        entity::{break_glass, rehearsal, release, rollback_review, running_snapshot},
    },
    error::Error,
    oversight::break_glass::BreakGlass,
    releases::{Release, rehearsals::Rehearsal, reviews::Review},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use std::collections::HashMap;

const SHOWN: u64 = 20;
const HOSTS_SHOWN: u64 = 100;
const REVIEWS_SHOWN: u64 = 50;

pub(super) async fn emergencies(reader: &Reader<'_>, place: Place) -> Result<Vec<BreakGlass>, Error> {
    let mut query = break_glass::Entity::find().filter(break_glass::COLUMN.environment_id.eq(place.environment));
    if let Scope::Workspace(id) = reader.scope() {
        query = query.filter(break_glass::COLUMN.workspace_id.eq(id));
    }
    if let Some(model) = place.model {
        query = query.filter(break_glass::COLUMN.model_id.eq(model));
    }
    let rows = query.order_by_desc(break_glass::Column::Id).limit(SHOWN).all(reader.conn()).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(super) async fn rehearsals(reader: &Reader<'_>, place: Place) -> Result<Vec<Rehearsal>, Error> {
    let mut query = rehearsal::Entity::find().filter(rehearsal::COLUMN.environment_id.eq(place.environment));
    if let Scope::Workspace(id) = reader.scope() {
        query = query.filter(rehearsal::COLUMN.workspace_id.eq(id));
    }
    if let Some(model) = place.model {
        query = query.filter(rehearsal::COLUMN.model_id.eq(model));
    }
    let rows = query.order_by_desc(rehearsal::Column::Id).limit(SHOWN).all(reader.conn()).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Who ever reported anything there, by name of the host.
pub(super) async fn hosts(reader: &Reader<'_>, environment: EnvironmentId) -> Result<Vec<(ModelId, String)>, Error> {
    let mut query = running_snapshot::Entity::find().filter(running_snapshot::COLUMN.environment_id.eq(environment));
    if let Scope::Workspace(id) = reader.scope() {
        query = query.filter(running_snapshot::COLUMN.workspace_id.eq(id));
    }
    let rows = query
        .select_only()
        .column(running_snapshot::Column::ModelId)
        .column(running_snapshot::Column::Host)
        .distinct()
        .order_by_asc(running_snapshot::Column::Host)
        .order_by_asc(running_snapshot::Column::ModelId)
        .limit(HOSTS_SHOWN)
        .into_tuple()
        .all(reader.conn())
        .await?;
    Ok(rows)
}

pub(super) async fn reviews(reader: &Reader<'_>, environment: EnvironmentId) -> Result<Vec<(Review, Release)>, Error> {
    let there = release::Entity::find()
        .select_only()
        .column(release::Column::Id)
        .filter(release::COLUMN.environment_id.eq(environment))
        .into_query();
    let mut query = rollback_review::Entity::find()
        .filter(rollback_review::COLUMN.state.eq("due"))
        .filter(rollback_review::Column::ReleaseId.in_subquery(there));
    if let Scope::Workspace(id) = reader.scope() {
        query = query.filter(rollback_review::COLUMN.workspace_id.eq(id));
    }
    let rows = query.order_by_asc(rollback_review::Column::DueAt).limit(REVIEWS_SHOWN).all(reader.conn()).await?;
    let ids: Vec<_> = rows.iter().map(|row| row.release_id).collect();
    let releases = release::Entity::find().filter(release::COLUMN.id.is_in(ids)).all(reader.conn()).await?;
    let mut releases: HashMap<_, _> = releases.into_iter().map(|row| (row.id, row)).collect();
    let mut found = Vec::new();
    for row in rows {
        let made = releases.remove(&row.release_id).ok_or_else(|| Error::internal("a review of no release"))?;
        found.push((Review::try_from(row)?, Release::try_from(made)?));
    }
    Ok(found)
}
