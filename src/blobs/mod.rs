//! Bytes by their digest, on the file system, each chunk with a checksum in the database.
//!
//! Architecture invariants: no name from outside ever becomes a path here; a blob's place follows from its sha256
//! and the id of the copy. A copy is there whole or not at all: it is written under a temporary name, synced,
//! renamed, and the folder synced. A place is written once and never again, so that whoever removes a copy can't
//! remove another one. Which copy counts is a row of the database, and nothing leaves that row's checksums don't know.

mod checksums;
mod gc;
pub mod ops;
mod reading;
mod scrub;
pub mod store;
mod upload;

pub use checksums::{CHUNK_BYTES, Checksums};
pub use gc::{Collected, collect};
pub use reading::{Opened, Part};
pub use scrub::{Found, Scrubbed, run, scrub};
pub use upload::{Upload, UploadError};

use crate::core::{digest::Digest, ids::StoredBlobId};
use chrono::{DateTime, Utc};
use std::{
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};
use tokio::fs;
use upload::Arrived;

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

pub struct BlobStore {
    root: PathBuf,
}

impl BlobStore {
    /// Makes the folders and sweeps what an earlier process left half-written.
    pub async fn open(root: PathBuf) -> io::Result<Self> {
        let store = Self { root };
        fs::create_dir_all(store.temporary()).await?;
        fs::create_dir_all(store.kept()).await?;
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

    async fn put(&self, arrived: Arrived, place: Place) -> io::Result<()> {
        arrived.put(&self.path(place)).await
    }

    /// A copy for reading, with its size in bytes as the file system has it.
    async fn read(&self, place: Place) -> io::Result<(fs::File, u64)> {
        let file = fs::File::open(self.path(place)).await?;
        let size = file.metadata().await?.len();
        Ok((file, size))
    }

    /// Takes a copy away; one that is gone already is no error.
    async fn remove(&self, place: Place) -> io::Result<()> {
        match fs::remove_file(self.path(place)).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Every copy that was last written before then. What has another name than a copy is left alone.
    async fn older_than(&self, before: SystemTime) -> io::Result<Vec<Place>> {
        let (mut folders, mut found) = (vec![self.kept()], Vec::new());
        while let Some(folder) = folders.pop() {
            let mut entries = fs::read_dir(folder).await?;
            while let Some(entry) = entries.next_entry().await? {
                let about = entry.metadata().await?;
                if about.is_dir() {
                    folders.push(entry.path());
                } else if about.modified()? < before {
                    found.extend(entry.file_name().to_str().and_then(Place::named));
                }
            }
        }
        Ok(found)
    }

    /// Writes and syncs a few bytes, and looks whether the folder of what is kept is there.
    pub async fn probe(&self) -> io::Result<()> {
        fs::metadata(self.kept()).await?;
        let mut upload = self.begin().await?;
        upload.write(b"probe").await?;
        upload.discard().await
    }

    fn temporary(&self) -> PathBuf {
        self.root.join("incoming")
    }

    fn kept(&self) -> PathBuf {
        self.root.join("sha256")
    }

    fn path(&self, place: Place) -> PathBuf {
        let hex = place.digest.hex();
        self.kept().join(&hex[..2]).join(&hex[2..4]).join(place.name())
    }
}

impl Place {
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
        let place = Place { digest: Digest::of(b"hello"), id: Some(StoredBlobId::generate()) };
        let mut upload = store.begin().await.expect("begin");
        upload.write(b"hell").await.expect("write");
        assert!(matches!(upload.finish(&place.digest).await, Err(UploadError::WrongDigest { .. })));
        assert!(store.read(place).await.is_err());
        let mut upload = store.begin().await.expect("begin");
        upload.write(b"hel").await.expect("write");
        upload.write(b"lo").await.expect("write");
        let arrived = upload.finish(&place.digest).await.expect("whole");
        assert!(arrived.checksums.is_chunk(0, b"hello"));
        store.put(arrived, place).await.expect("kept");
        assert_eq!(store.read(place).await.expect("there").1, 5);
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
