//! The zip of a dossier: its entries, the manifest that lists them, and the statement that the
//! registry signs over the manifest.
//!
//! Form: entries sorted by name, deflated, one time for all, no comments, no extra fields, so
//! that [`verify`](super::verify) can account for every byte of the file.

use crate::core::{canonical, digest::Digest};
use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io::{self, Cursor, Write},
};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

pub const FORMAT: &str = "plimsoll-dossier/v1";
/// The predicate type of the statement over the manifest.
pub const DOSSIER_TYPE: &str = "https://plimsoll.example/attestations/dossier/v1";
pub const MANIFEST: &str = "manifest.json";
pub const SIGNATURE: &str = "manifest.dsse.json";
/// What the entries of one dossier may measure together, unpacked.
pub const MAX_BYTES: u64 = 64 << 20;
pub const MAX_ENTRIES: usize = 5_000;

/// Entries by name.
pub type Entries = BTreeMap<String, Vec<u8>>;

/// What is in the zip besides itself and its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: String,
    /// The registry's name: the origin of its log.
    pub origin: String,
    /// Such as `sr-26-2@1`, and the digest of that text.
    pub profile: String,
    pub profile_digest: String,
    pub model: String,
    pub version: i64,
    /// Manifest digest of the version.
    pub version_digest: String,
    pub environment: String,
    /// RFC 3339.
    pub as_of: String,
    /// Sorted by path.
    pub files: Vec<Listed>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    pub path: String,
    pub size_bytes: u64,
    pub sha256: String,
}

/// One line per entry.
pub fn listed(entries: &Entries) -> Vec<Listed> {
    let one = |(path, bytes): (&String, &Vec<u8>)| Listed {
        path: path.clone(),
        size_bytes: bytes.len() as u64,
        sha256: Digest::of(bytes).to_string(),
    };
    entries.iter().map(one).collect()
}

impl Manifest {
    /// Canonical JSON (RFC 8785).
    pub fn to_canonical(&self) -> Result<String, canonical::NotCanonical> {
        canonical::to_string(self)
    }
}

/// Writes the zip.
pub fn write(entries: &Entries, at: DateTime<Utc>) -> io::Result<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(stamp(at))
        .unix_permissions(0o644)
        .large_file(false);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        zip.start_file(name.as_str(), options)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// The time of every entry: MS-DOS knows no year before 1980 and no odd second.
fn stamp(at: DateTime<Utc>) -> zip::DateTime {
    let part = |n: u32| u8::try_from(n).unwrap_or_default();
    let year = u16::try_from(at.year()).unwrap_or(1980).clamp(1980, 2107);
    let (month, day, second) = (part(at.month()), part(at.day()), part(at.second()) & !1);
    zip::DateTime::from_date_and_time(year, month, day, part(at.hour()), part(at.minute()), second).unwrap_or_default()
}
