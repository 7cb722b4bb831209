use crate::{
    blobs::{Checksums, checksums::Summing, folder},
    core::digest::Digest,
};
use sha2::{Digest as _, Sha256};
use std::{
    io,
    path::{Path, PathBuf},
};
use tokio::{
    fs,
    io::{AsyncWriteExt, BufWriter},
};
use uuid::Uuid;

/// Bytes on their way in, hashed as they arrive.
///
/// Dropping it removes what was written.
pub struct Upload {
    file: BufWriter<fs::File>,
    path: PathBuf,
    hasher: Sha256,
    sums: Summing,
    kept: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error("the bytes have the digest {found}, not {expected}")]
    WrongDigest { expected: Digest, found: Digest },
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// An upload that is on the disk, and is what it was to be.
pub(super) struct Arrived {
    upload: Upload,
    pub checksums: Checksums,
}

impl Upload {
    pub(super) async fn begin(folder: &Path) -> io::Result<Self> {
        let path = folder.join(Uuid::now_v7().to_string());
        let file = fs::File::create_new(&path).await?;
        let file = BufWriter::with_capacity(256 << 10, file);
        Ok(Self { file, path, hasher: Sha256::new(), sums: Summing::default(), kept: false })
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.sums.update(bytes);
        self.file.write_all(bytes).await
    }

    pub fn size_bytes(&self) -> u64 {
        self.sums.size_bytes()
    }

    pub(super) async fn finish(mut self, expected: &Digest) -> Result<Arrived, UploadError> {
        let found = Digest::finish(std::mem::take(&mut self.hasher));
        if found != *expected {
            return Err(UploadError::WrongDigest { expected: *expected, found });
        }
        self.file.flush().await?;
        self.file.get_ref().sync_all().await?;
        let checksums = std::mem::take(&mut self.sums).finish();
        Ok(Arrived { upload: self, checksums })
    }

    pub(super) async fn discard(mut self) -> io::Result<()> {
        self.file.flush().await?;
        self.file.get_ref().sync_all().await
    }
}

impl Arrived {
    /// Its bytes once more, to be sent elsewhere. Dropping it removes them here.
    pub async fn read(&self) -> io::Result<fs::File> {
        fs::File::open(&self.upload.path).await
    }

    /// Gives it its place for good.
    pub async fn put(mut self, place: &Path) -> io::Result<()> {
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).await?;
            fs::rename(&self.upload.path, place).await?;
            self.upload.kept = true;
            folder::sync(parent).await?;
        }
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.kept {
            // Nobody is waiting for the answer; the sweep at start finds what this misses.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
