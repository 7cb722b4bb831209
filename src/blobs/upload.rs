use crate::{
    blobs::{Checksums, checksums::Summing, folder, sealed},
    core::{digest::Digest, ids::StoredBlobId},
    crypto::cobblestone::{MessageKey, Sealing},
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
/// Bytes on their way in, hashed as they arrive.
///
/// Dropping it removes what was written.
pub struct Upload {
    id: StoredBlobId,
    file: BufWriter<fs::File>,
    path: PathBuf,
    seal: Option<Seal>,
    stored_bytes: u64,
    hasher: Sha256,
    sums: Summing,
    kept: bool,
}

/// Bytes that are encrypted as they arrive, so that they are never on a disk as they came.
struct Seal {
    key: MessageKey,
    /// `None` once the end is sealed.
    sealing: Option<Sealing>,
    sealed: Vec<u8>,
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
    pub(super) async fn begin(folder: &Path, is_sealed: bool) -> io::Result<Self> {
        let id = StoredBlobId::generate();
        let seal = is_sealed.then(|| Seal::begin(id)).transpose()?;
        let path = folder.join(id.0.to_string());
        let file = fs::File::create_new(&path).await?;
        let file = BufWriter::with_capacity(256 << 10, file);
        let (hasher, sums) = (Sha256::new(), Summing::default());
        Ok(Self { id, file, path, seal, stored_bytes: 0, hasher, sums, kept: false })
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.sums.update(bytes);
        match &mut self.seal {
            None => {
                self.stored_bytes += bytes.len() as u64;
                self.file.write_all(bytes).await
            }
            Some(seal) => {
                seal.update(bytes)?;
                self.write_sealed().await
            }
        }
    }

    async fn write_sealed(&mut self) -> io::Result<()> {
        let Some(seal) = &mut self.seal else { return Ok(()) };
        self.file.write_all(&seal.sealed).await?;
        self.stored_bytes += seal.sealed.len() as u64;
        seal.sealed.clear();
        Ok(())
    }

    pub fn size_bytes(&self) -> u64 {
        self.sums.size_bytes()
    }

    pub(super) async fn finish(mut self, expected: &Digest) -> Result<Arrived, UploadError> {
        let found = Digest::finish(std::mem::take(&mut self.hasher));
        if found != *expected {
            return Err(UploadError::WrongDigest { expected: *expected, found });
        }
        if let Some(seal) = &mut self.seal {
            seal.finish()?;
            self.write_sealed().await?;
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

impl Seal {
    fn begin(id: StoredBlobId) -> io::Result<Self> {
        let (key, mut sealed) = (MessageKey::generate().map_err(io::Error::other)?, Vec::new());
        let sealing = Sealing::begin(&key, &sealed::context(id), &mut sealed).map_err(io::Error::other)?;
        Ok(Self { key, sealing: Some(sealing), sealed })
    }

    fn update(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.sealing {
            Some(sealing) => sealing.update(bytes, &mut self.sealed).map_err(io::Error::other),
            None => Err(io::Error::other("the end was sealed already")),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self.sealing.take() {
            Some(sealing) => sealing.finish(&mut self.sealed).map_err(io::Error::other),
            None => Ok(()),
        }
    }
}

impl Arrived {
    /// The copy that it becomes.
    pub fn id(&self) -> StoredBlobId {
        self.upload.id
    }

    /// What its bytes are sealed with.
    pub fn key(&self) -> Option<&MessageKey> {
        self.upload.seal.as_ref().map(|seal| &seal.key)
    }

    /// How many bytes the store gets.
    pub fn stored_bytes(&self) -> u64 {
        self.upload.stored_bytes
    }

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
