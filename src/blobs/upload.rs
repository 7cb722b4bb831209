use crate::{
    blobs::{Checksums, checksums::Summing, folder, sealed},
    core::{digest::Digest, ids::StoredBlobId},
    crypto::cobblestone::{MessageKey, Sealing},
};
use sha2::{Digest as _, Sha256};
use std::{
    io::{self, Write},
    mem,
    path::{Path, PathBuf},
};
use tokio::{
    fs,
    task::{JoinHandle, spawn_blocking},
};

/// So much is hashed and written at once, while the next is on its way.
const STEP_BYTES: usize = 1 << 20;

/// Bytes on their way in, hashed as they arrive.
///
/// Dropping it removes what was written.
pub struct Upload {
    id: StoredBlobId,
    path: PathBuf,
    size_bytes: u64,
    /// What came, and is not at work yet.
    pending: Vec<u8>,
    /// The other half, for the next turn.
    spare: Vec<u8>,
    /// One of both; neither after a failure.
    rest: Option<Work>,
    at_work: Option<Turn>,
    kept: bool,
}

/// Ends with the work, and the room that the bytes took.
type Turn = JoinHandle<io::Result<(Work, Vec<u8>)>>;

/// Hashing, sealing and writing, on a thread that may wait for the disk.
struct Work {
    file: std::fs::File,
    hasher: Sha256,
    sums: Summing,
    seal: Option<Seal>,
    stored_bytes: u64,
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
    key: Option<MessageKey>,
    stored_bytes: u64,
}

impl Upload {
    pub(super) async fn begin(folder: &Path, is_sealed: bool) -> io::Result<Self> {
        let id = StoredBlobId::generate();
        let seal = is_sealed.then(|| Seal::begin(id)).transpose()?;
        let path = folder.join(id.0.to_string());
        let file = fs::File::create_new(&path).await?.into_std().await;
        let (hasher, sums) = (Sha256::new(), Summing::default());
        let rest = Some(Work { file, hasher, sums, seal, stored_bytes: 0 });
        Ok(Self { id, path, size_bytes: 0, pending: Vec::new(), spare: Vec::new(), rest, at_work: None, kept: false })
    }

    pub async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.size_bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(STEP_BYTES - self.pending.len()));
            self.pending.extend_from_slice(now);
            bytes = later;
            if self.pending.len() == STEP_BYTES {
                self.step().await?;
            }
        }
        Ok(())
    }

    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Has what is pending worked on, and does not wait for it.
    async fn step(&mut self) -> io::Result<()> {
        let mut work = self.done().await?;
        let mut bytes = mem::replace(&mut self.pending, mem::take(&mut self.spare));
        self.at_work = Some(spawn_blocking(move || {
            work.take(&bytes)?;
            bytes.clear();
            Ok((work, bytes))
        }));
        Ok(())
    }

    /// Waits for what is worked on.
    async fn done(&mut self) -> io::Result<Work> {
        if let Some(at_work) = self.at_work.take() {
            let (work, spare) = at_work.await.map_err(io::Error::other)??;
            self.spare = spare;
            return Ok(work);
        }
        self.rest.take().ok_or_else(|| io::Error::other("an upload that failed does not go on"))
    }

    /// All that came is on the disk.
    async fn end(&mut self) -> io::Result<Work> {
        self.step().await?;
        let mut work = self.done().await?;
        let ended = spawn_blocking(move || work.end().map(|()| work));
        ended.await.map_err(io::Error::other)?
    }

    pub(super) async fn finish(mut self, expected: &Digest) -> Result<Arrived, UploadError> {
        let work = self.end().await?;
        let found = Digest::finish(work.hasher);
        if found != *expected {
            return Err(UploadError::WrongDigest { expected: *expected, found });
        }
        let (checksums, stored_bytes) = (work.sums.finish(), work.stored_bytes);
        Ok(Arrived { upload: self, checksums, key: work.seal.map(|seal| seal.key), stored_bytes })
    }

    pub(super) async fn discard(mut self) -> io::Result<()> {
        self.end().await.map(drop)
    }
}

impl Work {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.sums.update(bytes);
        match &mut self.seal {
            None => {
                self.stored_bytes += bytes.len() as u64;
                self.file.write_all(bytes)
            }
            Some(seal) => {
                seal.update(bytes)?;
                self.write_sealed()
            }
        }
    }

    fn end(&mut self) -> io::Result<()> {
        if let Some(seal) = &mut self.seal {
            seal.finish()?;
            self.write_sealed()?;
        }
        self.file.sync_all()
    }

    fn write_sealed(&mut self) -> io::Result<()> {
        let Some(seal) = &mut self.seal else { return Ok(()) };
        self.file.write_all(&seal.sealed)?;
        self.stored_bytes += seal.sealed.len() as u64;
        seal.sealed.clear();
        Ok(())
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
        self.key.as_ref()
    }

    /// How many bytes the store gets.
    pub fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// Its bytes once more, to be sent elsewhere. Dropping it removes them here.
    pub async fn read(&self) -> io::Result<fs::File> {
        fs::File::open(&self.upload.path).await
    }

    /// Gives it its place below `root` for good.
    pub async fn put(mut self, root: &Path, place: &Path) -> io::Result<()> {
        if let Some(parent) = place.parent() {
            folder::make_for_good(root, parent).await?;
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
