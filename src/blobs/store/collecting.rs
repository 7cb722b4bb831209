//! What nothing refers to, and what is somebody's.

use super::{ARRIVING, holders};
use crate::{
    blobs::{Place, Stored},
    db::{
        Db, Reader,
        entity::{blob, dataset, stored_blob, upload_chunk},
    },
    error::Error,
};
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

/// So many at once are swept.
const SWEPT: u64 = 1_000;

/// Copies that came before then, count for nobody and are no pieces, the oldest first.
pub(in crate::blobs) async fn abandoned(reader: &Reader<'_>, before: DateTime<Utc>) -> Result<Vec<Stored>, Error> {
    let pieces = upload_chunk::Entity::find().select_only().column(upload_chunk::Column::StoredBlobId).into_query();
    let rows = stored_blob::Entity::find()
        .filter(stored_blob::COLUMN.state.eq(ARRIVING))
        .filter(stored_blob::Column::TouchedAt.lt(before))
        .filter(stored_blob::Column::Id.not_in_subquery(pieces))
        .order_by_asc(stored_blob::Column::Id)
        .limit(SWEPT)
        .all(reader.conn())
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Copies that came before then and that nothing refers to. Somebody may refer to one a moment later:
/// [`forget`] has the last word.
pub(in crate::blobs) async fn unreferenced(reader: &Reader<'_>, before: DateTime<Utc>) -> Result<Vec<Stored>, Error> {
    let blobs = blob::Entity::find().select_only().column(blob::Column::Sha256).into_query();
    let datasets = dataset::Entity::find().select_only().column(dataset::Column::Sha256).into_query();
    // Those of a file that is still coming go with its session.
    let pieces = upload_chunk::Entity::find().select_only().column(upload_chunk::Column::StoredBlobId).into_query();
    let nobodys = Condition::all()
        .add(stored_blob::Column::Sha256.not_in_subquery(blobs))
        .add(stored_blob::Column::Sha256.not_in_subquery(datasets));
    let rows = stored_blob::Entity::find()
        .filter(stored_blob::Column::TouchedAt.lt(before))
        .filter(Condition::any().add(stored_blob::Column::State.eq(ARRIVING)).add(nobodys))
        .filter(stored_blob::Column::Id.not_in_subquery(pieces))
        .order_by_asc(stored_blob::Column::Id)
        .all(reader.conn())
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Forgets a copy if it is still so that nothing refers to it. From then on nothing ever will: whoever uploads the
/// same bytes gets another place.
pub(in crate::blobs) async fn forget(db: &Db, copy: &Stored, before: DateTime<Utc>) -> Result<bool, Error> {
    let tx = db.begin_bookkeeping().await?;
    let locked = stored_blob::Entity::find_by_id(copy.id).lock_exclusive().one(&tx.conn()).await?;
    let Some(row) = locked.filter(|row| row.touched_at < before) else { return Ok(false) };
    // Whoever refers to a copy that counts holds the lock on its row while doing so.
    if row.state != ARRIVING && !holders(&tx.conn(), &copy.digest).await?.is_empty() {
        return Ok(false);
    }
    // Whoever makes it a piece holds the same lock.
    let of_piece = upload_chunk::COLUMN.stored_blob_id.eq(copy.id);
    if upload_chunk::Entity::find().filter(of_piece).one(&tx.conn()).await?.is_some() {
        return Ok(false);
    }
    stored_blob::Entity::delete_by_id(copy.id).exec(&tx.conn()).await?;
    tx.commit().await?;
    Ok(true)
}

/// Whether a place is somebody's: by its row, or, without an id, because somebody refers to its bytes.
pub(in crate::blobs) async fn is_known(reader: &Reader<'_>, place: Place) -> Result<bool, Error> {
    let rows = stored_blob::Entity::find()
        .filter(stored_blob::COLUMN.sha256.eq(place.digest.to_string()))
        .all(reader.conn())
        .await?;
    Ok(match place.id {
        Some(id) => rows.iter().any(|row| row.id == id),
        None => {
            // Until a row says which copy counts, it is this one.
            let is_settled = rows.iter().any(|row| row.state != ARRIVING);
            rows.iter().any(|row| row.is_plain)
                || (!is_settled && !holders(reader.conn(), &place.digest).await?.is_empty())
        }
    })
}
