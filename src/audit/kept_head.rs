//! The last signed head, kept outside the database: whoever restores or rewrites the
//! database does not thereby rewrite what was signed.
//!
//! Invariants: a head is kept before anybody can read it; a file holds a whole head, an
//! older or the newer one, whenever the machine stops.

use crate::error::Error;
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// A note has about 300 bytes; witnesses add a line each.
const MAX_BYTES: u64 = 64 << 10;
const NAME: &str = "log-head.note";

/// Where the head is kept: one file beside the signing key, and any others that the operator named.
#[derive(Clone, Debug)]
pub struct KeptHead {
    files: Vec<PathBuf>,
}

/// A signed note and the file that it was in.
pub struct Kept {
    pub file: PathBuf,
    pub note: String,
}

impl KeptHead {
    pub fn beside(signing_key: &Path, other: Option<PathBuf>) -> Self {
        Self { files: std::iter::once(signing_key.with_file_name(NAME)).chain(other).collect() }
    }

    /// How many files there should be.
    pub fn places(&self) -> usize {
        self.files.len()
    }

    /// What the files hold; one that is not there yet is left out.
    pub async fn read(&self) -> Result<Vec<Kept>, Error> {
        let mut found = Vec::new();
        for file in &self.files {
            match tokio::fs::metadata(file).await {
                Ok(metadata) if MAX_BYTES < metadata.len() => {
                    return Err(refused(file, "it is larger than any signed head"));
                }
                Ok(_) => {
                    let note = tokio::fs::read_to_string(file).await.map_err(|e| refused(file, &e.to_string()))?;
                    found.push(Kept { file: file.clone(), note });
                }
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(refused(file, &e.to_string())),
            }
        }
        Ok(found)
    }

    /// Replaces what the files hold; durable when it returns.
    pub async fn write(&self, note: &str) -> Result<(), Error> {
        let (files, note) = (self.files.clone(), note.to_owned());
        let written = tokio::task::spawn_blocking(move || {
            files.iter().try_for_each(|file| replace(file, &note).map_err(|e| refused(file, &e.to_string())))
        });
        written.await.map_err(Error::internal)?
    }
}

/// Written beside, made durable, and renamed: a reader sees the old text or the new.
pub(super) fn replace(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut next = tempfile::Builder::new().prefix(NAME).tempfile_in(folder)?;
    next.write_all(text.as_bytes())?;
    next.as_file().sync_all()?;
    next.persist(file).map_err(|e| e.error)?;
    File::open(folder)?.sync_all()
}

fn refused(file: &Path, why: &str) -> Error {
    Error::Unavailable {
        code: super::guard::REFUSED,
        detail: format!(
            "{}: {why}. The last signed head of the audit log is kept there, and without it nothing more is signed; \
             make the file readable and writable for the service",
            file.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_head_is_kept_in_every_file_and_the_last_one_counts() {
        let folder = tempfile::tempdir().expect("folder");
        let other = folder.path().join("elsewhere/head");
        let kept = KeptHead::beside(&folder.path().join("keys/registry.pem"), Some(other.clone()));
        assert!(kept.read().await.expect("nothing yet").is_empty());
        for note in ["one\n", "two\n"] {
            kept.write(note).await.expect("written");
            let found = kept.read().await.expect("read");
            assert_eq!(found.iter().map(|k| k.note.as_str()).collect::<Vec<_>>(), [note, note]);
            assert_eq!(found[1].file, other);
        }
        let left: Vec<_> = fs::read_dir(folder.path().join("keys")).expect("folder").collect();
        assert_eq!(left.len(), 1, "nothing half written stays");
        fs::write(&other, "x".repeat(70_000)).expect("write");
        assert!(matches!(kept.read().await, Err(Error::Unavailable { .. })));
        fs::remove_file(&other).expect("remove");
        fs::create_dir(&other).expect("a folder in its place");
        assert!(matches!(kept.write("three\n").await, Err(Error::Unavailable { .. })));
    }
}
