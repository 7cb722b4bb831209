use crate::blobs::{Checksums, Stored, faults};
use actix_web::web::Bytes;
use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};
use tokio::task::spawn_blocking;

/// A copy that counts, open for reading. Every byte that it gives has been compared with its chunk's checksum.
pub struct Opened {
    pub stored: Stored,
    file: Arc<File>,
    checksums: Arc<Checksums>,
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
    pub(super) fn new(stored: Stored, file: File) -> Self {
        let checksums = Arc::new(stored.checksums.clone());
        Self { stored, file: Arc::new(file), checksums }
    }

    pub fn size_bytes(&self) -> u64 {
        self.checksums.size_bytes
    }

    /// All of one chunk.
    pub async fn chunk(&self, chunk: u64) -> Result<Bytes, ReadError> {
        let (file, checksums) = (self.file.clone(), self.checksums.clone());
        let read = spawn_blocking(move || {
            let mut bytes = vec![0; usize::try_from(checksums.size_of(chunk)).map_err(io::Error::other)?];
            read_chunk(&file, &checksums, chunk, &mut bytes)?;
            Ok(Bytes::from(bytes))
        });
        read.await.map_err(io::Error::other)?
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

    /// The file itself, after every chunk was looked at: for those who read here and there.
    pub(super) async fn into_file(self) -> Result<(tokio::fs::File, Stored), ReadError> {
        let (file, checksums) = (self.file, self.checksums);
        let looked = spawn_blocking(move || {
            let mut bytes = vec![0; usize::try_from(checksums.chunk_bytes).map_err(io::Error::other)?];
            for chunk in 0..checksums.chunks() {
                let size = usize::try_from(checksums.size_of(chunk)).map_err(io::Error::other)?;
                read_chunk(&file, &checksums, chunk, bytes.get_mut(..size).unwrap_or_default())?;
            }
            // At its beginning still: chunks are read by their offset.
            Ok::<_, ReadError>(file.try_clone()?)
        });
        let file = looked.await.map_err(io::Error::other)??;
        Ok((tokio::fs::File::from_std(file), self.stored))
    }
}

fn read_chunk(file: &File, checksums: &Checksums, chunk: u64, into: &mut [u8]) -> Result<(), ReadError> {
    match file.read_exact_at(into, checksums.begin_of(chunk)) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(ReadError::Damaged(faults::SIZE)),
        read => read?,
    }
    if !checksums.is_chunk(chunk, into) {
        return Err(ReadError::Damaged(faults::CHUNK));
    }
    Ok(())
}
