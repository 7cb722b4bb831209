//! A large file in pieces, several at once: what the service has is not sent again, and what is lost is only a piece.
//!
//! A piece goes from the file to the connection without being held, so that memory does not grow with its size.

use super::{
    super::{Exit, Failure, meter::Shared},
    files::Found,
};
use crate::{
    client::{Client, Patience},
    core::digest::Digest,
    versions::{
        api::FileView,
        sessions::api::{UploadInput, UploadView},
    },
};
use actix_web::web::Bytes;
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use reqwest::header;
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, ErrorKind, Read, Seek, SeekFrom},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

/// Larger ones go in pieces. To send less again is quicker than to ask how far it was; and the limits that proxies
/// have for one request are above this.
pub const LARGE_BYTES: u64 = 64 << 20;
/// Some seconds of a slow line, and many enough that several are under way.
const PIECE_BYTES: u64 = 16 << 20;
/// What services take.
const MOST_PIECES: u64 = 10_000;
const LARGEST_PIECE_BYTES: u64 = 64 << 20;
const MIB: u64 = 1 << 20;
/// Pieces may be damaged where they are stored, or abandoned by somebody else: then they are asked for again.
const ROUNDS: usize = 4;
const READ_BYTES: usize = 256 << 10;

/// Where files go, and how.
pub struct Way<'a> {
    pub client: &'a Client,
    pub model: &'a str,
    pub number: &'a str,
    pub meter: &'a Shared,
    pub at_once: usize,
    /// Whether what an earlier push sent of a file that is not whole is thrown away.
    pub anew: bool,
}

/// What became of the wish to send in pieces.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent {
    Here,
    /// The service takes no pieces, or no more files in pieces now: one request remains.
    NotInPieces,
}

