//! Copies that don't count: pieces of a file that is still coming. Nobody finds them by their digest.

use crate::{
    app::App,
    authz::policy,
    blobs::{
        Opened, Place,
        ops::{Placed, clear, storage},
        owner,
        reading::ReadError,
        store,
    },
    core::ids::StoredBlobId,
    error::Error,
};
use actix_web::web::Bytes;
use std::io;

/// One copy, whether or not it counts. `None` when it is not there, or not what was stored.
pub async fn open(app: &App, id: StoredBlobId) -> Result<Option<Opened>, Error> {
    let Some(stored) = store::find_copy(app.db.read(&policy::upkeep()).conn(), id).await? else { return Ok(None) };
    match app.blobs.read(&stored).await {
        Ok((source, size)) if size == stored.checksums.size_bytes => Ok(Some(Opened::new(stored, source))),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            owner::confirm(app).await?;
            Ok(None)
        }
        Err(error) => Err(storage(error)),
    }
}

/// A chunk of one copy, `None` when it is not what was stored.
pub async fn read(opened: &Opened, chunk: u64) -> Result<Option<Bytes>, Error> {
    match opened.chunk(chunk).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(ReadError::Damaged(_)) => Ok(None),
        Err(ReadError::Io(error)) => Err(storage(error)),
    }
}

/// Takes an upload away that nothing came of. Where something did come of it, though whoever asks did not hear so, it stays.
pub async fn discard(app: &App, placed: Placed) -> Result<(), Error> {
    if store::discard(&app.db, placed.id).await? {
        clear(app, vec![Place { digest: placed.digest, id: Some(placed.id) }]).await;
    }
    Ok(())
}
