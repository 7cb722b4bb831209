//! The only SQL about what deployers say really runs.

use crate::{
    core::{
        digest::Digest,
        ids::{EnvironmentId, ModelId, SnapshotId},
        page::{Page, PageRequest},
    },
    db::{Conn, Reader, WriteTx, entity::running_snapshot},
    error::Error,
    oversight::snapshot::Snapshot,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};

/// The newest report of a host.
pub(crate) async fn last(
    conn: &Conn<'_>,
    environment: EnvironmentId,
    model: ModelId,
    host: &str,
) -> Result<Option<Snapshot>, Error> {
    let row = running_snapshot::Entity::find()
        .filter(running_snapshot::COLUMN.environment_id.eq(environment))
        .filter(running_snapshot::COLUMN.model_id.eq(model))
        .filter(running_snapshot::COLUMN.host.eq(host))
        .order_by_desc(running_snapshot::Column::Id)
        .one(conn)
        .await?;
    row.map(TryInto::try_into).transpose()
}

/// Reports about a model in an environment, newest first; only those of a host, if one is named.
pub(crate) async fn list(
    reader: &Reader<'_>,
    environment: EnvironmentId,
    model: ModelId,
    host: Option<&str>,
    page: PageRequest,
) -> Result<Page<Snapshot>, Error> {
    let mut query = running_snapshot::Entity::find()
        .filter(running_snapshot::COLUMN.environment_id.eq(environment))
        .filter(running_snapshot::COLUMN.model_id.eq(model))
        .order_by_desc(running_snapshot::Column::Id)
        .limit(page.limit + 1);
    if let Some(host) = host {
        query = query.filter(running_snapshot::COLUMN.host.eq(host));
    }
    if let Some(after) = page.after {
        query = query.filter(running_snapshot::COLUMN.id.lt(SnapshotId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id.0);
    let items = page.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

pub(crate) async fn insert(tx: &WriteTx, new: &Snapshot) -> Result<SnapshotId, Error> {
    let row = running_snapshot::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        environment_id: Set(new.environment),
        model_id: Set(new.model),
        host: Set(new.host.clone()),
        digest: Set(new.digest.map(|digest| digest.to_string())),
        release_id: Set(new.release),
        matches: Set(new.matches),
        reported_by: Set(new.reported_by),
        at: Set(new.at),
    };
    running_snapshot::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(new.id)
}

impl TryFrom<running_snapshot::Model> for Snapshot {
    type Error = Error;

    fn try_from(row: running_snapshot::Model) -> Result<Self, Error> {
        let digest = row.digest.as_deref().map(Digest::parse).transpose();
        Ok(Self {
            id: row.id,
            workspace: row.workspace_id,
            environment: row.environment_id,
            model: row.model_id,
            host: row.host,
            digest: digest.map_err(|e| Error::internal(e.0))?,
            release: row.release_id,
            matches: row.matches,
            reported_by: row.reported_by,
            at: row.at,
        })
    }
}