impl Way<'_> {
    /// Sends what is missing of a file, and waits until it is put together.
    pub async fn send(&self, file: &Found, declared: &FileView) -> Result<Sent, Failure> {
        let mut anew = self.anew;
        for _ in 0..ROUNDS {
            let upload = match self.begin(declared).await {
                Ok(upload) => upload,
                Err(failure) if failure.is("file_is_here") => return Ok(Sent::Here),
                Err(failure) if failure.is("no_route") || failure.is("too_many_uploads") => {
                    let why = if failure.is("no_route") { "the service takes no pieces" } else { &failure.what };
                    let path = &file.path;
                    self.meter
                        .say(&format!("{path} goes in one request, which can't go on where it breaks off: {why}"));
                    return Ok(Sent::NotInPieces);
                }
                Err(failure) => return Err(failure),
            };
            let upload = Upload::parse(upload, file)?;
            if std::mem::take(&mut anew) && !upload.missing.is_empty() && upload.here != 0 {
                self.client.delete(&self.path(&["uploads", &upload.id])).await?;
                continue;
            }
            self.meter.had(upload.here);
            let counted = AtomicU64::new(upload.here);
            let outcome = self.send_missing(file, &upload, &counted).await;
            match outcome {
                Ok(()) => return Ok(Sent::Here),
                Err(failure) if is_to_be_asked_again(&failure) => self.meter.take_back(counted.into_inner()),
                Err(failure) => return Err(failure),
            }
        }
        Err(Failure::new(Exit::Other, format!("{} could not be put together by the service", file.path)))
    }

    async fn begin(&self, declared: &FileView) -> Result<UploadView, Failure> {
        let input = UploadInput {
            path: declared.path.clone(),
            sha256: declared.sha256.clone(),
            size_bytes: declared.size_bytes,
            chunk_bytes: i64::try_from(piece_bytes(declared.size_bytes.unsigned_abs())).map_err(Failure::other)?,
        };
        let say = |line: &str| self.meter.say(line);
        self.client.repeat_for(&self.path(&["uploads"]), &input, Patience::long(&say)).await
    }

    async fn send_missing(&self, file: &Found, upload: &Upload, counted: &AtomicU64) -> Result<(), Failure> {
        stream::iter(upload.missing.iter().copied().map(Ok::<_, Failure>))
            .try_for_each_concurrent(self.at_once, |piece| async move {
                self.put(file, upload, piece).await?;
                counted.fetch_add(piece.size_bytes, Ordering::Relaxed);
                Ok(())
            })
            .await?;
        let say = |line: &str| self.meter.say(line);
        let path = self.path(&["uploads", &upload.id, "completion"]);
        match self.client.repeat_until_done(&path, Patience::long(&say)).await {
            // The pieces are not what was hashed at first.
            Err(failure) if failure.exit == Exit::Usage => Err(changed(&file.place)),
            outcome => outcome,
        }
    }

    async fn put(&self, file: &Found, upload: &Upload, piece: Piece) -> Result<(), Failure> {
        // Otherwise a piece of other bytes would be kept, and all of them be thrown away in the end.
        if !file.is_unchanged() {
            return Err(changed(&file.place));
        }
        let place = file.place.clone();
        let hashed = tokio::task::spawn_blocking(move || hash(&place, piece)).await.map_err(Failure::other)?;
        let digest = hashed.map_err(|e| match e.kind() {
            ErrorKind::UnexpectedEof => changed(&file.place),
            _ => unreadable(&file.place, &e),
        })?;
        let headers = [
            (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
            (header::HeaderName::from_static("content-digest"), said(&digest)),
        ];
        let number = piece.number.to_string();
        let path = self.path(&["uploads", &upload.id, "chunks", &number]);
        let say = |line: &str| self.meter.say(line);
        let moved = Moved::on(self.meter);
        let open = async || moved.body(&file.place, piece).await;
        match self.client.put_bytes(&path, &headers, piece.size_bytes, Patience::long(&say), open).await {
            Err(failure) if failure.is("chunk_differs") => Err(changed(&file.place)),
            outcome => outcome.map(|_| moved.arrived(piece.size_bytes)),
        }
    }

    fn path<'p>(&'p self, rest: &[&'p str]) -> Vec<&'p str> {
        ["models", self.model, "versions", self.number].into_iter().chain(rest.iter().copied()).collect()
    }
}

/// What is open for a file, as a service may say it.
struct Upload {
    id: String,
    /// Bytes that are here.
    here: u64,
    missing: Vec<Piece>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub number: u64,
    pub from: u64,
    pub size_bytes: u64,
}

impl Upload {
    fn parse(said: UploadView, file: &Found) -> Result<Self, Failure> {
        let strange = || Failure::other("the service speaks of another file than the one that is sent");
        let chunk = said.chunk_bytes.unsigned_abs();
        let is_ours = said.path == file.path.as_str() && said.size_bytes.unsigned_abs() == file.size_bytes;
        if !is_ours || !(1..=LARGEST_PIECE_BYTES).contains(&chunk) || MOST_PIECES < file.size_bytes.div_ceil(chunk) {
            return Err(strange());
        }
        let received: BTreeSet<_> = said.received.iter().map(|number| number.unsigned_abs()).collect();
        let (here, missing): (Vec<_>, Vec<_>) =
            pieces(file.size_bytes, chunk).partition(|piece| received.contains(&piece.number));
        Ok(Self { id: said.id.to_string(), here: here.iter().map(|piece| piece.size_bytes).sum(), missing })
    }
}

fn pieces(size_bytes: u64, chunk: u64) -> impl Iterator<Item = Piece> {
    (0..size_bytes.div_ceil(chunk)).map(move |number| {
        let from = number * chunk;
        Piece { number, from, size_bytes: chunk.min(size_bytes - from) }
    })
}

/// Of every piece of a file but the last: whole MiB.
fn piece_bytes(size_bytes: u64) -> u64 {
    size_bytes.div_ceil(MOST_PIECES).next_multiple_of(MIB).clamp(PIECE_BYTES, LARGEST_PIECE_BYTES)
}

/// The bytes of a piece that were counted as done. What is lost is taken back.
pub struct Moved<'a> {
    meter: &'a Shared,
    bytes: Arc<AtomicU64>,
}

