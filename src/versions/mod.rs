//! Immutable sets of files. A version's identity is the sha256 of its manifest; its
//! number is a label.

pub mod api;
pub mod card;
pub mod contents;
mod download;
pub mod files;
pub mod fitness;
pub mod inspect;
pub(crate) mod model_source;
pub mod ops;
pub mod outline;
pub mod seal;
pub mod sessions;
pub(crate) mod signature;
pub(crate) mod store;

pub use store::Attested;

pub use download::{deliver, described, settled, stream, stream_while, told};

use crate::{
    core::{
        Malformed, canonical,
        digest::Digest,
        ids::{AccountId, ModelId, TrustKeyId, VersionId, WorkspaceId},
        path::FilePath,
    },
    error::Error,
    trust,
};
use chrono::{DateTime, Utc};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// The file that a validation run executes.
pub const MODEL_FILE: &str = "model.onnx";
/// The file that says how columns become inputs, if the defaults don't fit.
pub const INTERFACE_FILE: &str = "interface.json";
/// A version has at most this many files.
pub const MAX_FILES: usize = 10_000;

#[derive(Clone, Debug)]
pub struct Version {
    pub id: VersionId,
    pub workspace: WorkspaceId,
    pub model: ModelId,
    pub number: i64,
    pub state: State,
    pub manifest: Digest,
    pub signature: Signature,
    pub created_by: AccountId,
    pub created_at: DateTime<Utc>,
    pub sealed_by: Option<AccountId>,
    pub sealed_at: Option<DateTime<Utc>>,
    pub revocation_reason: Option<String>,
}

/// Terminal states are the last two; bytes never change after `Draft`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Draft,
    Sealed,
    Revoked,
}

/// What the registry found out about the signature when the version was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// Not sealed yet, or sealed without one.
    Absent,
    /// Made by this trusted key over exactly these files; or by who this authority says.
    Verified { key: TrustKeyId, signatory: Option<Named> },
    /// Well-formed, by a key that the workspace does not trust.
    Untrusted { detail: String },
}

/// Who signed, as an authority says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// With their kinds, such as `email:ines@example.com`.
    pub names: Vec<String>,
    /// As a revocation names them: the SHA-256 of each certificate below the authority, and its serial number; and `key:` with
    /// the fingerprint of the key that signed.
    pub certificates: Vec<String>,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Sealed => "sealed",
            Self::Revoked => "revoked",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Error> {
        match raw {
            "draft" => Ok(Self::Draft),
            "sealed" => Ok(Self::Sealed),
            "revoked" => Ok(Self::Revoked),
            other => Err(Error::internal(format!("version state {other}"))),
        }
    }
}

impl Signature {
    /// Whether this key made it, by itself or by a certificate of it, or this authority says who did.
    pub fn is_by(&self, (root, fingerprint): (TrustKeyId, &str)) -> bool {
        let Self::Verified { key, signatory } = self else { return false };
        let own = format!("{}{fingerprint}", trust::OF_KEY);
        *key == root || signatory.as_ref().is_some_and(|named| named.certificates.contains(&own))
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Verified { .. } => "verified",
            Self::Untrusted { .. } => "untrusted",
        }
    }
}

/// One file as the manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredFile {
    pub path: FilePath,
    pub sha256: Digest,
    pub size_bytes: i64,
}

/// A declared file and whether its bytes are here.
#[derive(Clone, Debug)]
pub struct StoredFile {
    pub declared: DeclaredFile,
    pub uploaded: bool,
    /// What is stored is not what was stored; nothing of it leaves until it is sent again.
    pub damaged: bool,
}

impl StoredFile {
    /// Whether there are bytes to read.
    pub fn is_here(&self) -> bool {
        self.uploaded && !self.damaged
    }
}

/// What a pull writes beside the files of a version, so that none of them may be called so.
pub const RECORD_FILE: &str = "release.json";

/// The list of a version's files. Its digest is the version's identity.
///
/// Invariant: 1 to 10,000 files, sorted by path, no two paths equal when case and ways of writing a letter are ignored.
#[derive(Clone, Debug)]
pub struct Manifest(Vec<DeclaredFile>);

#[derive(serde::Serialize)]
struct ManifestLine<'a> {
    path: &'a str,
    sha256: String,
    size_bytes: i64,
}

