//! What a change bears on, and whether the credential that makes it reaches so far: asked at every commit, of the rows that
//! really changed, so that no use-case can forget it.

use crate::{
    audit::{
        changes::Change,
        mentions::{self, Mentions, store::belongings},
    },
    authz::{Action, Actor, Touched, policy},
    core::{
        event::{Event, Object},
        ids::{EnvironmentId, ModelId},
    },
    db::{
        Conn,
        entity::{environment, model, model_version},
    },
    error::Error,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::json;
use std::collections::BTreeSet;
use uuid::Uuid;

/// More ids than this stand in no record of one change of a limited credential.
const CHUNK: usize = 500;

/// # Errors
/// `Denied` when anything that changed is out of the actor's reach.
pub(super) async fn require(
    conn: &Conn<'_>,
    actor: &Actor,
    action: Action,
    event: &Event,
    parts: &[Vec<Change>],
) -> Result<(), Error> {
    if !actor.reach.asks_where() && actor.ranges.is_empty() {
        return Ok(());
    }
    let (kind, id) = event.object();
    let told = json!({
        "object": {"kind": kind, "id": id}, "detail": event, "changes": parts.concat(), "outcome": "done",
    });
    let about = vec![(kind, id)];
    // What is about a whole environment is so whatever follows from it: consequences for one model don't make it smaller.
    let own = of_objects(conn, &about).await?;
    let all = touched(conn, mentions::of_leaf(&told.to_string())).await?;
    let own = Some(own).filter(|own| *own != Touched::default());
    for touched in own.iter().chain([&all]) {
        policy::require_range(actor, action, touched, about.clone())?;
        policy::require_reach(actor, action, touched, about.clone())?;
    }
    Ok(())
}

/// The models and environments of these objects.
pub async fn of_objects(conn: &Conn<'_>, objects: &[Object]) -> Result<Touched, Error> {
    let mut all = Mentions::default();
    for (kind, id) in objects {
        let one = mentions::of_leaf(&json!({"object": {"kind": kind, "id": id}}).to_string());
        all.terms.extend(one.terms);
        all.parts.extend(one.parts);
    }
    touched(conn, all).await
}

async fn touched(conn: &Conn<'_>, Mentions { terms, parts }: Mentions) -> Result<Touched, Error> {
    let mut ids: BTreeSet<Uuid> = terms.iter().filter_map(|term| term.parse().ok()).collect();
    ids.extend(belongings(conn, parts).await?.into_values().flatten());
    let mut touched = Touched::default();
    for chunk in ids.into_iter().collect::<Vec<_>>().chunks(CHUNK) {
        let of_versions =
            model_version::Entity::find().filter(model_version::COLUMN.id.is_in(chunk.to_vec())).all(conn).await?;
        touched.models.extend(of_versions.into_iter().map(|row| row.model_id));
        let models: Vec<ModelId> = model::Entity::find()
            .select_only()
            .column(model::Column::Id)
            .filter(model::COLUMN.id.is_in(chunk.to_vec()))
            .into_tuple()
            .all(conn)
            .await?;
        touched.models.extend(models);
        let environments: Vec<EnvironmentId> = environment::Entity::find()
            .select_only()
            .column(environment::Column::Id)
            .filter(environment::COLUMN.id.is_in(chunk.to_vec()))
            .into_tuple()
            .all(conn)
            .await?;
        touched.environments.extend(environments);
    }
    Ok(touched)
}
