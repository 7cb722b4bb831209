//! Files on their way in, which a process that was killed leaves half-written.

use std::{
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};
use tokio::fs;

/// What nobody has written to since then. A process that still writes touches what it writes.
pub(super) async fn untouched(folder: &Path, before: SystemTime) -> io::Result<Vec<PathBuf>> {
    let (mut left, mut found) = (fs::read_dir(folder).await?, Vec::new());
    while let Some(entry) = left.next_entry().await? {
        match entry.metadata().await.and_then(|about| about.modified()) {
            Ok(touched) if touched <= before => found.push(entry.path()),
            Ok(_) => {}
            // Another process finished it just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// One that is gone already is no error.
pub(super) async fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
