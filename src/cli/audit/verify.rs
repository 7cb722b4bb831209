//! Verifying what came from the log, with the registry's key and nothing else.

use super::{archive, read_small, unreadable};
use crate::{
    audit::{
        mirror,
        verify::{ProofFile, Verified, verify_since},
    },
    cli::{Exit, Failure, output, print},
    core::words::counted,
};
use clap::Args;
use serde_json::json;
use std::{
    fs,
    io::BufReader,
    path::{Path, PathBuf},
};

/// What is read from an export at once.
const BUFFER_BYTES: usize = 1 << 20;

#[derive(Args)]
#[command(group(clap::ArgGroup::new("by").required(true).args(["key", "key_file"])))]
pub struct Verify {
    /// An archive, an export as lines, the folder of a mirror, or a proof.
    file: PathBuf,
    /// The registry's verifier key. May be given several times; one of them must have signed.
    #[arg(long, visible_alias = "vkey", value_name = "VKEY")]
    key: Vec<String>,
    /// A file that holds it, or several, a line each.
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    key_file: Option<PathBuf>,
    /// The file is the proof of this record, byte for byte as the log has it: `plimsoll audit record N -o FILE`
    /// writes it, line N + 2 of an export as lines is it, and a dossier has it in `audit/leaves.jsonl`.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// A signed head that was kept; the log must go on from it. May be given several times.
    #[arg(long, value_name = "FILE", conflicts_with = "record")]
    since: Vec<PathBuf>,
    /// The verifier key of a witness that must have signed an archive's head. May be given several times.
    #[arg(long, value_name = "VKEY", conflicts_with = "record")]
    witness: Vec<String>,
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub fn run(self) -> Result<Exit, Failure> {
        let key = match &self.key_file {
            Some(file) => read_small(file)?,
            None if !self.key.is_empty() => self.key.join("\n"),
            None => return Err(Failure::new(Exit::Usage, "give --key VKEY or --key-file FILE")),
        };
        let key = key.trim();
        if let Some(record) = &self.record {
            return self.proof(record, key);
        }
        if archive::is_archive(&self.file)? {
            let older = self.older()?;
            return archive::verify(&self.file, key, &older, &self.witness, self.json);
        }
        if !self.witness.is_empty() {
            let failure = Failure::new(Exit::Usage, "--witness is for archives");
            return Err(failure.next("plimsoll audit export -o log.tar"));
        }
        let verified = self.log(key)?;
        if self.json {
            return output::json(&json!({
                "verified": true, "origin": verified.origin, "size": verified.size, "root": verified.root,
                "first_at": verified.first_at, "last_at": verified.last_at, "since": self.since.len(),
            }));
        }
        let mut said = vec![
            ("verified", format!("{}: nothing was changed, removed, added or moved", self.file.display())),
            ("log", verified.origin),
            ("records", verified.size.to_string()),
            ("first", output::when(&verified.first_at.unwrap_or_default())),
            ("last", output::when(&verified.last_at.unwrap_or_default())),
            ("root", verified.root),
        ];
        if !self.since.is_empty() {
            said.push(("goes on from", counted(self.since.len(), "older head")));
        }
        print(&output::fields(&said))
    }

    fn older(&self) -> Result<Vec<String>, Failure> {
        self.since.iter().map(|file| read_small(file)).collect()
    }

    fn log(&self, key: &str) -> Result<Verified, Failure> {
        let older = self.older()?;
        if self.file.is_dir() {
            return mirror::verify(&self.file, key, &older).map_err(|e| refuted(&self.file, &e));
        }
        let file = fs::File::open(&self.file).map_err(|e| unreadable(&self.file, &e))?;
        let reader = BufReader::with_capacity(BUFFER_BYTES, file);
        verify_since(reader, key, &older).map_err(|e| refuted(&self.file, &e))
    }

    fn proof(&self, record: &Path, key: &str) -> Result<Exit, Failure> {
        let (text, leaf) = (read_small(&self.file)?, read_small(record)?);
        let proven = ProofFile::verify(&text, leaf.trim_end_matches('\n'), key).map_err(|e| refuted(&self.file, &e))?;
        if self.json {
            return output::json(&json!({
                "verified": true, "origin": proven.origin, "index": proven.index, "size": proven.size, "root": proven.root,
            }));
        }
        print(&output::fields(&[
            ("verified", format!("{} is record {} of {}", record.display(), proven.index, proven.size)),
            ("log", proven.origin),
            ("root", proven.root),
        ]))
    }
}

pub(super) fn refuted(file: &Path, error: &impl std::fmt::Display) -> Failure {
    let mut failure = Failure::new(Exit::Verification, format!("{} does not verify", file.display()));
    failure.why.push(output::printable(&error.to_string()));
    failure
}
