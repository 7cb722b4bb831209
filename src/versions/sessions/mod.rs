//! Files that come in pieces, so that a transfer that broke off goes on where it was.
//!
//! A piece is a copy in the store that counts for nobody and has a checksum of its own. What is under way is in the database
//! and what has arrived in the store, so that any replica takes the next piece. Invariant: nothing of a file is to be seen
//! before all of it was read again, in order, and has the sha256 that the manifest says: the same way in as that of one request.

pub mod api;
mod completion;
mod joining;
pub mod ops;
pub(super) mod store;

pub use joining::Joins;

use crate::{
    core::{
        digest::Digest,
        ids::{AccountId, StoredBlobId, UploadId, VersionId, WorkspaceId},
        path::FilePath,
    },
    error::Error,
};
use chrono::{DateTime, TimeDelta, Utc};

/// Of a piece, so that no file is a heap of crumbs, nor a piece as hard to repeat as a file.
const LEAST_CHUNK_BYTES: i64 = 64 << 10;
const LARGEST_CHUNK_BYTES: i64 = 64 << 20;
const MOST_CHUNKS: i64 = 10_000;
/// From its beginning.
const LIFETIME: TimeDelta = TimeDelta::days(7);
/// What is open at once keeps bytes on the disk that nobody can use.
const OF_ONE_ACCOUNT: u64 = 16;
const OF_ONE_WORKSPACE: u64 = 128;

/// A file on its way.
#[derive(Clone, Debug)]
pub struct UploadSession {
    pub id: UploadId,
    pub workspace: WorkspaceId,
    pub version: VersionId,
    pub account: AccountId,
    pub path: FilePath,
    pub sha256: Digest,
    pub size_bytes: i64,
    /// Of every piece but the last.
    pub chunk_bytes: i64,
    pub begun_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub state: State,
}

/// How far it is. What is over stays known until it expires, so that whoever did not hear the answer may ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Pieces are taken.
    Open,
    /// The file is here.
    Completed,
    /// Its pieces were another file together.
    Mismatched,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Completed => "completed",
            Self::Mismatched => "mismatched",
        }
    }

    fn parse(raw: &str) -> Result<Self, Error> {
        match raw {
            "open" => Ok(Self::Open),
            "completed" => Ok(Self::Completed),
            "mismatched" => Ok(Self::Mismatched),
            other => Err(Error::internal(format!("upload state {other}"))),
        }
    }
}

/// A piece that is here.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub number: i64,
    pub sha256: Digest,
    pub copy: StoredBlobId,
}

impl UploadSession {
    /// How many pieces there are.
    pub fn chunks(&self) -> i64 {
        chunks(self.size_bytes, self.chunk_bytes)
    }

    /// How many bytes the piece with this number has. `None` when there is no such piece.
    pub fn size_of(&self, number: i64) -> Option<i64> {
        let is_one = (0..self.chunks()).contains(&number);
        is_one.then(|| (self.size_bytes - number * self.chunk_bytes).min(self.chunk_bytes))
    }
}

fn chunks(size_bytes: i64, chunk_bytes: i64) -> i64 {
    size_bytes / chunk_bytes + i64::from(size_bytes % chunk_bytes != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_as_large_as_was_said_and_the_last_is_what_remains() {
        for (size_bytes, sizes) in [(0, vec![]), (1, vec![1]), (10, vec![10]), (11, vec![10, 1]), (20, vec![10, 10])] {
            let session = UploadSession {
                id: UploadId::generate(),
                workspace: WorkspaceId::generate(),
                version: VersionId::generate(),
                account: AccountId::generate(),
                path: FilePath::parse("a").expect("path"),
                sha256: Digest::of("a"),
                size_bytes,
                chunk_bytes: 10,
                begun_at: DateTime::UNIX_EPOCH,
                expires_at: DateTime::UNIX_EPOCH,
                state: State::Open,
            };
            let found: Vec<_> = (-1..4).filter_map(|number| session.size_of(number)).collect();
            assert_eq!((found, session.chunks()), (sizes.clone(), sizes.len() as i64));
        }
    }
}
