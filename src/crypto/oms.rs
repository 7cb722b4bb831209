//! OpenSSF Model Signing (OMS) v1.0, methods `key` and `certificate`: one signature over all files of a model.
//! Format: ossf/model-signing-spec, `spec/v1.0.md`.
//!
//! Invariants: the received bytes are verified, never a re-serialisation; the stored files
//! are compared by digest, so nothing is hashed again that was signed by the SHA-256 of whole files; a file that the signature does not
//! cover is refused, unless it is `model.sig`, which it leaves out, or one of the four paths that every
//! implementation leaves out (reported in [`Verified::unsigned`]).

use crate::crypto::{
    bundle::{self, BundleError, Material},
    certificate::{Authority, CertificateError, Chain, Signatory},
    hex,
    keys::{SigningKey, VerifyingKey},
    oms_hashing::{Entry, FileHasher, Hashing},
    oms_manifest::{Manifest, Predicate, Resource, SINGLE_FILE, Serialization, is_canonical, root_of},
    statement::{Statement, Subject},
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const PREDICATE_TYPE: &str = "https://model_signing/signature/v1.0";
/// The file that holds the signature; it cannot sign itself.
pub const SIGNATURE_FILE: &str = "model.sig";
/// Room for about 80,000 files.
const MAX_PAYLOAD_BYTES: usize = 16 << 20;
/// Top-level paths that no OMS implementation signs.
const NEVER_SIGNED: [&str; 4] = [".git", ".gitattributes", ".github", ".gitignore"];

/// A file of a model: its relative path, and its SHA-256 in lowercase hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDigest {
    pub path: String,
    pub sha256: String,
}

/// What a valid signature says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Of what is trusted: the key that signed, see [`VerifyingKey::fingerprint`], or the authority that says who did.
    pub key_fingerprint: String,
    /// Who signed, where an authority says it.
    pub signatory: Option<Signatory>,
    /// The name that the signer gave to the model.
    pub model_name: String,
    /// Lowercase hex SHA-256 over the signed digests.
    pub root: String,
    pub file_count: usize,
    /// Files that the signature does not cover and need not: Git's own and `model.sig`, at the top level.
    pub unsigned: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum OmsError {
    #[error("signed by the key {hint}, which is not trusted; add the key, or sign with a trusted one")]
    UnknownKey { hint: String },
    #[error(transparent)]
    Bundle(BundleError),
    #[error("the certificate is for another key than the one that signs; name the two that belong together")]
    OtherKey,
    #[error("the statement's predicateType is \"{0}\"; a model signature has \"{PREDICATE_TYPE}\"")]
    PredicateType(String),
    #[error("the list of signed files is malformed: {0}")]
    Predicate(String),
    #[error("the statement has {0} subjects; a model signature has exactly one")]
    SubjectCount(usize),
    #[error("the subject carries no sha256 digest in lowercase hex")]
    SubjectDigest,
    #[error("the signature allows symbolic links; sign again without them")]
    Symlinks,
    #[error(
        "signed by method \"{method}\" with {hash_type}; methods are files and shards, with sha256, blake2b or blake3"
    )]
    Unsupported { method: String, hash_type: String },
    #[error("the size of a shard is no whole number of bytes from 1, or stands beside a method that has no shards")]
    ShardSize,
    #[error(
        "files were hashed otherwise than by the sha256 of each whole file, and their bytes are not at hand to be hashed so"
    )]
    NeedsBytes,
    #[error("no files are signed; sign the model's files")]
    NoFiles,
    #[error("the file \"{name}\" is signed with the algorithm \"{algorithm}\"; the signature as a whole says another")]
    Algorithm { name: String, algorithm: String },
    #[error("the signed name \"{0}\" is not a relative path inside the model")]
    BadName(String),
    #[error("the file \"{0}\" is listed twice")]
    DuplicateName(String),
    #[error("the digest of \"{0}\" is not 64 lowercase hex digits")]
    BadDigest(String),
    #[error("the root digest {stated} is not that of the listed files; the list was altered before it was signed")]
    Root { stated: String },
    #[error("the signed file \"{0}\" is not there; push it, or sign what is there")]
    MissingFile(String),
    #[error("the file \"{name}\" has sha256 {found}, and {signed} was signed; push the signed file, or sign again")]
    Digest { name: String, signed: String, found: String },
    #[error("the file \"{0}\" is not signed; sign it, or remove it")]
    UnsignedFile(String),
    #[error("the signature leaves out the file \"{0}\" by ignore_paths; sign it, or remove it")]
    HiddenFile(String),
}

