use crate::{
    blobs::{Bucket, Checksums, Place, Stored, faults, rooms, sealed::Seal},
    core::ids::StoredBlobId,
    crypto::cobblestone::MessageKey,
};
use actix_web::web::Bytes;
use std::{fs::File, io, os::unix::fs::FileExt, path::Path, sync::Arc};
use tokio::{
    io::{AsyncSeekExt, AsyncWriteExt},
    task::spawn_blocking,
};

/// A copy that counts, open for reading. Every byte that it gives has been compared with its chunk's checksum.
pub struct Opened {
    pub stored: Stored,
    source: Source,
    checksums: Arc<Checksums>,
}

/// Where bytes are read from.
#[derive(Clone)]
pub(super) struct Source {
    raw: Raw,
    seal: Option<Arc<Seal>>,
}

/// What the store has, as it is.
#[derive(Clone)]
pub(super) enum Raw {
    File(Arc<File>),
    Object(Bucket, Place),
}

impl Source {
    pub fn plain(raw: Raw) -> Self {
        Self { raw, seal: None }
    }

    /// With the size of what is sealed in it.
    ///
    /// # Errors
    /// `InvalidData` when it is not what was sealed with this key for this copy.
    pub async fn sealed(raw: Raw, size: u64, id: StoredBlobId, key: &MessageKey) -> io::Result<(Self, u64)> {
        let seal = Seal::open(&raw, size, id, key).await?;
        let opened = seal.opened_bytes();
        Ok((Self { raw, seal: Some(Arc::new(seal)) }, opened))
    }

    /// So many bytes from there on; fewer only where it ends.
    ///
    /// # Errors
    /// `InvalidData` when what is sealed was changed.
    pub async fn read(&self, from: u64, count: u64) -> io::Result<Bytes> {
        self.read_and_look(from, count, |_| ()).await.map(|(bytes, ())| bytes)
    }

    /// The same, and what somebody makes of them, without a connection waiting for that where there is another thread.
    async fn read_and_look<T: Send + 'static>(
        &self,
        from: u64,
        count: u64,
        look: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> io::Result<(Bytes, T)> {
        match &self.seal {
            None => self.raw.read_and_look(from, count, look).await,
            Some(seal) => {
                let bytes = seal.read(&self.raw, from, count).await?;
                let seen = look(&bytes);
                Ok((bytes, seen))
            }
        }
    }
}

impl Raw {
    pub fn file(file: File) -> Self {
        Self::File(Arc::new(file))
    }

    /// So many bytes from there on; fewer only where a file ends.
    pub async fn read(&self, from: u64, count: u64) -> io::Result<Bytes> {
        self.read_and_look(from, count, |_| ()).await.map(|(bytes, ())| bytes)
    }

    async fn read_and_look<T: Send + 'static>(
        &self,
        from: u64,
        count: u64,
        look: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> io::Result<(Bytes, T)> {
        match self {
            Self::Object(bucket, place) => {
                let bytes = bucket.range(*place, from, count).await?;
                let seen = look(&bytes);
                Ok((bytes, seen))
            }
            Self::File(file) => {
                let (file, size) = (file.clone(), usize::try_from(count).map_err(io::Error::other)?);
                let read = spawn_blocking(move || {
                    let bytes = rooms::fill(size, |room, filled| file.read_at(room, from + filled as u64))?;
                    let seen = look(&bytes);
                    Ok((bytes, seen))
                });
                read.await.map_err(io::Error::other)?
            }
        }
    }
}

/// Why bytes can't be given.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// They are not what was stored; one of [`faults`].
    #[error("the stored bytes are damaged: {0}")]
    Damaged(&'static str),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A part of a blob, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub first: u64,
    pub last: u64,
}

impl Opened {
    pub(super) fn new(stored: Stored, source: Source) -> Self {
        let checksums = Arc::new(stored.checksums.clone());
        Self { stored, source, checksums }
    }

    pub fn size_bytes(&self) -> u64 {
        self.checksums.size_bytes
    }

    /// All of one chunk.
    pub async fn chunk(&self, chunk: u64) -> Result<Bytes, ReadError> {
        let (checksums, size) = (Arc::clone(&self.checksums), self.checksums.size_of(chunk));
        let is_it = move |bytes: &[u8]| checksums.is_chunk(chunk, bytes);
        let (bytes, is_it) = match self.source.read_and_look(self.checksums.begin_of(chunk), size, is_it).await {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(ReadError::Damaged(faults::SEAL)),
            read => read?,
        };
        if bytes.len() as u64 != size {
            return Err(ReadError::Damaged(faults::SIZE));
        }
        if !is_it {
            return Err(ReadError::Damaged(faults::CHUNK));
        }
        Ok(bytes)
    }

    /// The bytes of a part that are in the chunk at this offset, from the offset on.
    pub async fn piece(&self, from: u64, last: u64) -> Result<Bytes, ReadError> {
        let chunk = self.checksums.chunk_at(from);
        let begin = self.checksums.begin_of(chunk);
        let bytes = self.chunk(chunk).await?;
        let end = (last + 1 - begin).min(bytes.len() as u64);
        let place = |offset: u64| usize::try_from(offset).map_err(io::Error::other);
        Ok(bytes.slice(place(from - begin)?..place(end)?))
    }

    /// All of it as a file of this machine, after every chunk was looked at: for those who read here and there.
    /// `folder` is for one that has to be fetched or opened; it has no name there and goes away with the last who has it open.
    pub(super) async fn into_file(self, folder: &Path) -> Result<(tokio::fs::File, Stored), ReadError> {
        if let Source { raw: Raw::File(file), seal: None } = &self.source {
            for chunk in 0..self.checksums.chunks() {
                self.chunk(chunk).await?;
            }
            // At its beginning still: chunks are read by their offset.
            return Ok((tokio::fs::File::from_std(file.try_clone()?), self.stored));
        }
        let folder = folder.to_owned();
        let made = spawn_blocking(move || tempfile::tempfile_in(folder)).await.map_err(io::Error::other)??;
        let mut file = tokio::fs::File::from_std(made);
        for chunk in 0..self.checksums.chunks() {
            file.write_all(&self.chunk(chunk).await?).await?;
        }
        file.flush().await?;
        file.rewind().await?;
        Ok((file, self.stored))
    }
}
