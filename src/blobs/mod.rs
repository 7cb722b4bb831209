//! Bytes by their digest, in a folder or a bucket, each chunk with a checksum in the database.
//!
//! Architecture invariants: no name from outside ever becomes a path here; a blob's place follows from its sha256
//! and the id of the copy. A copy is there whole or not at all: it is written under a temporary name and synced, and
//! then renamed, and the folder synced, or sent to the bucket, which shows it once it has all of it. A place is written
//! once and never again, so that whoever removes a copy can't remove another one. Which copy counts is a row of the
//! database, and nothing leaves that row's checksums don't know. Where there are keys, bytes are encrypted before they
//! reach any disk.

mod bucket;
mod checksums;
mod folder;
mod gc;
mod incoming;
pub mod keys;
pub mod ops;
pub mod owner;
pub mod pieces;
mod reading;
mod rewrap;
mod rooms;
mod scrub;
mod sealed;
pub mod store;
mod upload;

pub use bucket::{Bucket, BucketSettings};
pub use checksums::{CHUNK_BYTES, Checksums};
pub use gc::{Collected, collect, sweep};
pub use reading::{Opened, Part, ReadError};
pub use rewrap::{Rewrapped, ask_for_keys, rewrap};
pub use scrub::{Found, NOT_READ, Scrubbed, run, scrub};
pub use upload::{Upload, UploadError};

use crate::core::{digest::Digest, ids::StoredBlobId};
use chrono::{DateTime, Utc};
use folder::Folder;
use keys::{KeyError, KeyService, Wrapped};
use reading::{Raw, Source};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::fs;
use upload::Arrived;

/// What is half-written for as long is nobody's.
const RUBBISH: Duration = Duration::from_hours(24);

/// A copy of bytes in the store, as the database knows it.
#[derive(Clone, Debug)]
pub struct Stored {
    pub id: StoredBlobId,
    pub digest: Digest,
    /// Written before places had ids.
    pub is_plain: bool,
    pub checksums: Checksums,
    /// When its bytes were last compared with the sha256.
    pub checked_at: Option<DateTime<Utc>>,
    /// What its bytes are sealed with; `None` where they are as they came.
    pub key: Option<Wrapped>,
    pub fault: Option<Fault>,
}

/// Why bytes are in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// One of [`faults`].
    pub what: String,
    pub at: DateTime<Utc>,
}

/// What can be wrong with stored bytes.
pub mod faults {
    pub const CHUNK: &str = "chunk_differs";
    pub const SIZE: &str = "size_differs";
    pub const DIGEST: &str = "sha256_differs";
    pub const MISSING: &str = "missing";
    /// The disk gives an error, or what is there is no file.
    pub const UNREADABLE: &str = "unreadable";
    /// What is encrypted was changed, or is another file's.
    pub const SEAL: &str = "does_not_open";
}

/// Where a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub digest: Digest,
    /// None for those that were written before places had ids.
    pub id: Option<StoredBlobId>,
}

impl Stored {
    pub fn place(&self) -> Place {
        Place { digest: self.digest, id: (!self.is_plain).then_some(self.id) }
    }
}

/// Where bytes stay.
#[derive(Clone)]
pub enum Kept {
    Folder(Folder),
    Bucket(Bucket),
}

/// Where bytes go.
#[derive(Clone)]
pub struct Plan {
    /// A folder of this machine, for bytes on their way in and for those that something has to have as a file.
    pub incoming: PathBuf,
    pub kept: Kept,
    /// With them whatever comes is encrypted.
    pub keys: Option<Arc<dyn KeyService>>,
}

impl Plan {
    /// All of it in one folder, so that taking in is a rename.
    pub fn folder(root: PathBuf) -> Self {
        Self { incoming: root.join("incoming"), kept: Kept::Folder(Folder::new(root.join("sha256"))), keys: None }
    }
}

pub struct BlobStore {
    plan: Plan,
}

impl BlobStore {
    /// Makes the folders and sweeps what an earlier process left half-written.
    pub async fn open(plan: Plan) -> io::Result<Self> {
        fs::create_dir_all(&plan.incoming).await?;
        if let Kept::Folder(folder) = &plan.kept {
            folder.make().await?;
            folder.require_beside(&plan.incoming).await?;
        }
        // Another process may be writing: only what nobody has touched for a day is rubbish.
        let before = SystemTime::now().checked_sub(RUBBISH).unwrap_or(SystemTime::UNIX_EPOCH);
        for path in incoming::untouched(&plan.incoming, before).await? {
            incoming::remove(&path).await?;
        }
        Ok(Self { plan })
    }

    pub async fn begin(&self) -> io::Result<Upload> {
        Upload::begin(&self.plan.incoming, self.plan.keys.is_some()).await
    }

    /// Whether who has a file open keeps it when it is taken away.
    fn is_folder(&self) -> bool {
        matches!(self.plan.kept, Kept::Folder(_))
    }

    fn incoming(&self) -> &Path {
        &self.plan.incoming
    }

    async fn put(&self, arrived: Arrived, place: Place) -> io::Result<()> {
        match &self.plan.kept {
            Kept::Folder(folder) => arrived.put(folder.root(), &folder.path(place)).await,
            Kept::Bucket(bucket) => bucket.put(arrived.read().await?, arrived.stored_bytes(), place).await,
        }
    }

    /// The key of what arrived, wrapped for its row.
    async fn wrap(&self, arrived: &Arrived) -> Result<Option<Wrapped>, KeyError> {
        match (&self.plan.keys, arrived.key()) {
            (Some(keys), Some(key)) => Ok(Some(keys.wrap(key).await?)),
            _ => Ok(None),
        }
    }

