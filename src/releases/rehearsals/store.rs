//! The only SQL about rehearsals.

use crate::{
    authz::Scope,
    core::{
        digest::Digest,
        ids::{EnvironmentId, ModelId, RehearsalId, VersionId},
    },
    db::{Conn, WriteTx, entity::rehearsal},
    error::Error,
    releases::rehearsals::{Proven, Rehearsal, State},
};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set,
    sea_query::{Expr, LockType},
};

pub async fn find(conn: &Conn<'_>, scope: Scope, id: RehearsalId) -> Result<Option<Rehearsal>, Error> {
    visible(scope).filter(rehearsal::COLUMN.id.eq(id)).one(conn).await?.map(TryInto::try_into).transpose()
}

pub async fn lock(tx: &WriteTx, scope: Scope, id: RehearsalId) -> Result<Option<Rehearsal>, Error> {
    let query = visible(scope).filter(rehearsal::COLUMN.id.eq(id)).lock(LockType::NoKeyUpdate);
    query.one(&tx.conn()).await?.map(TryInto::try_into).transpose()
}

/// The newest rehearsal of going back to a version that came to an end, if it passed.
pub(crate) async fn proven(
    conn: &Conn<'_>,
    environment: EnvironmentId,
    model: ModelId,
    version: VersionId,
) -> Result<Option<Proven>, Error> {
    let row = rehearsal::Entity::find()
        .filter(rehearsal::COLUMN.environment_id.eq(environment))
        .filter(rehearsal::COLUMN.model_id.eq(model))
        .filter(rehearsal::COLUMN.version_id.eq(version))
        .filter(rehearsal::COLUMN.state.ne(State::Queued.name()))
        .order_by_desc(rehearsal::Column::FinishedAt)
        .order_by_desc(rehearsal::Column::Id)
        .one(conn)
        .await?;
    let Some(row) = row.filter(|row| row.state == State::Passed.name()) else { return Ok(None) };
    let (Some(at), Some(digest)) = (row.finished_at, row.digest) else { return Ok(None) };
    let digest = Digest::parse(&digest).map_err(|e| Error::internal(e.0))?;
    Ok(Some(Proven { version: row.version_id, at, digest, requested_by: row.requested_by }))
}

pub async fn insert(tx: &WriteTx, new: &Rehearsal) -> Result<(), Error> {
    let row = rehearsal::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        environment_id: Set(new.environment),
        model_id: Set(new.model),
        version_id: Set(new.version),
        release_id: Set(new.release),
        state: Set(new.state.name().to_owned()),
        requested_by: Set(new.requested_by),
        requested_at: Set(new.requested_at),
        finished_at: Set(None),
        body: Set(None),
        digest: Set(None),
    };
    rehearsal::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

pub async fn finish(tx: &WriteTx, id: RehearsalId, state: State, body: &str, digest: &Digest) -> Result<(), Error> {
    rehearsal::Entity::update_many()
        .col_expr(rehearsal::Column::State, Expr::value(state.name()))
        .col_expr(rehearsal::Column::FinishedAt, Expr::value(tx.at()))
        .col_expr(rehearsal::Column::Body, Expr::value(body))
        .col_expr(rehearsal::Column::Digest, Expr::value(digest.to_string()))
        .filter(rehearsal::COLUMN.id.eq(id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

fn visible(scope: Scope) -> Select<rehearsal::Entity> {
    match scope {
        Scope::Instance => rehearsal::Entity::find(),
        Scope::Workspace(id) => rehearsal::Entity::find().filter(rehearsal::COLUMN.workspace_id.eq(id)),
    }
}

impl TryFrom<rehearsal::Model> for Rehearsal {
    type Error = Error;

    fn try_from(row: rehearsal::Model) -> Result<Self, Error> {
        let digest = row.digest.as_deref().map(Digest::parse).transpose();
        Ok(Self {
            id: row.id,
            workspace: row.workspace_id,
            environment: row.environment_id,
            model: row.model_id,
            version: row.version_id,
            release: row.release_id,
            state: State::parse(&row.state)?,
            requested_by: row.requested_by,
            requested_at: row.requested_at,
            finished_at: row.finished_at,
            body: row.body,
            digest: digest.map_err(|e| Error::internal(e.0))?,
        })
    }
}
