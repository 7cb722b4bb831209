//! The author's signature over a version's files: their digests as they are stored, or hashed again as it asks.

use crate::{
    app::App,
    blobs,
    crypto::oms::{FileDigest, FileEntries, OmsError, Signed, Verified},
    error::Error,
    versions::StoredFile,
};
use std::io;
use tokio::io::AsyncReadExt;

/// Read at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// The files of a version as a signature lists them. Made before a transaction, since it may read every byte.
pub enum Listed {
    /// The stored SHA-256 of whole files is enough.
    Stored(Vec<FileDigest>),
    Hashed(Vec<FileEntries>),
}

#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error(transparent)]
    Signature(#[from] OmsError),
    /// The bytes can't be had.
    #[error(transparent)]
    Stored(#[from] Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Listed {
    /// As the registry knows them.
    pub fn stored(files: &[StoredFile]) -> Self {
        let digest = |f: &StoredFile| FileDigest { path: f.declared.path.to_string(), sha256: f.declared.sha256.hex() };
        Self::Stored(files.iter().map(digest).collect())
    }

    /// As this signature wants them.
    pub async fn of(app: &App, signed: &Signed, files: &[StoredFile]) -> Result<Self, ListError> {
        if signed.is_plain() {
            return Ok(Self::stored(files));
        }
        let mut all = Vec::with_capacity(files.len());
        for file in files {
            let path = file.declared.path.to_string();
            let hasher = signed.hasher(&path, file.declared.size_bytes.unsigned_abs())?;
            let Some(mut hasher) = hasher else {
                all.push(FileEntries { path, entries: Vec::new() });
                continue;
            };
            let (mut bytes, _) = blobs::ops::local(app, &file.declared.sha256).await?;
            let mut buffer = vec![0; CHUNK_BYTES];
            loop {
                let count = bytes.read(&mut buffer).await?;
                if count == 0 {
                    break;
                }
                hasher.update(&buffer[..count]);
            }
            all.push(FileEntries { path, entries: hasher.finish() });
        }
        Ok(Self::Hashed(all))
    }

    pub fn compare(&self, signed: &Signed) -> Result<Verified, OmsError> {
        match self {
            Self::Stored(digests) => signed.compare(digests),
            Self::Hashed(entries) => signed.compare_entries(entries),
        }
    }
}
