//! Taking the log away: as a signed archive or as lines.

use super::unwritable;
use crate::{
    cli::{Exit, Failure, output, print, progress, session::Session},
    client::broken_off,
    config::Client as Connection,
    core::words::with_verb,
};
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::{
    io::Write,
    path::{Path, PathBuf},
};

#[derive(Args)]
pub struct Export {
    /// The file, which appears when it is complete; one that ends in `.jsonl` gets lines.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// `tar`: a signed archive; `jsonl`: the signed head and a record per line.
    #[arg(long)]
    format: Option<Format>,
    /// Of an archive: the whole log, or only this workspace's records, each with its proof.
    #[arg(long)]
    extent: Option<Extent>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Tar,
    Jsonl,
}

#[derive(Clone, Copy, ValueEnum)]
enum Extent {
    Log,
    Workspace,
}

impl Export {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let is_lines = self.output.extension().is_some_and(|extension| extension == "jsonl");
        let format = self.format.unwrap_or(if is_lines { Format::Jsonl } else { Format::Tar });
        let mut query = vec![("format", if format == Format::Tar { "tar" } else { "jsonl" })];
        query.extend(self.extent.map(|extent| match extent {
            Extent::Log => ("extent", "log"),
            Extent::Workspace => ("extent", "workspace"),
        }));
        let mut answer = client.post_with(&["audit", "export"], &query, None::<&Value>).await?;
        let folder = self.output.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let failed = |e: &std::io::Error| unwritable(&self.output, e);
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|e| failed(&e))?;
        let bar = progress::spinner("exporting the audit log");
        let (mut size_bytes, mut lines) = (0_u64, 0);
        while let Some(chunk) = answer.chunk().await.map_err(broken_off)? {
            size_bytes += chunk.len() as u64;
            lines += chunk.iter().filter(|byte| **byte == b'\n').count();
            file.write_all(&chunk).map_err(|e| failed(&e))?;
            bar.set_message(format!("exporting the audit log, {} so far", output::size(size_bytes)));
        }
        bar.finish_and_clear();
        file.as_file().sync_all().map_err(|e| failed(&e))?;
        file.persist(&self.output).map_err(|e| failed(&e.error))?;
        let place = self.output.display();
        match format {
            Format::Tar => {
                print(&format!("{} are in {place}; plimsoll audit verify checks them", output::size(size_bytes)))
            }
            // The first line is the signed head.
            Format::Jsonl => {
                let records = with_verb(lines.saturating_sub(1), "record", ["is", "are"]);
                print(&format!("{records} in {place}"))
            }
        }
    }
}