impl<'a> Moved<'a> {
    pub fn on(meter: &'a Shared) -> Self {
        Self { meter, bytes: Arc::default() }
    }

    /// The piece from its start, at each attempt.
    pub async fn body(
        &self,
        place: &Path,
        piece: Piece,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static, Failure> {
        self.meter.take_back(self.bytes.swap(0, Ordering::Relaxed));
        let mut file = tokio::fs::File::open(place).await.map_err(|e| unreadable(place, &e))?;
        let about = file.metadata().await.map_err(|e| unreadable(place, &e))?;
        if about.len() < piece.from + piece.size_bytes {
            return Err(changed(place));
        }
        file.seek(SeekFrom::Start(piece.from)).await.map_err(|e| unreadable(place, &e))?;
        let (meter, bytes) = (self.meter.clone(), self.bytes.clone());
        Ok(ReaderStream::with_capacity(file.take(piece.size_bytes), READ_BYTES).inspect(move |read| {
            if let Ok(read) = read {
                bytes.fetch_add(read.len() as u64, Ordering::Relaxed);
                meter.add(read.len() as u64);
            }
        }))
    }

    /// It is there, however much of it was read.
    pub fn arrived(self, size_bytes: u64) {
        self.meter.add(size_bytes.saturating_sub(self.bytes.swap(0, Ordering::Relaxed)));
    }
}

impl Drop for Moved<'_> {
    fn drop(&mut self) {
        self.meter.take_back(self.bytes.swap(0, Ordering::Relaxed));
    }
}

fn hash(place: &Path, piece: Piece) -> io::Result<Digest> {
    let mut file = File::open(place)?;
    file.seek(SeekFrom::Start(piece.from))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; READ_BYTES];
    let mut left = usize::try_from(piece.size_bytes).map_err(io::Error::other)?;
    while left != 0 {
        let read = left.min(READ_BYTES);
        file.read_exact(&mut buffer[..read])?;
        hasher.update(&buffer[..read]);
        left -= read;
    }
    Ok(Digest::finish(hasher))
}

/// RFC 9530.
fn said(digest: &Digest) -> String {
    format!("sha-256=:{}:", STANDARD.encode(digest.bytes()))
}

/// Whether asking how far it is may help.
fn is_to_be_asked_again(failure: &Failure) -> bool {
    failure.exit == Exit::NotFound
        || ["chunks_missing", "chunk_damaged", "upload_over"].iter().any(|code| failure.is(code))
}

fn unreadable(place: &Path, error: &io::Error) -> Failure {
    Failure::other(format!("can't read {}: {error}", place.display()))
}

fn changed(place: &Path) -> Failure {
    Failure::new(Exit::Conflict, format!("{} changed while it was pushed", place.display()))
        .next("push again once nothing writes to it: other bytes are another version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_grow_where_there_would_be_too_many() {
        for (size, wanted) in [(65 * MIB, 16), (156 << 30, 16), (157 << 30, 17), (600 << 30, 62), (1 << 50, 64)] {
            assert_eq!(piece_bytes(size), wanted * MIB, "{size}");
        }
    }

    #[test]
    fn pieces_are_the_file() {
        let of = |size| pieces(size, 10).map(|piece| (piece.number, piece.from, piece.size_bytes)).collect::<Vec<_>>();
        assert_eq!(of(20), [(0, 0, 10), (1, 10, 10)]);
        assert_eq!(of(21), [(0, 0, 10), (1, 10, 10), (2, 20, 1)]);
        assert_eq!(of(0), []);
    }

    #[test]
    fn a_piece_is_hashed_alone_and_a_file_that_is_too_short_is_noticed() {
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), "0123456789").expect("write");
        let piece = Piece { number: 1, from: 4, size_bytes: 4 };
        assert_eq!(hash(file.path(), piece).expect("hashed"), Digest::of("4567"));
        let behind = Piece { from: 8, ..piece };
        assert_eq!(hash(file.path(), behind).map_err(|e| e.kind()).err(), Some(ErrorKind::UnexpectedEof));
    }
}