impl OmsError {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownKey { .. } => "key_unknown",
            Self::Bundle(error) => error.code(),
            Self::OtherKey => "certificate_key",
            Self::PredicateType(_) => "predicate_type_unknown",
            Self::Predicate(_) => "predicate_malformed",
            Self::SubjectCount(_) => "subject_count",
            Self::SubjectDigest => "subject_digest",
            Self::Symlinks => "symlinks_allowed",
            Self::Unsupported { .. } | Self::ShardSize => "serialization_unsupported",
            Self::NeedsBytes => "files_needed",
            Self::NoFiles => "no_files",
            Self::Algorithm { .. } => "algorithm_mismatch",
            Self::BadName(_) => "name_invalid",
            Self::DuplicateName(_) => "name_duplicate",
            Self::BadDigest(_) => "digest_malformed",
            Self::Root { .. } => "root_mismatch",
            Self::MissingFile(_) => "file_missing",
            Self::Digest { .. } => "digest_mismatch",
            Self::UnsignedFile(_) => "file_unsigned",
            Self::HiddenFile(_) => "file_hidden",
        }
    }
}

impl OmsError {
    /// Whether it was signed by somebody whom we do not know, rather than wrongly.
    pub fn is_stranger(&self) -> bool {
        match self {
            Self::UnknownKey { .. } => true,
            Self::Bundle(BundleError::Certificate(error)) => error.is_stranger(),
            _ => false,
        }
    }
}

impl From<CertificateError> for OmsError {
    fn from(error: CertificateError) -> Self {
        Self::Bundle(error.into())
    }
}

impl From<BundleError> for OmsError {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::UnknownKey { hint } => Self::UnknownKey { hint },
            error => Self::Bundle(error),
        }
    }
}

/// Verifies a bundle against all files of a model by the SHA-256 of each.
///
/// `bundle`: the JSON text; `files`: every file that is there; `trusted`: the keys that may sign.
pub fn verify(bundle: &[u8], files: &[FileDigest], trusted: &[VerifyingKey]) -> Result<Verified, OmsError> {
    open(bundle, trusted)?.compare(files)
}

/// Whose signatures count, and the time at which certificates are judged.
#[derive(Clone, Copy)]
pub struct Trust<'a> {
    pub keys: &'a [VerifyingKey],
    pub authorities: &'a [Authority],
    /// When the signature came in: nothing else tells when it was made.
    pub at: DateTime<Utc>,
}

/// Checks the signature of a bundle and reads what was signed. The files are still to be compared with it.
pub fn open(bundle: &[u8], trusted: &[VerifyingKey]) -> Result<Signed, OmsError> {
    open_trusting(bundle, &Trust { keys: trusted, authorities: &[], at: DateTime::UNIX_EPOCH })
}

/// The same, where authorities may say who signed.
pub fn open_trusting(bundle: &[u8], trust: &Trust<'_>) -> Result<Signed, OmsError> {
    let unverified = bundle::read(bundle, MAX_PAYLOAD_BYTES)?;
    let (key, certified) = match &unverified.material {
        Material::Key { hint } => (bundle::find(hint, trust.keys)?.clone(), None),
        Material::Certificates(_) if trust.authorities.is_empty() => return Err(BundleError::NotKeyMethod.into()),
        Material::Certificates(chain) => {
            let (key, signatory, authority) = chain.judge(trust.authorities, trust.at)?;
            (key, Some((signatory, authority)))
        }
    };
    let opened = unverified.check(&key)?;
    let (signatory, key_fingerprint) = match certified {
        Some((signatory, authority)) => (Some(signatory), authority),
        None => (None, opened.key_fingerprint),
    };
    let statement = Statement::parse_exactly(&opened.payload, MAX_PAYLOAD_BYTES).map_err(BundleError::from)?;
    let manifest = Manifest::from_statement(statement)?;
    Ok(Signed { key_fingerprint, signatory, manifest })
}

/// A signature that holds, and what it says about files that nobody has looked at yet.
pub struct Signed {
    key_fingerprint: String,
    signatory: Option<Signatory>,
    manifest: Manifest,
}

/// A file that is there, and the entries that an honest signer lists for it.
pub struct FileEntries {
    pub path: String,
    pub entries: Vec<Entry>,
}

impl Signed {
    /// Whether the SHA-256 of each whole file is all that is needed.
    pub fn is_plain(&self) -> bool {
        self.manifest.hashing == Hashing::PLAIN
    }

    /// For the bytes of a file that is there; `None` where they need not be read, since no signature covers the file.
    ///
    /// # Errors
    /// `UnsignedFile` when so many bytes have more shards than were signed.
    pub fn hasher(&self, path: &str, size_bytes: u64) -> Result<Option<FileHasher>, OmsError> {
        if !self.is_covered(path) {
            return Ok(None);
        }
        if (self.manifest.digests.len() as u64) < self.manifest.hashing.entries(size_bytes) {
            return Err(OmsError::UnsignedFile(path.to_owned()));
        }
        Ok(Some(self.manifest.hashing.hasher(self.name_of(path))))
    }

    /// Compares by the SHA-256 of each whole file.
    pub fn compare(&self, files: &[FileDigest]) -> Result<Verified, OmsError> {
        if !self.is_plain() {
            return Err(OmsError::NeedsBytes);
        }
        let plain = |file: &FileDigest| FileEntries {
            path: file.path.clone(),
            entries: vec![(self.name_of(&file.path).to_owned(), file.sha256.clone())],
        };
        self.compare_entries(&files.iter().map(plain).collect::<Vec<_>>())
    }

