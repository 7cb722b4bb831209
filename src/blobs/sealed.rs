//! Reading what is encrypted, from anywhere in it.

use crate::{
    blobs::reading::Raw,
    core::ids::StoredBlobId,
    crypto::cobblestone::{CHUNK_BYTES, HEADER_BYTES, MessageKey, Opening, begin_of, opened_bytes},
};
use actix_web::web::Bytes;
use std::io;

/// What a copy's bytes are bound to, beside its key: at another copy's place they don't open.
pub(super) fn context(id: StoredBlobId) -> Vec<u8> {
    format!("plimsoll/blob/v1\0{}", id.0).into_bytes()
}

/// A copy whose key fits.
pub(super) struct Seal {
    opening: Opening,
    /// In it, and opened.
    sealed: u64,
    opened: u64,
}

impl Seal {
    /// # Errors
    /// `InvalidData` when it is not what was sealed with this key for this copy.
    pub async fn open(raw: &Raw, sealed: u64, id: StoredBlobId, key: &MessageKey) -> io::Result<Self> {
        let opened = opened_bytes(sealed).ok_or_else(|| changed("it was cut off"))?;
        let header = raw.read(0, HEADER_BYTES as u64).await?;
        let header = header.first_chunk::<HEADER_BYTES>().ok_or_else(|| changed("it was cut off"))?;
        let opening = Opening::begin(key, &context(id), header).map_err(changed)?;
        Ok(Self { opening, sealed, opened })
    }

    pub fn opened_bytes(&self) -> u64 {
        self.opened
    }

    /// So many bytes from there on; fewer only where it ends. What of a chunk is not asked for is opened all the same.
    pub async fn read(&self, raw: &Raw, from: u64, count: u64) -> io::Result<Bytes> {
        let end = from.saturating_add(count).min(self.opened);
        if end <= from {
            return Ok(Bytes::new());
        }
        let chunk = CHUNK_BYTES as u64;
        let (first, after) = (from / chunk, (end - 1) / chunk + 1);
        let (begin, stop) = (begin_of(first), begin_of(after).min(self.sealed));
        let sealed = raw.read(begin, stop - begin).await?;
        let opened = Bytes::from(self.opening.open(first, &sealed).map_err(changed)?);
        let place = |offset: u64| usize::try_from(offset - first * chunk).map_err(io::Error::other);
        let (begin, stop) = (place(from)?, place(end)?.min(opened.len()));
        Ok(opened.slice(begin.min(stop)..stop))
    }
}

fn changed(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