    fn keys(&self) -> Result<&dyn KeyService, KeyError> {
        self.plan.keys.as_deref().ok_or(KeyError::NoKeys)
    }

    /// A copy for reading, with its size in bytes as the store has it.
    async fn read(&self, stored: &Stored) -> io::Result<(Source, u64)> {
        let (raw, size) = self.read_raw(stored.place()).await?;
        let Some(wrapped) = &stored.key else { return Ok((Source::plain(raw), size)) };
        let key = self.keys().map_err(io::Error::other)?.unwrap(wrapped).await.map_err(io::Error::other)?;
        Source::sealed(raw, size, stored.id, &key).await
    }

    /// What is there, as it is.
    async fn read_raw(&self, place: Place) -> io::Result<(Raw, u64)> {
        match &self.plan.kept {
            Kept::Folder(folder) => folder.read(place).await.map(|(file, size)| (Raw::file(file), size)),
            Kept::Bucket(bucket) => Ok((Raw::Object(bucket.clone(), place), bucket.size(place).await?)),
        }
    }

    /// Takes a copy away; one that is gone already is no error.
    async fn remove(&self, place: Place) -> io::Result<()> {
        match &self.plan.kept {
            Kept::Folder(folder) => folder.remove(place).await,
            Kept::Bucket(bucket) => bucket.remove(place).await,
        }
    }

    /// Every copy that was last written before then. What has another name than a copy is left alone.
    async fn older_than(&self, before: SystemTime) -> io::Result<Vec<Place>> {
        match &self.plan.kept {
            Kept::Folder(folder) => folder.older_than(before).await,
            Kept::Bucket(bucket) => bucket.older_than(before).await,
        }
    }

    /// What the store says of whose it is.
    async fn read_note(&self) -> io::Result<Option<String>> {
        let note = match &self.plan.kept {
            Kept::Folder(folder) => folder.read_note().await,
            Kept::Bucket(bucket) => bucket.read_note().await,
        };
        match note {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            note => note.map(Some),
        }
    }

    async fn write_note(&self, note: &str) -> io::Result<()> {
        match &self.plan.kept {
            Kept::Folder(folder) => folder.write_note(&self.plan.incoming, note).await,
            Kept::Bucket(bucket) => bucket.write_note(note).await,
        }
    }

    /// For messages to the operator.
    fn place_of_note(&self) -> String {
        match &self.plan.kept {
            Kept::Folder(folder) => folder.note().display().to_string(),
            Kept::Bucket(bucket) => format!("{} in the bucket", bucket.note()),
        }
    }

    /// Writes and syncs a few bytes, and looks whether what is kept can be reached.
    pub async fn probe(&self) -> io::Result<()> {
        match &self.plan.kept {
            Kept::Folder(folder) => folder.probe().await?,
            Kept::Bucket(bucket) => bucket.probe().await?,
        }
        let mut upload = self.begin().await?;
        upload.write(b"probe").await?;
        upload.discard().await
    }
}

impl Place {
    /// So that no folder holds too many.
    fn folders(&self) -> [String; 2] {
        let hex = self.digest.hex();
        [hex[..2].to_owned(), hex[2..4].to_owned()]
    }

    fn name(&self) -> String {
        let hex = self.digest.hex();
        self.id.map_or_else(|| hex.clone(), |id| format!("{hex}.{}", id.0.simple()))
    }

    fn named(name: &str) -> Option<Self> {
        let (hex, id) = name.split_once('.').map_or((name, None), |(hex, id)| (hex, Some(id)));
        let digest = Digest::from_hex(hex).ok()?;
        let id = id.map(|id| uuid::Uuid::try_parse(id).map(StoredBlobId)).transpose().ok()?;
        // Nothing else that the parser of ids would take.
        Some(Self { digest, id }).filter(|place| place.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_blob_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().expect("dir");
        let store = BlobStore::open(Plan::folder(dir.path().to_owned())).await.expect("open");
        let place = Place { digest: Digest::of(b"hello"), id: Some(StoredBlobId::generate()) };
        let mut upload = store.begin().await.expect("begin");
        upload.write(b"hell").await.expect("write");
        assert!(matches!(upload.finish(&place.digest).await, Err(UploadError::WrongDigest { .. })));
        assert!(store.read_raw(place).await.is_err());
        let mut upload = store.begin().await.expect("begin");
        upload.write(b"hel").await.expect("write");
        upload.write(b"lo").await.expect("write");
        let arrived = upload.finish(&place.digest).await.expect("whole");
        assert!(arrived.checksums.is_chunk(0, b"hello"));
        store.put(arrived, place).await.expect("kept");
        assert_eq!(store.read_raw(place).await.expect("there").1, 5);
        let left = std::fs::read_dir(dir.path().join("incoming")).expect("dir").count();
        assert_eq!(left, 0, "nothing half-written stays");
        let later = SystemTime::now() + std::time::Duration::from_secs(60);
        assert_eq!(store.older_than(later).await.expect("listed"), [place]);
        store.remove(place).await.expect("gone");
        store.remove(place).await.expect("gone already");
    }

    #[test]
    fn only_what_the_store_itself_names_is_a_copy() {
        let digest = Digest::of(b"x");
        for id in [None, Some(StoredBlobId::generate())] {
            let place = Place { digest, id };
            assert_eq!(Place::named(&place.name()), Some(place));
        }
        let hex = digest.hex();
        for other in [
            "",
            "notes.txt",
            &hex[1..],
            &format!("{hex}."),
            &format!("{hex}.1"),
            &format!("{hex}.{}", uuid::Uuid::now_v7()),
        ] {
            assert_eq!(Place::named(other), None, "{other}");
        }
    }
}
