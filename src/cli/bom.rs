//! `bom`: what a version consists of, in the format CycloneDX 1.6.

use super::{Exit, Failure, print, reference::VersionOf, session::Session};
use crate::config::Client as Connection;
use clap::Args;
use std::{
    io::Write,
    path::{Path, PathBuf},
};

#[derive(Args)]
pub struct Bom {
    #[arg(value_name = "MODEL@VERSION")]
    version: VersionOf,
    /// Where to write it; standard output if absent.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

impl Bom {
    pub async fn run(self) -> Result<Exit, Failure> {
        let VersionOf { model, version } = self.version;
        let version = version.to_string();
        let client = Session::open(&self.connection)?.client;
        let bill = client.get_text(&["models", &model, "versions", &version, "bom"]).await?;
        match &self.output {
            None => print(&bill),
            Some(file) => {
                write_whole(file, &bill).map_err(|e| Failure::other(format!("can't write {}: {e}", file.display())))?;
                print(&format!("the bill is in {}", file.display()))
            }
        }
    }
}

/// There whole, or not at all.
fn write_whole(file: &Path, text: &str) -> std::io::Result<()> {
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(file).map_err(|e| e.error).map(drop)
}
