//! The only SQL about copies of bytes.

use crate::{
    blobs::{Checksums, Fault, Place, Stored, keys::Wrapped, ops::Placed},
    core::{
        digest::Digest,
        ids::{StoredBlobId, VersionId, WorkspaceId},
    },
    db::{
        Conn, Db, Reader, WriteTx,
        entity::{blob, dataset, stored_blob, version_file},
    },
    error::Error,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Set,
    sea_query::{Expr, NullOrdering, OnConflict},
};
use std::collections::BTreeSet;

mod collecting;

pub(super) use collecting::{abandoned, forget, is_known, unreferenced};

/// On its way in: nobody reads it, and it goes again if nothing comes of it.
const ARRIVING: &str = "arriving";
const KEPT: &str = "kept";
/// What is stored is not what was stored.
const QUARANTINED: &str = "quarantined";

/// The copy that counts, in quarantine or not.
pub async fn find(conn: &Conn<'_>, digest: &Digest) -> Result<Option<Stored>, Error> {
    let row = stored_blob::Entity::find()
        .filter(stored_blob::COLUMN.sha256.eq(digest.to_string()))
        .filter(stored_blob::Column::State.ne(ARRIVING))
        .one(conn)
        .await?;
    row.map(TryInto::try_into).transpose()
}

/// A copy, whether or not it counts.
pub(super) async fn find_copy(conn: &Conn<'_>, id: StoredBlobId) -> Result<Option<Stored>, Error> {
    stored_blob::Entity::find_by_id(id).one(conn).await?.map(TryInto::try_into).transpose()
}

/// Forgets a copy that does not count; says whether there was one. One that counts by now stays: somebody refers to it.
pub(super) async fn discard(db: &Db, id: StoredBlobId) -> Result<bool, Error> {
    let tx = db.begin_bookkeeping().await?;
    let gone = stored_blob::Entity::delete_many()
        .filter(stored_blob::COLUMN.id.eq(id))
        .filter(stored_blob::COLUMN.state.eq(ARRIVING))
        .exec(&tx.conn())
        .await?;
    tx.commit().await?;
    Ok(gone.rows_affected != 0)
}