impl Manifest {
    pub fn new(mut files: Vec<DeclaredFile>) -> Result<Self, Malformed> {
        if files.is_empty() || MAX_FILES < files.len() {
            return Err(Malformed::new(format!("a version has 1 to {MAX_FILES} files")));
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut folded = BTreeSet::new();
        let mut sizes = BTreeMap::new();
        for file in &files {
            if *sizes.entry(file.sha256).or_insert(file.size_bytes) != file.size_bytes {
                return Err(Malformed::new(format!("\"{}\" has the sha256 of a file of another size", file.path)));
            }
            if crate::formats::folded(file.path.as_str()) == RECORD_FILE {
                return Err(Malformed::new(format!(
                    "\"{}\" is the name of the record that a pull writes beside the files; leave it out, or give it another name",
                    file.path
                )));
            }
            if !folded.insert(crate::formats::folded(file.path.as_str())) {
                return Err(Malformed::new(format!(
                    "\"{}\" stands twice when case and ways of writing letters are ignored",
                    file.path
                )));
            }
        }
        for file in &files {
            let path = crate::formats::folded(file.path.as_str());
            let mut above = path.match_indices('/').map(|(at, _)| &path[..at]);
            if let Some(folder) = above.find(|folder| folded.contains(*folder)) {
                return Err(Malformed::new(format!("\"{folder}\" is a file, and \"{}\" would be in it", file.path)));
            }
        }
        Ok(Self(files))
    }

    pub fn files(&self) -> &[DeclaredFile] {
        &self.0
    }

    /// SHA-256 over the canonical JSON `{"files":[{"path","sha256","size_bytes"}]}`.
    pub fn digest(&self) -> Result<Digest, Error> {
        let lines: Vec<_> = self
            .0
            .iter()
            .map(|f| ManifestLine { path: f.path.as_str(), sha256: f.sha256.to_string(), size_bytes: f.size_bytes })
            .collect();
        canonical::digest(&serde_json::json!({ "files": lines })).map_err(Error::internal)
    }
}

/// How a caller names a version of a model: by its number or by its manifest digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionRef {
    Number(i64),
    Digest(Digest),
}

impl VersionRef {
    pub fn parse(raw: &str) -> Result<Self, Malformed> {
        if raw.starts_with("sha256:") {
            return Digest::parse(raw).map(Self::Digest);
        }
        let digits = !raw.is_empty() && raw.bytes().all(|b| b.is_ascii_digit()) && !raw.starts_with('0');
        match raw.parse() {
            Ok(number) if digits => Ok(Self::Number(number)),
            _ => Err(Malformed::new("use a version number such as 3, or a digest such as sha256:…")),
        }
    }
}

impl fmt::Display for VersionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> DeclaredFile {
        DeclaredFile { path: FilePath::parse(path).expect("path"), sha256: Digest::of(path), size_bytes: 1 }
    }

    #[test]
    fn the_order_of_files_does_not_change_the_identity() {
        let one = Manifest::new(vec![file("b"), file("a")]).expect("manifest").digest().expect("digest");
        let two = Manifest::new(vec![file("a"), file("b")]).expect("manifest").digest().expect("digest");
        assert_eq!(one, two);
    }

    #[test]
    fn no_two_files_are_one_on_another_system() {
        assert!(Manifest::new(vec![file("Model.onnx"), file("model.onnx")]).is_err());
        assert!(Manifest::new(Vec::new()).is_err());
        // Nobody could write these side by side.
        assert!(Manifest::new(vec![file("a"), file("a.b"), file("A/b")]).is_err());
        assert!(Manifest::new(vec![file("a"), file("ab/c"), file("b/a")]).is_ok());
        assert!(Manifest::new(vec![file("Release.json")]).is_err());
        assert!(Manifest::new(vec![file("x/release.json")]).is_ok());
    }

    #[test]
    fn a_version_is_named_by_number_or_digest() {
        assert_eq!(VersionRef::parse("12"), Ok(VersionRef::Number(12)));
        for bad in ["01", "1.0", "-1", "0", "9223372036854775808", "1;drop", "latest", "", "sha256:xyz"] {
            assert!(VersionRef::parse(bad).is_err(), "{bad}");
        }
    }
}
