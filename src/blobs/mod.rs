//! Bytes by their digest, on the file system.
//!
//! Architecture invariant: no name from outside ever becomes a path here; a blob's place
//! follows from its sha256. A blob is there whole or not at all: it is written under a
//! temporary name, synced, renamed, and the folder synced.

mod upload;

pub use upload::{Upload, UploadError};

use crate::core::digest::Digest;
use std::{
    io,
    path::{Path, PathBuf},
};
use tokio::fs;

pub struct BlobStore {
    root: PathBuf,
}

impl BlobStore {
    /// Makes the folders and sweeps what an earlier process left half-written.
    pub async fn open(root: PathBuf) -> io::Result<Self> {
        let store = Self { root };
        fs::create_dir_all(store.temporary()).await?;
        fs::create_dir_all(store.root.join("sha256")).await?;
        let mut left = fs::read_dir(store.temporary()).await?;
        while let Some(entry) = left.next_entry().await? {
            let age = entry.metadata().await?.modified()?.elapsed().unwrap_or_default();
            // Another process may be writing: only what nobody has touched for a day is rubbish.
            if 86_400 < age.as_secs() {
                fs::remove_file(entry.path()).await?;
            }
        }
        Ok(store)
    }

    pub async fn begin(&self) -> io::Result<Upload> {
        Upload::begin(&self.temporary()).await
    }

    /// Takes an upload in, if its bytes have the digest that was promised.
    pub async fn keep(&self, upload: Upload, expected: &Digest) -> Result<u64, UploadError> {
        upload.finish(expected, &self.path(expected)).await
    }

    /// A blob for reading, with its size in bytes.
    pub async fn read(&self, digest: &Digest) -> io::Result<(fs::File, u64)> {
        let file = fs::File::open(self.path(digest)).await?;
        let size = file.metadata().await?.len();
        Ok((file, size))
    }

    pub async fn contains(&self, digest: &Digest) -> bool {
        fs::try_exists(self.path(digest)).await.unwrap_or(false)
    }

    /// Writes and syncs a few bytes: what readiness must know.
    pub async fn probe(&self) -> io::Result<()> {
        let mut upload = self.begin().await?;
        upload.write(b"probe").await?;
        upload.discard().await
    }

    fn temporary(&self) -> PathBuf {
        self.root.join("incoming")
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root.join("sha256").join(&hex[..2]).join(&hex[2..4]).join(hex)
    }
}

/// Makes a rename durable: the folder's own entry has to reach the disk too.
async fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder).await?.sync_all().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_blob_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().expect("dir");
        let store = BlobStore::open(dir.path().to_owned()).await.expect("open");
        let right = Digest::of(b"hello");
        let mut upload = store.begin().await.expect("begin");
        upload.write(b"hell").await.expect("write");
        assert!(matches!(store.keep(upload, &right).await, Err(UploadError::WrongDigest { .. })));
        assert!(!store.contains(&right).await);
        let mut upload = store.begin().await.expect("begin");
        upload.write(b"hel").await.expect("write");
        upload.write(b"lo").await.expect("write");
        assert_eq!(store.keep(upload, &right).await.expect("keep"), 5);
        assert!(store.contains(&right).await);
        let left = std::fs::read_dir(dir.path().join("incoming")).expect("dir").count();
        assert_eq!(left, 0, "nothing half-written stays");
    }
}
