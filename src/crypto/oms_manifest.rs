//! The predicate of an OMS v1.0 signature: which files, with which digests, were signed.

use crate::crypto::{
    hex,
    oms::{OmsError, PREDICATE_TYPE},
    oms_hashing::Hashing,
    statement::{Statement, Subject},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The name that the reference tool gives to a model that is one file.
pub const SINGLE_FILE: &str = ".";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predicate {
    pub resources: Vec<Resource>,
    pub serialization: Serialization,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    pub name: String,
    pub algorithm: String,
    pub digest: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Serialization {
    pub method: String,
    pub hash_type: String,
    pub allow_symlinks: bool,
    #[serde(default)]
    pub ignore_paths: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_size: Option<Value>,
}

/// What was signed, after every rule that needs no file has held.
///
/// Invariant: names are canonical and unique, digests are lowercase hex of the algorithm's length, and the
/// subject's digest is the root over them in the order received.
#[derive(Debug)]
pub struct Manifest {
    pub model_name: String,
    /// Lowercase hex.
    pub root: String,
    pub hashing: Hashing,
    /// Name of a file, or of a shard of it, to its digest in lowercase hex.
    pub digests: BTreeMap<String, String>,
    pub ignore_paths: Vec<String>,
}

impl Manifest {
    pub fn from_statement(statement: Statement) -> Result<Self, OmsError> {
        if statement.predicate_type != PREDICATE_TYPE {
            return Err(OmsError::PredicateType(statement.predicate_type));
        }
        let (model_name, root) = only_subject(statement.subject)?;
        let predicate: Predicate =
            serde_json::from_value(statement.predicate).map_err(|e| OmsError::Predicate(e.to_string()))?;
        let how = predicate.serialization;
        if how.allow_symlinks {
            return Err(OmsError::Symlinks);
        }
        let hashing = Hashing::of(&how)?;
        if predicate.resources.is_empty() {
            return Err(OmsError::NoFiles);
        }
        let mut hasher = Sha256::new();
        let mut digests = BTreeMap::new();
        let mut files = BTreeSet::new();
        for resource in predicate.resources {
            let (file, digest) = check_resource(&resource, &hashing)?;
            files.insert(file);
            hasher.update(digest);
            if digests.contains_key(&resource.name) {
                return Err(OmsError::DuplicateName(resource.name));
            }
            digests.insert(resource.name, resource.digest);
        }
        if files.contains(SINGLE_FILE) && files.len() != 1 {
            return Err(OmsError::BadName(SINGLE_FILE.to_owned()));
        }
        if hex::encode(&hasher.finalize()) != root {
            return Err(OmsError::Root { stated: root });
        }
        Ok(Self { model_name, root, hashing, digests, ignore_paths: how.ignore_paths })
    }

    /// Whether the list has an entry for this file.
    pub fn lists(&self, file: &str) -> bool {
        if self.digests.contains_key(file) {
            return true;
        }
        // The shards of a file stand together in the map.
        let begins = format!("{file}:");
        let mut from = self.digests.range(begins.clone()..).take_while(|(name, _)| name.starts_with(&begins));
        from.any(|(name, _)| self.hashing.file_of(name) == Some(file))
    }

    /// Whether the model is one file, which the reference tool lists under a name of its own.
    pub fn is_single(&self) -> bool {
        self.digests.keys().next().is_some_and(|name| self.hashing.file_of(name).unwrap_or(name) == SINGLE_FILE)
    }
}

fn only_subject(subjects: Vec<Subject>) -> Result<(String, String), OmsError> {
    let count = subjects.len();
    let Ok([subject]) = <[Subject; 1]>::try_from(subjects) else {
        return Err(OmsError::SubjectCount(count));
    };
    match subject.digest.get("sha256") {
        Some(root) if hex::decode::<32>(root).is_some() => Ok((subject.name, root.clone())),
        _ => Err(OmsError::SubjectDigest),
    }
}

/// The file that it is about, and its digest.
fn check_resource(resource: &Resource, hashing: &Hashing) -> Result<(String, Vec<u8>), OmsError> {
    let name = resource.name.as_str();
    let file = hashing.file_of(name).or((name == SINGLE_FILE).then_some(SINGLE_FILE));
    let file = file.ok_or_else(|| OmsError::BadName(resource.name.clone()))?;
    if !hashing.is_called(&resource.algorithm) {
        return Err(OmsError::Algorithm { name: resource.name.clone(), algorithm: resource.algorithm.clone() });
    }
    let digest = hashing.digest(&resource.digest).ok_or_else(|| OmsError::BadDigest(resource.name.clone()))?;
    Ok((file.to_owned(), digest))
}

/// Relative, parts joined by `/`, no part empty, `.` or `..`.
pub fn is_canonical(name: &str) -> bool {
    !name.contains(['\0', '\\']) && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// SHA-256 over the raw digests in the given order, in lowercase hex.
pub fn root_of<'a>(digests: impl Iterator<Item = &'a [u8; 32]>) -> String {
    let mut hasher = Sha256::new();
    for digest in digests {
        hasher.update(digest);
    }
    hex::encode(&hasher.finalize())
}
