//! A folder in step with the log: what is there already is not fetched again.

use super::unwritable;
use crate::{
    audit::mirror::{CHECKPOINT, entries_path, tile_path},
    cli::{Exit, Failure, print, session::Session},
    client::Client,
    config::Client as Connection,
    core::words::with_verb,
    crypto::{checkpoint::Checkpoint, note::Note, tile::Tile},
};
use clap::Args;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

#[derive(Args)]
pub struct Mirror {
    /// The folder, which is made if need be.
    folder: PathBuf,
    #[command(flatten)]
    connection: Connection,
}

impl Mirror {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let note = client.get_text(&["audit", CHECKPOINT]).await?;
        // Nobody has verified it yet: that is what `plimsoll audit verify` is for.
        let head = Note::parse(&note).and_then(|note| Checkpoint::parse(&note.text));
        let size = head.map_err(|e| Failure::other(format!("the service's checkpoint: {e}")))?.size;
        let mut fetched = 0;
        for tile in Tile::of_tree(size) {
            fetched += self.fetch(&client, &tile_path(&tile)).await?;
            if tile.level() == 0 {
                fetched += self.fetch(&client, &entries_path(&tile)).await?;
            }
        }
        // Last, so that a mirror that was broken off still has a head that it fulfils.
        put(&self.folder.join(CHECKPOINT), note.as_bytes())?;
        print(&format!(
            "{} in {}; {} fetched",
            with_verb(size, "record", ["is", "are"]),
            self.folder.display(),
            with_verb(fetched, "file", ["was", "were"])
        ))
    }

    /// How many files it fetched. A tile that was there never changes.
    async fn fetch(&self, client: &Client, path: &str) -> Result<u64, Failure> {
        let file = self.folder.join(path);
        if file.exists() {
            return Ok(0);
        }
        let segments: Vec<&str> = std::iter::once("audit").chain(path.split('/')).collect();
        put(&file, &client.get_bytes(&segments).await?)?;
        Ok(1)
    }
}

/// Whole or not at all.
fn put(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |e: std::io::Error| unwritable(file, &e);
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut new = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    new.write_all(bytes).map_err(failed)?;
    new.persist(file).map_err(|e| failed(e.error))?;
    Ok(())
}
