//! The only SQL about quotas.

use super::Usage;
use crate::{
    core::{bytes::Bytes, digest::Digest, ids::WorkspaceId},
    db::{
        Conn, WriteTx,
        entity::{blob, dataset, upload_session, workspace},
    },
    error::Error,
    versions::sessions::State,
};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Select,
    sea_query::{Expr, LockType},
};
use std::collections::BTreeSet;

/// So many digests in one question.
const AT_ONCE: usize = 500;

/// Bytes by their sha256, with how many they are said to be.
type Sized = (String, i64);

/// As of a moment: what is left may be taken by somebody else the next.
pub async fn usage(conn: &Conn<'_>, id: WorkspaceId) -> Result<Usage, Error> {
    read(conn, id, workspace::Entity::find_by_id(id)).await
}

/// It stays so until the end of the transaction.
async fn lock(conn: &Conn<'_>, id: WorkspaceId) -> Result<Usage, Error> {
    read(conn, id, workspace::Entity::find_by_id(id).lock(LockType::NoKeyUpdate)).await
}

async fn read(conn: &Conn<'_>, id: WorkspaceId, row: Select<workspace::Entity>) -> Result<Usage, Error> {
    let row = row.one(conn).await?.ok_or(Error::not_found("workspace"))?;
    // There are at most so many sessions that adding them up takes less than keeping a number right.
    let promised: Vec<i64> = upload_session::Entity::find()
        .select_only()
        .column(upload_session::Column::SizeBytes)
        .filter(upload_session::COLUMN.workspace_id.eq(id))
        .filter(upload_session::COLUMN.state.eq(State::Open.name()))
        .into_tuple()
        .all(conn)
        .await?;
    let count = |bytes: i64| u64::try_from(bytes).map_err(Error::internal);
    Ok(Usage {
        limit_bytes: row.quota_bytes.map(count).transpose()?,
        kept_bytes: count(row.kept_bytes)?,
        promised_bytes: promised.into_iter().map(count).sum::<Result<_, _>>()?,
    })
}

/// Whether a draft with these files would fit, as of now. No promise: its bytes may never come.
pub async fn require_room(
    conn: &Conn<'_>,
    id: WorkspaceId,
    files: impl IntoIterator<Item = (Digest, i64)>,
) -> Result<(), Error> {
    let usage = usage(conn, id).await?;
    if usage.limit_bytes.is_none() {
        return Ok(());
    }
    let files = files.into_iter().map(|(sha256, size)| (sha256.to_string(), size)).collect();
    usage.admit(new_bytes(conn, id, files).await?)
}

/// Makes room for bytes in the transaction that refers to them. What the workspace has or promised to take always comes.
pub async fn keep(tx: &WriteTx, id: WorkspaceId, sha256: &Digest, size_bytes: i64) -> Result<(), Error> {
    let usage = lock(&tx.conn(), id).await?;
    if usage.limit_bytes.is_none() {
        return Ok(());
    }
    usage.admit(new_bytes(&tx.conn(), id, BTreeSet::from([(sha256.to_string(), size_bytes)])).await?)
}

/// Makes room for a file in pieces, in the transaction that begins it and under the lock of the workspace. Pieces take room
/// for each session anew, also where the whole is kept already; only those that are to heal what is kept come always.
pub async fn promise(conn: &Conn<'_>, id: WorkspaceId, size_bytes: i64, heals: bool) -> Result<(), Error> {
    let usage = lock(conn, id).await?;
    if heals || usage.limit_bytes.is_none() {
        return Ok(());
    }
    usage.admit(u64::try_from(size_bytes).map_err(Error::internal)?)
}

/// Sets what a workspace may keep; returns what it was. `None` where it is so already.
pub async fn set(tx: &WriteTx, id: WorkspaceId, limit: Option<Bytes>) -> Result<Option<Usage>, Error> {
    let before = lock(&tx.conn(), id).await?;
    if before.limit_bytes == limit.map(Bytes::get) {
        return Ok(None);
    }
    workspace::Entity::update_many()
        .col_expr(workspace::Column::QuotaBytes, Expr::value(limit.map(Bytes::signed)))
        .filter(workspace::COLUMN.id.eq(id))
        .exec(&tx.conn())
        .await?;
    Ok(Some(before))
}

/// How many of these bytes are not counted yet: the same bytes once, and those of another size are others.
async fn new_bytes(conn: &Conn<'_>, id: WorkspaceId, mut files: BTreeSet<Sized>) -> Result<u64, Error> {
    let digests: BTreeSet<_> = files.iter().map(|(sha256, _)| sha256.clone()).collect();
    let digests: Vec<_> = digests.into_iter().collect();
    for some in digests.chunks(AT_ONCE) {
        let mut counted: Vec<Sized> = blob::Entity::find()
            .select_only()
            .columns([blob::Column::Sha256, blob::Column::SizeBytes])
            .filter(blob::COLUMN.workspace_id.eq(id))
            .filter(blob::Column::Sha256.is_in(some))
            .into_tuple()
            .all(conn)
            .await?;
        let datasets: Vec<Sized> = dataset::Entity::find()
            .select_only()
            .columns([dataset::Column::Sha256, dataset::Column::SizeBytes])
            .filter(dataset::COLUMN.workspace_id.eq(id))
            .filter(dataset::Column::Sha256.is_in(some))
            .into_tuple()
            .all(conn)
            .await?;
        counted.extend(datasets);
        let promised: Vec<Sized> = upload_session::Entity::find()
            .select_only()
            .columns([upload_session::Column::Sha256, upload_session::Column::SizeBytes])
            .filter(upload_session::COLUMN.workspace_id.eq(id))
            .filter(upload_session::COLUMN.state.eq(State::Open.name()))
            .filter(upload_session::Column::Sha256.is_in(some))
            .into_tuple()
            .all(conn)
            .await?;
        counted.extend(promised);
        for one in counted {
            files.remove(&one);
        }
    }
    Ok(files.into_iter().map(|(_, size)| u64::try_from(size).unwrap_or(0)).fold(0, u64::saturating_add))
}
