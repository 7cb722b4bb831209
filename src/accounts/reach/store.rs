//! The only SQL about the names in a reach.

use crate::{
    authz::Scope,
    core::ids::{EnvironmentId, ModelId},
    db::{
        Reader,
        entity::{environment, model},
    },
    error::Error,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};
use std::collections::BTreeSet;

pub async fn model(reader: &Reader<'_>, name: &str) -> Result<Option<ModelId>, Error> {
    let row = models(reader.scope()).filter(model::COLUMN.name.eq(name)).one(reader.conn()).await?;
    Ok(row.map(|row| row.id))
}

pub async fn environment(reader: &Reader<'_>, name: &str) -> Result<Option<EnvironmentId>, Error> {
    let row = environments(reader.scope()).filter(environment::COLUMN.name.eq(name)).one(reader.conn()).await?;
    Ok(row.map(|row| row.id))
}

pub async fn model_names(reader: &Reader<'_>, ids: &BTreeSet<ModelId>) -> Result<BTreeSet<String>, Error> {
    let query = models(reader.scope()).filter(model::COLUMN.id.is_in(ids.iter().copied()));
    Ok(query.all(reader.conn()).await?.into_iter().map(|row| row.name).collect())
}

pub async fn environment_names(reader: &Reader<'_>, ids: &BTreeSet<EnvironmentId>) -> Result<BTreeSet<String>, Error> {
    let query = environments(reader.scope()).filter(environment::COLUMN.id.is_in(ids.iter().copied()));
    Ok(query.all(reader.conn()).await?.into_iter().map(|row| row.name).collect())
}

fn models(scope: Scope) -> Select<model::Entity> {
    match scope {
        Scope::Instance => model::Entity::find(),
        Scope::Workspace(id) => model::Entity::find().filter(model::COLUMN.workspace_id.eq(id)),
    }
}

fn environments(scope: Scope) -> Select<environment::Entity> {
    match scope {
        Scope::Instance => environment::Entity::find(),
        Scope::Workspace(id) => environment::Entity::find().filter(environment::COLUMN.workspace_id.eq(id)),
    }
}
