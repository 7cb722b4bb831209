//! Copies as files of a folder.

use crate::blobs::{Place, owner::NOTE};
use std::{
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::SystemTime,
};
use tokio::{fs, io::AsyncWriteExt};

#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) async fn make(&self) -> io::Result<()> {
        fs::create_dir_all(&self.root).await
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Taking in is a rename, which works within one file system.
    pub(super) async fn require_beside(&self, incoming: &Path) -> io::Result<()> {
        if fs::metadata(&self.root).await?.dev() == fs::metadata(incoming).await?.dev() {
            return Ok(());
        }
        let (kept, incoming) = (self.root.display(), incoming.display());
        let detail =
            format!("{incoming} and {kept} have to be on one file system, so that a file that came is only renamed");
        Err(io::Error::other(detail))
    }

    pub(super) fn path(&self, place: Place) -> PathBuf {
        place.folders().iter().fold(self.root.clone(), |path, folder| path.join(folder)).join(place.name())
    }

    /// A copy for reading, with its size in bytes as the file system has it.
    pub(super) async fn read(&self, place: Place) -> io::Result<(std::fs::File, u64)> {
        let file = fs::File::open(self.path(place)).await?;
        let size = file.metadata().await?.len();
        Ok((file.into_std().await, size))
    }

    /// Takes a copy away; one that is gone already is no error.
    pub(super) async fn remove(&self, place: Place) -> io::Result<()> {
        match fs::remove_file(self.path(place)).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Every copy that was last written before then. What has another name than a copy is left alone.
    pub(super) async fn older_than(&self, before: SystemTime) -> io::Result<Vec<Place>> {
        let (mut folders, mut found) = (vec![self.root.clone()], Vec::new());
        while let Some(folder) = folders.pop() {
            let mut entries = fs::read_dir(folder).await?;
            while let Some(entry) = entries.next_entry().await? {
                let about = match entry.metadata().await {
                    Ok(about) => about,
                    // Another process took it away just now.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                };
                if about.is_dir() {
                    folders.push(entry.path());
                } else if about.modified()? < before {
                    found.extend(entry.file_name().to_str().and_then(Place::named));
                }
            }
        }
        Ok(found)
    }

    pub(super) fn note(&self) -> PathBuf {
        self.root.join(NOTE)
    }

    pub(super) async fn read_note(&self) -> io::Result<String> {
        fs::read_to_string(self.note()).await
    }

    /// Whole or not at all, by way of `incoming`.
    pub(super) async fn write_note(&self, incoming: &Path, note: &str) -> io::Result<()> {
        let coming = incoming.join(format!("{NOTE}-{}", uuid::Uuid::now_v7()));
        let mut file = fs::File::create_new(&coming).await?;
        file.write_all(note.as_bytes()).await?;
        file.sync_all().await?;
        fs::rename(&coming, self.note()).await?;
        sync(&self.root).await
    }

    /// Looks whether it is there.
    pub(super) async fn probe(&self) -> io::Result<()> {
        fs::metadata(&self.root).await.map(drop)
    }
}

/// Makes a folder and those above it, so that all of them outlive a loss of power. Another upload may have made one of them
/// and not be done, so that each is seen to reach the disk.
pub(super) async fn make_for_good(root: &Path, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder).await?;
    for made in folder.ancestors().take_while(|made| *made != root) {
        if let Some(above) = made.parent() {
            sync(above).await?;
        }
    }
    Ok(())
}

/// Makes a rename durable: the folder's own entry has to reach the disk too.
pub(super) async fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder).await?.sync_all().await
}
