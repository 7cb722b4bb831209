//! The archive for an auditor: one tar file with the log, or with one workspace's records of
//! it, that can be verified with this program and the registry's public key alone.
//!
//! The files, in this order: `README.txt`, `vkey`, `keys.json`, `checkpoint`; of a log `checkpoints/SIZE`
//! and the tiles and entries of C2SP `tlog-tiles`, so that the unpacked archive is a mirror;
//! of a workspace `records/INDEX.json` with `records/INDEX.tlog-proof`; then `SHA256SUMS`,
//! `manifest.json` and `manifest.sigstore.json`, which signs the manifest and so everything.
//!
//! Invariants: there is one order and one form of every header, so every byte of an archive
//! counts; both sides hold one file in memory at a time.

pub mod ops;
pub mod verify;

pub mod leaves;
mod pack;
mod tape;

use serde::{Deserialize, Serialize};

pub const FORMAT: &str = "plimsoll-audit-archive/v1";
pub const ARCHIVE_TYPE: &str = "https://plimsoll.example/attestations/audit-archive/v1";
pub const MEDIA_TYPE: &str = "application/x-tar";

const README: &str = "README.txt";
const VKEY: &str = "vkey";
/// Every key that the registry had, and how each vouches for the next.
const KEYS: &str = "keys.json";
const HEADS: &str = "checkpoints/";
const RECORDS: &str = "records/";
const SUMS: &str = "SHA256SUMS";
const MANIFEST: &str = "manifest.json";
const STATEMENT: &str = "manifest.sigstore.json";

/// Earlier heads in one archive.
const MAX_HEADS: usize = 32;
/// Files that are read as text.
const MAX_TEXT_BYTES: u64 = 64 << 10;

/// What an archive holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// Every record up to the checkpoint.
    Log,
    /// The records of one workspace, each with its proof.
    Workspace,
}

impl Extent {
    pub fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Workspace => "workspace",
        }
    }
}

/// What the registry signs about an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: String,
    pub extent: Extent,
    /// Whose records these are, if not everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    pub origin: String,
    /// Leaves that the checkpoint covers.
    pub size: u64,
    /// Lowercase hex.
    pub root: String,
    /// Records in this archive.
    pub records: u64,
    /// Files before `SHA256SUMS`.
    pub files: u64,
    /// SHA-256 of `SHA256SUMS`, lowercase hex.
    pub sums_sha256: String,
    pub exported_at: String,
}

impl Manifest {
    /// Of an archive whose manifest was not read yet.
    fn empty() -> Self {
        Self {
            format: String::new(),
            extent: Extent::Log,
            workspace: None,
            origin: String::new(),
            size: 0,
            root: String::new(),
            records: 0,
            files: 0,
            sums_sha256: String::new(),
            exported_at: String::new(),
        }
    }
}

fn head_path(size: u64) -> String {
    format!("{HEADS}{size}")
}

fn record_path(index: u64) -> String {
    format!("{RECORDS}{index}.json")
}

fn proof_path(index: u64) -> String {
    format!("{RECORDS}{index}.tlog-proof")
}