    /// Every signed file is there, byte for byte, and nothing else is.
    pub fn compare_entries(&self, files: &[FileEntries]) -> Result<Verified, OmsError> {
        let mut missing: BTreeMap<&str, &str> =
            self.manifest.digests.iter().map(|(name, digest)| (name.as_str(), digest.as_str())).collect();
        let (mut unsigned, mut file_count) = (Vec::new(), 0);
        for file in files {
            if !self.is_covered(&file.path) {
                // A signature that lies beside the files is one more of them to whoever has it elsewhere.
                if file.path != SIGNATURE_FILE && !covers(&NEVER_SIGNED, &file.path) {
                    return Err(OmsError::HiddenFile(file.path.clone()));
                }
                unsigned.push(file.path.clone());
                continue;
            }
            for (name, found) in &file.entries {
                match missing.remove(name.as_str()) {
                    Some(signed) if signed == found => {}
                    Some(signed) => {
                        let (signed, found) = (signed.to_owned(), found.clone());
                        return Err(OmsError::Digest { name: file.path.clone(), signed, found });
                    }
                    None => return Err(OmsError::UnsignedFile(file.path.clone())),
                }
            }
            file_count += 1;
        }
        if let Some((name, _)) = missing.first_key_value() {
            return Err(OmsError::MissingFile((*name).to_owned()));
        }
        Ok(Verified {
            key_fingerprint: self.key_fingerprint.clone(),
            signatory: self.signatory.clone(),
            model_name: self.manifest.model_name.clone(),
            root: self.manifest.root.clone(),
            file_count,
            unsigned,
        })
    }

    /// Whether the list of what was signed has to say something about a file, if it has bytes.
    fn is_covered(&self, path: &str) -> bool {
        let lists = |path: &str| self.manifest.lists(self.name_of(path));
        lists(path) || !(covers(&NEVER_SIGNED, path) || covers(&self.manifest.ignore_paths, path))
    }

    /// What the list calls a file: the reference tool has a name of its own for the file of a model that is one.
    fn name_of<'p>(&self, path: &'p str) -> &'p str {
        let is_single = self.manifest.is_single() && basename(path) == self.manifest.model_name;
        if is_single { SINGLE_FILE } else { path }
    }
}

/// Whether a path is one of these, or lies below one of them.
fn covers(roots: &[impl AsRef<str>], path: &str) -> bool {
    roots
        .iter()
        .any(|root| path.strip_prefix(root.as_ref()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Whether [`sign`] signs a file of this name.
pub fn is_signed(path: &str) -> bool {
    path != SIGNATURE_FILE && !covers(&NEVER_SIGNED, path)
}

fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Signs all files of a model. The signature file and Git's own files are left out.
pub fn sign(files: &[FileDigest], model_name: &str, key: &SigningKey) -> Result<Value, OmsError> {
    Ok(bundle::sign_statement(&statement(files, model_name)?, key))
}

/// The same, with the certificates that say whose key it is, its own first.
pub fn sign_certified(
    files: &[FileDigest],
    model_name: &str,
    key: &SigningKey,
    chain: &Chain,
) -> Result<Value, OmsError> {
    if chain.key()? != key.verifying_key() {
        return Err(OmsError::OtherKey);
    }
    if !key.verifying_key().is_of_oms() {
        return Err(CertificateError::Key.into());
    }
    Ok(bundle::seal_certified(&statement(files, model_name)?, key, chain))
}

fn statement(files: &[FileDigest], model_name: &str) -> Result<Statement, OmsError> {
    let mut digests = BTreeMap::new();
    for file in files {
        if !is_signed(&file.path) {
            continue;
        }
        if !is_canonical(&file.path) {
            return Err(OmsError::BadName(file.path.clone()));
        }
        let raw = hex::decode::<32>(&file.sha256).ok_or_else(|| OmsError::BadDigest(file.path.clone()))?;
        if digests.insert(file.path.as_str(), raw).is_some() {
            return Err(OmsError::DuplicateName(file.path.clone()));
        }
    }
    if digests.is_empty() {
        return Err(OmsError::NoFiles);
    }
    let root = root_of(digests.values());
    let resource = |(name, raw): (&&str, &[u8; 32])| Resource {
        name: (*name).to_owned(),
        algorithm: "sha256".to_owned(),
        digest: hex::encode(raw),
    };
    let predicate = Predicate {
        resources: digests.iter().map(resource).collect(),
        serialization: Serialization {
            method: "files".to_owned(),
            hash_type: "sha256".to_owned(),
            allow_symlinks: false,
            ignore_paths: NEVER_SIGNED.into_iter().chain([SIGNATURE_FILE]).map(str::to_owned).collect(),
            shard_size: None,
        },
    };
    Ok(Statement::new(vec![Subject::sha256(model_name, root)], PREDICATE_TYPE, json!(predicate)))
}