/// Which of a version's bytes are in quarantine, by their sha256.
pub(crate) async fn damaged(conn: &Conn<'_>, version: VersionId) -> Result<BTreeSet<String>, Error> {
    // Of a file that is only declared nobody may learn whether somebody else has it.
    let of_version = version_file::Entity::find()
        .select_only()
        .column(version_file::Column::Sha256)
        .filter(version_file::COLUMN.version_id.eq(version))
        .filter(version_file::Column::UploadedAt.is_not_null())
        .into_query();
    let rows: Vec<String> = stored_blob::Entity::find()
        .select_only()
        .column(stored_blob::Column::Sha256)
        .filter(stored_blob::COLUMN.state.eq(QUARANTINED))
        .filter(stored_blob::Column::Sha256.in_subquery(of_version))
        .into_tuple()
        .all(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Whether bytes are in quarantine.
pub(crate) async fn is_damaged(conn: &Conn<'_>, sha256: &str) -> Result<bool, Error> {
    let found = stored_blob::Entity::find()
        .filter(stored_blob::COLUMN.sha256.eq(sha256))
        .filter(stored_blob::COLUMN.state.eq(QUARANTINED))
        .one(conn)
        .await?;
    Ok(found.is_some())
}

/// Notes a copy before it gets its place, so that no place is without a row.
pub(super) async fn arrive(db: &Db, copy: &Stored) -> Result<(), Error> {
    let tx = db.begin_bookkeeping().await?;
    stored_blob::Entity::insert(row(copy, ARRIVING, tx.at())?).exec_without_returning(&tx.conn()).await?;
    tx.commit().await
}

/// Notes a copy that was there before there were rows. Somebody else may have done so just now.
pub(super) async fn adopt(db: &Db, copy: &Stored) -> Result<(), Error> {
    let tx = db.begin_bookkeeping().await?;
    let row = row(copy, if copy.fault.is_some() { QUARANTINED } else { KEPT }, tx.at())?;
    stored_blob::Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(&tx.conn())
        .await?;
    tx.commit().await
}

/// What somebody is told whose bytes are not where they came any more.
pub(super) fn lapsed() -> Error {
    Error::Unavailable {
        code: "upload_lapsed",
        detail: "the upload took so long that its bytes were put away; nothing was kept, send the file again"
            .to_owned(),
    }
}

/// What became of an upload.
#[derive(Debug, Default)]
pub struct Settled {
    /// Copies that don't count any more.
    pub leftover: Vec<Place>,
    /// Who held the bytes when this took their place in quarantine.
    pub healed: BTreeSet<WorkspaceId>,
}

/// Makes an uploaded copy the one that counts, in the transaction that refers to it. It was compared with its sha256 as it
/// came, and one that was there before may have been damaged since; so that stays only where taking it away would break off
/// who reads it just now.
///
/// # Errors
/// `Unavailable` when it took so long that the copy was collected meanwhile.
pub async fn settle(tx: &WriteTx, copy: &Placed) -> Result<Settled, Error> {
    let (id, digest) = (copy.id, &copy.digest);
    // The first look may have waited for somebody whose copy came after it began; the second one sees what that one left.
    lock(tx, digest).await?;
    let rows = lock(tx, digest).await?;
    if !rows.iter().any(|row| row.id == id) {
        return Err(lapsed());
    }
    let mut settled = Settled::default();
    let before = rows.into_iter().find(|row| row.state != ARRIVING);
    let (counts, leaves) = match before {
        Some(well) if well.state == KEPT && !copy.may_replace => {
            (well.id, Some(Place { digest: *digest, id: Some(id) }))
        }
        Some(older) => {
            if older.state != KEPT {
                settled.healed = holders(&tx.conn(), digest).await?;
            }
            let place = Place { digest: *digest, id: (!older.is_plain).then_some(older.id) };
            delete(tx, older.id).await?;
            (id, Some(place))
        }
        None => (id, None),
    };
    if counts != id {
        delete(tx, id).await?;
    }
    stored_blob::Entity::update_many()
        .col_expr(stored_blob::Column::State, Expr::value(KEPT))
        .col_expr(stored_blob::Column::TouchedAt, Expr::value(tx.at()))
        .filter(stored_blob::COLUMN.id.eq(counts))
        .exec(&tx.conn())
        .await?;
    settled.leftover.extend(leaves);
    Ok(settled)
}

/// Puts a copy into quarantine; says whether it was not there already and is still the one that counts.
pub(super) async fn quarantine(tx: &WriteTx, id: StoredBlobId, fault: &str) -> Result<bool, Error> {
    let changed = stored_blob::Entity::update_many()
        .col_expr(stored_blob::Column::State, Expr::value(QUARANTINED))
        .col_expr(stored_blob::Column::Fault, Expr::value(fault))
        .col_expr(stored_blob::Column::FaultAt, Expr::value(tx.at()))
        .filter(stored_blob::COLUMN.id.eq(id))
        .filter(stored_blob::COLUMN.state.eq(KEPT))
        .exec(&tx.conn())
        .await?;
    Ok(0 < changed.rows_affected)
}

/// Takes a copy out of quarantine, with the checksums that it was found to have; says whether it was in there.
pub(super) async fn release(tx: &WriteTx, copy: &Stored) -> Result<bool, Error> {
    let checksums = &copy.checksums;
    let changed = stored_blob::Entity::update_many()
        .col_expr(stored_blob::Column::SizeBytes, Expr::value(number(checksums.size_bytes)?))
        .col_expr(stored_blob::Column::ChunkBytes, Expr::value(number(checksums.chunk_bytes)?))
        .col_expr(stored_blob::Column::Checksums, Expr::value(checksums.to_bytes()))
        .col_expr(stored_blob::Column::State, Expr::value(KEPT))
        .col_expr(stored_blob::Column::Fault, Expr::value(None::<String>))
        .col_expr(stored_blob::Column::FaultAt, Expr::value(None::<DateTime<Utc>>))
        .filter(stored_blob::COLUMN.id.eq(copy.id))
        .filter(stored_blob::COLUMN.state.eq(QUARANTINED))
        .exec(&tx.conn())
        .await?;
    Ok(0 < changed.rows_affected)
}

/// Notes that a copy was looked at from end to end.
pub(super) async fn checked(db: &Db, id: StoredBlobId) -> Result<(), Error> {
    let tx = db.begin_bookkeeping().await?;
    stored_blob::Entity::update_many()
        .col_expr(stored_blob::Column::CheckedAt, Expr::value(tx.at()))
        .filter(stored_blob::COLUMN.id.eq(id))
        .exec(&tx.conn())
        .await?;
    tx.commit().await
}

/// Copies that count or come, in order, after this one.
pub(super) async fn wrapped(
    reader: &Reader<'_>,
    after: Option<StoredBlobId>,
    limit: u64,
) -> Result<Vec<Stored>, Error> {
    let mut select = stored_blob::Entity::find().order_by_asc(stored_blob::Column::Id).limit(limit);
    if let Some(after) = after {
        select = select.filter(stored_blob::Column::Id.gt(after));
    }
    select.all(reader.conn()).await?.into_iter().map(TryInto::try_into).collect()
}

/// The key of some copy under each of the names of wrapping keys.
pub(super) async fn wrappings(reader: &Reader<'_>) -> Result<Vec<Wrapped>, Error> {
    let rows: Vec<(String, String)> = stored_blob::Entity::find()
        .select_only()
        .column(stored_blob::Column::KeyName)
        .column_as(stored_blob::Column::WrappedKey.max(), "wrapped_key")
        .filter(stored_blob::Column::KeyName.is_not_null())
        .group_by(stored_blob::Column::KeyName)
        .into_tuple()
        .all(reader.conn())
        .await?;
    Ok(rows.into_iter().map(|(by, text)| Wrapped { by, text }).collect())
}

/// Puts another wrapping in the place of one, if that is still there.
pub(super) async fn rewrap(db: &Db, id: StoredBlobId, old: &Wrapped, new: &Wrapped) -> Result<bool, Error> {
    let tx = db.begin_bookkeeping().await?;
    let changed = stored_blob::Entity::update_many()
        .col_expr(stored_blob::Column::KeyName, Expr::value(new.by.as_str()))
        .col_expr(stored_blob::Column::WrappedKey, Expr::value(new.text.as_str()))
        .filter(stored_blob::COLUMN.id.eq(id))
        .filter(stored_blob::Column::WrappedKey.eq(old.text.as_str()))
        .exec(&tx.conn())
        .await?;
    tx.commit().await?;
    Ok(0 < changed.rows_affected)
}

/// Every workspace that holds these bytes.
pub(super) async fn holders(conn: &Conn<'_>, digest: &Digest) -> Result<BTreeSet<WorkspaceId>, Error> {
    let sha256 = digest.to_string();
    let blobs = blob::Entity::find().filter(blob::COLUMN.sha256.eq(sha256.as_str())).all(conn).await?;
    let datasets = dataset::Entity::find().filter(dataset::COLUMN.sha256.eq(sha256)).all(conn).await?;
    Ok(blobs.into_iter().map(|row| row.workspace_id).chain(datasets.into_iter().map(|row| row.workspace_id)).collect())
}

/// What nobody has looked at since then, the longest first.
pub(super) async fn due(reader: &Reader<'_>, since: DateTime<Utc>, limit: u64) -> Result<Vec<Digest>, Error> {
    let unseen =
        Condition::any().add(stored_blob::Column::CheckedAt.is_null()).add(stored_blob::Column::CheckedAt.lt(since));
    let rows: Vec<String> = stored_blob::Entity::find()
        .select_only()
        .column(stored_blob::Column::Sha256)
        .filter(stored_blob::Column::State.ne(ARRIVING))
        .filter(unseen)
        .order_by_with_nulls(stored_blob::Column::CheckedAt, Order::Asc, NullOrdering::First)
        .order_by_asc(stored_blob::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(reader.conn())
        .await?;
    digests(rows)
}

/// What somebody refers to and no row says where it is: it was stored before there were rows.
pub(super) async fn unknown(reader: &Reader<'_>, limit: u64) -> Result<Vec<Digest>, Error> {
    let known = || {
        stored_blob::Entity::find()
            .select_only()
            .column(stored_blob::Column::Sha256)
            .filter(stored_blob::Column::State.ne(ARRIVING))
            .into_query()
    };
    let mut rows: Vec<String> = blob::Entity::find()
        .select_only()
        .column(blob::Column::Sha256)
        .filter(blob::Column::Sha256.not_in_subquery(known()))
        .order_by_asc(blob::Column::Sha256)
        .limit(limit)
        .into_tuple()
        .all(reader.conn())
        .await?;
    let datasets: Vec<String> = dataset::Entity::find()
        .select_only()
        .column(dataset::Column::Sha256)
        .filter(dataset::Column::Sha256.not_in_subquery(known()))
        .order_by_asc(dataset::Column::Sha256)
        .limit(limit)
        .into_tuple()
        .all(reader.conn())
        .await?;
    rows.extend(datasets);
    digests(rows.into_iter().collect::<BTreeSet<_>>())
}

/// Where the copies are that came last and count, and what was stored before there were rows.
pub(super) async fn latest(reader: &Reader<'_>, limit: u64) -> Result<Vec<Place>, Error> {
    let rows = stored_blob::Entity::find()
        .filter(stored_blob::COLUMN.state.eq(KEPT))
        .order_by_desc(stored_blob::Column::Id)
        .limit(limit)
        .all(reader.conn())
        .await?;
    let mut places = Vec::new();
    for row in rows {
        places.push(Stored::try_from(row)?.place());
    }
    places.extend(unknown(reader, limit).await?.into_iter().map(|digest| Place { digest, id: None }));
    Ok(places)
}

/// All copies of the same bytes, in one order for everybody.
async fn lock(tx: &WriteTx, digest: &Digest) -> Result<Vec<stored_blob::Model>, Error> {
    Ok(stored_blob::Entity::find()
        .filter(stored_blob::COLUMN.sha256.eq(digest.to_string()))
        .order_by_asc(stored_blob::Column::Id)
        .lock_exclusive()
        .all(&tx.conn())
        .await?)
}

async fn delete(tx: &WriteTx, id: StoredBlobId) -> Result<(), Error> {
    stored_blob::Entity::delete_by_id(id).exec(&tx.conn()).await?;
    Ok(())
}

fn row(copy: &Stored, state: &str, now: DateTime<Utc>) -> Result<stored_blob::ActiveModel, Error> {
    Ok(stored_blob::ActiveModel {
        id: Set(copy.id),
        sha256: Set(copy.digest.to_string()),
        is_plain: Set(copy.is_plain),
        state: Set(state.to_owned()),
        size_bytes: Set(number(copy.checksums.size_bytes)?),
        chunk_bytes: Set(number(copy.checksums.chunk_bytes)?),
        checksums: Set(copy.checksums.to_bytes()),
        touched_at: Set(now),
        checked_at: Set(copy.checked_at),
        key_name: Set(copy.key.as_ref().map(|key| key.by.clone())),
        wrapped_key: Set(copy.key.as_ref().map(|key| key.text.clone())),
        fault: Set(copy.fault.as_ref().map(|fault| fault.what.clone())),
        fault_at: Set(copy.fault.as_ref().map(|fault| fault.at)),
    })
}

fn number(number: u64) -> Result<i64, Error> {
    i64::try_from(number).map_err(Error::internal)
}

fn digests(rows: impl IntoIterator<Item = String>) -> Result<Vec<Digest>, Error> {
    rows.into_iter().map(|sha256| Digest::parse(&sha256).map_err(|e| Error::internal(e.0))).collect()
}

impl TryFrom<stored_blob::Model> for Stored {
    type Error = Error;

    fn try_from(row: stored_blob::Model) -> Result<Self, Error> {
        let number = |number: i64| u64::try_from(number).map_err(Error::internal);
        let checksums = Checksums::parse(number(row.size_bytes)?, number(row.chunk_bytes)?, &row.checksums);
        Ok(Self {
            id: row.id,
            digest: Digest::parse(&row.sha256).map_err(|e| Error::internal(e.0))?,
            is_plain: row.is_plain,
            checksums: checksums.ok_or_else(|| Error::internal("the checksums of a blob don't fit its size"))?,
            checked_at: row.checked_at,
            key: row.key_name.zip(row.wrapped_key).map(|(by, text)| Wrapped { by, text }),
            fault: row.fault.zip(row.fault_at).map(|(what, at)| Fault { what, at }),
        })
    }
}
